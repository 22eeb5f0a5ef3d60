"""Smoothing the outlines of a slice at the resolution of its image."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from scipy import ndimage

from .shapes import box_of

DEVIATION_PIXELS = 1.0
"""Standard deviation of the Gaussian; of 0.5, 0.7 and 1 the best on the tune sets (training/README.md)."""

_REACH = 4  # pixels, as scipy cuts the Gaussian off


def smoothed_labels(labels: np.ndarray, pinned: Collection[int]) -> np.ndarray:
    """A label map in which every pixel has the label that weighs most round it, background being one of them.

    Args:
        labels: (h, w), 0 is background.
        pinned: Labels that stay as they are, to the pixel. A label too thin to keep any pixel stays as well.

    Returns:
        (h, w), of the same dtype.
    """
    # What is left of 1 is background's: a Gaussian's weights add up to 1.
    background = np.ones(labels.shape, dtype=np.float32)
    best = np.zeros(labels.shape, dtype=np.float32)
    winner = np.zeros_like(labels)
    present = [int(label) for label in np.unique(labels) if label]
    for label in present:
        box, weights = _blurred(labels == label)
        background[box] -= weights
        wins = weights > best[box]
        best[box][wins] = weights[wins]
        winner[box][wins] = label
    smooth = np.where(best > background, winner, 0).astype(labels.dtype)
    stay = [label for label in present if label in pinned or not (smooth == label).any()]
    fixed = np.isin(labels, stay) | np.isin(smooth, stay)
    smooth[fixed] = labels[fixed]
    return smooth


def smoothed_mask(mask: np.ndarray) -> np.ndarray:
    """Where more than half of what is round a pixel is in a mask, bool (h, w); nowhere where it is too thin."""
    smooth = np.zeros_like(mask)
    if mask.any():
        box, weights = _blurred(mask)
        smooth[box] = weights > 0.5
    return smooth


def _blurred(mask: np.ndarray) -> tuple[tuple[slice, ...], np.ndarray]:
    """Where a mask that is not empty reaches when it is blurred, and its weights there, float32.

    Beyond the edge of the image it goes on as it is at the edge.
    """
    box = tuple(
        slice(max(side.start - _REACH, 0), min(side.stop + _REACH, length))
        for side, length in zip(box_of(mask) or (), mask.shape, strict=True)
    )
    weights: np.ndarray = ndimage.gaussian_filter(
        mask[box].astype(np.float32), DEVIATION_PIXELS, mode="nearest", truncate=_REACH / DEVIATION_PIXELS
    )
    return box, weights
