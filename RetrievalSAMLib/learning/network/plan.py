"""What an expert's network looks like: chosen from the cases, by nnU-Net's rules where a processor can afford them.

Isensee et al., Nature Methods 2021: kernels and pooling leave an axis alone as long as its voxels are much larger than
the others'; the patch holds the structures where memory allows. Unlike there the spacing may be coarsened, by two at
most, so that a patch holds the structures of a few cases and a step takes about a second on one thread.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np

_PATCH_VOXELS = 56 * 1024
_COARSEST = 2.0
"""Voxels of the expert are at most so many times as large as those of the cases."""

_ANISOTROPIC = 2.0
_SMALLEST_SIDE = 4
"""Voxels that the coarsest level of the network has along a pooled axis, at least."""

_CHANNELS, _CHANNELS_IN_BFLOAT16 = (8, 16, 32, 64), (12, 24, 48, 96)
"""In float32 half as many again take 2.5 times as long a step, and learn less in the same time; where they are
trained in bfloat16 they learn more (training/README.md)."""

_FEWEST_LEVELS = 3
"""That MONAI's network needs."""

Three = tuple[int, int, int]


class NetworkPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The shape of a network and of its input; axes are slices, rows, columns.

    Attributes:
        spacing_mm: Of the grid on which it works.
        patch: Voxels that it sees at once; multiples of what it pools.
        kernels: By level.
        strides: By level; the first is (1, 1, 1).
        channels: By level.
    """

    spacing_mm: tuple[float, float, float]
    patch: Three
    kernels: tuple[Three, ...]
    strides: tuple[Three, ...]
    channels: tuple[int, ...]

    @property
    def pooled(self) -> Three:
        """What sides of an input are multiples of."""
        a, b, c = np.prod(np.array(self.strides), axis=0).tolist()
        return a, b, c


def plan_network(
    extents_mm: Sequence[tuple[float, float, float]],
    spacings_mm: Sequence[tuple[float, float, float]],
    in_bfloat16: bool = False,
) -> NetworkPlan:
    """Choose it.

    Args:
        extents_mm: By case, along slices, rows and columns, of what the expert is to look at.
        spacings_mm: By case, of its grid.
        in_bfloat16: Whether it is trained in bfloat16.
    """
    extent = np.median(np.array(extents_mm), axis=0)
    native = np.median(np.array(spacings_mm), axis=0)
    spacing = _coarsened(native, extent)
    sides = np.maximum(1, np.ceil(extent / spacing)).astype(int)
    sides = _within_budget(sides)
    kernels, strides = _levels(spacing, sides)
    pooled = np.prod(np.array(strides), axis=0)
    patch = (np.maximum(1, np.round(sides / pooled)) * pooled).astype(int)
    a, b, c = (round(float(s), 4) for s in spacing)
    channels = _CHANNELS_IN_BFLOAT16 if in_bfloat16 else _CHANNELS
    return NetworkPlan((a, b, c), _three(patch), kernels, strides, channels[: len(strides)])


def _coarsened(native: np.ndarray, extent: np.ndarray) -> np.ndarray:
    """The finest axes grow together, so that voxels never become more oblong."""
    spacing = native.copy()
    for _ in range(64):
        if np.prod(np.ceil(extent / spacing)) <= _PATCH_VOXELS:
            break
        finest = spacing <= spacing.min() * 1.01
        grown = np.where(finest, spacing * 1.05, spacing)
        if (grown > native * _COARSEST).any():
            break
        spacing = grown
    return spacing


def _within_budget(sides: np.ndarray) -> np.ndarray:
    """A patch for a part of structures that are too large to be seen whole."""
    sides = sides.copy()
    while np.prod(sides) > _PATCH_VOXELS:
        sides[np.argmax(sides)] -= 1
    return sides


def _levels(spacing: np.ndarray, sides: np.ndarray) -> tuple[tuple[Three, ...], tuple[Three, ...]]:
    """Kernels and strides by level, by nnU-Net's rules (Isensee et al., Nature Methods 18, 2021, supplement)."""
    kernels, strides = [], [(1, 1, 1)]
    spacing, sides, wide = spacing.copy(), sides.astype(float), np.zeros(3, dtype=bool)
    while True:
        # An axis whose voxels are several times as long is left alone until the others have caught up; one that has
        # been looked along stays so, though a stack of few slices is pooled within the slices alone.
        wide |= (spacing < _ANISOTROPIC * spacing.min()) & (sides > 1)
        kernels.append(_three(np.where(wide, 3, 1)))
        pool = sides / 2 >= _SMALLEST_SIDE
        if pool.any():
            pool &= spacing < _ANISOTROPIC * spacing[pool].min()
        done = len(strides) == len(_CHANNELS) or (not pool.any() and len(strides) >= _FEWEST_LEVELS)
        if done:
            return tuple(kernels), tuple(strides)
        strides.append(_three(np.where(pool, 2, 1)))
        spacing = np.where(pool, spacing * 2, spacing)
        sides = np.where(pool, np.ceil(sides / 2), sides)


def _three(values: np.ndarray) -> Three:
    a, b, c = (int(v) for v in values)
    return a, b, c


def padded(size: Three, multiple: Three) -> Three:
    """The least size that holds another and is a multiple along every axis."""
    a, b, c = (math.ceil(n / m) * m for n, m in zip(size, multiple, strict=True))
    return a, b, c
