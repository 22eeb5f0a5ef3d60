"""Aligning the cases of a run to its target, and laying their masks over it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from ..alignment import Alignment, SmallImage, align, centred, refine, stack_extent_mm, stack_places_mm
from ..retrieval.evidence import CaseEvidence, CaseSlices
from ..retrieval.index import SliceRetrieval
from ..volumes import SliceStack
from .place import PlaceMaps

_LIKELY = 0.3
"""Where this part of the cases has a segment, it is looked for."""

_TRUSTED = 0.45
"""Correlation from which on an alignment is believed."""

_MOST = (1, 99)
"""Percentiles of the places between which nearly all that was found lies."""

_SHARPNESS = 0.1
"""A case counts exp(similarity / this): one that fits badly says little."""


@dataclass(frozen=True)
class AlignedCases:
    """The cases that a run draws on.

    Attributes:
        alignments: By number of the case.
        place: Mean masks of the cases; None where they were only laid centre on centre.
        left_out: The cases that could not be aligned, centre on centre.
    """

    alignments: Mapping[int, Alignment]
    place: PlaceMaps | None
    left_out: Mapping[int, Alignment] = field(default_factory=dict)

    def positions(self, evidence: Sequence[CaseEvidence], target: SliceStack) -> list[np.ndarray]:
        """By case, in the order of their numbers, the place of its slices along the target's stack.

        Args:
            evidence: Of all cases of the run.
            target: The target's slices.
        """
        if self.place is None:
            return [evidence[number].position for number in sorted(self.alignments)]
        extent = stack_extent_mm(target)
        positions = []
        for number in sorted(self.alignments):
            depths = slice_depths_mm(evidence[number])
            depth = self.alignments[number].depth_in_target(depths, extent[1] / 2, extent[2] / 2)
            # As `SliceFrame.slice_position`: from the middle of the first slice to that of the last one; 0.5 is the
            # middle of an only slice.
            slices = depth / extent[0] * len(target)
            place = (slices - 0.5) / (len(target) - 1) if len(target) > 1 else slices
            positions.append(place.astype(np.float32))
        return positions


def slice_depths_mm(case: CaseEvidence) -> np.ndarray:
    """Depth of the middle of every slice of a case, float (n,) in mm."""
    count = len(case.position)
    depths: np.ndarray = (np.arange(count) + 0.5) * case.extent_mm[0] / count
    return depths


def cases_to_align(retrieval: Sequence[Sequence[SliceRetrieval]], limit: int) -> list[int]:
    """Numbers of the cases that most supports come from; of each segment, the most frequent one is among them."""
    votes: Counter[int] = Counter()
    first: set[int] = set()
    for segment in range(len(retrieval[0])):
        own = Counter(support.case for row in retrieval for support in row[segment].supports)
        votes += own
        if own:
            first.add(min(own, key=lambda case: (-own[case], case)))
    ranked = sorted(votes, key=lambda case: (case not in first, -votes[case], case))
    return sorted(ranked[: max(limit, len(first))])


def centred_cases(evidence: Sequence[CaseEvidence], numbers: Sequence[int], target: SliceStack) -> AlignedCases:
    """Cases centre on centre."""
    extent = stack_extent_mm(target)
    return AlignedCases({n: Alignment.centred(extent, evidence[n].extent_mm) for n in numbers}, None)


def aligned_by_image(
    numbers: Sequence[int],
    load: Callable[[int], CaseSlices],
    target: SliceStack,
    values: Sequence[int],
    progress: Callable[[int, int], None],
) -> AlignedCases:
    """Align cases to the target: as a whole, then once more where their segments lie. One case at a time is in memory.

    Args:
        numbers: Of the cases.
        load: Loads one.
        target: The target's slices.
        values: The segments.
        progress: Told how many of how many steps are done.

    Returns:
        The cases that could be aligned; where these are fewer than half, all of them, centre on centre.
    """
    fixed = SmallImage.of(target)
    total = 2 * len(numbers)
    rough = PlaceMaps(target, values)
    found: dict[int, tuple[SmallImage, Alignment]] = {}
    otherwise: dict[int, Alignment] = {}
    for done, number in enumerate(numbers):
        case = load(number)
        moving = SmallImage.of(case.stack)
        alignment, otherwise[number] = align(fixed, moving), centred(fixed, moving)
        if alignment.similarity >= _TRUSTED:
            rough.add(case, alignment, _weight(alignment))
            found[number] = (moving, alignment)
        progress(done + 1, total)
    if not found or 2 * len(found) < len(numbers):
        return AlignedCases(otherwise, None, otherwise)
    boxes = [box for box in likely_boxes(rough, values) if box is not None]
    place = PlaceMaps(target, values)
    alignments = {}
    for done, (number, (moving, alignment)) in enumerate(found.items()):
        if boxes:
            low, high = np.min([box[0] for box in boxes], axis=0), np.max([box[1] for box in boxes], axis=0)
            alignment = refine(alignment, fixed, moving, low, high)
        place.add(load(number), alignment, _weight(alignment))
        alignments[number] = alignment
        progress(len(numbers) + done + 1, total)
    return AlignedCases(alignments, place, {n: a for n, a in otherwise.items() if n not in alignments})


def aligned_by_finding(
    found: np.ndarray,
    before: AlignedCases,
    load: Callable[[int], CaseSlices],
    target: SliceStack,
    values: Sequence[int],
) -> AlignedCases | None:
    """Align the cases that were left out by what a first pass found.

    What was found is laid on the same segments in the case, and the images around it are registered from there.

    Args:
        found: bool (n, h, w), the segments in the target; what does not hang together with the largest part is noise.
        before: The cases as they were in the first pass.
        load: Loads one.
        target: The target's slices.
        values: The segments.

    Returns:
        The cases that have any of the segments; None where none has, or nothing was found. Those left out before are
        so again, for the next time.
    """
    parts, count = ndimage.label(found)
    if not count:
        return None
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    here = stack_places_mm(target, parts == sizes.argmax())
    low, high = np.percentile(here, _MOST, axis=0)
    fixed = SmallImage.of(target)
    place = PlaceMaps(target, values)
    alignments = {}
    for number in sorted({*before.alignments, *before.left_out}):
        case = load(number)
        there = case.places_mm(values)
        if not len(there):
            continue
        if number in before.left_out:
            moving = SmallImage.of(case.stack)
            alignment = before.left_out[number].onto(here, there)
            alignments[number] = refine(alignment, fixed, moving, low, high)
        else:
            alignments[number] = before.alignments[number]
        place.add(case, alignments[number], _weight(alignments[number]))
    return AlignedCases(alignments, place, before.left_out) if alignments else None


def likely_boxes(place: PlaceMaps, values: Sequence[int]) -> list[tuple[np.ndarray, np.ndarray] | None]:
    """By segment, the box in which it is to be looked for."""
    return [place.box_mm(value, _LIKELY) for value in values]


def _weight(alignment: Alignment) -> float:
    return float(np.exp(alignment.similarity / _SHARPNESS))
