"""Which slices a correction is carried on to, in which order, and which segments of a result are which of a run."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..errors import InputError
from ..library.names import same_name_key
from ..volumes import Segment, Segmentation, SliceFrame

REACH = 0.1
"""A correction is carried on over at most this part of the slices, in either direction: that bounds its cost."""

_LEAST_REACH = 2

_NAMELESS = re.compile(r"segment_\d+")


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


def stack_slices(corrected: Sequence[int], frame: SliceFrame, prompted: bool = False) -> list[int]:
    """Slices of a stack, by rising number.

    Args:
        corrected: Indices along the sliced axis of the file.
        frame: Of the target.
        prompted: Whether there are points or boxes: then none need be named.

    Raises:
        InputError: There is none, or no such slice.
    """
    count = frame.shape[0]
    if not corrected and not prompted:
        raise InputError("corrected slices", "none is named", "Name those that were corrected, for example 10,14.")
    wrong = [str(i) for i in corrected if not 0 <= i < count]
    if wrong:
        raise InputError(
            "corrected slices",
            f"the volume has no {frame.plane} slice {', '.join(wrong)}",
            f"Count along the sliced axis of the image file: 0 to {count - 1}.",
        )
    return sorted({frame.slice_index(i) for i in corrected})


def completed(segmentation: Segmentation, segments: Sequence[Segment]) -> Segmentation:
    """A plain label map, which knows neither names nor segments without voxels, with the segments of a run.

    Other segmentations are as they were.
    """
    known = {s.value: s for s in segments}
    given = segmentation.segments
    if not all(_NAMELESS.fullmatch(s.name) for s in given) or (given and not any(s.value in known for s in given)):
        return segmentation
    named = tuple(replace(known[s.value], value=s.value) if s.value in known else s for s in given)
    missing = [s for s in segments if s.value not in {n.value for n in named}]
    dtype = np.uint8 if max((s.value for s in missing), default=1) <= 255 else np.uint16
    # Each on a layer of its own: labels of the first may stand for something else.
    layers = [np.zeros(segmentation.geometry.size, dtype=dtype, order="F") for _ in missing]
    first = len(segmentation.layers)
    return replace(
        segmentation,
        segments=(*named, *missing),
        layers=(*segmentation.layers, *layers),
        layer_of=(*segmentation.layer_of, *range(first, first + len(missing))),
        label_of=(*segmentation.label_of, *(s.value for s in missing)),
    )


def same_segments(segmentation: Segmentation, segments: Sequence[Segment]) -> dict[int, int]:
    """Places in a segmentation by places in ``segments``; by terminology code, else by name."""
    found: dict[int, int] = {}
    for same in (lambda a, b: a.key == b.key, lambda a, b: same_name_key(a.name) == same_name_key(b.name)):
        for n, segment in enumerate(segments):
            for place, candidate in enumerate(segmentation.segments):
                if n not in found and place not in found.values() and same(segment, candidate):
                    found[n] = place
    return found
