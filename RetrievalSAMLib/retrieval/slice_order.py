"""Which way the slices of two stacks follow each other, by what they show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_SCALES = (0.85, 1.0, 1.18)
"""People differ in length by about this much."""

_OVERLAP = 0.6
"""Part of the shorter stack that lies beside the other one, at least."""

_LIKE_EXTENTS = 2.0
"""Extents that differ by more than this factor are also compared as if both stacks covered the same."""


def order_agreement(
    target: np.ndarray, cases: Sequence[np.ndarray], target_mm: float, cases_mm: Sequence[float]
) -> list[float]:
    """By case, how much more alike the slices are in the order of the headers than in the reverse one.

    The stacks are laid beside each other at every shift and some scales, once as they are and once in reverse; what all
    slices of the cases have in common is taken off the embeddings first. The score of an order is the mean similarity
    of slices at the same place, where they lie best.

    Args:
        target: float32 (n, d), embeddings of its slices.
        cases: float32 (m, d) of each case.
        target_mm: Extent of its stack across the slices.
        cases_mm: The same of each case.

    Returns:
        The difference of the scores, in [-2, 2]; below 0 the reverse order fits better.
    """
    common = np.concatenate(cases).mean(axis=0)
    own = _unit(target - common)
    found = []
    for case, extent_mm in zip(cases, cases_mm, strict=True):
        alike = own @ _unit(case - common).T
        ratio = len(case) / len(target)
        steps = {ratio * target_mm / extent_mm}
        if not 1 / _LIKE_EXTENTS < target_mm / extent_mm < _LIKE_EXTENTS:
            steps.add(ratio)
        usual, reverse = (max(_best(rows, step) for step in steps) for rows in (alike, alike[::-1]))
        found.append(usual - reverse)
    return found


def _best(alike: np.ndarray, step: float) -> float:
    """Highest mean similarity of slices at the same place.

    Args:
        alike: (n, m), similarity of slices.
        step: Slices of the second stack that are as thick as one of the first.
    """
    n, m = alike.shape
    shifts = np.linspace(-m / 2, m / 2, 2 * m + 1)[:, None]
    best = -1.0
    for scale in _SCALES:
        places = step * scale * (np.arange(n) - (n - 1) / 2) + (m - 1) / 2 + shifts
        beside = (places > -0.5) & (places < m - 0.5)
        nearest = np.clip(np.rint(places), 0, m - 1).astype(int)
        counts = beside.sum(axis=1)
        enough = counts >= max(_OVERLAP * min(n, m / (step * scale)), 1)
        if enough.any():
            sums = (alike[np.arange(n), nearest] * beside).sum(axis=1)
            best = max(best, float((sums[enough] / counts[enough]).max()))
    return best


def _unit(rows: np.ndarray) -> np.ndarray:
    unit: np.ndarray = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
    return unit
