"""Cases in the pose in which they fit a target best: turned, tilted, or as headers tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ...alignment import Alignment, PoseSearch, SmallImage
from ...stages import POSE, timed
from ...volumes.slicing import SliceFrame
from .registered_cases import TRUSTED, RegisteredCase, refined_cases

_FAR_BETTER = 0.1
"""Cases whose pictures are by so much more like the target than those in any pose need none."""

_POSES = 2
"""Poses that the cases are registered from."""

_SURE = 0.1
"""By so much correlations before and after that have to be larger, both together, than those of the next pose."""

_FEW_SLICES, _SURE_OF_FEW = 16, 0.3
"""The same for stacks of few slices: on hearts the likeliest pose is often a wrong one that is not much better."""


@dataclass(frozen=True)
class PosedCases:
    """Cases as they lie in a pose: as it says, and registered from there."""

    alignments: dict[int, Alignment]
    registered: dict[int, RegisteredCase]
    sure: bool


@timed(POSE)
def posed_cases(
    whole: Mapping[int, RegisteredCase], usual: Mapping[int, RegisteredCase], fixed: SmallImage, frame: SliceFrame
) -> PosedCases | None:
    """The cases in the likeliest pose of the target; None where they fit as well as they lie without a turn.

    Args:
        whole: The cases, by number.
        usual: Those that could be registered without a turn, where the segments lie.
        fixed: The target.
        frame: Of its stack.
    """
    numbers = [number for number, one in whole.items() if one.example.masks]
    if not numbers:
        return None
    search = PoseSearch([whole[number].example for number in numbers])
    place_of = {number: place for place, number in enumerate(numbers)}

    def by_place(cases: Mapping[int, RegisteredCase]) -> dict[int, Alignment]:
        return {place_of[number]: one.alignment for number, one in cases.items() if number in place_of}

    known = by_place(usual)
    before = search.likeness(fixed, known) if known else -1.0
    rough = search.search(fixed, frame.directions, frame.lost_spacing)
    if before >= rough[0].worth + _FAR_BETTER or (known and search.agrees(rough[0], known)):
        return None
    best: list[tuple[float, PosedCases]] = []
    for pose in search.closer(fixed, rough)[:_POSES]:
        alignments = dict(zip(numbers, search.alignments(pose), strict=True))
        cases = {number: replace(whole[number], alignment=alignment) for number, alignment in alignments.items()}
        registered = refined_cases(cases, fixed, [search.box_mm(pose)])
        best.append((pose.worth + _mean_similarity(registered), PosedCases(alignments, registered, False)))
    best.sort(key=lambda one: -one[0])
    others = [score for score, _ in best[1:]]
    if usual:
        others.append(before + _mean_similarity(usual))
    total, posed = best[0]
    next_best = max(others, default=-1.0)
    if usual and total <= before + _mean_similarity(usual):
        return None
    if _slices(fixed, whole) < _FEW_SLICES:
        # Sure or nothing: a look at few slices through a wrong pose finds less than one without any.
        certain = total >= next_best + _SURE_OF_FEW and _mean_similarity(posed.registered) >= TRUSTED
        return replace(posed, sure=True) if certain else None
    return replace(posed, sure=total >= next_best + _SURE and _mean_similarity(posed.registered) >= TRUSTED)


def _slices(fixed: SmallImage, whole: Mapping[int, RegisteredCase]) -> int:
    return min(image.image.GetSize()[2] for image in (fixed, *(one.example.image for one in whole.values())))


def _mean_similarity(cases: Mapping[int, RegisteredCase]) -> float:
    return float(np.mean([one.alignment.similarity for one in cases.values()]))
