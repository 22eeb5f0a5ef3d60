"""What a person drew: some slices of some structures, as the target's stack has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from ...library.adding.selection import slices_drawn_in
from ...volumes import Segment, Segmentation, SliceFrame

DrawnMasks = Mapping[int, Mapping[int, np.ndarray]]
"""By row of the segment, by slice of the stack, bool (h, w); an empty mask says that the structure is not there."""


@dataclass(frozen=True)
class Drawn:
    """Drawn slices of one volume.

    Attributes:
        segments: The structures; their places here are their rows.
        masks: What was drawn, of every row at least one mask that is not empty.
        overlapping: Values of the segments that share pixels with others.
    """

    segments: tuple[Segment, ...]
    masks: DrawnMasks
    overlapping: frozenset[int] = frozenset()

    @property
    def slices(self) -> list[int]:
        """All slices that were drawn for any structure, rising."""
        return sorted({index for of_row in self.masks.values() for index in of_row})

    def extent_mm(self, row: int, frame: SliceFrame) -> tuple[np.ndarray, np.ndarray]:
        """First and last corner (slice, row, column) of the box that holds a structure's drawn pixels, in mm."""
        spacing = np.array([frame.slice_spacing_mm, frame.row_spacing_mm, frame.column_spacing_mm])
        places = [(index, *pixel) for index, mask in self.masks[row].items() for pixel in np.argwhere(mask)]
        return np.min(places, axis=0) * spacing, (np.max(places, axis=0) + 1) * spacing


def drawn_slices(segmentation: Segmentation, named: Sequence[int] | None, frame: SliceFrame, thing: str) -> Drawn:
    """Take the drawn slices out of a segmentation. Segments without a voxel are left out.

    Args:
        segmentation: On the target's grid.
        named: Indices along the sliced axis of the target's file, also of empty slices; no other slice counts. None:
            all slices that hold any structure. Each counts as drawn whole: what is not in it is not there.
        frame: Of the target.
        thing: What the user knows the segmentation as.

    Raises:
        InputError: Nothing is drawn, a structure on none of the named slices, or there is no such slice.
    """
    if named is None:
        named = slices_drawn_in(segmentation, frame.plane)
    chosen = sorted({_slice_of(index, frame) for index in named})
    segments: list[Segment] = []
    masks: dict[int, dict[int, np.ndarray]] = {}
    for place, segment in enumerate(segmentation.segments):
        mask = frame.to_slices(segmentation.mask(place))
        holding = np.flatnonzero(mask.any(axis=(1, 2))).tolist()
        if not holding:
            continue
        if not set(chosen) & set(holding):
            there = ", ".join(str(index) for index in sorted(map(frame.file_index, holding))[:5])
            raise InputError(
                f"{thing} ({segment.name})",
                "it is drawn on none of the slices that --drawn names",
                f"Name a slice that holds it, for example {there}.",
            )
        masks[len(segments)] = {index: mask[index].copy() for index in chosen}
        segments.append(segment)
    if not segments:
        raise InputError(thing, "nothing is drawn in it", "Draw the structure on one to three slices first.")
    return Drawn(tuple(segments), masks, _overlapping(segments, masks))


def _slice_of(index: int, frame: SliceFrame) -> int:
    count = frame.shape[0]
    if not 0 <= index < count:
        raise InputError(
            "drawn slices",
            f"the volume has no {frame.plane} slice {index}",
            f"Count along the sliced axis of the image file: 0 to {count - 1}.",
        )
    return frame.slice_index(index)


def _overlapping(segments: Sequence[Segment], masks: DrawnMasks) -> frozenset[int]:
    found: set[int] = set()
    for row, other in ((a, b) for a in masks for b in masks if a < b):
        if any((masks[row][index] & masks[other][index]).any() for index in set(masks[row]) & set(masks[other])):
            found |= {segments[row].value, segments[other].value}
    return frozenset(found)
