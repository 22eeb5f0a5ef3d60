"""Cases are bent to the target, and that is believed unless it tears their masks apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from bent_bodies import HERE, ONE, OTHER, laid, person, worth

from RetrievalSAMLib.alignment import Alignment, Deformation, SmallImage, deform
from RetrievalSAMLib.retrieval.evidence import CaseSlices
from RetrievalSAMLib.segmentation.spatial_prior import deformed_cases as module
from RetrievalSAMLib.segmentation.spatial_prior.deformed_cases import DeformedCases, deformed_cases
from RetrievalSAMLib.segmentation.spatial_prior.prior_maps import PlaceMaps
from RetrievalSAMLib.volumes import SliceStack


def test_bent_cases_lie_where_affine_ones_do_not() -> None:
    cases, target = [person(seed) for seed in (1, 2, 3)], person(4)
    affine, bent = laid(cases, target, deformable=False), laid(cases, target)
    assert set(bent.by_segment) == {ONE, OTHER} and set(bent.by_segment[ONE]) == {0, 1, 2}
    for value in (ONE, OTHER):
        assert worth(bent.place, target, value) > worth(affine.place, target, value)
        assert bent.place is not None and affine.place is not None
        assert bent.place.agreement(value) > affine.place.agreement(value)
    gained = [worth(bent.place, target, v) - worth(affine.place, target, v) for v in (ONE, OTHER)]
    assert np.mean(gained) > 0.02
    assert min(worth(bent.place, target, v) for v in (ONE, OTHER)) > 0.85


def test_the_nearest_affine_map_takes_windows_to_the_organ() -> None:
    case, target = person(1), person(4)
    bent = laid([case], target)

    def middle(slices: CaseSlices, value: int) -> np.ndarray:
        centre: np.ndarray = slices.places_mm((value,)).mean(axis=0)
        return centre

    for value in (ONE, OTHER):
        there = bent.of(0, (value,)).to_case(middle(target, value))
        assert np.linalg.norm(there - middle(case, value)) < 4


def bent_by_hand(cases: list[CaseSlices], target: CaseSlices) -> tuple[DeformedCases, PlaceMaps]:
    before = PlaceMaps(target.stack, (ONE, OTHER))
    for case in cases:
        before.add(case, HERE, 1.0)
    boxes = {value: box for value in (ONE, OTHER) if (box := before.box_mm(value, 0.3)) is not None}
    images = {number: SmallImage.of(case.stack) for number, case in enumerate(cases)}
    found = deformed_cases(
        dict.fromkeys(images, HERE), images, SmallImage.of(target.stack), before, boxes, cases.__getitem__, target.stack
    )
    return found, before


def test_a_segment_whose_masks_are_torn_apart_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    cases, target = [person(0), person(0), person(0)], person(0)
    shifts: dict[int, float] = {}

    def torn(fixed: SmallImage, image: SmallImage, affine: Alignment, low: np.ndarray, high: np.ndarray) -> Deformation:
        """What lies right of the middle goes up in one case and down in the next."""
        found = deform(fixed, image, affine, low, high)
        shift = shifts.setdefault(id(image), 14.0 * (-1) ** len(shifts))
        columns = found.corner_mm[2] + (np.arange(found.fixed.shape[2]) + 0.5) * found.spacing_mm[2]
        moves = found.displacement_mm + np.array([0, 1, 0])[:, None, None, None] * np.where(columns > 64, shift, 0)
        return replace(found, displacement_mm=moves.astype(np.float32))

    monkeypatch.setattr(module, "deform", torn)
    found, before = bent_by_hand(cases, target)
    assert len(shifts) == 3 and before.agreement(OTHER) > 0.95
    assert set(found.by_segment) == {ONE}
    assert worth(before.replaced(found.place), target, OTHER) > 0.95


@pytest.mark.parametrize(
    ("before", "after", "believed"),
    [
        (0.9, 0.95, True),
        (0.9, 0.75, True),
        (0.9, 0.65, False),
        (0.65, 0.4, False),
        (0.5, 0.1, True),
        (0.35, 0.35, True),
    ],
)
def test_only_masks_that_agreed_can_be_torn_apart(
    monkeypatch: pytest.MonkeyPatch, before: float, after: float, believed: bool
) -> None:
    """Affine maps that are wrong in the same way agree a little, and that by chance."""
    bent_now = []

    def agreement(place: PlaceMaps, value: int) -> float:
        return after if place in bent_now else before

    class Bent(PlaceMaps):
        def __init__(self, target: SliceStack, values: Sequence[int]) -> None:
            super().__init__(target, values)
            bent_now.append(self)

    monkeypatch.setattr(PlaceMaps, "agreement", agreement)
    monkeypatch.setattr(module, "PlaceMaps", Bent)
    found, _ = bent_by_hand([person(0), person(0)], person(0))
    assert set(found.by_segment) == ({ONE, OTHER} if believed else set())


def test_a_single_case_is_believed() -> None:
    found, _ = bent_by_hand([person(1)], person(4))
    assert set(found.by_segment) == {ONE, OTHER}


def test_nothing_is_bent_where_nothing_is_likely() -> None:
    target = person(4)
    found = deformed_cases(
        {0: HERE}, {}, SmallImage.of(target.stack), PlaceMaps(target.stack, (ONE,)), {}, [].__getitem__, target.stack
    )
    assert not found.by_segment
