"""Numbers of a segmentation that go into a study's table: one row a segment.

Volume and surface are those of ITK (LabelShapeStatistics; the surface by Lehmann and Legland, Insight Journal 2012,
which holds on voxels of any spacing). The largest diameter is the greatest distance between the centres of two voxels
of the segment; mean and standard deviation (of the population) are over its voxels in the image's own units.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import SimpleITK
from scipy.spatial.distance import pdist

from ..csv_rows import write_rows
from ..volumes import Segmentation, Volume, write_staged


@dataclass(frozen=True)
class SegmentNumbers:
    """One segment of one volume; what an empty segment has not is None.

    Attributes:
        volume_id: Name of the volume in the study.
        segment: Name.
        volume_ml: Millilitres.
        surface_cm2: Square centimetres.
        largest_diameter_mm: Millimetres.
        mean: Of the image within it.
        sd: Standard deviation of the image within it.
        confidence: Dice that the run expects, in [0, 1]; None where no run tells.
        corrected_slices: Slices of the volume that a person corrected.
    """

    volume_id: str
    segment: str
    volume_ml: float
    surface_cm2: float | None
    largest_diameter_mm: float | None
    mean: float | None
    sd: float | None
    confidence: float | None
    corrected_slices: int


COLUMNS = tuple(field.name for field in fields(SegmentNumbers))


def numbers_of(
    volume: Volume,
    segmentation: Segmentation,
    volume_id: str,
    confidence: Mapping[str, float],
    corrected: Collection[int],
) -> tuple[SegmentNumbers, ...]:
    """The numbers of every segment.

    Args:
        volume: The image.
        segmentation: On its grid.
        volume_id: Name of the volume in the study.
        confidence: By the segments' names, as far as a run tells it.
        corrected: Slices that a person corrected.

    Raises:
        ValueError: The segmentation is on another grid.
    """
    if segmentation.geometry.size != volume.geometry.size:
        raise ValueError(f"segmentation of {segmentation.geometry.size} voxels, image of {volume.geometry.size}")
    return tuple(_rows(volume, segmentation, volume_id, confidence, corrected))


def _rows(
    volume: Volume,
    segmentation: Segmentation,
    volume_id: str,
    confidence: Mapping[str, float],
    corrected: Collection[int],
) -> Iterator[SegmentNumbers]:
    grid = volume.geometry
    for place, segment in enumerate(segmentation.segments):
        mask = segmentation.mask(place)
        sure = confidence.get(segment.name)
        if not mask.any():
            yield SegmentNumbers(volume_id, segment.name, 0.0, None, None, None, None, sure, len(corrected))
            continue
        values = volume.voxels[mask].astype(np.float64)
        yield SegmentNumbers(
            volume_id,
            segment.name,
            float(mask.sum()) * grid.voxel_volume_mm3 / 1000,
            _surface_mm2(mask, grid.spacing_mm) / 100,
            largest_diameter_mm(mask, grid.spacing_mm),
            float(values.mean()),
            float(values.std()),
            sure,
            len(corrected),
        )


def _surface_mm2(mask: np.ndarray, spacing_mm: Sequence[float]) -> float:
    image = SimpleITK.GetImageFromArray(np.pad(mask, 1).T.astype(np.uint8))
    image.SetSpacing([float(mm) for mm in spacing_mm])
    shape = SimpleITK.LabelShapeStatisticsImageFilter()
    shape.Execute(image)
    return float(shape.GetPerimeter(1))


def largest_diameter_mm(mask: np.ndarray, spacing_mm: Sequence[float]) -> float:
    """The greatest distance between the centres of two voxels of a mask bool (i, j, k).

    The two lie at the ends of their lines along every axis, else one beside them would be farther: only such voxels are
    compared.
    """
    ends = mask.copy()
    for axis in range(mask.ndim):
        moved = np.moveaxis(mask, axis, 0)
        first, last = moved.argmax(axis=0), len(moved) - 1 - moved[::-1].argmax(axis=0)
        numbers = np.arange(len(moved)).reshape(-1, *(1,) * (mask.ndim - 1))
        ends &= np.moveaxis((numbers == first) | (numbers == last), 0, axis)
    places = np.argwhere(ends) * np.asarray(spacing_mm, dtype=np.float64)
    return float(pdist(places).max()) if len(places) > 1 else 0.0


def as_csv(rows: Sequence[SegmentNumbers]) -> str:
    """A table with a head, numbers with six significant digits."""
    text = io.StringIO(newline="")
    write_rows(text, [COLUMNS, *([_cell(getattr(row, name)) for name in COLUMNS] for row in rows)])
    return text.getvalue()


def _cell(value: str | float | None) -> str:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def write_numbers(rows: Sequence[SegmentNumbers], file: Path) -> None:
    """Write them as CSV that spreadsheets read in any script; a reader sees the whole file or none.

    Raises:
        InputError: The file cannot be written.
    """
    write_staged(file, lambda staged: _write(staged, as_csv(rows)))


def _write(staged: Path, text: str) -> None:
    staged.write_text(text, encoding="utf-8-sig", newline="")
