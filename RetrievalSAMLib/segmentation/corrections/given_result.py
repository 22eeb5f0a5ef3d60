"""A result that a person corrected, as it is given: its slices, and which of its segments are which of a run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...errors import InputError
from ...library.names import same_name_key
from ...volumes import Segment, Segmentation, SliceFrame

_NAMELESS = re.compile(r"segment_\d+")


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
