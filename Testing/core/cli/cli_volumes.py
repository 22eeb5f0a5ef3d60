"""Made-up volumes for the command line."""

from __future__ import annotations

import numpy as np

from RetrievalSAMLib.volumes import Geometry, Segment, Segmentation, Volume

GEOMETRY = Geometry((20, 24, 8), (2.0, 2.0, 5.0), (-10.0, 4.0, 30.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))


def blob(seed: int) -> tuple[Volume, Segmentation]:
    """A bright ball in noise, in the middle slices only, with its mask as two halves."""
    random = np.random.default_rng(seed)
    i, j, k = np.indices(GEOMETRY.size)
    ball = ((i - 10 - seed) ** 2 + (j - 12) ** 2) * 4 + (k - 4) ** 2 * 25 < 170
    voxels = (300 * ball + random.normal(100, 15, GEOMETRY.size)).astype(np.int16)
    segments = (Segment("Left half", 1), Segment("Right half", 2))
    masks = (ball & (i < 10 + seed), ball & (i >= 10 + seed))
    return Volume(voxels, GEOMETRY), Segmentation.from_masks(segments, masks, GEOMETRY)
