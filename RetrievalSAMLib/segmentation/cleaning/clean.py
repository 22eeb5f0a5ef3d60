"""Cleaning a result: what is taken away, filled and smoothed, and what is never touched."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import msgspec
import numpy as np
from scipy import ndimage

from ..output.report import CleanedSegment
from ..settings.cleaning import Cleaning
from .habits import Habit
from .shapes import holes_of, islands_of
from .smoothing import smoothed_labels, smoothed_mask

MOST_ISLAND = 0.25
"""A piece of at least this part of the largest one may be a part of the structure, between which the run lost it."""

MOST_HOLE = 0.25
"""A hole of at least this part of what its outline encloses may be a lumen that the cases do not show."""

THICK = 0.9
"""Dice that a segment of the cases keeps with itself when it is smoothed, from which on it is thick. Of a thin one (a
jaw of a few voxels) a run finds pieces that belong to it, and smoothing takes more of it than noise."""

_BELOW_SEEN = 0.5
"""What is smaller than this part of the smallest one that a case has is unlike any that cases have."""


@dataclass(frozen=True)
class Found:
    """The masks of a result; cleaning changes them in place.

    Attributes:
        labels: (n, h, w), the segments that may not share voxels; 0 where none is.
        label_of: By row of the run, which label there is the segment's. Labels of no row stay as they are.
        free: By row, bool (n, h, w): the segments that may share voxels.
        may_change: By row, bool (n,): slices that nobody has drawn, set points on or said to be right.
        inside: bool (h, w), where anything may be found.
    """

    labels: np.ndarray
    label_of: Mapping[int, int]
    free: Mapping[int, np.ndarray]
    may_change: Mapping[int, np.ndarray]
    inside: np.ndarray

    def mask(self, row: int, index: int | slice = slice(None)) -> np.ndarray:
        """Where a segment is, bool, in one slice or in several."""
        return self.free[row][index] if row in self.free else self.labels[index] == self.label_of[row]

    def taken(self, row: int, index: int) -> np.ndarray:
        """Where segments are in a slice with which one may not share pixels, bool (h, w)."""
        labels = self.labels[index]
        return np.zeros(labels.shape, dtype=bool) if row in self.free else (labels != 0) & ~self.mask(row, index)

    def put(self, row: int, place: tuple[slice, ...] | int, voxels: np.ndarray, there: bool) -> None:
        """Give voxels of a part of the volume, bool, to a segment, or take them from it."""
        if row in self.free:
            self.free[row][place][voxels] = there
        else:
            self.labels[place][voxels] = self.label_of[row] if there else 0


def clean(found: Found, habits: Mapping[int, Habit], cleaning: Cleaning) -> dict[int, CleanedSegment]:
    """Take away what no case is like.

    The largest piece of a segment always stays, and so does every piece that reaches into a slice that must not change.
    A hole in which another segment lies is none, unless the two may share voxels.

    Args:
        found: The masks; they are changed.
        habits: By row, how the cases have the segment. What they do not tell of is left alone.
        cleaning: What to do.

    Returns:
        What was done, of the rows where anything was.
    """
    done = {row: CleanedSegment() for row in found.may_change}
    thick = [row for row in done if (habits[row].smooth or 0.0) >= THICK]
    for row in thick if cleaning.islands else ():
        done[row] = _without_islands(found, row, habits[row].least_island, done[row])
    if cleaning.smooth:
        for row, voxels in _smooth(found, thick).items():
            done[row] = msgspec.structs.replace(done[row], smoothed_voxels=voxels)
        for row in thick if cleaning.islands else ():  # what hung by a thread may hang by nothing now
            done[row] = _without_islands(found, row, habits[row].least_island, done[row])
    for row in done if cleaning.holes else ():
        done[row] = _without_holes(found, row, habits[row].least_hole, done[row])
    return {row: one for row, one in done.items() if one != CleanedSegment()}


def _without_islands(found: Found, row: int, least: float | None, done: CleanedSegment) -> CleanedSegment:
    pieces = islands_of(found.mask(row)) if least is not None else None
    if pieces is None or least is None:
        return done
    small = pieces.parts < min(MOST_ISLAND, _BELOW_SEEN * least)
    first, may_change = pieces.box[0].start, found.may_change[row]
    for number, place in enumerate(ndimage.find_objects(pieces.numbers)):
        small[number] &= may_change[first + place[0].start : first + place[0].stop].all()
    loose = np.concatenate([[False], small])
    if loose.any():
        found.put(row, pieces.box, loose[pieces.numbers], False)
    voxels = done.island_voxels + int(pieces.sizes[small].sum())
    return msgspec.structs.replace(done, islands=done.islands + int(small.sum()), island_voxels=voxels)


def _without_holes(found: Found, row: int, least: float | None, done: CleanedSegment) -> CleanedSegment:
    if least is None:
        return done
    limit, count, voxels = min(MOST_HOLE, _BELOW_SEEN * least), 0, 0
    for index in map(int, np.flatnonzero(found.may_change[row] & found.mask(row).any(axis=(1, 2)))):
        for hole, part in holes_of(found.mask(row, index), found.taken(row, index)):
            if part < limit and found.inside[hole].all():
                found.put(row, index, hole, True)
                count, voxels = count + 1, voxels + int(hole.sum())
    return msgspec.structs.replace(done, holes=count, hole_voxels=voxels)


def _smooth(found: Found, rows: Collection[int]) -> dict[int, int]:
    """Smooth the outlines of some segments within the slices; voxels that each won or lost, by row."""
    changed = dict.fromkeys(rows, 0)
    for index, labels in enumerate(found.labels):
        movable = {label for row, label in found.label_of.items() if row in rows and found.may_change[row][index]}
        pinned = {int(label) for label in np.unique(labels)} - movable
        smooth = smoothed_labels(labels, pinned) if movable and labels.any() else labels
        smooth = np.where(found.inside, smooth, labels)
        for row, label in found.label_of.items():
            if label in movable:
                changed[row] += int(((smooth == label) != (labels == label)).sum())
        labels[:] = smooth
        for row, mask in found.free.items():
            if row in rows and found.may_change[row][index]:
                smooth = smoothed_mask(mask[index])
                one = np.where(found.inside, smooth, mask[index]) if smooth.any() else mask[index].copy()
                changed[row] += int((one != mask[index]).sum())
                mask[index] = one
    return changed
