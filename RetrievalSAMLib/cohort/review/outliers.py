"""Volumes of a structure that stand out from those of the same structure in the batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

FEWEST = 5
"""Volumes, below which nothing can stand out."""

_SCORE = 3.5
_LEAST_SPREAD = 0.02
"""Of logarithms: what differs by so little does not stand out however alike the others are."""


def outliers(volumes_mm3: Sequence[float]) -> list[bool]:
    """Which volumes stand out: their modified z-score is over 3.5 (Iglewicz and Hoaglin, 1993).

    That is 0.6745 |x - median| / MAD, here of the logarithms, as organs differ by factors. Where a structure was found
    in most, not to be found stands out.

    Args:
        volumes_mm3: In mm3, 0 where it was not found.
    """
    volumes = np.asarray(volumes_mm3, dtype=np.float64)
    there = volumes > 0
    if volumes.size < FEWEST or 2 * there.sum() <= volumes.size:
        return [False] * volumes.size
    logarithms = np.log(volumes, where=there, out=np.zeros_like(volumes))
    away = np.abs(logarithms - np.median(logarithms[there]))
    spread = max(float(np.median(away[there])), _LEAST_SPREAD)
    return [bool(one) for one in ~there | (0.6745 * away / spread > _SCORE)]
