"""Which slices a person should look at first: where most is expected to be wrong, and correcting helps others too."""

from __future__ import annotations

from collections.abc import Sequence

from .report import SliceReport

_SPARED = 0.5
"""Of what is expected to be wrong beside a slice that is looked at, this part is mended with it (see `refining`)."""

_HALF_SLICES = 2.0
"""After so many slices more it is half of that."""


def look_first(slices: Sequence[SliceReport]) -> tuple[int, ...]:
    """Slices by falling worth of a look; those in which nothing can be wrong are left out.

    What is expected to be wrong on a slice: 1 - confidence, times the area that was found or was to be expected (the
    larger of both) as a part of the segment's, over all segments. A slice beside one that comes earlier is worth less:
    what is corrected there is carried on to it.

    Args:
        slices: Of the report.

    Returns:
        Indices as the report has them.
    """
    totals: dict[str, float] = {}
    for row in slices:
        for name, one in row.segments.items():
            totals[name] = totals.get(name, 0.0) + max(one.area_mm2, one.expected_mm2)
    worth = {
        row.index: sum(
            (1 - one.confidence) * max(one.area_mm2, one.expected_mm2) / totals[name]
            for name, one in row.segments.items()
            if totals[name] > 0
        )
        for row in slices
    }
    left = {index: value for index, value in worth.items() if value > 0}
    order = []
    while left:
        first = max(left, key=lambda index: (left[index], -index))
        order.append(first)
        del left[first]
        for index in left:
            left[index] *= 1 - _SPARED * 0.5 ** ((abs(index - first) - 1) / _HALF_SLICES)
    return tuple(order)
