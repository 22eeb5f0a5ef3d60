"""How what a taught copy says enters masks that a person has corrected."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from scipy import ndimage

VAGUE_VOXELS = 1.0
"""How sharp the outline of a result is taken to be: its distance, in voxels along the shortest side, to log odds."""


def share_of_mask(mask: np.ndarray, spacing_mm: Sequence[float]) -> np.ndarray:
    """Probability of a segment by its mask alone, one half at the outline, float32 (n, h, w)."""
    if not mask.any():
        return np.zeros(mask.shape, dtype=np.float32)
    inside = ndimage.distance_transform_edt(mask, sampling=spacing_mm)
    outside = ndimage.distance_transform_edt(~mask, sampling=spacing_mm)
    side = min(spacing_mm)
    # Half a voxel from the middle of a voxel to its edge.
    signed = np.where(mask, inside - side / 2, side / 2 - outside) / (VAGUE_VOXELS * side)
    result: np.ndarray = (1 / (1 + np.exp(-np.clip(signed, -16, 16)))).astype(np.float32)
    return result


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
