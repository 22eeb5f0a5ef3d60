"""Islands and holes of a mask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

_TOUCHING = np.ones((3, 3, 3), dtype=bool)


@dataclass(frozen=True)
class Islands:
    """The pieces that a mask falls into, the largest among them; voxels that touch by a corner hang together.

    Attributes:
        box: Of the mask (n, h, w), where they lie.
        numbers: int32, of the box: which piece each voxel belongs to, from 1; 0 outside.
        sizes: int (pieces,), in voxels.
    """

    box: tuple[slice, ...]
    numbers: np.ndarray
    sizes: np.ndarray

    @property
    def parts(self) -> np.ndarray:
        """The size of each as a part of the largest one's, float (pieces,)."""
        parts: np.ndarray = self.sizes / self.sizes.max()
        return parts


def islands_of(mask: np.ndarray) -> Islands | None:
    """The pieces of a mask, bool (n, h, w); None where it is empty."""
    box = box_of(mask)
    if box is None:
        return None
    numbers = np.zeros(mask[box].shape, dtype=np.int32)
    ndimage.label(mask[box], structure=_TOUCHING, output=numbers)
    return Islands(box, numbers, np.bincount(numbers.ravel())[1:])


def holes_of(mask: np.ndarray, taken: np.ndarray) -> Iterator[tuple[np.ndarray, float]]:
    """The holes in a mask of a slice: what it encloses, unless another segment lies in there.

    Args:
        mask: bool (h, w).
        taken: bool (h, w), where segments are that it may not share pixels with.

    Yields:
        A hole, bool (h, w), and its part of what its outline encloses, holes included, in [0, 1].
    """
    box = box_of(mask)
    if box is None:
        return
    enclosed = ndimage.binary_fill_holes(mask[box])
    numbers, count = ndimage.label(enclosed & ~mask[box])
    if not count:
        return
    outlines, _ = ndimage.label(enclosed)
    areas = np.bincount(outlines.ravel())
    for number in range(1, count + 1):
        one = numbers == number
        if (taken[box] & one).any():
            continue
        hole = np.zeros_like(mask)
        hole[box] = one
        yield hole, float(one.sum() / areas[outlines[one][0]])


def box_of(mask: np.ndarray) -> tuple[slice, ...] | None:
    """The smallest box that holds a mask; None where it is empty."""
    axes = [tuple(other for other in range(mask.ndim) if other != axis) for axis in range(mask.ndim)]
    places = [np.flatnonzero(mask.any(axis=others)) for others in axes]
    if not len(places[0]):
        return None
    return tuple(slice(int(one[0]), int(one[-1]) + 1) for one in places)
