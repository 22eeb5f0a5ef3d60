"""Which support slices are chosen, and how the nearest ones vote."""

from __future__ import annotations

import numpy as np
import pytest

from RetrievalSAMLib.retrieval.evidence import CaseEvidence
from RetrievalSAMLib.retrieval.index import SliceRetrieval, SupportIndex

NAN = float("nan")


def case(angles: list[float], areas: list[list[float]], values: tuple[int, ...] = (1,)) -> CaseEvidence:
    """A case whose slices lie at the given angles of a circle of embeddings."""
    embeddings = np.array([[np.cos(a), np.sin(a)] for a in angles], dtype=np.float32)
    count = len(angles)
    position = np.linspace(0, 1, count, dtype=np.float32)
    return CaseEvidence(
        embeddings, position, np.arange(count), values, np.array(areas, dtype=np.float32), (), np.full(3, 100.0)
    )


def retrieve(
    cases: list[CaseEvidence],
    angle: float,
    value: int = 1,
    supports: int = 4,
    share: float = 0.5,
    hold: bool = False,
    voters: int = 0,
    weight: float = 0.0,
    every: int = 1,
) -> SliceRetrieval:
    index = SupportIndex(cases, weight, every=every)
    query = np.array([[np.cos(angle), np.sin(angle)]], dtype=np.float32)
    similarity = index.similarities(query, np.array([0.0], dtype=np.float32))
    return index.choose(similarity[0], value, supports, share, hold, voters)


def test_supports_come_by_falling_similarity_which_is_the_cosine() -> None:
    found = retrieve([case([0.0, 0.4, 0.8, 1.2], [[1.0]] * 4)], angle=0.0)
    assert [s.slice for s in found.supports] == [0, 1, 2, 3]
    assert [s.similarity for s in found.supports] == pytest.approx(np.cos([0.0, 0.4, 0.8, 1.2]), abs=1e-6)


def test_at_most_half_of_the_supports_come_from_one_case_where_others_exist() -> None:
    near = case([0.00, 0.01, 0.02, 0.03], [[1.0]] * 4)
    far = case([1.0, 1.1, 1.2, 1.3], [[1.0]] * 4)
    assert [s.case for s in retrieve([near, far], 0.0).supports] == [0, 0, 1, 1]
    assert [s.case for s in retrieve([near, far], 0.0, share=1.0).supports] == [0, 0, 0, 0]


def test_a_single_case_fills_all_places() -> None:
    assert len(retrieve([case([0.0, 0.1, 0.2, 0.3], [[1.0]] * 4)], 0.0).supports) == 4


def test_slices_without_the_segment_vote_but_are_no_supports_where_holding_ones_exist() -> None:
    one = case([0.0, 0.1, 0.5, 0.6], [[0.0], [0.0], [2.0], [2.0]])
    found = retrieve([one], 0.0, supports=2, hold=True, voters=2)
    assert [s.slice for s in found.supports] == [2, 3]
    assert found.presence == 0.0 and found.area_mm2 == 0.0


def test_slices_that_were_not_annotated_are_no_evidence() -> None:
    sparse = case([0.0, 0.1, 0.5], [[NAN], [NAN], [3.0]])
    found = retrieve([sparse], 0.0, supports=3, voters=3)
    assert [s.slice for s in found.supports] == [2]
    assert found.presence == 1.0 and found.area_mm2 == pytest.approx(3.0)


def test_a_segment_that_no_slice_was_annotated_for_gets_nothing() -> None:
    found = retrieve([case([0.0, 0.1], [[NAN], [NAN]])], 0.0)
    assert found == SliceRetrieval((), 0.0, 0.0)


def test_nearer_slices_weigh_more_in_the_vote() -> None:
    holds_near = case([0.0, 1.5], [[1.0], [0.0]])
    lacks_near = case([0.0, 1.5], [[0.0], [1.0]])
    assert retrieve([holds_near], 0.0, voters=2).presence > 0.9
    assert retrieve([lacks_near], 0.0, voters=2).presence < 0.1


def test_place_along_the_stack_counts_with_its_weight() -> None:
    same_look = case([0.0, 0.0, 0.0], [[1.0]] * 3)
    assert [s.slice for s in retrieve([same_look], 0.0, supports=3, weight=0.5).supports] == [0, 1, 2]
    first, _, last = (s.similarity for s in retrieve([same_look], 0.0, supports=3, weight=0.5).supports)
    assert first == pytest.approx(1.0) and last == pytest.approx(0.5)


def test_cases_with_different_segments_share_one_index() -> None:
    liver = case([0.0, 0.1], [[1.0], [1.0]], values=(1,))
    spleen = case([0.0, 0.1], [[1.0], [1.0]], values=(2,))
    assert {s.case for s in retrieve([liver, spleen], 0.0, value=2).supports} == {1}


def test_of_many_slices_every_second_one_is_a_support_while_all_of_them_vote() -> None:
    long = case([0.1 * n for n in range(12)], [[0.0]] + [[1.0]] * 11)
    found = retrieve([long], 0.0, supports=3, hold=True, voters=2, every=2)
    assert [s.slice for s in found.supports] == [2, 4, 6]
    assert found.presence == retrieve([long], 0.0, supports=3, hold=True, voters=2).presence < 1


def test_a_case_of_few_slices_keeps_all_of_them() -> None:
    short = case([0.1 * n for n in range(9)], [[1.0]] * 9)  # five have even numbers
    odd = case([0.1 * n for n in range(22)], [[1.0 if n % 2 else NAN] for n in range(22)])
    assert [s.slice for s in retrieve([short], 0.0, hold=True, every=2).supports] == [0, 2, 4, 6]
    assert [s.slice for s in retrieve([odd], 0.0, hold=True, every=2).supports] == [1, 3, 5, 7]
    few = case([0.0, 0.1, 0.2], [[1.0]] * 3)
    assert [s.slice for s in retrieve([few], 0.0, hold=True, every=2).supports] == [0, 1, 2]
