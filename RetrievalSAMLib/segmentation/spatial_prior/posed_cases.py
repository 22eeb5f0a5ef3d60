"""Cases in the pose in which they fit a target best: turned, tilted, or as headers tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...alignment import Alignment, Pose, PoseSearch, SmallImage
from ...stages import POSE, timed
from ...volumes.slicing import SliceFrame
from .registered_cases import ALIKE, TRUSTED, RegisteredCase, each, refined_cases

_STRETCHED = 0.1
"""What a stretch by e costs, in correlation: a body that lies otherwise can be drawn out until it looks alike."""

_TURNED = 0.02
"""What half a turn costs, in correlation, and less of a turn less: bodies look much the same from behind."""

_LIKELY = 0.05
"""Poses may win whose pictures are less like the target than those of the likeliest one by no more than this."""

_FEW_SLICES, _SURE_OF_FEW = 16, 0.1
"""In stacks of few slices a pose has to be worth so much more than any other: on hearts the likeliest one is often a
wrong one that is not much better."""

Cases = Mapping[int, RegisteredCase]
"""By number of the case."""


@dataclass(frozen=True)
class PosedCases:
    """Cases as they lie in the likeliest pose.

    Attributes:
        alignments: As the pose says.
        registered: From there.
        sure: Whether nothing else fits as well.
        only: Whether there is nothing else to go by: the cases fit in no other way, and slices are many.
    """

    alignments: dict[int, Alignment]
    registered: dict[int, RegisteredCase]
    sure: bool
    only: bool


@timed(POSE)
def posed_cases(whole: Cases, usual: Cases, fixed: SmallImage, frame: SliceFrame) -> PosedCases | None:
    """The cases in the likeliest pose of the target; None where that is how they lie without a turn, in many slices.

    Args:
        whole: The cases, registered without a turn, as far as they could be.
        usual: Those of them that fit, registered once more where the segments lie.
        fixed: The target.
        frame: Of its stack.
    """
    numbers = [number for number, one in whole.items() if one.example.masks]
    if not numbers:
        return None
    poses = _Poses(whole, numbers, fixed, frame)
    likeliest = poses.search.closer(fixed, poses.search.search(fixed, frame.directions, frame.lost_spacing))
    unturned = {number: one for number, one in usual.items() if number in numbers}
    if poses.agree(poses.cases_in(likeliest[0]), unturned):
        if not poses.few_slices or _mean_similarity(unturned) >= ALIKE:
            return None
        # Few slices that are not turned may still lie better from where their pictures are most alike.
        return _posed(poses.fitted(likeliest[0]), sure=False, only=False)
    found = [poses.fitted(pose) for pose in likeliest]
    likely = [one for one, pose in zip(found, likeliest, strict=True) if pose.worth >= likeliest[0].worth - _LIKELY]
    if unturned and not poses.few_slices:
        likely.append(poses.straightened({number: whole[number] for number in unturned}))
    best = max(likely, key=lambda one: one.worth)
    # Poses from which registration comes to the same are one.
    rivals = [other.worth for other in (*found, *likely) if not poses.agree(other.registered, best.registered)]
    rivals.append(poses.worth({number: whole[number] for number in unturned or numbers}))
    if unturned and poses.few_slices:
        rivals.append(poses.worth(unturned))
    margin = _SURE_OF_FEW if poses.few_slices else 0.0
    sure = best.worth >= max(rivals) + margin and _mean_similarity(best.registered) >= TRUSTED
    # A look at few slices through a wrong pose finds less than one without any.
    return _posed(best, sure, only=not unturned and not poses.few_slices)


def _mean_similarity(cases: Cases) -> float:
    """Mean correlation of some cases with the target."""
    return float(np.mean([one.alignment.similarity for one in cases.values()]))


@dataclass(frozen=True)
class _Fitted:
    """Cases as a pose lays them, registered from there, and what speaks for that."""

    posed: Cases
    registered: dict[int, RegisteredCase]
    worth: float


def _posed(fitted: _Fitted, sure: bool, only: bool) -> PosedCases:
    return PosedCases({n: one.alignment for n, one in fitted.posed.items()}, fitted.registered, sure, only)


class _Poses:
    """What cases are like in a pose of the target.

    Args:
        whole: All cases.
        numbers: Of those that show where the structures are.
        fixed: The target.
        frame: Of its stack.
    """

    def __init__(self, whole: Cases, numbers: Sequence[int], fixed: SmallImage, frame: SliceFrame) -> None:
        self.search = PoseSearch([whole[number].example for number in numbers])
        self._whole, self._fixed, self._frame = whole, fixed, frame
        self._place_of = {number: place for place, number in enumerate(numbers)}
        slices = [image.image.GetSize()[2] for image in (fixed, *(one.example.image for one in whole.values()))]
        self.few_slices = min(slices) < _FEW_SLICES

    def cases_in(self, pose: Pose) -> Cases:
        """The cases as a pose lays them."""
        alignments = zip(self._place_of, self.search.alignments(pose), strict=True)
        return {number: replace(self._whole[number], alignment=alignment) for number, alignment in alignments}

    def fitted(self, pose: Pose) -> _Fitted:
        """The cases registered from a pose; few slices leave it open from where they do that best."""
        posed = self.cases_in(pose)
        registered = [self._again(posed)]
        if self.few_slices:
            box = [self.search.box_mm(pose)]
            registered += [refined_cases(cases, self._fixed, box) for cases in (registered[0], posed)]
        worth = [self.worth(cases) for cases in registered]
        best = int(np.argmax(worth))
        return _Fitted(posed, registered[best], worth[best])

    def straightened(self, cases: Cases) -> _Fitted:
        """Cases registered from where they lie, without what they are stretched."""
        middle = self._fixed.extent_mm / 2
        straight = {n: replace(one, alignment=one.alignment.straightened(middle)) for n, one in cases.items()}
        registered = self._again(straight)
        return _Fitted(straight, registered, self.worth(registered))

    def worth(self, cases: Cases) -> float:
        """How alike images and pictures of the structures are, both together, less what it takes to make them so."""
        likeness = self.search.likeness(self._fixed, self._by_place(cases)) + _mean_similarity(cases)
        stretch = float(np.mean([one.alignment.stretch for one in cases.values()]))
        turned = float(np.mean([abs(one.turned_degrees(self._frame)) for one in cases.values()])) / 180
        return likeness - _STRETCHED * stretch - _TURNED * turned

    def agree(self, some: Cases, others: Cases) -> bool:
        """Whether some cases lie about as others do."""
        return self.search.agree(self._by_place(some), self._by_place(others))

    def _again(self, cases: Cases) -> dict[int, RegisteredCase]:
        registered = each(lambda one: one.registered_again(self._fixed), cases.values())
        return dict(zip(cases, registered, strict=True))

    def _by_place(self, cases: Cases) -> dict[int, Alignment]:
        return {self._place_of[number]: one.alignment for number, one in cases.items()}
