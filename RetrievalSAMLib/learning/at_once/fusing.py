"""How what a taught copy says enters masks that a person has corrected."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from scipy import ndimage

from ..view.grids import bounding_box

VAGUE_VOXELS = 1.0
"""How sharp the outline of a result is taken to be: its distance, in voxels along the shortest side, to log odds."""

_SURE = 7.0
"""Log odds that are as good as certain."""

HALF_SLICES = 4.0
"""After so many slices more than one from the nearest corrected slice a copy is believed half as far."""


def near(weight: float, slices: range, drawn: Collection[int]) -> np.ndarray:
    """How far a copy is believed by slice, float32 (n, 1, 1): the less, the further away corrected slices are.

    Args:
        weight: Beside a corrected slice.
        slices: Their numbers.
        drawn: Numbers of corrected slices, at least one.
    """
    away = np.abs(np.array(slices)[:, None] - np.array(sorted(drawn))).min(axis=1)
    believed: np.ndarray = weight * 0.5 ** ((np.maximum(away, 1) - 1) / HALF_SLICES)
    return believed.astype(np.float32)[:, None, None]


def share_of_mask(mask: np.ndarray, spacing_mm: Sequence[float]) -> np.ndarray:
    """Probability of a segment by its mask alone, one half at the outline, float32 (n, h, w)."""
    share = np.zeros(mask.shape, dtype=np.float32)
    box = bounding_box(mask)
    if box is None:
        return share
    side = min(spacing_mm)
    # Beyond that the probability is as good as 0, and distances of a whole volume take long.
    reach = [math.ceil(_SURE * VAGUE_VOXELS * side / mm) for mm in spacing_mm]
    a, b, c = (slice(max(0, s.start - r), s.stop + r) for s, r in zip(box, reach, strict=True))
    part = mask[a, b, c]
    outside = ndimage.distance_transform_edt(~part, sampling=spacing_mm)
    # Everything may be inside: what lies beyond the part then does not show where the segment ends.
    inside = ndimage.distance_transform_edt(part, sampling=spacing_mm) if not part.all() else np.inf
    # Half a voxel from the middle of a voxel to its edge.
    signed = np.where(part, inside - side / 2, side / 2 - outside) / (VAGUE_VOXELS * side)
    share[a, b, c] = 1 / (1 + np.exp(-np.clip(signed, -16, 16)))
    return share


def decided(shares: Mapping[int, np.ndarray], overlapping: Collection[int]) -> dict[int, np.ndarray]:
    """Masks of segments from their probabilities; of those that compete the likeliest has a voxel, of equals the first.

    Args:
        shares: By row, float (n, h, w).
        overlapping: Rows of segments that do not compete.
    """
    rivals = sorted(set(shares) - set(overlapping))
    winner = np.argmax([shares[row] for row in rivals], axis=0) if rivals else None
    masks = {}
    for row, share in shares.items():
        masks[row] = share > 0.5
        if winner is not None and row in rivals:
            masks[row] &= winner == rivals.index(row)
    return masks
