"""Made-up cases: an ellipsoid beside a bar that stays where it is told, on grids of any kind."""

from __future__ import annotations

import numpy as np

from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.volumes import Geometry, Segment, Segmentation, Volume

UPRIGHT = (1, 0, 0, 0, 1, 0, 0, 0, 1)
TURNED = (-1, 0, 0, 0, -1, 0, 0, 0, 1)


def grid(
    size: tuple[int, int, int], spacing_mm: tuple[float, float, float], direction: tuple[float, ...] = UPRIGHT
) -> Geometry:
    """A grid whose middle lies at the origin of the patient's coordinates."""
    matrix = np.array(direction, dtype=float).reshape(3, 3)
    origin = -matrix @ ((np.array(size) - 1) / 2 * np.array(spacing_mm))
    return Geometry(size, spacing_mm, tuple(origin.tolist()), direction)  # type: ignore[arg-type]


def case(
    name: str,
    geometry: Geometry,
    middle_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
    scale: float = 1.0,
    seed: int = 0,
) -> MemoryCase:
    """An ellipsoid (segment 1) with a core (segment 2) in weaker tissue; all of it is moved and scaled together."""
    place = geometry.index_to_lps(np.moveaxis(np.indices(geometry.size), 0, -1)) - np.array(middle_mm)
    x, y, z = np.moveaxis(place / scale, -1, 0)
    ellipsoid = (x / 12) ** 2 + (y / 8) ** 2 + (z / 9) ** 2 < 1
    core = ((x - 3) / 6) ** 2 + (y / 6) ** 2 + (z / 7) ** 2 < 1
    tissue = (x / 24) ** 2 + (y / 20) ** 2 + (z / 22) ** 2 < 1
    noise = np.random.default_rng(seed).normal(0, 4, geometry.size)
    voxels = (60.0 * tissue + 80 * ellipsoid + 120 * core + noise).astype(np.float32)
    segments = (Segment("Shell", 1), Segment("Core", 2))
    return MemoryCase(
        name, Volume(voxels, geometry), Segmentation.from_masks(segments, (ellipsoid & ~core, core), geometry)
    )
