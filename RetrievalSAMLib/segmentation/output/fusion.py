"""From the logits of segmented slices to one segmentation on the target's own grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from ...models.window import Window
from ...stages import FUSION, timed
from ...volumes import Geometry, Segment, Segmentation
from ..engines.interface import NO_OBJECT_LOGIT
from ..propagation.segmented_slice import SegmentedSlice


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
        dtype = np.uint8 if max(s.value for s in segments) <= 255 else np.uint16
        self.labels = np.zeros(frame.shape, dtype=dtype)
        # By slice, what its labelled pixels won with, in the order of the pixels: most pixels have no label.
        self._best: dict[int, np.ndarray] = {}
        self.free = {row: np.zeros(frame.shape, dtype=bool) for row, s in enumerate(segments) if s.value in overlapping}
        self.logits = None
        if logits_file is not None:
            self.logits = np.lib.format.open_memmap(
                logits_file, mode="w+", dtype=np.float32, shape=(len(segments), *frame.shape)
            )
            self.logits[:] = NO_OBJECT_LOGIT

    @timed(FUSION)
    def add(self, segmented: SegmentedSlice, window: Window, rows: Sequence[int] | None = None) -> None:
        """Put one slice on its place, or some of its segments: those that come later compete with those before.

        Args:
            segmented: What was found.
            window: Through which it was seen.
            rows: The segments' rows of the canvas; all unless given.
        """
        frame, index = self.frame, segmented.index
        spacing = (frame.row_spacing_mm, frame.column_spacing_mm)
        rows = range(len(self.segments)) if rows is None else rows
        found = [(place, row) for place, row in enumerate(rows) if segmented.present[place]]
        if not found:
            return
        logits = segmented.logits[[place for place, _ in found]]
        values = window.to_slice(logits, frame.shape[1:], spacing, NO_OBJECT_LOGIT).cpu()
        if self.outside is not None:
            values = values.masked_fill(self.outside, NO_OBJECT_LOGIT)
        labels = self.labels[index]
        best = np.zeros(labels.shape, dtype=np.float32)
        best[labels != 0] = self._best.get(index, 0)
        for value, (_, row) in zip(values, found, strict=True):
            if self.logits is not None:
                self.logits[row, index] = value.numpy()
            if row in self.free:
                self.free[row][index] = (value > 0).numpy()
                continue
            rival = ((value > 0) * (row + 1) if self.later_overwrites else value).numpy()
            self._compete(row, rival, best, labels)
        self._best[index] = best[labels != 0]

    def draw(self, index: int, masks: Mapping[int, np.ndarray]) -> None:
        """Put known masks, bool (h, w) by row, over what was found in a slice; other segments keep the rest."""
        labels = self.labels[index]
        for row in set(masks) - set(self.free):
            labels[labels == self.segments[row].value] = 0
        for row, mask in masks.items():
            if row in self.free:
                self.free[row][index] = mask
            else:
                labels[mask] = self.segments[row].value

    @timed(FUSION)
    def revise(self, box: tuple[slice, slice, slice], logits: Mapping[int, np.ndarray]) -> None:
        """Put other logits in the place of some, and let the segments of these slices compete anew.

        Args:
            box: Slices, rows and columns.
            logits: By row of the canvas, float32 on the box.
        """
        if self.logits is None:
            raise ValueError("the canvas was made without a file for logits")
        depth, rows, columns = box
        for row, values in logits.items():
            if self.outside is not None:
                values = np.where(self.outside[rows, columns].numpy(), NO_OBJECT_LOGIT, values)
            self.logits[row][box] = values
        for index in range(depth.start, depth.stop) if logits else ():
            labels = self.labels[index]
            labels[:] = 0
            best = np.zeros(labels.shape, dtype=np.float32)
            for row in range(len(self.segments)):
                if row in self.free:
                    self.free[row][index] = self.logits[row, index] > 0
                else:
                    self._compete(row, self.logits[row, index], best, labels)
            self._best[index] = best[labels != 0]

    def _compete(self, row: int, rival: np.ndarray, best: np.ndarray, labels: np.ndarray) -> None:
        """Give a segment the pixels of a slice that it wins from those before it."""
        value = self.segments[row].value
        # The lower value wins a tie, so that the order of views does not matter.
        wins = (rival > best) | ((rival == best) & (value < labels))
        best[wins] = rival[wins]
        labels[wins] = value

    def area_mm2(self, row: int, index: int) -> float:
        """Area of a segment in one slice."""
        return float(self.mask(row, index).sum() * self.frame.row_spacing_mm * self.frame.column_spacing_mm)

    def found(self) -> np.ndarray:
        """Where any segment was found, bool (n, h, w)."""
        found: np.ndarray = self.labels != 0
        for mask in self.free.values():
            found = found | mask
        return found

    @timed(FUSION)
    def segmentation(self) -> Segmentation:
        """Everything found, on the target's grid."""
        geometry = self.frame.geometry
        masks = (self.frame.from_slices(self.mask(row, slice(None))) for row in range(len(self.segments)))
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

    def mask(self, row: int, index: int | slice) -> np.ndarray:
        """Where a segment was found in one slice (h, w), or in several, bool."""
        return self.free[row][index] if row in self.free else self.labels[index] == self.segments[row].value
