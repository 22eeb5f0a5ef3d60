"""A result as the worker gave it, one bit a voxel, so that it can be told which slices the user has changed since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .cropped_mask import CroppedMask, Shape


@dataclass(frozen=True)
class _Kept:
    """A mask, a bit a voxel: the grid's size (k, j, i), the first plane k, and a row of bits a plane."""

    shape: Shape
    first: int
    planes: np.ndarray


class ResultSnapshot:
    """Masks of segments on the volume's grid, by name. A segment that was not taken counts as empty.

    Every plane of voxels k is packed by itself. What was kept and what is there now are compared packed, so that only
    planes that differ are unpacked: after a stroke that is one of a hundred.
    """

    def __init__(self) -> None:
        self._taken: dict[str, _Kept] = {}

    def take(self, name: str, mask: CroppedMask | None) -> None:
        """Keep a segment; None for an empty one."""
        if mask is None:
            self._taken.pop(name, None)
        else:
            self._taken[name] = _Kept(mask.shape, mask.first[0], mask.planes)

    def renamed(self, names: Mapping[str, str]) -> ResultSnapshot:
        """The same masks, of these names alone, under others."""
        copy = ResultSnapshot()
        copy._taken = {other: self._taken[name] for name, other in names.items() if name in self._taken}
        return copy

    def changed_slices(self, name: str, mask: CroppedMask | None, axis: int) -> frozenset[int]:
        """Where a segment is not what was kept.

        Args:
            name: Of the segment.
            mask: As it is now, as `take` has it.
            axis: The sliced axis of the volume's voxels, 0, 1, 2 as i, j, k.

        Returns:
            Indices of slices along the axis.

        Raises:
            ValueError: The grid is another one.
        """
        return frozenset(self.changes(name, mask, axis))

    def changes(self, name: str, mask: CroppedMask | None, axis: int) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        """What these slices were and what they are, bool, axes in the order (k, j, i), by index; arguments likewise.

        Raises:
            ValueError: The grid is another one.
        """
        was = self._taken.get(name)
        now = None if mask is None else _Kept(mask.shape, mask.first[0], mask.planes)
        known = was or now
        if known is None:
            return {}
        shape = known.shape
        if now is not None and now.shape != shape:
            raise ValueError(f"the volume has {now.shape} voxels, the result {shape}")
        planes = _differing(was, now)
        if not planes:
            return {}
        before, after = (_unpacked(kept, planes, shape) for kept in (was, now))
        if axis == 2:
            return {k: (before[place], after[place]) for place, k in enumerate(planes)}
        # A slice that crosses the planes is told whole, also where it did not change.
        sides = tuple(other for other in range(3) if other != 2 - axis)
        crossing = np.flatnonzero((before != after).any(axis=sides)).tolist()
        if crossing and len(planes) < shape[0]:
            before, after = (_unpacked(kept, range(shape[0]), shape) for kept in (was, now))
        return {i: (before.take(i, axis=2 - axis), after.take(i, axis=2 - axis)) for i in crossing}


def _rows(kept: _Kept | None, begin: int, end: int, width: int) -> np.ndarray:
    """The planes from `begin` to before `end`, a row of `width` bytes each; empty ones where nothing was kept."""
    if kept is not None and kept.first <= begin and end <= kept.first + len(kept.planes):
        return kept.planes[begin - kept.first : end - kept.first]
    found = np.zeros((end - begin, width), np.uint8)
    if kept is not None:
        first, last = max(begin, kept.first), min(end, kept.first + len(kept.planes))
        if first < last:
            found[first - begin : last - begin] = kept.planes[first - kept.first : last - kept.first]
    return found


def _differing(was: _Kept | None, now: _Kept | None) -> list[int]:
    """The planes k in which two masks of one grid, at least one of them there, are not the same."""
    there = [kept for kept in (was, now) if kept is not None]
    begin = min(kept.first for kept in there)
    end = max(kept.first + len(kept.planes) for kept in there)
    width = there[0].planes.shape[1]
    differ = (_rows(was, begin, end, width) != _rows(now, begin, end, width)).any(axis=1)
    return [begin + int(place) for place in np.flatnonzero(differ)]


def _unpacked(kept: _Kept | None, planes: list[int] | range, shape: Shape) -> np.ndarray:
    """Some planes of a mask of a shape (k, j, i), bool (planes, j, i)."""
    found = np.zeros((len(planes), *shape[1:]), bool)
    if kept is None:
        return found
    there = [place for place, k in enumerate(planes) if kept.first <= k < kept.first + len(kept.planes)]
    rows = kept.planes[[planes[place] - kept.first for place in there]]
    found[there] = np.unpackbits(rows, axis=1, count=shape[1] * shape[2]).reshape(len(there), *shape[1:])
    return found
