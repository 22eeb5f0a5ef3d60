"""Volumes of made-up people: blobs of their own in everyone."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from RetrievalSAMLib.volumes import Geometry, Segment, Segmentation, Volume

GRID = Geometry((40, 44, 14), (1.5, 1.5, 4.0), (5.0, -7.0, 11.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))


def person(seed: int) -> Volume:
    """A body with structures that no other one has."""
    random = np.random.default_rng(seed)
    i, j, k = np.indices(GRID.size)
    body = ((i - 20) / 17) ** 2 + ((j - 22) / 19) ** 2 < 1
    texture = ndimage.gaussian_filter(random.normal(0, 1, GRID.size), (3, 3, 1))
    voxels = body * (400 + 900 * texture / texture.std() / 4) + random.normal(0, 10, GRID.size)
    return Volume(voxels.astype(np.int16), GRID)


def drawn(volume: Volume) -> Segmentation:
    """Some mask on its grid."""
    mask = np.zeros(volume.geometry.size, dtype=bool)
    mask[5:12, 5:12, 3:8] = True
    return Segmentation.from_masks([Segment("Part", 1)], [mask], volume.geometry)
