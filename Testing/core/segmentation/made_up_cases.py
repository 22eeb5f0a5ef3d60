"""Small made-up volumes whose structures appear, grow and vanish along the slices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.volumes import Geometry, Segment, Segmentation, Volume

SEGMENTS = (Segment("Large", 1), Segment("Small", 2))
GEOMETRY = Geometry((48, 48, 12), (1.0, 1.0, 3.0), (5.0, -7.0, 11.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))


def masks(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A large ball and a small one beside it, off the middle in every axis."""
    shift = np.random.default_rng(seed).uniform(-2, 2, 3)
    i, j, k = np.indices(GEOMETRY.size) * np.array(GEOMETRY.spacing_mm)[:, None, None, None]
    large = (i - 19 - shift[0]) ** 2 + (j - 27 - shift[1]) ** 2 + (k - 15 - shift[2]) ** 2 < 12**2
    small = (i - 37 - shift[0]) ** 2 + (j - 18 - shift[1]) ** 2 + (k - 21 - shift[2]) ** 2 < 6**2
    return large, small & ~large


def case(seed: int, overlap: bool = False) -> MemoryCase:
    """A case; with ``overlap`` the small structure reaches into the large one."""
    large, small = masks(seed)
    if overlap:
        small = small | (large & (np.indices(GEOMETRY.size)[0] > 24))
    noise = np.random.default_rng(seed).normal(0, 12, GEOMETRY.size)
    voxels = (60 + 120 * large + 60 * small + noise).astype(np.int16)
    segmentation = Segmentation.from_masks(SEGMENTS, (large, small), GEOMETRY)
    return MemoryCase(f"case-{seed}", Volume(voxels, GEOMETRY), segmentation)


def stored_otherwise(volume: Volume, order: tuple[int, int, int], flipped: tuple[bool, bool, bool]) -> Volume:
    """The same volume in space, its array axes permuted and some of them reversed."""
    geometry = volume.geometry
    columns = np.array(geometry.direction).reshape(3, 3)[:, order]
    spacing = tuple(geometry.spacing_mm[a] for a in order)
    size = tuple(geometry.size[a] for a in order)
    origin = np.array(geometry.origin_mm)
    voxels = volume.voxels.transpose(order)
    for axis, flip in enumerate(flipped):
        if flip:
            origin = origin + columns[:, axis] * spacing[axis] * (size[axis] - 1)
            columns = columns * np.where(np.arange(3) == axis, -1.0, 1.0)
            voxels = np.flip(voxels, axis)
    return Volume(
        voxels,
        replace(
            geometry,
            size=size,
            spacing_mm=spacing,
            origin_mm=tuple(origin.tolist()),
            direction=tuple(columns.ravel().tolist()),
        ),
    )
