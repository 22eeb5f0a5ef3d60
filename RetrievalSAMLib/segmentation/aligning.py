"""Aligning the cases of a run to its target, and laying their masks over it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from ..alignment import Alignment, SmallImage, align, centred, refine, stack_extent_mm
from ..alignment.threads import quiet_on_one_thread
from ..retrieval.evidence import CaseEvidence, CaseSlices
from ..retrieval.index import SliceRetrieval
from ..side_by_side import side_by_side
from ..stages import PLACE, timed
from ..volumes import SliceStack
from .place import PlaceMaps
from .views import Box

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_LIKELY = 0.3
"""Where this part of the cases has a segment, it is looked for."""

_TRUSTED = 0.45
"""Correlation from which on an alignment is believed."""

_SHARPNESS = 0.1
"""A case counts exp(similarity / this): one that fits badly says little."""


@dataclass(frozen=True)
class AlignedCases:
    """The cases that a run draws on.

    Attributes:
        alignments: By number of the case.
        place: Mean masks of the cases; None where they were only laid centre on centre.
        by_segment: By value and number of the case, where a segment was aligned on its own.
        left_out: The cases whose alignment cannot be trusted, or that have none, centre on centre.
    """

    alignments: Mapping[int, Alignment]
    place: PlaceMaps | None
    left_out: Mapping[int, Alignment] = field(default_factory=dict)
    by_segment: Mapping[int, Mapping[int, Alignment]] = field(default_factory=dict)

    def of(self, number: int, values: Sequence[int]) -> Alignment:
        """How a case lies where some segments are: the mean of their alignments."""
        own = [self.by_segment[value][number] for value in values if number in self.by_segment.get(value, {})]
        if len(own) <= 1:
            return own[0] if own else self.alignments[number]
        return Alignment(
            np.mean([alignment.matrix for alignment in own], axis=0),
            np.mean([alignment.offset_mm for alignment in own], axis=0),
            float(np.mean([alignment.similarity for alignment in own])),
        )

    def positions(
        self, evidence: Sequence[CaseEvidence], target: SliceStack, value: int | None = None
    ) -> list[np.ndarray]:
        """By case, in the order of their numbers, the place of its slices along the target's stack.

        Args:
            evidence: Of all cases of the run.
            target: The target's slices.
            value: Where this segment is; as the cases lie as a whole unless given.
        """
        if self.place is None:
            return [evidence[number].position for number in sorted(self.alignments)]
        extent = stack_extent_mm(target)
        values = () if value is None else (value,)
        box = None if value is None else self.place.box_mm(value, _LIKELY)
        row, column = extent[1:] / 2 if box is None else (box[0] + box[1])[1:] / 2
        positions = []
        for number in sorted(self.alignments):
            depths = slice_depths_mm(evidence[number])
            depth = self.of(number, values).depth_in_target(depths, row, column)
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


@timed(PLACE)
def aligned_by_image(
    numbers: Sequence[int],
    load: Callable[[int], CaseSlices],
    target: SliceStack,
    values: Sequence[int],
    progress: Callable[[int, int], None],
) -> AlignedCases:
    """Align cases to the target: as a whole, then where their segments lie, then for each segment on its own.

    One case at a time is in memory.

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
    steps = (2 if len(values) == 1 else 3) * len(numbers)
    rough = PlaceMaps(target, values)
    found: dict[int, _Registered] = {}
    otherwise: dict[int, Alignment] = {}

    def as_a_whole(moving: SmallImage) -> tuple[_Registered, Alignment]:
        return _Registered(moving, align(fixed, moving)), centred(fixed, moving)

    images = (SmallImage.of(load(number).stack) for number in numbers)
    for done, (number, (one, centre)) in enumerate(zip(numbers, _each(as_a_whole, images), strict=True)):
        otherwise[number] = centre
        if one.alignment.similarity >= _TRUSTED:
            rough.add(load(number), one.alignment, weight_of(one.alignment))
            found[number] = one
        progress(done + 1, steps)
    if not found or 2 * len(found) < len(numbers):
        return AlignedCases(otherwise, None, otherwise)
    place = PlaceMaps(target, values)
    held: dict[int, set[int]] = {}
    boxes = [box for box in likely_boxes(rough, values) if box is not None]
    refined = _each(lambda one: one.refined(fixed, boxes), found.values())
    for done, (number, one) in enumerate(zip(found, refined, strict=True)):
        case = load(number)
        place.add(case, one.alignment, weight_of(one.alignment))
        held[number] = {value for value in values if case.has(value)}
        found[number] = one
        del case  # before the next one is read
        progress(len(numbers) + done + 1, steps)
    alignments = {number: one.alignment for number, one in found.items()}
    # The whole of two images may fit where the parts that matter do not.
    trusted = {number for number, alignment in alignments.items() if alignment.similarity >= _TRUSTED}
    left_out = {number: alignment for number, alignment in otherwise.items() if number not in trusted}
    if len(values) == 1:
        return AlignedCases(alignments, place, left_out)
    # Organs do not move with the body as one.
    box_of = {value: box for value, box in zip(values, likely_boxes(place, values), strict=True) if box is not None}
    wanted = [(number, value) for number in found for value in values if value in held[number] & box_of.keys()]
    own = _each(lambda pair: found[pair[0]].refined(fixed, [box_of[pair[1]]]), wanted)
    by_segment: dict[int, dict[int, Alignment]] = {value: {} for value in values}
    place = PlaceMaps(target, values)
    for done, (number, alignment) in enumerate(alignments.items()):
        case = load(number)
        for value in values:
            used = alignment
            if (number, value) in wanted:
                used = by_segment[value][number] = next(own).alignment
            place.add(case, used, weight_of(used), (value,))
        del case
        progress(2 * len(numbers) + done + 1, steps)
    return AlignedCases(alignments, place, left_out, by_segment)


@dataclass(frozen=True)
class _Registered:
    """A case's image and how it lies on the target."""

    image: SmallImage
    alignment: Alignment

    def refined(self, fixed: SmallImage, boxes: Sequence[Box]) -> _Registered:
        """Where some boxes lie in the target; as it is where there is none."""
        if not boxes:
            return self
        low, high = np.min([box[0] for box in boxes], axis=0), np.max([box[1] for box in boxes], axis=0)
        return replace(self, alignment=refine(self.alignment, fixed, self.image, low, high))


def _each(register: Callable[[_Item], _Result], items: Iterable[_Item]) -> Iterator[_Result]:
    """Registrations side by side, each on one thread."""
    with quiet_on_one_thread():
        yield from side_by_side(register, items)


@timed(PLACE)
def likely_boxes(place: PlaceMaps, values: Sequence[int]) -> list[tuple[np.ndarray, np.ndarray] | None]:
    """By segment, the box in which it is to be looked for."""
    return [place.box_mm(value, _LIKELY) for value in values]


def weight_of(alignment: Alignment) -> float:
    """What a case's masks count in the mean."""
    return float(np.exp(alignment.similarity / _SHARPNESS))
