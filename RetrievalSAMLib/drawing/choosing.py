"""Which slices of a volume are worth a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .tile import Mask


def slices_with_segments(masks: Sequence[Mask], count: int) -> list[int]:
    """Indices of slices from the first to the last with a segment, and one more at both ends; all where there is none.

    Args:
        masks: (n, h, w) each.
        count: n.
    """
    occupied = np.zeros(count, dtype=bool)
    for mask in masks:
        occupied |= mask.any(axis=(1, 2))
    (hit,) = np.nonzero(occupied)
    if not hit.size:
        return list(range(count))
    return list(range(max(0, hit[0] - 1), min(count, hit[-1] + 2)))


def spread(items: Sequence[int], count: int) -> list[int]:
    """Items at even distances, the first and the last among them; all where there are no more."""
    if len(items) <= count:
        return list(items)
    if count == 1:
        return [items[len(items) // 2]]
    return [items[round(position)] for position in np.linspace(0, len(items) - 1, count)]
