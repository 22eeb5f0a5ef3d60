"""A mask on a volume's grid of which only a box is kept: outside it nothing is there.

Most segments fill a small part of a volume; copying, packing and comparing them costs by the box, not by the volume.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class CroppedMask:
    """A mask. All three are in the order (k, j, i).

    Attributes:
        shape: Of the whole grid.
        first: The voxel of the grid that the box begins with.
        voxels: Bool, what is in the box, which lies within the grid.
    """

    shape: Shape
    first: Shape
    voxels: np.ndarray

    @classmethod
    def of(cls, mask: np.ndarray) -> CroppedMask:
        """The box round what a whole mask (k, j, i) holds, nonzero inside."""
        inside = mask if mask.dtype == bool else mask != 0
        first, last = _box(inside)
        box = tuple(slice(begin, end) for begin, end in zip(first, last, strict=True))
        return cls(_three(mask.shape), first, inside[box])

    @classmethod
    def empty(cls, shape: Shape) -> CroppedMask:
        """A mask on a grid of a shape that holds nothing."""
        return cls(shape, (0, 0, 0), np.zeros((0, 0, 0), bool))

    @property
    def last(self) -> Shape:
        """The voxel of the grid behind the box."""
        return _three(begin + size for begin, size in zip(self.first, self.voxels.shape, strict=True))

    @property
    def box(self) -> tuple[slice, ...]:
        """Of a whole grid the part that is kept."""
        return tuple(slice(begin, end) for begin, end in zip(self.first, self.last, strict=True))

    def any(self) -> bool:
        """Whether anything is there."""
        return bool(self.voxels.any())

    def tight(self) -> CroppedMask:
        """The same with the smallest box; of an empty mask a box without voxels."""
        found = CroppedMask.of(self.voxels)
        first = _three(begin + more for begin, more in zip(self.first, found.first, strict=True))
        return CroppedMask(self.shape, first, found.voxels)

    def whole(self) -> np.ndarray:
        """All voxels of the grid, bool (k, j, i)."""
        found = np.zeros(self.shape, bool)
        found[self.box] = self.voxels
        return found

    def only(self, axis: int, slices: set[int]) -> CroppedMask:
        """Without what lies on other slices along an axis (0, 1, 2 as i, j, k)."""
        side = 2 - axis
        kept = np.zeros_like(self.voxels)
        for index in slices:
            if self.first[side] <= index < self.last[side]:
                place = index - self.first[side]
                np.moveaxis(kept, side, 0)[place] = np.moveaxis(self.voxels, side, 0)[place]
        return CroppedMask(self.shape, self.first, kept)

    def with_slices(self, slices: Mapping[tuple[int, int], np.ndarray]) -> CroppedMask:
        """The same with other slices.

        Args:
            slices: Bool, axes in the order (k, j, i), by the axis (0, 1, 2 as i, j, k) and the index along it. Where
                two cross, the later one counts.
        """
        boxes = [(self.first, self.last)] if self.voxels.size else []
        for (axis, index), pixels in slices.items():
            first, last = _box(np.expand_dims(pixels, 2 - axis))
            if first != last:
                boxes.append((_moved(first, 2 - axis, index), _moved(last, 2 - axis, index)))
        if not boxes:
            return CroppedMask.empty(self.shape)
        begin = np.min([first for first, _last in boxes], axis=0)
        end = np.max([last for _first, last in boxes], axis=0)
        voxels = np.zeros(end - begin, bool)
        if self.voxels.size:
            voxels[_between(np.array(self.first) - begin, np.array(self.last) - begin)] = self.voxels
        for (axis, index), pixels in slices.items():
            side = 2 - axis
            if begin[side] <= index < end[side]:
                part = pixels[_between(np.delete(begin, side), np.delete(end, side))]
                np.moveaxis(voxels, side, 0)[index - begin[side]] = part
        return CroppedMask(self.shape, _three(begin), voxels)

    def held(self, axis: int) -> set[int]:
        """Indices of the slices along an axis (0, 1, 2 as i, j, k) that hold something."""
        side = 2 - axis
        found = np.flatnonzero(self.voxels.any(axis=tuple(other for other in range(3) if other != side)))
        return {int(index) + self.first[side] for index in found}

    @cached_property
    def planes(self) -> np.ndarray:
        """The planes k of the box, each whole, a row of bits a plane; uint8 (planes, bytes)."""
        (k0, j0, i0), (k1, j1, i1) = self.first, self.last
        voxels = self.voxels
        if voxels.shape[1:] != self.shape[1:]:
            voxels = np.zeros((k1 - k0, *self.shape[1:]), bool)
            voxels[:, j0:j1, i0:i1] = self.voxels
        return np.packbits(voxels.reshape(k1 - k0, self.shape[1] * self.shape[2]), axis=1)


def _box(mask: np.ndarray) -> tuple[Shape, Shape]:
    """The first voxel of the box round what is there, and the one behind it; bool (k, j, i)."""
    first, last = [0, 0, 0], [0, 0, 0]
    part = mask
    for side in range(3):  # each looks at what the sides before have left
        held = np.flatnonzero(part.any(axis=tuple(other for other in range(3) if other != side)))
        if not len(held):
            return (0, 0, 0), (0, 0, 0)
        first[side], last[side] = int(held[0]), int(held[-1]) + 1
        part = part[(slice(None),) * side + (slice(first[side], last[side]),)]
    return _three(first), _three(last)


def _between(first: np.ndarray, last: np.ndarray) -> tuple[slice, ...]:
    return tuple(slice(int(begin), int(end)) for begin, end in zip(first, last, strict=True))


def _moved(voxel: Shape, side: int, steps: int) -> Shape:
    return _three(one + steps if place == side else one for place, one in enumerate(voxel))


def _three(numbers: object) -> Shape:
    k, j, i = (int(one) for one in numbers)  # type: ignore[attr-defined]
    return k, j, i
