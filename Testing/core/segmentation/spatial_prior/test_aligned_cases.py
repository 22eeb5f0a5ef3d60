"""Which cases are aligned, and what is then known of where their slices and segments lie."""

from __future__ import annotations

import numpy as np
import pytest
from aligned_stacks import case_of, lump, slices_of, stack_of

from RetrievalSAMLib.alignment import Alignment, stack_extent_mm
from RetrievalSAMLib.retrieval.evidence import CaseEvidence
from RetrievalSAMLib.retrieval.evidence_file import EvidenceFile
from RetrievalSAMLib.retrieval.index import SliceRetrieval, Support, SupportIndex
from RetrievalSAMLib.segmentation.spatial_prior.aligned_cases import (
    AlignedCases,
    cases_to_align,
    centred_cases,
    slice_depths_mm,
)
from RetrievalSAMLib.segmentation.spatial_prior.prior_maps import PlaceMaps


def row(*cases_by_segment: tuple[int, ...]) -> list[SliceRetrieval]:
    """One query slice: by segment, the cases that its supports come from."""
    return [SliceRetrieval(tuple(Support(c, 0, 0.9) for c in cases), 1.0, 1.0) for cases in cases_by_segment]


def evidence(count: int, extent_mm: tuple[float, float, float]) -> CaseEvidence:
    return CaseEvidence(
        embeddings=np.ones((count, 1), dtype=np.float32),
        position=np.linspace(0, 1, count, dtype=np.float32) if count > 1 else np.array([0.5], dtype=np.float32),
        file_index=np.arange(count),
        values=(1,),
        areas_mm2=np.ones((count, 1), dtype=np.float32),
        overlapping=(),
        extent_mm=np.array(extent_mm),
    )


def test_the_cases_named_most_often_are_aligned() -> None:
    retrieval = [row((4, 4, 1)), row((4, 2, 1)), row((4, 2, 2))]
    assert cases_to_align(retrieval, 2) == [2, 4]
    assert cases_to_align(retrieval, 1) == [4]
    assert cases_to_align(retrieval, 9) == [1, 2, 4]


def test_equal_numbers_of_supports_fall_to_the_first_case() -> None:
    assert cases_to_align([row((3, 7)), row((7, 3)), row((5, 5))], 2) == [3, 5]


def test_the_best_case_of_every_segment_is_aligned_even_beyond_the_limit() -> None:
    retrieval = [row((0, 0, 1, 1), (9,), ())] * 3
    assert cases_to_align(retrieval, 1) == [0, 9]
    assert cases_to_align(retrieval, 3) == [0, 1, 9]


def test_without_any_support_no_case_is_aligned() -> None:
    assert cases_to_align([row((), ())], 4) == []


def test_slices_of_a_case_lie_at_the_middle_of_their_thickness() -> None:
    assert slice_depths_mm(evidence(4, (20.0, 9.0, 9.0))) == pytest.approx([2.5, 7.5, 12.5, 17.5])


def aligned(alignment: Alignment, target_shape: tuple[int, int, int] = (5, 20, 30)) -> AlignedCases:
    return AlignedCases({0: alignment}, PlaceMaps(stack_of(target_shape, (4.0, 1.0, 1.0)), (1,)))


def test_a_case_that_lies_as_the_target_has_the_target_s_positions() -> None:
    target = stack_of((5, 20, 30), (4.0, 1.0, 1.0))
    cases = aligned(Alignment(np.eye(3), np.zeros(3), 0.9))
    (found,) = cases.positions([evidence(5, (20.0, 20.0, 30.0))], target)
    assert found == pytest.approx([target.frame.slice_position(i) for i in range(5)])


def test_positions_follow_the_alignment_in_the_middle_of_the_slices() -> None:
    target = stack_of((5, 20, 30), (4.0, 1.0, 1.0))
    # A depth in the case is 2 * depth + 0.1 * row + 0.2 * column - 4: by hand at row 10, column 15.
    cases = aligned(Alignment(np.array([[2.0, 0.1, 0.2], [0, 1, 0], [0, 0, 1]]), np.array([-4.0, 0, 0]), 0.9))
    (found,) = cases.positions([evidence(6, (60.0, 20.0, 30.0))], target)
    depths = (np.array([5.0, 15, 25, 35, 45, 55]) - (-4 + 1 + 3)) / 2
    assert found == pytest.approx((depths - 2) / 16)


def test_positions_are_by_number_of_the_case() -> None:
    target = stack_of((5, 20, 30), (4.0, 1.0, 1.0))
    shifted = Alignment(np.eye(3), np.array([4.0, 0, 0]), 0.9)
    place = PlaceMaps(target, (1,))
    cases = AlignedCases({2: shifted, 0: Alignment(np.eye(3), np.zeros(3), 0.9)}, place)
    everyone = [evidence(5, (20.0, 20.0, 30.0)), evidence(1, (9.0, 9.0, 9.0)), evidence(5, (20.0, 20.0, 30.0))]
    first, second = cases.positions(everyone, target)
    assert first == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert second == pytest.approx([-0.25, 0, 0.25, 0.5, 0.75])


def test_the_slice_that_lies_on_a_single_slice_is_the_nearest_one() -> None:
    target = stack_of((1, 20, 30), (4.0, 1.0, 1.0))
    # The middle one of five slices of the case.
    cases = aligned(Alignment(np.eye(3), np.array([8.0, 0, 0]), 0.9), (1, 20, 30))
    case = evidence(5, (20.0, 20.0, 30.0))
    positions = cases.positions([case], target)
    assert positions[0][2] == pytest.approx(target.frame.slice_position(0))
    index = SupportIndex([case], 0.5, positions)
    query = np.array([target.frame.slice_position(0)], dtype=np.float32)
    similarity, entries = index.rank(np.ones((1, 1), dtype=np.float32), query)
    assert entries[0, 0] == 2 and similarity[0, 0] == pytest.approx(1)


def test_cases_that_are_not_aligned_lie_centre_on_centre_and_keep_their_positions() -> None:
    target = stack_of((5, 20, 30), (4.0, 1.0, 1.0))
    everyone = [evidence(3, (60.0, 40.0, 10.0)), evidence(4, (8.0, 20.0, 30.0))]
    cases = centred_cases(everyone, (0, 1), target)
    for number, case in enumerate(everyone):
        assert cases.alignments[number].to_case(stack_extent_mm(target) / 2) == pytest.approx(case.extent_mm / 2)
        assert cases.positions(everyone, target)[number] == pytest.approx(case.position)
    assert cases.place is None


def test_what_was_found_is_laid_on_the_same_in_the_case() -> None:
    """A lump of the target, larger by a quarter and elsewhere in the slices of the case."""
    here = (np.argwhere(lump((12, 40, 48))) + 0.5) * np.array([3.0, 1.0, 1.0])
    there = here * (2.0, 1.25, 1.25) + (1.0, 7.0, -5.0)
    before = Alignment(np.diag([2.0, 1.0, 1.0]), np.array([0.5, 3.0, 3.0]), 0.2)
    found = before.onto(here, there)
    middle = np.array([18.0, 20.0, 24.0])
    # Along the stack all stays as it was.
    assert found.to_case(middle) == pytest.approx(middle * (2.0, 1.25, 1.25) + (0.5, 7, -5))
    # A few pixels do not tell how large the whole is.
    speck = np.array([[5.0, 10, 10], [5.0, 10, 11]])
    small = before.onto(speck, there)
    assert (small.matrix.diagonal() > 0).all() and (small.matrix.diagonal() < 3).all()
    assert small.to_case(speck.mean(0))[1:] == pytest.approx(there.mean(0)[1:])


def test_places_of_segments_are_the_middles_of_their_voxels() -> None:
    one, two = np.zeros((3, 4, 5), dtype=bool), np.zeros((3, 4, 5), dtype=bool)
    one[1, 2, 3] = two[2, 0, 0] = two[1, 2, 3] = True
    case = slices_of({1: one, 2: two}, (5.0, 2.0, 1.0))
    assert case.places_mm((1,)).tolist() == [[7.5, 5.0, 3.5]]
    assert case.places_mm((2, 1, 9)).tolist() == [[7.5, 5.0, 3.5], [12.5, 1.0, 0.5]]
    assert case.places_mm((9,)).shape == (0, 3)


def test_the_extent_of_a_case_survives_the_cache(tmp_path) -> None:  # type: ignore[no-untyped-def]
    kept = evidence(4, (20.0, 31.5, 0.1))
    path = tmp_path / "cases.evidence"
    EvidenceFile(path).append("key", kept)
    found = EvidenceFile(path).get("key")
    assert found is not None
    np.testing.assert_array_equal(found.extent_mm, kept.extent_mm)


def test_the_evidence_of_a_case_knows_its_extent() -> None:
    class Embedder:
        def embed(self, stack, progress=None):  # type: ignore[no-untyped-def]
            return np.ones((len(stack), 2), dtype=np.float32)

    found = CaseEvidence.of(slices_of({1: lump((6, 20, 30))}, (5.0, 2.0, 1.5)), Embedder())  # type: ignore[arg-type]
    assert found.extent_mm == pytest.approx([30, 40, 45])
    assert case_of({1: lump((6, 20, 30))}, (5.0, 2.0, 1.5)).image.geometry.extent_mm == pytest.approx([45, 40, 30])
