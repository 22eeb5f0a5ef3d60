"""Slices whose neighbours disagree with their mask."""

from __future__ import annotations

import numpy as np

from ..volumes.overlap import dice
from .drawn import DrawnSlices
from .flags import Flag

_LEAST_PIXELS = 8
_LONGEST_GAP = 2
_SAME = 0.3
"""Dice between the masks on both sides of a gap from which on they are one structure that goes on."""

_NEIGHBOURS, _BREAK = 0.7, 0.35
"""Where slices around agree by this Dice, one that agrees with them by less than the second has jumped."""


def gap_flags(slices: DrawnSlices, names: dict[int, str]) -> list[Flag]:
    """Segments that vanish for a slice or two between others, and masks that jump.

    Only slices that follow each other and are annotated are compared, so that sparse cases have no gaps.

    Args:
        slices: The masks of a case.
        names: Of its segments, by value.
    """
    flags = []
    for value, masks in slices.masks.items():
        known = slices.annotated[value]
        areas = np.count_nonzero(masks, axis=(1, 2))
        gaps = _file_indices(slices, _gaps(masks, areas, known))
        jumps = _file_indices(slices, _jumps(masks, areas, known))
        name = names[value]
        if gaps:
            text = f"`{name}` is missing in slice {_numbers(gaps)}, and drawn alike on both sides"
            flags.append(Flag("gap", text, (name,), gaps))
        if jumps:
            text = f"`{name}` jumps at slice {_numbers(jumps)}: its neighbours are unlike it"
            flags.append(Flag("jump", text, (name,), jumps))
    return flags


def _gaps(masks: np.ndarray, areas: np.ndarray, known: np.ndarray) -> list[int]:
    found: list[int] = []
    for length in range(1, _LONGEST_GAP + 1):
        for first in range(1, len(masks) - length):
            before, after = first - 1, first + length
            if not known[before : after + 1].all() or areas[first:after].any():
                continue
            if min(areas[before], areas[after]) >= _LEAST_PIXELS and dice(masks[before], masks[after]) >= _SAME:
                found += range(first, after)
    return sorted(found)


def _jumps(masks: np.ndarray, areas: np.ndarray, known: np.ndarray) -> list[int]:
    count = len(masks)
    usable = known & (areas >= _LEAST_PIXELS)
    # steps[i]: agreement of slices i and i + 1, NaN where there is nothing to compare.
    steps = np.full(max(count - 1, 0), np.nan)
    for i in range(count - 1):
        if usable[i] and usable[i + 1]:
            steps[i] = dice(masks[i], masks[i + 1])
    found = set()
    for i in range(1, count - 1):
        # One slice off: both steps are bad, over it the neighbours agree.
        if (
            usable[i - 1 : i + 2].all()
            and max(steps[i - 1], steps[i]) < _BREAK
            and dice(masks[i - 1], masks[i + 1]) >= _NEIGHBOURS
        ):
            found.add(i)
    for i in range(1, count - 2):
        # A block off: one bad step between good ones.
        if steps[i] < _BREAK and min(steps[i - 1], steps[i + 1]) >= _NEIGHBOURS:
            found.add(i + 1)
    return sorted(found)


def _file_indices(slices: DrawnSlices, indices: list[int]) -> tuple[int, ...]:
    return tuple(sorted(slices.frame.file_index(index) for index in indices))


def _numbers(indices: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, indices[:8]))
    return shown if len(indices) <= 8 else f"{shown} and {len(indices) - 8} more"
