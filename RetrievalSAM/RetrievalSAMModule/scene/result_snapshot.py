"""A result as the worker gave it, one bit a voxel, so that it can be told which slices the user has changed since."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


class ResultSnapshot:
    """Masks of segments on the volume's grid, by name. A segment that was not taken counts as empty.

    Every plane of voxels k is packed by itself. What was kept and what is there now are compared packed, so that only
    planes that differ are unpacked: after a stroke that is one of a hundred.
    """

    def __init__(self) -> None:
        self._taken: dict[str, tuple[tuple[int, ...], np.ndarray]] = {}

    def take(self, name: str, mask: np.ndarray | None) -> None:
        """Keep a segment: (k, j, i), nonzero inside; None for an empty one."""
        if mask is None:
            self._taken.pop(name, None)
        else:
            self._taken[name] = (mask.shape, _packed(mask))

    def renamed(self, names: Mapping[str, str]) -> ResultSnapshot:
        """The same masks, of these names alone, under others."""
        copy = ResultSnapshot()
        copy._taken = {other: self._taken[name] for name, other in names.items() if name in self._taken}
        return copy

    def changed_slices(self, name: str, mask: np.ndarray | None, axis: int) -> frozenset[int]:
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

    def changes(self, name: str, mask: np.ndarray | None, axis: int) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        """What these slices were and what they are, bool, axes in the order (k, j, i), by index; arguments likewise.

        Raises:
            ValueError: The grid is another one.
        """
        known = self._taken.get(name)
        if known is None and mask is None:
            return {}
        shape = mask.shape if known is None else known[0]
        if mask is not None and mask.shape != shape:
            raise ValueError(f"the volume has {mask.shape} voxels, the result {shape}")
        was = np.zeros_like(_packed(mask)) if known is None else known[1]
        now = np.zeros_like(was) if mask is None else _packed(mask)
        planes = np.flatnonzero((was != now).any(axis=1))
        before, after = (_unpacked(bits, planes, shape) for bits in (was, now))
        if axis == 2:
            return {int(k): (before[place], after[place]) for place, k in enumerate(planes)}
        # A slice that crosses the planes is told whole, also where it did not change.
        sides = tuple(other for other in range(3) if other != 2 - axis)
        crossing = np.flatnonzero((before != after).any(axis=sides)).tolist()
        if crossing and len(planes) < shape[0]:
            before, after = (_unpacked(bits, np.arange(shape[0]), shape) for bits in (was, now))
        return {i: (before.take(i, axis=2 - axis), after.take(i, axis=2 - axis)) for i in crossing}


def _packed(mask: np.ndarray) -> np.ndarray:
    """A mask (k, j, i), nonzero inside, as bits: a row a plane."""
    return np.packbits((mask != 0).reshape(len(mask), -1), axis=1)


def _unpacked(bits: np.ndarray, planes: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Some planes of a mask of a shape (k, j, i), bool (planes, j, i)."""
    rows = np.unpackbits(bits[planes], axis=1, count=shape[1] * shape[2])
    return rows.reshape(len(planes), *shape[1:]).astype(bool)
