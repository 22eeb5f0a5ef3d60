"""A result as the worker gave it, one bit a voxel, so that it can be told which slices the user has changed since."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


class ResultSnapshot:
    """Masks of segments on the volume's grid, by name. A segment that was not taken counts as empty."""

    def __init__(self) -> None:
        self._taken: dict[str, tuple[tuple[int, ...], np.ndarray]] = {}

    def take(self, name: str, mask: np.ndarray | None) -> None:
        """Keep a segment: (k, j, i), nonzero inside; None for an empty one."""
        if mask is None:
            self._taken.pop(name, None)
        else:
            self._taken[name] = (mask.shape, np.packbits(mask != 0))

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
        return frozenset(self._differing(name, mask, axis)[0])

    def changes(self, name: str, mask: np.ndarray | None, axis: int) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        """What these slices were and what they are, bool, axes in the order (k, j, i), by index; arguments likewise.

        Raises:
            ValueError: The grid is another one.
        """
        slices, was, now = self._differing(name, mask, axis)
        return {i: (was.take(i, axis=2 - axis), now.take(i, axis=2 - axis)) for i in slices}

    def _differing(self, name: str, mask: np.ndarray | None, axis: int) -> tuple[list[int], np.ndarray, np.ndarray]:
        """Slices where a segment is not what was kept; what it was, and is, bool (k, j, i)."""
        known = self._taken.get(name)
        if known is None and mask is None:
            return [], *2 * (np.zeros((0, 0, 0), dtype=bool),)
        shape = mask.shape if known is None else known[0]
        if mask is not None and mask.shape != shape:
            raise ValueError(f"the volume has {mask.shape} voxels, the result {shape}")
        nothing = np.zeros(shape, dtype=bool)
        was = nothing if known is None else np.unpackbits(known[1], count=nothing.size).reshape(shape).astype(bool)
        now = nothing if mask is None else mask != 0
        others = tuple(other for other in range(3) if other != 2 - axis)
        return np.flatnonzero((was != now).any(axis=others)).tolist(), was, now
