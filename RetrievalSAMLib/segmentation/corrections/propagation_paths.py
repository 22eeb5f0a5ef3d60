"""Which slices a correction is carried on to, and in which order."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

REACH = 0.1
"""A correction is carried on over at most this part of the slices, in either direction: that bounds its cost."""

_LEAST_REACH = 2


@dataclass(frozen=True)
class Way:
    """From a corrected slice outwards: the slices in order, each with the segments that are looked for in it."""

    start: int
    towards: int
    steps: tuple[tuple[int, frozenset[int]], ...]


def ways_from(
    seeds: Mapping[int, Collection[int]],
    corrected: Mapping[int, Collection[int]],
    searched: range,
    closed: Mapping[int, Collection[int]],
) -> list[Way]:
    """The ways on which corrections are carried on.

    A way ends before the next corrected slice, or half way to it where that was changed too; at most after `REACH` of
    the slices.

    Args:
        seeds: By segment, the corrected slices in which it was changed.
        corrected: By segment, all slices in which it was corrected.
        searched: The slices that may be looked at.
        closed: By segment, slices that need not be looked at.
    """
    reach = max(_LEAST_REACH, math.ceil(REACH * len(searched)))
    ways = []
    for start in sorted({c for slices in seeds.values() for c in slices}):
        for towards in (-1, 1):
            steps: list[tuple[int, frozenset[int]]] = []
            going = {s for s, slices in seeds.items() if start in slices}
            for index in range(start + towards, start + towards * (reach + 1), towards):
                if index not in searched:
                    break
                going = {
                    s
                    for s in going
                    if index not in corrected[s]
                    and index not in closed[s]
                    and _before_next(index, start, towards, corrected[s], seeds[s])
                }
                if not going:
                    break
                steps.append((index, frozenset(going)))
            if steps:
                ways.append(Way(start, towards, tuple(steps)))
    return ways


def _before_next(index: int, start: int, towards: int, corrected: Collection[int], changed: Collection[int]) -> bool:
    """Whether a slice is still this way's, as against the way back from the next corrected slice, if that has one."""
    ahead = min((c for c in corrected if (c - index) * towards > 0), key=lambda c: abs(c - index), default=None)
    return ahead is None or ahead not in changed or _nearer(index, start, ahead, towards)


def _nearer(index: int, start: int, ahead: int, towards: int) -> bool:
    """Whether a slice belongs to where a way starts; the middle one belongs to the lower of two."""
    there, back = abs(ahead - index), abs(index - start)
    return back < there or (back == there and towards > 0)
