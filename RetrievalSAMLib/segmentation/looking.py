"""Which slices a person should look at first: where most is expected to be wrong, and correcting helps others too."""

from __future__ import annotations

from collections.abc import Sequence

from .report import SliceReport


def look_first(slices: Sequence[SliceReport]) -> tuple[int, ...]:
    """Slices by falling worth of a look; those in which nothing can be wrong are left out.

    What is expected to be wrong on a slice: 1 - confidence, times the area that was found or was to be expected (the
    larger of both) as a part of the segment's, over all segments. Neighbours of earlier slices are not spared, though
    corrections are carried on to them: that gained nothing on the tune cases (training/README.md).

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
    return tuple(sorted((index for index in worth if worth[index] > 0), key=lambda index: (-worth[index], index)))
