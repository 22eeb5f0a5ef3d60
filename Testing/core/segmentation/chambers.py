"""Two chambers side by side that look alike, of which one is the structure; seen at any place of a picture."""

from __future__ import annotations

import numpy as np

from RetrievalSAMLib.retrieval.evidence import CaseSlices, MemoryCase
from RetrievalSAMLib.volumes import Geometry, Plane, Segment, Segmentation, Volume

SPACING_MM = (8.0, 2.0, 2.0)
"""Distance of slices, rows and columns."""

APART_MM = 42.0
"""The other chamber lies this far to the left of the structure."""

_SHAPE = (8, 80, 80)
_RADIUS_MM, _WALL_MM = 18.0, 25.0


def heart(row_mm: float, column_mm: float, seed: int, size: float = 1.0) -> CaseSlices:
    """A loaded case of 8 slices, 160 x 160 mm.

    Args:
        row_mm: Middle of the structure: a bright chamber in a dark wall.
        column_mm: Its middle along the columns. Where both lie says nothing of the picture around them.
        seed: Of that picture.
        size: Relative size of the heart.
    """
    random = np.random.default_rng(seed)
    depths, rows, columns = ((np.arange(n) + 0.5) * mm for n, mm in zip(_SHAPE, SPACING_MM, strict=True))
    inside = (np.abs(depths - 32) < 22)[:, None, None]

    def ball(row: float, column: float, radius: float) -> np.ndarray:
        away = np.hypot((rows - row)[:, None], columns - column)
        mask: np.ndarray = inside & (away < radius * size)
        return mask

    background = np.kron(random.uniform(80, 160, (8, 5, 5)), np.ones((1, 16, 16)))
    image = np.where(ball(row_mm, column_mm - APART_MM * size, _RADIUS_MM), 240.0, background)
    image[ball(row_mm, column_mm, _WALL_MM)] = 20.0
    structure = ball(row_mm, column_mm, _RADIUS_MM)
    image[structure] = 240.0
    image += random.normal(0, 5, _SHAPE)
    geometry = Geometry(
        (_SHAPE[2], _SHAPE[1], _SHAPE[0]), SPACING_MM[::-1], (0.0, 0.0, 0.0), (1, 0, 0, 0, 1, 0, 0, 0, 1)
    )
    segmentation = Segmentation.from_masks([Segment("Left", 1)], [structure.transpose(2, 1, 0)], geometry)
    volume = Volume(image.round().clip(0).astype(np.int16).transpose(2, 1, 0), geometry)
    return CaseSlices.load(MemoryCase(f"heart {seed}", volume, segmentation, Plane.AXIAL), Plane.AXIAL)


def other_chamber(case: CaseSlices) -> np.ndarray:
    """The chamber that is not the structure, bool (n, h, w)."""
    return np.roll(case.labels[1][0] == 1, -round(APART_MM / SPACING_MM[2]), axis=2)
