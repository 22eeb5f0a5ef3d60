"""A folder of DICOM slices as one volume. Pixels and grid only: no tag is kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import InputError
from .claims import check_claim, check_encodable

_POSITION, _ORIENTATION = "0020|0032", "0020|0037"
_SERIES, _MODALITY, _FRAMES = "0020|000e", "0008|0060", "0028|0008"
_ROWS, _COLUMNS, _SAMPLES = "0028|0010", "0028|0011", "0028|0002"
_READ = (_POSITION, _ORIENTATION, _SERIES, _MODALITY, _FRAMES, _ROWS, _COLUMNS, _SAMPLES)
_WHOLE = re.compile("[0-9]{1,9}")
# Slice distances may differ by this part, and slices may be shifted in plane by this part of a pixel.
_SPACING_TOLERANCE = 0.02
_SHIFT_TOLERANCE = 0.1
_MOST_VOXEL_BYTES = 8


@dataclass(frozen=True)
class _Slice:
    path: str
    position: np.ndarray
    row: np.ndarray
    column: np.ndarray
    shape: tuple[int, int]
    pixel_mm: tuple[float, ...]
    frames: int
    samples: int
    modality: str


def dicom_files(folder: Path, name: str) -> tuple[str, ...]:
    """The files of the one image series in a folder, in order of their position along the slice normal.

    Args:
        folder: The folder; subfolders are not searched.
        name: Its name as the user typed it, for messages.

    Raises:
        InputError: If there is no series or more than one, or the slices do not make a regular volume:
            missing or repeated positions, unequal distances, a tilted gantry, differing sizes or directions,
            colours, or multi-frame files.
    """
    series = _series_of(folder)
    if not series:
        raise InputError(
            name,
            "the folder has no DICOM slices",
            "Give the folder that holds the slices itself, or a volume file.",
        )
    if len(series) > 1:
        lines = ", ".join(
            f"({number}) {len(slices)} slices of {slices[0].shape[1]} x {slices[0].shape[0]} "
            f"{slices[0].modality}, first file {Path(slices[0].path).name}"
            for number, slices in enumerate(series, start=1)
        )
        raise InputError(
            name,
            f"the folder has {len(series)} series: {lines}",
            "Put the series you want into a folder of its own.",
        )
    slices = series[0]
    _check_alike(slices, name)
    rows, columns = slices[0].shape
    check_claim(name, (columns, rows, len(slices)), _MOST_VOXEL_BYTES, None, "raw")
    normal = np.cross(slices[0].row, slices[0].column)
    along = np.array([float(s.position @ normal) for s in slices])
    order = np.argsort(along, kind="stable")
    _check_positions([slices[index] for index in order], along[order], name)
    return tuple(slices[index].path for index in order)


def holds_dicom(folder: Path) -> bool:
    """Whether a folder itself has a DICOM image; headers are read up to the first one."""
    return next(read_headers(folder), None) is not None


def read_headers(folder: Path) -> Iterator[tuple[Path, sitk.ImageFileReader]]:
    """The DICOM images in a folder by name, each with a reader that knows its header until the next one is asked for.

    Raises:
        InputError: A path is no Unicode.
    """
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    for path in sorted(entry for entry in folder.iterdir() if entry.is_file()):
        check_encodable(str(path))
        reader.SetFileName(str(path))
        try:
            reader.ReadImageInformation()
        except RuntimeError:  # no image
            continue
        yield path, reader


def _series_of(folder: Path) -> list[list[_Slice]]:
    """The image slices by series: in order of their number, then of their first file."""
    by_series: dict[str, list[_Slice]] = {}
    for path, reader in read_headers(folder):
        tags = {key: reader.GetMetaData(key).strip() for key in _READ if reader.HasMetaDataKey(key)}
        if not all(_WHOLE.fullmatch(tags.get(key) or "1") for key in (_FRAMES, _SAMPLES)):
            continue
        if not all(_WHOLE.fullmatch(tags.get(key, "")) for key in (_ROWS, _COLUMNS)):
            continue
        position = _numbers(tags.get(_POSITION), 3, reader.GetOrigin())
        direction = np.array(reader.GetDirection()).reshape(reader.GetDimension(), -1)
        fallback = (*direction[:3, 0], *direction[:3, 1])
        orientation = _numbers(tags.get(_ORIENTATION), 6, fallback)
        by_series.setdefault(tags.get(_SERIES, ""), []).append(
            _Slice(
                path=str(path),
                position=position,
                row=orientation[:3],
                column=orientation[3:],
                shape=(int(tags[_ROWS]), int(tags[_COLUMNS])),
                pixel_mm=reader.GetSpacing()[:2],
                frames=int(tags.get(_FRAMES) or 1),
                samples=int(tags.get(_SAMPLES) or 1),
                modality=tags.get(_MODALITY, ""),
            )
        )
    return sorted(by_series.values(), key=lambda slices: (-len(slices), slices[0].path))


def _numbers(text: str | None, count: int, fallback: tuple[float, ...]) -> np.ndarray:
    try:
        values = [float(part) for part in (text or "").split("\\")]
    except ValueError:
        values = []
    return np.array(values if len(values) == count else fallback[:count], dtype=np.float64)


def _check_alike(slices: list[_Slice], name: str) -> None:
    first = slices[0]
    if any(s.frames > 1 for s in slices):
        raise InputError(
            name,
            "it has multi-frame DICOM files",
            "Load the study in 3D Slicer and save the volume as .nrrd, then use that file.",
        )
    if any(s.samples > 1 for s in slices):
        raise InputError(name, "its slices are in colour", "Give a series with one intensity a pixel.")
    if any(s.shape != first.shape for s in slices):
        raise InputError(
            name,
            "its slices differ in size",
            "It holds images of several kinds: put the slices of one volume into a folder of their own.",
        )
    if any(not np.allclose(s.pixel_mm, first.pixel_mm, rtol=1e-3, atol=0) for s in slices):
        raise InputError(
            name,
            "its slices differ in pixel spacing",
            "It holds images of several kinds: put the slices of one volume into a folder of their own.",
        )
    if any(
        not np.allclose(s.row, first.row, atol=1e-4) or not np.allclose(s.column, first.column, atol=1e-4)
        for s in slices
    ):
        raise InputError(
            name,
            "its slices are not parallel (a localiser, or a radial scan)",
            "Put the slices of one volume into a folder of their own.",
        )


def _check_positions(slices: list[_Slice], along: np.ndarray, name: str) -> None:
    if len(slices) < 2:
        return
    gaps = np.diff(along)
    typical = float(np.median(gaps))
    if gaps.min() < 1e-3 * max(typical, 1e-3):
        raise InputError(
            name,
            "it has several slices at one position (time points, echoes, or copies)",
            "Put the slices of one volume into a folder of their own.",
        )
    uneven = np.flatnonzero(np.abs(gaps - typical) > _SPACING_TOLERANCE * typical)
    if uneven.size:
        at = int(uneven[0])
        missing = gaps[at] / typical
        where = f"{gaps[at]:.4g} mm between slices {at + 1} and {at + 2}, elsewhere {typical:.4g} mm"
        if abs(missing - round(missing)) < 0.05 and round(missing) > 1:
            raise InputError(name, f"slices are missing: {where}", "Copy the whole series into the folder.")
        raise InputError(
            name,
            f"its slices are not equally spaced: {where}",
            "Load it in 3D Slicer, which can regularise it, and save it as .nrrd.",
        )
    _check_in_plane(slices, typical, name)


def _check_in_plane(slices: list[_Slice], gap_mm: float, name: str) -> None:
    """Refuse a stack whose slices are not straight above each other."""
    remedy = "Load it in 3D Slicer, which can regularise it, and save it as .nrrd."
    limit_mm = _SHIFT_TOLERANCE * min(gap_mm, *slices[0].pixel_mm)
    in_plane = np.stack([slices[0].row, slices[0].column])
    shifts = np.array([in_plane @ (s.position - slices[0].position) for s in slices])
    steady = np.linspace(0, 1, len(slices))[:, None] * shifts[-1]
    uneven = np.linalg.norm(shifts - steady, axis=1)
    if uneven.max() > limit_mm:
        at = int(uneven.argmax())
        raise InputError(name, f"slice {at + 1} is shifted by {uneven[at]:.3g} mm in its plane", remedy)
    shift_mm = float(np.linalg.norm(shifts[-1]))
    if shift_mm > limit_mm:
        angle = float(np.degrees(np.arctan2(shift_mm, gap_mm * (len(slices) - 1))))
        raise InputError(name, f"its slices are sheared by {angle:.3g} degrees (gantry tilt)", remedy)


def read_dicom(folder: Path, name: str) -> sitk.Image:
    """The one series of a folder as an image, rescaled to what its pixels mean (HU in CT).

    Raises:
        InputError: As `dicom_files`, and if a slice cannot be decoded.
    """
    files = dicom_files(folder, name)
    reader = sitk.ImageSeriesReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileNames(list(files))
    reader.MetaDataDictionaryArrayUpdateOff()
    reader.LoadPrivateTagsOff()
    try:
        return reader.Execute()
    except RuntimeError as error:
        raise InputError(
            name,
            "a slice of it cannot be decoded",
            "Load it in 3D Slicer and save it as .nrrd, or copy it again.",
        ) from error
