"""A result as the worker gave it, one bit a voxel, so that it can be told which slices the user has changed since."""

from __future__ import annotations

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
        known = self._taken.get(name)
        if known is None:
            differs = None if mask is None else mask != 0
        else:
            shape, bits = known
            was = np.unpackbits(bits, count=int(np.prod(shape))).reshape(shape).astype(bool)
            if mask is not None and mask.shape != shape:
                raise ValueError(f"the volume has {mask.shape} voxels, the result {shape}")
            differs = was if mask is None else was != (mask != 0)
        if differs is None:
            return frozenset()
        others = tuple(other for other in range(3) if other != 2 - axis)
        return frozenset(int(index) for index in np.flatnonzero(differs.any(axis=others)))
