"""Reading images and segmentations of every format, with errors that say what to do."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from ..errors import InputError
from .claims import check_encodable
from .dicom import read_dicom
from .geometry import Geometry
from .labels import all_finite, as_labels, label_values
from .metaimage import check_metaimage
from .nifti import read_nifti, stated_grid
from .nrrd_file import exact_grid
from .nrrd_header import NrrdHeader, read_nrrd_header
from .segnrrd import has_segments, read_segnrrd
from .volume import Segmentation, Volume

FORMATS = ".nii, .nii.gz, .nrrd, .nhdr, .mha, .mhd, .seg.nrrd or a folder of DICOM slices"
_NIFTI = (".nii", ".nii.gz")
# ITK would print its warnings, with the names of files, past everything that keeps them out of logs.
sitk.ProcessObject.SetGlobalWarningDisplay(False)
_ITK = {".nrrd": "NrrdImageIO", ".nhdr": "NrrdImageIO", ".mha": "MetaImageIO", ".mhd": "MetaImageIO"}
PathLike = str | os.PathLike[str]


def read_volume(path: PathLike) -> Volume:
    """An image volume from a file or a folder of DICOM slices, on the grid of the file.

    Voxels keep the file's dtype (NIfTI and DICOM rescale slopes are applied). Nothing else of the file is
    kept.

    Args:
        path: .nii, .nii.gz, .nrrd, .nhdr, .mha, .mhd, or a folder with one DICOM series.

    Raises:
        InputError: If there is no such file, or it is not one 3D volume of finite real numbers with more than
            one value.
    """
    name = os.fspath(path)
    header = _nrrd_header(path)
    if header is not None and has_segments(header.key_values):
        raise InputError(name, "it is a segmentation, not an image", "Give the image that the segmentation belongs to.")
    voxels, geometry = _read(path)
    if voxels.dtype.kind == "f":
        wrong = 0 if all_finite(voxels) else int(voxels.size - np.count_nonzero(np.isfinite(voxels)))
        if wrong:
            raise InputError(
                name,
                f"{wrong} of its voxels are NaN or infinite",
                "Replace them (0 is usual) and save it again.",
            )
    if voxels.min() == voxels.max():
        raise InputError(
            name,
            f"all its voxels are {voxels.min():g}",
            "There is nothing to see in it: check how it was exported.",
        )
    return Volume(voxels, geometry)


def read_segmentation(path: PathLike, *, allow_empty: bool = False) -> Segmentation:
    """A segmentation from a .seg.nrrd file, or from a label map of any image format.

    In a label map every value above 0 is a segment called ``segment_<value>``; floats that hold whole numbers
    are accepted.

    Args:
        path: The file.
        allow_empty: Accept a label map without a label; it becomes a segmentation without segments.

    Raises:
        InputError: If there is no such file, or it is not a 3D label map with at least one label.
    """
    name = os.fspath(path)
    header = _nrrd_header(path)
    if header is not None and has_segments(header.key_values):
        return read_segnrrd(Path(path), name, header)
    if os.path.isdir(path):
        raise InputError(name, "it is a folder", "Give the segmentation file: .seg.nrrd, .nii.gz, .nrrd or .mha.")
    voxels, geometry = _read(path)
    labels = as_labels(voxels, name)
    if not allow_empty and not labels.any():
        raise InputError(name, "it has no label: every voxel is 0", "Give a segmentation with at least one segment.")
    label_values(labels, name)
    return Segmentation.from_labelmap(labels, geometry)


def check_same_grid(a: Geometry, name_a: str, b: Geometry, name_b: str) -> None:
    """Refuse two grids that differ by more than rounding.

    Args:
        a: The grid to be found wrong, for example of a segmentation.
        name_a: What the user knows it as.
        b: The grid it should be on, for example of the image.
        name_b: What the user knows that as.

    Raises:
        InputError: Says what differs.
    """
    difference = a.difference(b)
    if difference is not None:
        raise InputError(
            name_a,
            f"it is not on the grid of {name_b}: {difference}",
            "Give the segmentation that was drawn on this image, or resample it to the image's grid (in 3D "
            "Slicer: export it with the image as reference).",
        )


def fit_to_grid(segmentation: Segmentation, name: str, geometry: Geometry, image_name: str) -> Segmentation:
    """A segmentation on exactly the grid of its image.

    A segmentation that Slicer cropped to its segments (the same voxels, fewer of them) is put back in its
    place; nothing is resampled. A grid that differs only by rounding is replaced by the image's.

    Args:
        segmentation: The segmentation.
        name: What the user knows it as.
        geometry: The image's grid.
        image_name: What the user knows the image as.

    Raises:
        InputError: If voxels of one do not lie on voxels of the other, or a segment reaches outside the
            image.
    """
    own = segmentation.geometry
    if own.difference(geometry) is None:
        return _with_layers(segmentation, segmentation.layers, geometry)
    start = voxel_offset(own, geometry)
    if start is None:
        check_same_grid(own, name, geometry, image_name)
        raise AssertionError("a grid without a difference has an offset")
    to = tuple(slice(max(0, s), max(0, min(s + n, m))) for s, n, m in zip(start, own.size, geometry.size, strict=True))
    source = tuple(slice(t.start - s, max(t.start, t.stop) - s) for t, s in zip(to, start, strict=True))
    layers = []
    for layer in segmentation.layers:
        whole = np.zeros(geometry.size, dtype=layer.dtype, order="F")
        inside = layer[source]
        if np.count_nonzero(inside) != np.count_nonzero(layer):
            raise InputError(
                name,
                f"its segments reach outside {image_name}",
                "Give the segmentation that was drawn on this image, or crop it to the image.",
            )
        if inside.size:
            whole[to] = inside
        layers.append(whole)
    return _with_layers(segmentation, tuple(layers), geometry)


def voxel_offset(part: Geometry, whole: Geometry) -> tuple[int, int, int] | None:
    """The voxel of a grid on which the first voxel of another one lies; it may lie outside.

    Returns:
        None where voxels of one do not lie on voxels of the other.
    """
    start = np.rint(whole.lps_to_index(np.array(part.origin_mm))).astype(int)
    affine = whole.affine
    origin = affine[:3, :3] @ start + affine[:3, 3]
    moved = Geometry(part.size, whole.spacing_mm, tuple(origin), whole.direction)
    i, j, k = (int(index) for index in start)
    return (i, j, k) if part.difference(moved) is None else None


def _with_layers(segmentation: Segmentation, layers: tuple[np.ndarray, ...], geometry: Geometry) -> Segmentation:
    return Segmentation(segmentation.segments, layers, segmentation.layer_of, segmentation.label_of, geometry)


def extension(path: PathLike) -> str:
    """The extension that tells the format, lower case: ".seg.nrrd", ".nii.gz", or the last suffix."""
    lower = Path(path).name.lower()
    return next((double for double in (".seg.nrrd", ".nii.gz") if lower.endswith(double)), Path(lower).suffix)


def read_information(path: PathLike) -> Geometry | None:
    """The grid of a file (its three axes in space) by its header alone; None where that cannot be told."""
    ending = extension(path)
    try:
        _checked_header(path)
    except InputError:
        return None
    image_io = "NiftiImageIO" if ending in _NIFTI else _ITK.get(".nrrd" if ending == ".seg.nrrd" else ending)
    return None if image_io is None else stated_grid(Path(path), image_io)


def _checked_header(path: PathLike) -> NrrdHeader | None:
    """What ITK would believe is looked at first. None where the file is no NRRD file."""
    check_encodable(os.fspath(path))
    header = _nrrd_header(path)
    if header is not None:
        header.check_claims(Path(path), os.fspath(path))
    elif extension(path) in (".mha", ".mhd"):
        check_metaimage(Path(path), os.fspath(path))
    return header


def _nrrd_header(path: PathLike) -> NrrdHeader | None:
    """None where it is no file of this format."""
    if extension(path) not in (".nrrd", ".nhdr", ".seg.nrrd") or not os.path.isfile(path):
        return None
    try:
        return read_nrrd_header(Path(path), os.fspath(path))
    except OSError as error:
        raise _unreadable(os.fspath(path), error) from error


def _unreadable(name: str, error: OSError) -> InputError:
    return InputError(name, f"it cannot be opened ({error.strerror or error})", "Check that you may read it.")


def _read(path: PathLike) -> tuple[np.ndarray, Geometry]:
    name = os.fspath(path)
    check_encodable(name)
    file = Path(path)
    if not os.path.exists(path):
        raise InputError(name, "there is no such file or folder", "Check the spelling and the folder.")
    if file.is_dir():
        try:
            return _from_itk(read_dicom(file, name), name)
        except OSError as error:
            raise _unreadable(name, error) from error
    ending = extension(file)
    try:
        with file.open("rb") as stream:
            start = stream.read(132)
    except OSError as error:
        raise _unreadable(name, error) from error
    if not start:
        raise InputError(name, "the file is empty (0 bytes)", "Copy or download it again.")
    if ending in _NIFTI:
        try:
            return read_nifti(file, name)
        except OSError as error:
            raise _unreadable(name, error) from error
    if ending == ".seg.nrrd":
        ending = ".nrrd"
    if ending not in _ITK:
        if start[128:132] == b"DICM":
            raise InputError(name, "it is a single DICOM file", "Give the folder that holds all slices of the series.")
        raise InputError(name, f"the format {ending or 'without an extension'} is not known", f"Known are {FORMATS}.")
    header = _checked_header(path)
    reader = sitk.ImageFileReader()
    reader.SetImageIO(_ITK[ending])
    reader.SetFileName(str(file))
    try:
        reader.ReadImageInformation()
        _check_information(reader, name)
        image = reader.Execute()
    except RuntimeError as error:
        raise InputError(
            name,
            f"it is cut short, damaged, or not a {ending} file ({_reason(error)})",
            "Copy or export it again.",
        ) from error
    voxels, geometry = _from_itk(image, name)
    return voxels, geometry if header is None else exact_grid(geometry, header.key_values)


def _check_information(reader: sitk.ImageFileReader, name: str) -> None:
    size = reader.GetSize()
    if reader.GetDimension() != 3:
        shape = " x ".join(str(n) for n in size)
        remedy = (
            "Give a 3D volume; one slice is enough, as a 3D file."
            if reader.GetDimension() < 3
            else "Save one time point or channel as a 3D volume."
        )
        raise InputError(name, f"it has {reader.GetDimension()} dimensions ({shape})", remedy)
    components = reader.GetNumberOfComponents()
    if "complex" in sitk.GetPixelIDValueAsString(reader.GetPixelID()).lower():
        raise InputError(name, "its voxels are complex numbers", "Save the magnitude as a volume of real numbers.")
    if components != 1:
        raise InputError(
            name,
            f"it has {components} numbers a voxel (colours, vectors or time points)",
            "Save one of them alone.",
        )
    if min(size) < 1:
        raise InputError(name, "it is empty: an axis has no voxels", "Export it again.")
    spacing = reader.GetSpacing()
    if not np.isfinite(spacing).all() or min(spacing) <= 0:
        raise InputError(
            name,
            f"its spacing is {' x '.join(f'{s:g}' for s in spacing)} mm",
            "Spacings are lengths above zero: export it again from its source.",
        )


def _reason(error: RuntimeError) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:160] if lines else "no reason given"


class _Pixels:
    """Lends the pixels of an image to numpy without a copy, and keeps the image as long as they are used."""

    def __init__(self, image: sitk.Image) -> None:
        self._image = image
        self._view = sitk.GetArrayViewFromImage(image)

    @property
    def __array_interface__(self) -> dict[str, Any]:
        return self._view.__array_interface__


def _from_itk(image: sitk.Image, name: str) -> tuple[np.ndarray, Geometry]:
    voxels = np.asarray(_Pixels(image)).T
    a, b, c = image.GetSize()
    try:
        geometry = Geometry((a, b, c), image.GetSpacing(), image.GetOrigin(), image.GetDirection())
    except ValueError as error:
        raise InputError(name, str(error), "Resample it to a rectangular grid, then try again.") from error
    return voxels, geometry
