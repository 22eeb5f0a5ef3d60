"""After a volume was filled from its drawn slices: what is unlike these is cleaned, and they stay as they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from ..cleaning.clean import Found, clean
from ..cleaning.habits import Habit, habit_of_drawn
from ..output.fusion import Canvas
from ..output.report import CleanedSegment
from ..settings.cleaning import NO_CLEANING, Cleaning
from .drawn import Drawn


def clean_filled(
    canvas: Canvas, drawn: Drawn, pointed: Mapping[int, Collection[int]], inside: np.ndarray, cleaning: Cleaning
) -> dict[int, CleanedSegment]:
    """Clean the masks of a canvas. Its drawn slices, and those with points, stay as they are.

    Args:
        canvas: The filled volume; it takes the clean masks.
        drawn: What was drawn, and what points became.
        pointed: By row, slices whose mask is what points became: they stay, but no person has said how they look.
        inside: bool (h, w), where anything may be found.
        cleaning: What to do.

    Returns:
        What was done, by row. A structure that was only pointed at is left alone.
    """
    if cleaning == NO_CLEANING:
        return {}
    values = [segment.value for segment in drawn.segments]
    may_change = {row: np.ones(len(canvas.labels), dtype=bool) for row in range(len(values))}
    for row, of_row in drawn.masks.items():
        may_change[row][list(of_row)] = False
    label_of = {row: value for row, value in enumerate(values) if row not in canvas.free}
    found = Found(canvas.labels, label_of, canvas.free, may_change, inside)
    return clean(found, {row: _habit(found, drawn, pointed, row) for row in may_change}, cleaning)


def _habit(found: Found, drawn: Drawn, pointed: Mapping[int, Collection[int]], row: int) -> Habit:
    by_hand = [index for index in drawn.masks[row] if index not in pointed.get(row, ())]
    return habit_of_drawn((drawn.masks[row][index], found.taken(row, index)) for index in by_hand)
