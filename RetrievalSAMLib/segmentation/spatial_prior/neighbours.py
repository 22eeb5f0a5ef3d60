"""Which of many segments lie together: these share an alignment and a view, so that forty cost no forty of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Box = tuple[np.ndarray, np.ndarray]
"""Two opposite corners in mm."""

MANY = 16
"""More segments than this share; so many, as a trunk has organs, each get their own."""

_LIKE_SIZE = 0.4
"""Neighbours have boxes of at least this part of the longest side of the box around all of them: two by two of the same
size, with some room between."""


def union(boxes: Sequence[Box]) -> Box:
    """The box around some boxes."""
    return np.min([low for low, _ in boxes], axis=0), np.max([high for _, high in boxes], axis=0)


def neighbours(boxes: Sequence[Box], free_mm: float = 0.0) -> list[list[int]]:
    """Groups of boxes that lie side by side and are of like size; those that fit best come together first.

    Args:
        boxes: In any number of axes.
        free_mm: Boxes come together whatever their size as long as the box around them is no longer than this.

    Returns:
        Numbers of the boxes of each group, rising; groups in the order of their first.
    """
    groups = [[number] for number in range(len(boxes))]
    around = list(boxes)
    least = [_side(box) for box in boxes]
    while True:
        best, chosen = 0.0, None
        for first in range(len(groups)):
            for second in range(first + 1, len(groups)):
                side = _side(union((around[first], around[second])))
                part = min(least[first], least[second]) / side if side else 1.0
                if part > best and (part >= _LIKE_SIZE or side <= free_mm):
                    best, chosen = part, (first, second)
        if chosen is None:
            return groups
        first, second = chosen
        groups[first] = sorted(groups[first] + groups.pop(second))
        around[first] = union((around[first], around.pop(second)))
        least[first] = min(least[first], least.pop(second))


def _side(box: Box) -> float:
    low, high = box
    return float((high - low).max())
