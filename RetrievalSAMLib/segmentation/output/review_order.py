"""Which slices a person should look at first: where most is expected to be gained by correcting them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .report import SliceReport

_CARRIED = 0.7
"""Dice that the slice beside a corrected one may expect once the correction is carried on to it."""

_HALF_SLICES = 2.0
"""After so many slices more it is half of that."""

_REACH = 6
"""Beyond so many slices a correction changes nothing."""


@dataclass(frozen=True)
class Look:
    """A slice that is worth a look.

    Attributes:
        index: As the report has it.
        gain: Dice that the whole result gains by its correction, as a mean over the segments, once the slices before it
            in the order are corrected.
    """

    index: int
    gain: float


def looks(slices: Sequence[SliceReport]) -> tuple[Look, ...]:
    """Slices by falling worth of a look; those by which nothing can be gained are left out.

    Worth of correcting a slice is the Dice that it is expected to gain itself, 1 - confidence, and what those beside
    it gain where corrections are carried on to them (`refinement`), each weighted by the area that was found or was to
    be expected there (the larger of both) as a part of the segment's, over all segments. What earlier slices gain is
    taken as gained: good masks are looked at side by side, bad ones at a distance.

    Args:
        slices: Of the report.

    Returns:
        The slices in order.
    """
    totals: dict[str, float] = {}
    for row in slices:
        for name, one in row.segments.items():
            totals[name] = totals.get(name, 0.0) + max(one.area_mm2, one.expected_mm2)
    weight, dice = {}, {}
    for row in slices:
        for name, one in row.segments.items():
            if totals[name] > 0:
                weight[row.index, name] = max(one.area_mm2, one.expected_mm2) / totals[name]
                dice[row.index, name] = one.confidence

    def gains(index: int) -> dict[tuple[int, str], float]:
        """Of all segments on a slice that is corrected, and on those beside it."""
        return {
            (near, name): (_expected(near, index) - dice[near, name]) * weight[near, name]
            for near in range(index - _REACH, index + _REACH + 1)
            for name in totals
            if (near, name) in dice and _expected(near, index) > dice[near, name]
        }

    def worth_of(index: int) -> float:
        found = gains(index)
        own = sum(gain for (near, _), gain in found.items() if near == index)
        return sum(found.values()) if own > 0 else 0.0

    worth = {row.index: worth_of(row.index) for row in slices}
    order = []
    segments = sum(total > 0 for total in totals.values())
    while any(value > 0 for value in worth.values()):
        first = max(worth, key=lambda index: (worth[index], -index))
        for near, name in gains(first):
            dice[near, name] = _expected(near, first)
        order.append(Look(first, worth[first] / segments))
        del worth[first]
        for index in worth:
            if abs(index - first) <= 2 * _REACH:
                worth[index] = worth_of(index)
    return tuple(order)


def _expected(index: int, corrected: int) -> float:
    """Dice of a slice once one is corrected, if it had none before."""
    away = abs(index - corrected)
    return 1.0 if away == 0 else _CARRIED * 0.5 ** ((away - 1) / _HALF_SLICES)
