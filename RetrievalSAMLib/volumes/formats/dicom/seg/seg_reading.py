"""DICOM SEG as a segmentation: names, colours, codes, and segments that overlap."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import highdicom as hd
import numpy as np
from pydicom.dataset import Dataset

from .....errors import InputError
from ....display.colors import Color
from ....geometry import Geometry
from ....volume import Segment, Segmentation
from ..header import DAMAGE, Damaged, read_dataset
from ..quiet import quiet
from .codes import terminology_of

_HALF = 0.5
_EXPORT = "Export it again from the program that made it."


def read_seg(path: Path, name: str) -> Segmentation:
    """A DICOM SEG of any kind: binary, fractional (from a half on), or label map.

    Args:
        path: The file.
        name: Its name as the user typed it, for messages.

    Returns:
        On the grid of its frames; slices without a segment at the ends are often not in such a file, and
        `fit_to_grid` puts it in its place.

    Raises:
        InputError: It is damaged, has no segments, or its frames make no rectangular grid.
        OSError: It cannot be opened.
    """
    with quiet():
        try:
            dataset = hd.seg.Segmentation.from_dataset(read_dataset(path), copy=False)
            grid = dataset.get_volume_geometry(allow_missing_positions=True)
            if grid is None:
                raise InputError(name, "its frames do not lie on one rectangular grid", _EXPORT)
            geometry, flipped = _geometry(grid)
            items = [item for item in dataset.SegmentSequence if int(item.SegmentNumber) > 0]
            if not items:
                raise InputError(name, "it has no segments", _EXPORT)
            segments = tuple(_segment(item) for item in items)
            found = Segmentation.from_masks(segments, _masks(dataset, segments, flipped), geometry)
        except Damaged as error:
            raise InputError(name, str(error), "Copy or export it again.") from error
        except (*DAMAGE, RuntimeError) as error:
            raise InputError(name, "it is a damaged DICOM SEG, or of a kind that cannot be read", _EXPORT) from error
    if str(dataset.SegmentationType) == "FRACTIONAL":
        return found.with_notes("it holds fractions: voxels with a half or more belong to a segment")
    return found


def _geometry(grid: hd.VolumeGeometry) -> tuple[Geometry, bool]:
    """The grid with array axes column, row, slice, and whether slices had to be turned to follow their normal."""
    slices, rows, columns = (int(n) for n in grid.spatial_shape)
    affine = np.asarray(grid.affine, dtype=np.float64)
    vectors = affine[:3, [2, 1, 0]]
    origin = affine[:3, 3]
    flipped = bool(np.linalg.det(vectors) < 0)
    if flipped:
        origin = origin + vectors[:, 2] * (slices - 1)
        vectors[:, 2] *= -1
    spacing = np.linalg.norm(vectors, axis=0)
    a, b, c = (float(value) for value in spacing)
    x, y, z = (float(value) for value in origin)
    geometry = Geometry((columns, rows, slices), (a, b, c), (x, y, z), tuple((vectors / spacing).ravel()))
    return geometry, flipped


def _masks(dataset: hd.seg.Segmentation, segments: tuple[Segment, ...], flipped: bool) -> Iterator[np.ndarray]:
    """(i, j, k) of each segment in turn: one at a time in memory."""
    for segment in segments:
        volume = dataset.get_volume(segment_numbers=[segment.value], combine_segments=False)
        mask = np.asarray(volume.array)[..., 0] >= _HALF
        yield (mask[::-1] if flipped else mask).T


def _segment(item: Dataset) -> Segment:
    number = int(item.SegmentNumber)
    label = " ".join(str(item.get("SegmentLabel") or "").split())
    return Segment(label or f"segment_{number}", number, _color(item), terminology_of(item))


def _color(item: Dataset) -> Color | None:
    value = item.get("RecommendedDisplayCIELabValue")
    if value is None or len(value) != 3:
        return None
    red, green, blue = hd.color.CIELabColor.from_dicom_value(tuple(int(one) for one in value)).to_rgb()
    return red / 255, green / 255, blue / 255
