"""From the logits of segmented slices to one segmentation on the target's own grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from ..models.window import Window
from ..volumes import Geometry, Segment, Segmentation
from .propagation import SegmentedSlice
from .sam2_engine import NO_OBJECT_LOGIT


class Frame(Protocol):
    """How slices lie on a grid."""

    @property
    def geometry(self) -> Geometry: ...  # noqa: D102
    @property
    def shape(self) -> tuple[int, int, int]: ...  # noqa: D102
    @property
    def plane_axis(self) -> int: ...  # noqa: D102
    @property
    def row_spacing_mm(self) -> float: ...  # noqa: D102
    @property
    def column_spacing_mm(self) -> float: ...  # noqa: D102
    def from_slices(self, slices: np.ndarray) -> np.ndarray: ...  # noqa: D102


@dataclass(frozen=True)
class FileSlices:
    """Slices (k, i, j) along the third axis of a file, wherever that axis points: the published method's choice."""

    geometry: Geometry
    plane_axis: int = 2

    @property
    def shape(self) -> tuple[int, int, int]:
        """(slices, rows, columns)."""
        i, j, k = self.geometry.size
        return k, i, j

    @property
    def row_spacing_mm(self) -> float:
        """Distance between rows."""
        return self.geometry.spacing_mm[0]

    @property
    def column_spacing_mm(self) -> float:
        """Distance between columns."""
        return self.geometry.spacing_mm[1]

    @property
    def extent_mm(self) -> tuple[float, float]:
        """Height and width of a slice."""
        _, rows, columns = self.shape
        return rows * self.row_spacing_mm, columns * self.column_spacing_mm

    def to_slices(self, array: np.ndarray) -> np.ndarray:
        """Voxels (i, j, k) as slices (k, i, j), a view."""
        return array.transpose(2, 0, 1)

    def from_slices(self, slices: np.ndarray) -> np.ndarray:
        """The inverse of `to_slices`."""
        return slices.transpose(1, 2, 0)


class Canvas:
    """Collects the slices of a run as they come.

    Segments compete for a pixel by their logits, against a background of 0; those that overlap in the supports
    do not compete.

    Args:
        frame: The target's slices.
        segments: Rows of the logits.
        overlapping: Values of the segments that may share voxels.
        logits_file: Where to keep all logits as float32 (segments, n, h, w) in .npy format, or None.
        inside: bool (h, w), where anything may be found; everywhere unless given.
        later_overwrites: Let the last segment with a positive logit have the pixel, instead of the one with the
            largest.
    """

    def __init__(
        self,
        frame: Frame,
        segments: Sequence[Segment],
        overlapping: frozenset[int],
        logits_file: Path | None,
        inside: np.ndarray | None = None,
        later_overwrites: bool = False,
    ) -> None:
        self.outside = None if inside is None else torch.from_numpy(~inside)
        self.frame = frame
        self.later_overwrites = later_overwrites
        self.segments = tuple(segments)
        self.exclusive = [row for row, s in enumerate(segments) if s.value not in overlapping]
        dtype = np.uint8 if max(s.value for s in segments) <= 255 else np.uint16
        self.labels = np.zeros(frame.shape, dtype=dtype)
        self.free = {row: np.zeros(frame.shape, dtype=bool) for row, s in enumerate(segments) if s.value in overlapping}
        self.logits = None
        if logits_file is not None:
            self.logits = np.lib.format.open_memmap(
                logits_file, mode="w+", dtype=np.float32, shape=(len(segments), *frame.shape)
            )
            self.logits[:] = NO_OBJECT_LOGIT

    def add(self, segmented: SegmentedSlice, window: Window) -> np.ndarray:
        """Put one slice on its place.

        Returns:
            Area of every segment in mm2, float (segments,).
        """
        frame, index = self.frame, segmented.index
        spacing = (frame.row_spacing_mm, frame.column_spacing_mm)
        rows = [r for r in range(len(self.segments)) if segmented.present[r]]
        self.labels[index] = 0
        for mask in self.free.values():
            mask[index] = False
        areas = np.zeros(len(self.segments))
        if not rows:
            return areas
        values = window.to_slice(segmented.logits[rows], frame.shape[1:], spacing, NO_OBJECT_LOGIT).cpu()
        if self.outside is not None:
            values = values.masked_fill(self.outside, NO_OBJECT_LOGIT)
        if self.logits is not None:
            for place, row in enumerate(rows):
                self.logits[row, index] = values[place].numpy()
        competing = [(place, row) for place, row in enumerate(rows) if row in self.exclusive]
        if competing:
            rivals = values[[place for place, _ in competing]]
            if self.later_overwrites:
                rivals = (rivals > 0) * torch.arange(1, len(rivals) + 1)[:, None, None]
            best, winner = rivals.max(dim=0)
            numbers = torch.tensor([self.segments[row].value for _, row in competing])
            self.labels[index] = torch.where(best > 0, numbers[winner], 0).numpy()
        for place, row in enumerate(rows):
            if row in self.free:
                self.free[row][index] = (values[place] > 0).numpy()
            areas[row] = self._mask(row, index).sum() * spacing[0] * spacing[1]
        return areas

    def box(self) -> tuple[tuple[int, int], tuple[int, int]] | None:
        """First row and column and last row and column plus one of everything found in any slice."""
        found = (self.labels != 0).any(axis=0)
        for mask in self.free.values():
            found |= mask.any(axis=0)
        return box_of(found)

    def segmentation(self) -> Segmentation:
        """Everything found, on the target's grid."""
        geometry = self.frame.geometry
        masks = (self.frame.from_slices(self._mask(row, slice(None))) for row in range(len(self.segments)))
        return Segmentation.from_masks(self.segments, masks, geometry)

    def write_logits(self, path: Path) -> None:
        """Write the logits as .npz.

        ``logits`` float32 (segment, slice, h, w): slices rise with the index along the file's sliced axis, h and w
        are the other two axes in the order of a numpy array as SimpleITK gives it (the later axis first).
        ``segments``: names. ``slices``: indices along the sliced axis.
        """
        if self.logits is None:
            raise ValueError("the canvas was made without a file for logits")
        ordered = np.stack(
            [
                np.moveaxis(self.frame.from_slices(one), self.frame.plane_axis, 0).transpose(0, 2, 1)
                for one in self.logits
            ]
        )
        np.savez(
            path,
            logits=ordered,
            segments=np.array([s.name for s in self.segments]),
            slices=np.arange(ordered.shape[1]),
        )

    def _mask(self, row: int, index: int | slice) -> np.ndarray:
        return self.free[row][index] if row in self.free else self.labels[index] == self.segments[row].value


def box_of(found: np.ndarray) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Bounding box of a mask (h, w): first row and column, last row and column plus one; None where it is empty."""
    if not found.any():
        return None
    rows, columns = np.flatnonzero(found.any(axis=1)), np.flatnonzero(found.any(axis=0))
    return (int(rows[0]), int(columns[0])), (int(rows[-1]) + 1, int(columns[-1]) + 1)
