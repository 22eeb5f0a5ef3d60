"""Made-up cases for reviews: two balls that lie alike in all, and what can be planted in one of them."""

from __future__ import annotations

import numpy as np

from RetrievalSAMLib.volumes import Geometry, Segment, Segmentation, Volume

GRID = Geometry((48, 48, 12), (1.0, 1.0, 3.0), (5.0, -7.0, 11.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
SEGMENTS = (Segment("Large", 1), Segment("Small", 2))


def subject(seed: int, planted: str = "") -> tuple[Volume, Segmentation]:
    """A bright ball and a dimmer one, and their masks: right ones, or `swapped`, `shifted`, `empty`."""
    random = np.random.default_rng(seed)
    shift = random.uniform(-2, 2, 3)
    i, j, k = np.indices(GRID.size) * np.array(GRID.spacing_mm)[:, None, None, None]
    large = (i - 19 - shift[0]) ** 2 + (j - 27 - shift[1]) ** 2 + (k - 15 - shift[2]) ** 2 < 12**2
    small = ((i - 37 - shift[0]) ** 2 + (j - 18 - shift[1]) ** 2 + (k - 21 - shift[2]) ** 2 < 6**2) & ~large
    voxels = (60 + 120 * large + 60 * small + random.normal(0, 12, GRID.size)).astype(np.int16)
    masks = (large, small)
    if planted == "swapped":
        masks = (small, large)
    elif planted == "shifted":
        masks = tuple(np.roll(mask, (-7, -5), (0, 1)) for mask in masks)  # type: ignore[assignment]
    elif planted == "empty":
        masks = (large, np.zeros_like(small))
    return Volume(voxels, GRID), Segmentation.from_masks(SEGMENTS, masks, GRID)


def stripes(seed: int = 0) -> Volume:
    """A volume that looks like none of these."""
    random = np.random.default_rng(seed)
    i, j, _ = np.indices(GRID.size)
    return Volume((400 * ((i // 4 + j // 3) % 2) + random.normal(100, 10, GRID.size)).astype(np.int16), GRID)
