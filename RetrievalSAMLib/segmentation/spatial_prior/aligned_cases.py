"""Aligning the cases of a run to its target, and laying their masks over it."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ...alignment import Alignment, Example, SmallImage, align, align_from, centred, stack_extent_mm
from ...retrieval.evidence import CaseEvidence, CaseSlices
from ...retrieval.index import SliceRetrieval
from ...stages import PLACE, timed
from ...volumes import SliceStack
from .crops import Box
from .deformed_cases import DeformedCases, deformed_cases
from .neighbours import MANY, neighbours
from .posed_cases import posed_cases
from .prior_maps import PlaceMaps
from .registered_cases import TRUSTED, RegisteredCase, each, example_of, refined_cases, turned_against_headers

_LIKELY = 0.3
"""Where this part of the cases has a segment, it is looked for."""

_UNBELIEVED, _BELIEVED = 0.2, 0.4
"""Correlations, after everything was tried, up to which an alignment says nothing and from which on it is believed.

Chosen by hand, fitted to nothing: made-up hearts whose Dice was 0.5 to 0.7 had means of 0.43 to 0.67, and the one heart
on which everything failed, of a judge set, 0.21 to 0.27.
"""

_GUESS = 0.5
"""Trust below which cases are said not to be aligned."""

_SHARPNESS = 0.1
"""A case counts exp(similarity / this): one that fits badly says little."""


@dataclass(frozen=True)
class AlignedCases:
    """The cases that a run draws on.

    Attributes:
        alignments: By number of the case.
        place: Mean masks of the cases; None where they were only laid centre on centre, or as a search for the pose
            has them that is not sure of it.
        by_segment: By value and number of the case, where a segment was aligned on its own.
        left_out: The cases whose alignment cannot be trusted, or that have none, as they lie without one: centre on
            centre, or in the likeliest pose.
        turned_degrees: How far the images show the target to be turned within the slices beyond what the headers tell,
            where that is much.
        bent: The cases as they were bent to the target, where they were.
        posed: The same cases registered from the likeliest pose, where one was looked for that nobody is sure of.
        likeliest: Likewise, where the cases fit in another way as well, or slices are few; they do not lie so.
    """

    alignments: Mapping[int, Alignment]
    place: PlaceMaps | None
    left_out: Mapping[int, Alignment] = field(default_factory=dict)
    by_segment: Mapping[int, Mapping[int, Alignment]] = field(default_factory=dict)
    posed: Mapping[int, Alignment] = field(default_factory=dict)
    likeliest: Mapping[int, Alignment] = field(default_factory=dict)
    turned_degrees: float | None = None
    bent: DeformedCases | None = None

    @functools.cached_property
    def trust(self) -> float:
        """How far it is to be believed where the cases lie, in [0, 1]: by how alike the images are there.

        1 where nobody tried to align them.
        """
        if self.place is None:
            return 0.0 if self.left_out else 1.0
        similarity = np.array([alignment.similarity for alignment in self.alignments.values()])
        mean = np.average(similarity, weights=np.exp(similarity / _SHARPNESS))
        return float(np.clip((mean - _UNBELIEVED) / (_BELIEVED - _UNBELIEVED), 0, 1))

    @property
    def could_be_aligned(self) -> bool:
        """Whether that is more than a guess."""
        return self.trust >= _GUESS

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
    turn_degrees: float = 0.0,
    start: Mapping[int, Alignment] | None = None,
    deformable: bool = True,
) -> AlignedCases:
    """Align cases to the target: as a whole, then where their segments lie, then bent to fit.

    Segments for which bending is not believed (`deformed_cases`) are each registered on their own.

    One case at a time is in memory.

    Args:
        numbers: Of the cases.
        load: Loads one.
        target: The target's slices.
        values: The segments.
        progress: Told how many of how many steps are done.
        turn_degrees: How far the cases are turned within the slices to begin with; no other pose is looked for then.
        start: How they lie to begin with, instead of centre on centre; no other pose is looked for then.
        deformable: Whether they are bent; otherwise every segment is registered on its own.

    Returns:
        The cases that could be aligned; where these are fewer than half, all of them, centre on centre.
    """
    fixed = SmallImage.of(target)
    steps = (2 + deformable + (len(values) > 1)) * len(numbers)
    rough = PlaceMaps(target, values)
    whole: dict[int, RegisteredCase] = {}
    otherwise: dict[int, Alignment] = {}

    def as_a_whole(numbered: tuple[int, Example]) -> tuple[RegisteredCase, Alignment]:
        number, example = numbered
        moving = example.image
        if start is not None and number in start:
            return RegisteredCase(example, align_from(start[number], fixed, moving)), start[number]
        return RegisteredCase(example, align(fixed, moving, turn_degrees)), centred(fixed, moving, turn_degrees)

    examples = ((number, example_of(load(number), values)) for number in numbers)
    for done, (number, (one, centre)) in enumerate(zip(numbers, each(as_a_whole, examples), strict=True)):
        otherwise[number], whole[number] = centre, one
        if one.alignment.similarity >= TRUSTED:
            rough.add(load(number), one.alignment, weight_of(one.alignment))
        progress(done + 1, steps)
    found = {number: one for number, one in whole.items() if one.alignment.similarity >= TRUSTED}
    if 2 * len(found) < len(numbers):
        found = {}
    boxes = [box for box in likely_boxes(rough, values) if box is not None]
    found = refined_cases(found, fixed, boxes)
    posed = None if turn_degrees or start else posed_cases(whole, found, fixed, target.frame)
    likeliest: dict[int, Alignment] = {}
    if posed is not None:
        registered = {number: one.alignment for number, one in posed.registered.items()}
        if posed.sure:
            found, otherwise = posed.registered, posed.alignments
        elif posed.only:
            return AlignedCases(posed.alignments, None, posed.alignments, posed=registered)
        else:
            likeliest = registered
    if not found:
        return AlignedCases(otherwise, None, otherwise, likeliest=likeliest)
    place = PlaceMaps(target, values)
    held: dict[int, set[int]] = {}
    for done, (number, one) in enumerate(found.items()):
        case = load(number)
        place.add(case, one.alignment, weight_of(one.alignment))
        held[number] = {value for value in values if case.has(value)}
        del case  # before the next one is read
        progress(len(numbers) + done + 1, steps)
    alignments = {number: one.alignment for number, one in found.items()}
    turned = turned_against_headers(found, fixed, target.frame)
    # The whole of two images may fit where the parts that matter do not.
    trusted = {number for number, alignment in alignments.items() if alignment.similarity >= TRUSTED}
    left_out = {number: alignment for number, alignment in otherwise.items() if number not in trusted}
    # Organs do not move with the body as one, and no body is another one stretched.
    box_of = {value: box for value, box in zip(values, likely_boxes(place, values), strict=True) if box is not None}
    by_segment: dict[int, dict[int, Alignment]] = {}
    bent = None
    if deformable:
        bent = deformed_cases(
            alignments,
            {number: one.example.image for number, one in found.items()},
            fixed,
            place,
            box_of,
            load,
            target,
            lambda done: progress(2 * len(numbers) + done, steps),
        )
        place, by_segment = place.replaced(bent.place), {value: dict(own) for value, own in bent.by_segment.items()}
    on_their_own = [value for value in values if value not in by_segment]
    if len(values) > 1 and on_their_own:
        own = _aligned_on_their_own(found, fixed, {v: box_of[v] for v in on_their_own if v in box_of}, held)
        maps = PlaceMaps(target, on_their_own)
        by_segment |= {value: {} for value in on_their_own}
        for done, (number, alignment) in enumerate(alignments.items()):
            case = load(number)
            for value in on_their_own:
                used = alignment
                if (number, value) in own:
                    used = by_segment[value][number] = own[number, value]
                maps.add(case, used, weight_of(used), (value,))
            del case
            progress((3 if deformable else 2) * len(numbers) + done + 1, steps)
        place = place.replaced(maps)
    elif len(values) > 1:
        progress(steps, steps)
    return AlignedCases(alignments, place, left_out, by_segment, likeliest=likeliest, turned_degrees=turned, bent=bent)


def _aligned_on_their_own(
    cases: Mapping[int, RegisteredCase], fixed: SmallImage, boxes: Mapping[int, Box], held: Mapping[int, set[int]]
) -> dict[tuple[int, int], Alignment]:
    """By number of the case and value, the cases registered where each of some segments lies.

    Args:
        cases: Registered as a whole.
        fixed: The target.
        boxes: By value, where the segments are looked for.
        held: By number, which segments a case has.
    """
    wanted = {
        (number, tuple(group)): None
        for number in cases
        for together in _aligned_together(boxes)
        if (group := [value for value in together if value in held[number]])
    }
    refined = each(lambda pair: cases[pair[0]].refined(fixed, [boxes[value] for value in pair[1]]), wanted)
    return {
        (number, value): one.alignment for (number, group), one in zip(wanted, refined, strict=True) for value in group
    }


def _aligned_together(boxes: Mapping[int, Box]) -> list[list[int]]:
    """Segments by value, each on its own; where there are many, those that lie together are one."""
    values = list(boxes)
    if len(values) <= MANY:
        return [[value] for value in values]
    return [[values[number] for number in group] for group in neighbours([boxes[value] for value in values])]


@timed(PLACE)
def likely_boxes(place: PlaceMaps, values: Sequence[int]) -> list[tuple[np.ndarray, np.ndarray] | None]:
    """By segment, the box in which it is to be looked for."""
    return [place.box_mm(value, _LIKELY) for value in values]


def weight_of(alignment: Alignment) -> float:
    """What a case's masks count in the mean."""
    return float(np.exp(alignment.similarity / _SHARPNESS))
