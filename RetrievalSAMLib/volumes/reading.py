"""Reading images and segmentations of every format, with errors that say what to do."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import InputError
from .claims import check_encodable
from .formats.contents import Kind, extension, kind_of
from .formats.dicom.header import DICOM_ENDINGS, START_BYTES, looks_like_dicom
from .formats.dicom.reading import read_dicom
from .formats.dicom.seg.segmentations import read_dicom_segmentation
from .formats.itk_files import read_by_itk
from .formats.metaimage import check_metaimage, read_metaimage_voxels
from .formats.native_lines import native_lines_dropped
from .formats.nibabel_files import read_by_nibabel
from .formats.nifti import nifti_grid, read_nifti, stated_grid
from .formats.nifti_places import disagreement
from .formats.nrrd_file import exact_grid
from .formats.nrrd_header import NrrdHeader, read_nrrd_header, read_nrrd_voxels
from .formats.picture_stacks import PLACE_NOTE, picture_files, read_pictures
from .formats.segnrrd import has_segments, read_segnrrd
from .geometry import Geometry
from .labels import all_finite, found_labels, label_values
from .volume import Segmentation, Volume

FORMATS = (
    ".nii, .nii.gz, .hdr with .img, .nrrd, .nhdr, .mha, .mhd, .mgz, .seg.nrrd, a DICOM file or a folder of DICOM "
    "slices, or pictures of slices (.tif, .png)"
)
PathLike = str | os.PathLike[str]
Spacing = tuple[float, float, float]


class _Found(NamedTuple):
    """What a file holds, before it is known whether it is an image or labels."""

    voxels: np.ndarray
    geometry: Geometry
    notes: tuple[str, ...] = ()


def read_volume(
    path: PathLike, *, spacing_mm: Spacing | None = None, series: str | None = None, straighten: bool = False
) -> Volume:
    """An image volume from a file or a folder of slices, on the grid of the file.

    Voxels keep the file's dtype (NIfTI and DICOM rescale slopes are applied). NaN and infinity become
    `Volume.padding`. Nothing else of the file is kept.

    Args:
        path: A file of `FORMATS`, or a folder with DICOM series or with pictures of slices.
        spacing_mm: Between voxels along the array's axes, where the format does not say (TIFF, PNG).
        series: Of DICOM: number, UID or description of the series, where there are several.
        straighten: Of DICOM: resample a tilted or unevenly spaced series to a rectangular grid.

    Raises:
        InputError: If there is no such file, or it is not one 3D volume of real numbers with more than one value.
    """
    name = os.fspath(path)
    header = _nrrd_header(path)
    if header is not None and has_segments(header.key_values):
        raise InputError(name, "it is a segmentation, not an image", "Give the image that the segmentation belongs to.")
    found = _read(path, spacing_mm, series=series, straighten=straighten)
    voxels, padding, notes = _without_padding(found.voxels, name)
    if voxels.min() == voxels.max():
        raise InputError(
            name,
            f"all its voxels are {voxels.min():g}",
            "There is nothing to see in it: check how it was exported.",
        )
    return Volume(voxels, found.geometry, padding, (*found.notes, *notes))


def read_segmentation(
    path: PathLike, *, allow_empty: bool = False, grid: Geometry | None = None, spacing_mm: Spacing | None = None
) -> Segmentation:
    """A segmentation from a .seg.nrrd file, a DICOM SEG or RTSTRUCT, or from a label map of any image format.

    In a label map every value above 0 is a segment called ``segment_<value>``. What `found_labels` mends in it stands
    in `Segmentation.notes`.

    Args:
        path: The file, or a folder with pictures of slices.
        allow_empty: Accept a label map without a label; it becomes a segmentation without segments.
        grid: Of the image that it belongs to: the contours of an RTSTRUCT are filled on it.
        spacing_mm: As for `read_volume`.

    Raises:
        InputError: If there is no such file, or it is not a 3D label map with at least one label.
    """
    name = os.fspath(path)
    header = _nrrd_header(path)
    with _readable(name), native_lines_dropped():
        if header is not None and has_segments(header.key_values):
            return read_segnrrd(Path(path), name, header)
        if is_dicom(path):
            return read_dicom_segmentation(Path(path), name, grid)
    found = _read(path, spacing_mm)
    labels = found_labels(found.voxels, name)
    if not allow_empty and not labels.voxels.any():
        told = f" ({'; '.join(labels.notes)})" if labels.notes else ""
        fact = f"it has no label: every voxel is 0{told}"
        raise InputError(name, fact, "Give a segmentation with at least one segment.")
    label_values(labels.voxels, name)
    segmentation = Segmentation.from_labelmap(labels.voxels, found.geometry, labels.names)
    return segmentation.with_notes(*found.notes, *labels.notes)


def names_segments(path: PathLike) -> bool:
    """Whether a segmentation file of this kind names its segments, so that its values are only numbers."""
    return extension(path) == ".seg.nrrd" or is_dicom(path)


def is_dicom(path: PathLike) -> bool:
    """Whether it is a folder (of anything but pictures), or a file that begins as DICOM does and is nothing else."""
    file = Path(path)
    if file.is_dir():
        return not picture_files(file)
    if file.name.casefold() == "dicomdir" or extension(path) in DICOM_ENDINGS:
        return True
    if not file.is_file():
        return False
    with _readable(os.fspath(path)):
        kind = kind_of(file)
        if kind is not None:
            return kind is Kind.DICOM
        with file.open("rb") as stream:
            return looks_like_dicom(stream.read(START_BYTES))


def read_information(path: PathLike) -> Geometry | None:
    """The grid of a file (its three axes in space) by its header alone; None where that cannot be told."""
    file = Path(path)
    try:
        check_encodable(os.fspath(path))
        kind = kind_of(file)
        if kind is Kind.NIFTI:
            return nifti_grid(file, os.fspath(path))
        if kind is Kind.NRRD and (header := _nrrd_header(path)) is not None:
            header.check_claims(file, os.fspath(path))
            with native_lines_dropped():
                return stated_grid(file, "NrrdImageIO")
        if kind is Kind.METAIMAGE:
            check_metaimage(file, os.fspath(path))
            with native_lines_dropped():
                return stated_grid(file, "MetaImageIO")
    except (InputError, OSError):
        return None
    return None


def _without_padding(voxels: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """Voxels whose NaN and infinite ones have the least value of the others, where those are, and what to tell."""
    if voxels.dtype.kind != "f" or all_finite(voxels):
        return voxels, None, ()
    padding = ~np.isfinite(voxels)
    count = int(np.count_nonzero(padding))
    if count == voxels.size:
        raise InputError(name, "all its voxels are NaN or infinite", "Check how it was exported.")
    note = f"{count} of its {voxels.size} voxels are NaN or infinite; they count as padding, not as intensities"
    filled = voxels.copy(order="K")
    filled[padding] = voxels[~padding].min()
    return filled, padding, (note,)


def _nrrd_header(path: PathLike) -> NrrdHeader | None:
    """None where it is no file of this format."""
    if not os.path.isfile(path):
        return None
    with _readable(os.fspath(path)):
        return read_nrrd_header(Path(path), os.fspath(path))


@contextlib.contextmanager
def _readable(name: str) -> Iterator[None]:
    """What the system says of a file, one that went away while it was read too, said of `name`."""
    try:
        yield
    except OSError as error:
        fact = f"it cannot be read ({error.strerror or error})"
        raise InputError(name, fact, "Check that it is still there and that you may read it.") from error


def _read(path: PathLike, spacing_mm: Spacing | None, *, series: str | None = None, straighten: bool = False) -> _Found:
    name, file = os.fspath(path), Path(path)
    check_encodable(name)
    if not file.exists():
        raise InputError(name, "there is no such file or folder", "Check the spelling and the folder.")
    if spacing_mm is not None and not (np.isfinite(spacing_mm).all() and min(spacing_mm) > 0):
        shown = " x ".join(f"{value:g}" for value in spacing_mm)
        raise InputError("spacing", f"{shown} mm is none", "Give three lengths above zero, in mm.")
    with _readable(name), native_lines_dropped():
        if is_dicom(file):
            _check_no_spacing(name, spacing_mm)
            return _Found(*read_dicom(file, name, series, straighten=straighten))
        if series is not None or straighten:
            remedy = "Leave out --series and --straighten."
            raise InputError(name, "it is no DICOM, and so has no series to choose or to straighten", remedy)
        if file.is_dir():
            return _Found(*read_pictures(picture_files(file), name, spacing_mm), (PLACE_NOTE,))
        return _from_file(file, name, spacing_mm)


def _from_file(file: Path, name: str, spacing_mm: Spacing | None) -> _Found:
    if file.stat().st_size == 0:
        raise InputError(name, "the file is empty (0 bytes)", "Copy or download it again.")
    kind = kind_of(file)
    if kind in (Kind.TIFF, Kind.PNG):
        return _Found(*read_pictures([file], name, spacing_mm), (PLACE_NOTE,))
    _check_no_spacing(name, spacing_mm)
    if kind is Kind.NIFTI:
        voxels, geometry = read_nifti(file, name)
        place = disagreement(geometry)
        return _Found(voxels, geometry, () if place is None else (place,))
    if kind in (Kind.NIFTI_2, Kind.NIFTI_PAIR, Kind.MGH):
        voxels, geometry, notes = read_by_nibabel(file, name, kind)
        place = disagreement(geometry)
        return _Found(voxels, geometry, notes if place is None else (*notes, place))
    if kind is Kind.NRRD:
        return _from_nrrd(file, name)
    if kind is Kind.METAIMAGE:
        return _from_metaimage(file, name)
    if kind is Kind.ANALYZE:
        remedy = "Convert it to NIfTI with the program that made it, which knows how it lies."
        raise InputError(name, "it is an Analyze file, which does not say which side of the patient is left", remedy)
    ending = extension(file) or "without an extension"
    raise InputError(name, f"the format {ending} is not known", f"Known are {FORMATS}.")


def _check_no_spacing(name: str, spacing_mm: Spacing | None) -> None:
    if spacing_mm is not None:
        raise InputError(name, "it states its own spacing, and another one was given", "Leave out --spacing.")


def _from_nrrd(file: Path, name: str) -> _Found:
    header = read_nrrd_header(file, name)
    if header is None:
        read_by_itk(file, name, "NrrdImageIO", with_voxels=True)
        raise AssertionError("ITK reads a NRRD file that does not begin as one")
    header.check_claims(file, name)
    own = header.can_be_read_here
    voxels, geometry = read_by_itk(file, name, "NrrdImageIO", with_voxels=not own)
    voxels = read_nrrd_voxels(file, name, header) if voxels is None else voxels
    return _Found(voxels.reshape(geometry.size, order="F"), exact_grid(geometry, header.key_values))


def _from_metaimage(file: Path, name: str) -> _Found:
    header = check_metaimage(file, name)
    own = header.can_be_read_here
    voxels, geometry = read_by_itk(file, name, "MetaImageIO", with_voxels=not own)
    return _Found(read_metaimage_voxels(header, name) if voxels is None else voxels, geometry)
