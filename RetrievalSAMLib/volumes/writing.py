"""Writing images and segmentations: on the very grid they were read with, whole or not at all."""

from __future__ import annotations

import contextlib
import gzip
import os
import uuid
from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from .. import NOTICE
from ..errors import InputError
from .claims import check_encodable
from .formats.contents import extension
from .formats.nifti_writing import nifti_bytes
from .formats.nrrd_file import nrrd_bytes
from .formats.segnrrd import segnrrd_bytes
from .geometry import Geometry
from .reading import PathLike
from .volume import Segmentation, Volume

VOLUME_FORMATS = (".nii.gz", ".nii", ".nrrd", ".mha")
SEGMENTATION_FORMATS = (".seg.nrrd", *VOLUME_FORMATS)
_COMPRESSION = 4


def write_volume(volume: Volume, path: PathLike, *, comment: str | None = None) -> None:
    """Write an image volume; reading it back gives the same intensities and grid.

    Reading gives the grid back to the last bit where it was read from a file of the same format, and for .mha
    always. NIfTI holds other grids to float32, NRRD to about 1e-16 of a unit vector.

    Args:
        volume: What to write. bool is written as uint8, float16 as float32, padding as NaN.
        path: .nii.gz, .nii, .nrrd or .mha. An existing file is replaced in one step.
        comment: For the header, beside the notice that the file is for research use; never a person's data.

    Raises:
        InputError: If the extension is not one of these, or the folder is missing or cannot be written to.
    """
    ending = check_output(path, VOLUME_FORMATS)
    voxels = volume.voxels
    if volume.padding is not None:
        voxels = voxels.copy()
        voxels[volume.padding] = np.nan
    _write_array(voxels, volume.geometry, path, ending, comment)


def write_segmentation(segmentation: Segmentation, path: PathLike, *, comment: str | None = None) -> None:
    """Write Slicer's .seg.nrrd, or a plain label map with `Segment.value` as voxel value.

    The grid survives as in `write_volume`.

    Args:
        segmentation: What to write.
        path: .seg.nrrd, .nii.gz, .nii, .nrrd or .mha. An existing file is replaced in one step.
        comment: For the header, beside the notice that the file is for research use; never a person's data.

    Raises:
        InputError: If the extension is not one of these, the folder is missing or cannot be written to, or
            overlapping segments are to go into a plain label map.
    """
    ending = check_output(path, SEGMENTATION_FORMATS)
    if ending == ".seg.nrrd":
        content = segnrrd_bytes(segmentation, comment)
        write_staged(path, lambda staged: _write_bytes(staged, content))
        return
    try:
        labels = segmentation.labelmap()
    except InputError as error:
        raise InputError(os.fspath(path), error.fact, error.remedy) from error
    if labels.max() <= 255:
        labels = labels.astype(np.uint8)
    _write_array(labels, segmentation.geometry, path, ending, comment)


def check_output(path: PathLike, formats: tuple[str, ...] = SEGMENTATION_FORMATS) -> str:
    """The extension of an output path, after checking that it can be written: worth doing before long work.

    Raises:
        InputError: If the extension is not one of ``formats``, or the folder is missing or cannot be written
            to.
    """
    name = os.fspath(path)
    check_encodable(name)
    ending = extension(path)
    if ending not in formats:
        raise InputError(
            name,
            f"the format {ending or 'without an extension'} cannot be written",
            f"Use one of {', '.join(formats)}.",
        )
    if Path(path).is_dir():
        raise InputError(name, "it is a folder", "Give the name of a file in it.")
    folder = Path(path).absolute().parent
    if not folder.is_dir():
        raise InputError(name, "its folder does not exist", "Make the folder first, or correct the path.")
    if not os.access(folder, os.W_OK):
        raise InputError(name, "its folder cannot be written to", "Choose a folder that you may write to.")
    return ending


def write_staged(path: PathLike, write: Callable[[Path], None]) -> None:
    """Make a file through a temporary one in the same folder, so that nobody ever sees it half-written.

    Args:
        path: The file to make or replace.
        write: Writes the file it is given; its name has the extension of ``path``.

    Raises:
        InputError: If the folder cannot be written to or the disk is full; ``path`` is then as it was.
    """
    target = Path(path).absolute()
    staged = target.with_name(f".{uuid.uuid4().hex}{extension(path)}")
    try:
        write(staged)
        with staged.open("rb+") as stream:
            os.fsync(stream.fileno())
        os.replace(staged, target)
        _sync_folder(target.parent)
    except OSError as error:
        raise InputError(
            os.fspath(path),
            f"it cannot be written ({error.strerror or error})",
            "Check the free space and that you may write to the folder.",
        ) from error
    finally:
        # Where even this fails, what happened before is what the user has to know.
        with contextlib.suppress(OSError):
            staged.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    # Only POSIX lets a folder be opened; elsewhere the rename is on the disk with the journal.
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _write_array(voxels: np.ndarray, geometry: Geometry, path: PathLike, ending: str, comment: str | None) -> None:
    if voxels.dtype == np.bool_:
        voxels = voxels.astype(np.uint8)
    elif voxels.dtype == np.float16 or voxels.dtype.itemsize > 8:
        voxels = voxels.astype(np.float32 if voxels.dtype == np.float16 else np.float64)
    if ending == ".mha":
        write_staged(path, lambda staged: _write_metaimage(voxels, geometry, staged, comment))
        return
    if ending == ".nrrd":
        fields = {"Notice": NOTICE} | ({"Comment": comment} if comment else {})
        content = nrrd_bytes((voxels,), geometry, fields)
    else:
        content = nifti_bytes(voxels, geometry, comment)
        if ending == ".nii.gz":
            content = gzip.compress(content, compresslevel=_COMPRESSION, mtime=0)
    write_staged(path, lambda staged: _write_bytes(staged, content))


def _write_metaimage(voxels: np.ndarray, geometry: Geometry, path: Path, comment: str | None) -> None:
    image = sitk.GetImageFromArray(voxels.T)
    image.SetSpacing(geometry.spacing_mm)
    image.SetOrigin(geometry.origin_mm)
    image.SetDirection(geometry.direction)
    image.SetMetaData("Comment", " ".join(f"{NOTICE} {comment or ''}".split()))
    try:
        sitk.WriteImage(image, str(path), useCompression=True)
    except RuntimeError as error:
        raise OSError(str(error).strip().splitlines()[-1]) from error
