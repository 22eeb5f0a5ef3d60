"""Aligning cases by what a first look finds, be it the structure or what looks like it."""

from __future__ import annotations

import numpy as np
import pytest
from aligned_stacks import lump, slices_of, stack_of
from chambers import heart, other_chamber

from RetrievalSAMLib.alignment import Alignment, stack_extent_mm
from RetrievalSAMLib.retrieval.evidence import CaseSlices
from RetrievalSAMLib.segmentation.spatial_prior import first_pass_alignment
from RetrievalSAMLib.segmentation.spatial_prior.aligned_cases import AlignedCases, aligned_by_image
from RetrievalSAMLib.segmentation.spatial_prior.first_pass_alignment import aligned_by_finding
from RetrievalSAMLib.segmentation.spatial_prior.prior_maps import PlaceMaps
from RetrievalSAMLib.volumes import SliceStack


def left_out(target: SliceStack, *cases: CaseSlices) -> AlignedCases:
    extent = stack_extent_mm(target)
    centred = {n: Alignment.centred(extent, stack_extent_mm(case.stack)) for n, case in enumerate(cases)}
    return AlignedCases(centred, None, centred)


def overlap(cases: AlignedCases, truth: np.ndarray) -> float:
    """Dice of the cases' mean mask, cut at half, with the truth (n, h, w)."""
    assert cases.place is not None
    means = [cases.place.mean(1, index) for index in range(len(truth))]
    found = np.stack([np.zeros(truth.shape[1:], dtype=bool) if mean is None else mean >= 0.5 for mean in means])
    return float(2 * (found & truth).sum() / (found.sum() + truth.sum()))


def joined(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Both masks and what lies between them."""
    whole = one | other
    for rows in whole.reshape(-1, whole.shape[2]):
        (columns,) = np.nonzero(rows)
        rows[columns.min(initial=len(rows)) : columns.max(initial=-1) + 1] = True
    return whole


CASES = (heart(70, 100, seed=1), heart(95, 84, seed=2, size=1.1), heart(84, 110, seed=3, size=0.9))
TARGET = heart(78, 92, seed=4)
TRUTH = TARGET.labels[1][0] == 1


@pytest.mark.parametrize(
    "found",
    [TRUTH, TRUTH | other_chamber(TARGET), joined(TRUTH, other_chamber(TARGET))],
    ids=["the structure", "its neighbour too", "both as one"],
)
def test_cases_come_to_lie_on_the_structure_also_where_its_like_was_found_too(found: np.ndarray) -> None:
    before = left_out(TARGET.stack, *CASES)
    result = aligned_by_finding(found, before, CASES.__getitem__, TARGET.stack, (1,))
    assert result is not None and list(result.alignments) == [0, 1, 2]
    assert overlap(result, TRUTH) > 0.8


def test_a_part_too_small_to_be_the_structure_is_not_looked_at() -> None:
    """The neighbour of the neighbour, far away from the structure, beside which a speck lies on the structure."""
    far = np.roll(other_chamber(TARGET), -16, axis=1)
    speck = np.zeros_like(TRUTH)
    speck[4, 39, 46] = True
    assert TRUTH[speck].all()
    before = left_out(TARGET.stack, *CASES)
    with_speck = aligned_by_finding(far | speck, before, CASES.__getitem__, TARGET.stack, (1,))
    without = aligned_by_finding(far, before, CASES.__getitem__, TARGET.stack, (1,))
    assert with_speck is not None and without is not None
    for number in range(3):
        assert np.array_equal(with_speck.alignments[number].matrix, without.alignments[number].matrix)


def test_a_case_keeps_the_alignment_that_fits_better() -> None:
    extent = stack_extent_mm(TARGET.stack)
    centred = Alignment.centred(extent, extent)
    right = Alignment(np.eye(3), np.array([0.0, 70 - 78, 100 - 92]), 0.999)
    wrong = Alignment(np.eye(3), np.array([0.0, 40, -40]), -0.5)
    for known, kept in ((right, True), (wrong, False)):
        before = AlignedCases({0: known}, PlaceMaps(TARGET.stack, (1,)), {0: centred})
        result = aligned_by_finding(TRUTH, before, CASES.__getitem__, TARGET.stack, (1,))
        # Where nothing changes there is nothing to look at again.
        assert (result is None) == kept
        assert result is None or overlap(result, TRUTH) > 0.8


@pytest.mark.parametrize(("apart_mm", "kept"), [(0.0, True), (3.0, True), (30.0, False)])
def test_cases_that_would_lie_further_apart_stay_as_they_were(
    monkeypatch: pytest.MonkeyPatch, apart_mm: float, kept: bool
) -> None:
    """However alike the images are: what was found may be several things."""
    places = ((70, 100), (95, 84), (84, 110))
    right = {
        n: Alignment(np.eye(3), np.array([0.0, row - 78, column - 92]), 0.2) for n, (row, column) in enumerate(places)
    }
    place = PlaceMaps(TARGET.stack, (1,))
    for number, alignment in right.items():
        place.add(CASES[number], alignment, 1.0)
    assert place.agreement(1) > 0.7
    found = {
        n: Alignment(np.eye(3), one.offset_mm + np.array([0.0, apart_mm * (n - 1), 0.0]), 0.9)
        for n, one in right.items()
    }
    monkeypatch.setattr(first_pass_alignment, "_laid", lambda *_: found)
    before = AlignedCases(right, place, right)
    result = aligned_by_finding(TRUTH, before, CASES.__getitem__, TARGET.stack, (1,), deformable=False)
    assert (result is not None) == kept
    assert result is None or result.alignments == found


def test_a_case_that_was_not_left_out_stays_as_it_was() -> None:
    extent = stack_extent_mm(TARGET.stack)
    trusted = Alignment(np.eye(3), np.array([0.0, 95 - 78, 84 - 92]), 0.5)
    before = AlignedCases({1: trusted}, PlaceMaps(TARGET.stack, (1,)), {0: Alignment.centred(extent, extent)})
    result = aligned_by_finding(TRUTH, before, CASES.__getitem__, TARGET.stack, (1,))
    assert result is not None and result.alignments[1] is trusted and 0 in result.alignments


def test_cases_whose_images_fit_as_a_whole_but_not_at_the_structure_are_left_out_too() -> None:
    """One picture around different hearts: it aligns, and says nothing of where the structure lies."""

    def same_surroundings(row_mm: float, column_mm: float) -> CaseSlices:
        return heart(row_mm, column_mm, seed=5)

    target = same_surroundings(80, 90)
    cases = [same_surroundings(80, 90), same_surroundings(112, 60)]
    result = aligned_by_image(range(2), cases.__getitem__, target.stack, (1,), lambda done, total: None)
    assert result.place is not None
    assert 0 not in result.left_out
    assert all((number in result.left_out) == (a.similarity < 0.45) for number, a in result.alignments.items())


@pytest.mark.parametrize("corners", [((2, 5, 6), (3, 6, 7)), ((2, 5, 6), (3, 14, 20)), ((0, 0, 0), (5, 20, 30))])
def test_cases_are_aligned_by_however_little_was_found(corners: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    target = stack_of((5, 20, 30), (4.0, 1.0, 1.0))
    cases = [slices_of({1: lump((6, 24, 28))}, (4.0, 1.0, 1.0)), slices_of({2: lump((6, 24, 28))}, (4.0, 1.0, 1.0))]
    found = np.zeros((5, 20, 30), dtype=bool)
    found[tuple(slice(a, b) for a, b in zip(*corners, strict=True))] = True
    result = aligned_by_finding(found, left_out(target, *cases), cases.__getitem__, target, (1,))
    # The other case has none of the segments.
    assert result is not None and list(result.alignments) == [0] and result.place is not None
    alignment = result.alignments[0]
    assert np.isfinite(alignment.matrix).all() and np.isfinite(alignment.offset_mm).all()
    assert any(result.place.mean(1, index) is not None for index in range(5))


def test_where_nothing_was_found_there_is_nothing_to_align_by() -> None:
    target = stack_of((5, 20, 30), (4.0, 1.0, 1.0))
    case = slices_of({1: lump((6, 24, 28))}, (4.0, 1.0, 1.0))
    nothing, something = np.zeros((5, 20, 30), dtype=bool), np.ones((5, 20, 30), dtype=bool)
    assert aligned_by_finding(nothing, left_out(target, case), lambda n: case, target, (1,)) is None
    assert aligned_by_finding(something, left_out(target, case), lambda n: case, target, (7,)) is None
