"""Which slices of a result are worth a picture: the least sure and the largest, never one with nothing on it."""

from __future__ import annotations

from collections.abc import Sequence

from ...segmentation.output.report import SegmentationReport, SliceReport

SHOWN = 6
"""Slices in the picture of a volume."""


def shown_slices(report: SegmentationReport, count: int = SHOWN) -> tuple[int, ...]:
    """Half of them the least sure, the others the largest, in the order of their numbers.

    Neighbours look alike, so that of two the second is taken only where nothing else is left.

    Args:
        report: Of the result.
        count: At most; fewer where fewer slices hold a segment.

    Returns:
        Indices along the sliced axis of the file.
    """
    found = [one for one in report.slices if _found(one)]
    largest = {
        name: max(one.segments[name].area_mm2 for one in found if name in one.segments)
        for name in {name for one in found for name in one.segments}
    }
    by_doubt = sorted(found, key=lambda one: (least_confidence(one), one.index))
    by_size = sorted(found, key=lambda one: (-_size(one, largest), one.index))
    apart = max(1, len(found) // (2 * count))
    chosen = _apart(by_doubt, count // 2, apart, [])
    chosen = _apart(by_size, count, apart, chosen)
    return tuple(sorted(_apart(by_size, count, 0, chosen)))


def least_confidence(one: SliceReport) -> float | None:
    """Of the segments that were found on a slice, the confidence of the least sure; None where nothing was found."""
    return min((segment.confidence for segment in _found(one)), default=None)


def _found(one: SliceReport) -> list:
    return [segment for segment in one.segments.values() if segment.area_mm2 > 0]


def _size(one: SliceReport, largest: dict[str, float]) -> float:
    """Of the structure that is nearest to its largest here, the part of that: a small structure counts as much."""
    return max(segment.area_mm2 / largest[name] for name, segment in one.segments.items() if largest[name] > 0)


def _apart(ranked: Sequence[SliceReport], count: int, apart: int, chosen: Sequence[int]) -> list[int]:
    """Those chosen, and the first of the ranked that lie farther than that from each, until there are so many."""
    taken = list(chosen)
    for one in ranked:
        if len(taken) >= count:
            break
        if all(abs(one.index - other) > apart for other in taken):
            taken.append(one.index)
    return taken
