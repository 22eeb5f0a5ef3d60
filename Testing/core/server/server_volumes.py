"""Made-up volumes for the server, on a grid that is oblique and flipped."""

from __future__ import annotations

import numpy as np

from RetrievalSAMLib.volumes import Geometry, Segment, Segmentation, Volume

_OBLIQUE = (0.96, 0.28, 0.0, 0.28, -0.96, 0.0, 0.0, 0.0, -1.0)
GRID = Geometry((24, 22, 6), (1.7, 1.7, 4.0), (5.25, -7.1, 11.3), _OBLIQUE)
SEGMENTS = (Segment("Large", 1, (0.9, 0.2, 0.1)), Segment("Small", 2))


def subject(seed: int, grid: Geometry = GRID) -> tuple[Volume, Segmentation]:
    """A bright ball and a dimmer one beside it, somewhere near the middle."""
    random = np.random.default_rng(seed)
    size = np.array(grid.size)[:, None, None, None]
    i, j, k = np.indices(grid.size) / size - random.uniform(-0.04, 0.04, 3)[:, None, None, None]
    large = (i - 0.4) ** 2 + (j - 0.55) ** 2 + (k - 0.5) ** 2 < 0.25**2
    small = ((i - 0.78) ** 2 + (j - 0.35) ** 2 + (k - 0.6) ** 2 < 0.14**2) & ~large
    voxels = (60 + 120 * large + 60 * small + random.normal(0, 12, grid.size)).astype(np.int16)
    return Volume(voxels, grid), Segmentation.from_masks(SEGMENTS, (large, small), grid)
