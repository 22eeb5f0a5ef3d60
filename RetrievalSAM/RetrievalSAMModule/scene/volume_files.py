"""Volumes of the scene as files for the worker, with the geometry that the user sees.

A parent transform that is linear and keeps right angles becomes part of the file's geometry, so that the worker
knows where the patient's head is. Any other transform cannot be written into an image's header: the file then has the
volume's own geometry. The voxels are the same either way, and results come back voxel by voxel.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import slicer
import slicer.util
import vtk
from slicer.i18n import tr as _

_LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_RIGHT_ANGLE = 1e-4
_NRRD_TYPES = {"f4": "float", "f8": "double"}
"""Where NumPy's name of a type is not NRRD's too."""

SLAB_BYTES = 1 << 24
"""So much of a volume is written in one turn of the event loop."""


FILE_ENDINGS = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd")
"""Of volumes that the worker reads."""


class SceneError(Exception):
    """What the user chose in the scene cannot be used; the message says why and what to do."""


def ijk_to_ras(volume: slicer.vtkMRMLVolumeNode) -> np.ndarray:
    """The volume's own grid, float64 (4, 4), without its parent transform: voxel indices to RAS in mm."""
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def file_ijk_to_ras(volume: slicer.vtkMRMLVolumeNode) -> np.ndarray:
    """The grid of the volume's file, float64 (4, 4): in the world where a header can say so, else the volume's own."""
    own = ijk_to_ras(volume)
    to_world = vtk.vtkMatrix4x4()
    linear = slicer.vtkMRMLTransformNode.GetMatrixTransformBetweenNodes(volume.GetParentTransformNode(), None, to_world)
    if not linear:
        return own
    world = slicer.util.arrayFromVTKMatrix(to_world) @ own
    return world if _has_right_angles(world) else own


def ras_from_lps(grid: np.ndarray) -> np.ndarray:
    """A grid float64 (4, 4) in RAS of one in LPS, or the other way round."""
    return np.asarray(_LPS_FROM_RAS @ grid)


def stem_of(file: str) -> str:
    """The name of a volume's file without its folder and its ending."""
    name = Path(file).name
    ending = max((one for one in FILE_ENDINGS if name.lower().endswith(one)), key=len, default="")
    return name[: len(name) - len(ending)] or name


def volumes_in(folder: str) -> list[str]:
    """The volumes in a folder and those below it, without segmentations as Slicer saves them."""
    found = (path for path in Path(folder).rglob("*") if path.is_file() and not path.name.startswith("."))
    return sorted(
        str(path)
        for path in found
        if path.name.lower().endswith(FILE_ENDINGS) and not path.name.lower().endswith(".seg.nrrd")
    )


def check_volume(volume: slicer.vtkMRMLScalarVolumeNode) -> None:
    """See whether a volume can be written.

    Raises:
        SceneError: It has no voxels, or more than one value a voxel.
    """
    if volume.GetImageData() is None or volume.GetImageData().GetNumberOfPoints() == 0:
        raise SceneError(_("'{name}' has no voxels. Choose another volume.").format(name=volume.GetName()))
    if slicer.util.arrayFromVolume(volume).ndim != 3:
        raise SceneError(
            _("'{name}' has several values a voxel (a color or vector volume). Choose a scalar volume.").format(
                name=volume.GetName()
            )
        )


def write_volume(volume: slicer.vtkMRMLScalarVolumeNode, file: Path) -> None:
    """Write a volume as NRRD.

    Raises:
        SceneError: It has no voxels, or more than one value a voxel; or the disk does not take it.
    """
    for _part in writing_volume(volume, file):
        pass


def writing_volume(volume: slicer.vtkMRMLScalarVolumeNode, file: Path) -> Generator[None, None, None]:
    """Write a volume as NRRD, `SLAB_BYTES` or one plane at a time.

    Voxels and geometry are those that the volume has when it begins, also where the node goes meanwhile.

    Raises:
        SceneError: As for `write_volume`.
    """
    check_volume(volume)
    yield from writing_nrrd(file, [slicer.util.arrayFromVolume(volume)], file_ijk_to_ras(volume))


def writing_nrrd(
    file: Path, layers: Sequence[np.ndarray], ijk_to_ras: np.ndarray, fields: Mapping[str, str] | None = None
) -> Generator[None, None, None]:
    """Write a NRRD file, not compressed, `SLAB_BYTES` or one plane at a time.

    Args:
        file: Where to.
        layers: At least one array (k, j, i), all of one size and type; several as Slicer has them, in a list axis.
        ijk_to_ras: Their grid, float64 (4, 4).
        fields: Key/value pairs for the header.

    Raises:
        SceneError: The disk does not take it.
    """
    planes = max(1, SLAB_BYTES // max(1, layers[0][0].nbytes * len(layers)))
    try:
        with file.open("wb") as stream:
            stream.write(_header(layers, ijk_to_ras, fields or {}))
            for first in range(0, len(layers[0]), planes):
                write_slab([layer[first : first + planes] for layer in layers], stream)
                yield
    except OSError as error:
        raise SceneError(
            _("'{file}' could not be written; is the disk full? Free some space and try again.").format(file=file.name)
        ) from error


def write_slab(layers: Sequence[np.ndarray], stream: BinaryIO) -> None:
    """Some planes of each layer, (k, j, i), as they follow each other in a file."""
    voxels = layers[0] if len(layers) == 1 else np.stack(layers, axis=-1)
    stream.write(np.ascontiguousarray(voxels).data)


def _header(layers: Sequence[np.ndarray], ijk_to_ras: np.ndarray, fields: Mapping[str, str]) -> bytes:
    """Of a NRRD file, up to its voxels."""
    kind, several = layers[0].dtype, len(layers) > 1
    sizes, vectors = list(map(str, layers[0].shape[::-1])), []
    for column in (_LPS_FROM_RAS @ ijk_to_ras)[:3].T:
        vectors.append("(" + ",".join(repr(float(part)) for part in column) + ")")
    lines = [
        "NRRD0004",
        f"type: {_NRRD_TYPES.get(kind.str[1:], kind.name)}",
        f"dimension: {4 if several else 3}",
        "space: left-posterior-superior",
        f"sizes: {' '.join([str(len(layers))] * several + sizes)}",
        f"space directions: {' '.join(['none'] * several + vectors[:3])}",
        f"kinds: {'list ' * several}domain domain domain",
        f"endian: {sys.byteorder}",
        "encoding: raw",
        f"space origin: {vectors[3]}",
    ]
    for key, text in fields.items():
        escaped = text.replace("\\", "\\\\").replace("\r", "").replace("\n", "\\n")
        lines.append(f"{key}:={escaped}")
    return ("\n".join(lines) + "\n\n").encode("utf-8")


def grid_of(volume: slicer.vtkMRMLVolumeNode) -> dict[str, list[float]]:
    """Size in voxels, spacing in mm and direction cosines (LPS, row by row) of the volume's file."""
    lps = _LPS_FROM_RAS @ file_ijk_to_ras(volume)
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    return {
        "size": list(volume.GetImageData().GetDimensions()),
        "spacing_mm": [float(s) for s in spacing],
        "direction": [float(d) for d in (lps[:3, :3] / spacing).ravel()],
    }


def region_voxels(
    region: slicer.vtkMRMLMarkupsROINode, volume: slicer.vtkMRMLVolumeNode
) -> tuple[int, int, int, int, int, int]:
    """The box of voxels (x0, x1, y0, y1, z0, z1; last plus one) around a region of interest of any orientation.

    Raises:
        SceneError: The region has no size, or lies beside the volume.
    """
    half = np.asarray(region.GetSize()) / 2
    if not np.all(half > 0):
        raise SceneError(
            _("The region '{name}' has no size yet. Draw it, or choose no region.").format(name=region.GetName())
        )
    corners = np.array(np.meshgrid(*[(-h, h) for h in half], indexing="ij")).reshape(3, -1)
    to_world = slicer.util.arrayFromVTKMatrix(region.GetObjectToWorldMatrix())
    world = (to_world @ np.vstack([corners, np.ones(8)]))[:3].T
    to_volume = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(None, volume.GetParentTransformNode(), to_volume)
    local = np.array([to_volume.TransformPoint(*point) for point in world])
    to_voxels = np.linalg.inv(ijk_to_ras(volume))
    voxels = (to_voxels @ np.vstack([local.T, np.ones(8)]))[:3]
    # A voxel is in the box where its centre is.
    size = np.asarray(volume.GetImageData().GetDimensions())
    first = np.clip(np.ceil(voxels.min(axis=1) - 1e-6), 0, size).astype(int)
    last = np.clip(np.floor(voxels.max(axis=1) + 1e-6) + 1, 0, size).astype(int)
    if np.any(last <= first):
        raise SceneError(
            _("The region '{region}' lies beside the volume '{volume}'. Move it onto the volume.").format(
                region=region.GetName(), volume=volume.GetName()
            )
        )
    return first[0], last[0], first[1], last[1], first[2], last[2]


def _has_right_angles(matrix: np.ndarray) -> bool:
    axes = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
    return bool(np.allclose(axes.T @ axes, np.eye(3), atol=_RIGHT_ANGLE))
