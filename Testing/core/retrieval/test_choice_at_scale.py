"""The choice of supports does not depend on how many slices are looked at: it is that of a full ranking."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import faiss
import numpy as np
import pytest
from made_up_evidence import made_up_case

from RetrievalSAMLib.retrieval import exact, index
from RetrievalSAMLib.retrieval.evidence import CaseEvidence
from RetrievalSAMLib.retrieval.index import SliceRetrieval, Support, SupportIndex, similarity_weights


class FullRanking:
    """Every slice of every case, ranked by FAISS for each query slice: what `SupportIndex` gives without it."""

    def __init__(self, cases: Sequence[CaseEvidence], position_weight: float) -> None:
        self.cases, self.w = cases, position_weight
        self.case_of = np.repeat(np.arange(len(cases)), [len(case.embeddings) for case in cases])
        self.slice_of = np.concatenate([np.arange(len(case.embeddings)) for case in cases])
        vectors = np.concatenate([self.vectors(case.embeddings, case.position) for case in cases])
        self.index = faiss.IndexFlatIP(vectors.shape[1])
        self.index.add(vectors)

    def vectors(self, embeddings: np.ndarray, position: np.ndarray) -> np.ndarray:
        angle = np.pi / 2 * np.clip(position[:, None], -0.5, 1.5)
        place = np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
        joined = [np.sqrt(1 - self.w) * embeddings, np.sqrt(self.w) * place]
        return np.ascontiguousarray(np.concatenate(joined, axis=1), dtype=np.float32)

    def retrieve(
        self,
        embeddings: np.ndarray,
        position: np.ndarray,
        value: int,
        supports: int,
        share: float,
        hold: bool,
        vote: int,
    ) -> list[SliceRetrieval]:
        similarity, entries = self.index.search(self.vectors(embeddings, position), len(self.case_of))
        order = np.lexsort((entries, -similarity))
        pairs = zip(np.take_along_axis(similarity, order, 1), np.take_along_axis(entries, order, 1), strict=True)
        return [self.choose(row, found, value, supports, share, hold, vote) for row, found in pairs]

    def choose(
        self,
        similarity: np.ndarray,
        entries: np.ndarray,
        value: int,
        supports: int,
        share: float,
        hold: bool,
        vote: int,
    ) -> SliceRetrieval:
        areas = np.concatenate([case.areas_mm2[:, case.values.index(value)] for case in self.cases])[entries]
        annotated = np.flatnonzero(~np.isnan(areas))
        holding = annotated[areas[annotated] > 0]
        chosen = self.limited(holding if hold and len(holding) else annotated, entries, supports, share)
        voting = self.limited(annotated, entries, vote or supports, share)
        weight = similarity_weights(similarity[voting])
        return SliceRetrieval(
            tuple(
                Support(int(self.case_of[entries[i]]), int(self.slice_of[entries[i]]), float(similarity[i]))
                for i in chosen
            ),
            float(weight @ (areas[voting] > 0)),
            float(weight @ areas[voting]),
        )

    def limited(self, ranked: np.ndarray, entries: np.ndarray, count: int, share: float) -> list[int]:
        limit = max(1, int(np.ceil(share * count)))
        taken: dict[int, int] = {}
        first, rest = [], []
        for i in ranked.tolist():
            case = int(self.case_of[entries[i]])
            if taken.get(case, 0) < limit:
                taken[case] = taken.get(case, 0) + 1
                first.append(i)
            else:
                rest.append(i)
        return sorted(first[:count] + rest[: max(0, count - len(first))])


def queries(count: int) -> tuple[np.ndarray, np.ndarray]:
    target = made_up_case(4711, count)
    return target.embeddings, target.position


@pytest.mark.parametrize(
    ("weight", "supports", "share", "hold", "voters"),
    [(0.9, 8, 0.5, True, 9), (0.0, 3, 1.0, False, 0), (0.5, 16, 0.25, True, 0), (0.9, 4, 0.01, False, 5)],
)
def test_supports_and_votes_are_those_of_a_full_ranking_to_the_bit(
    weight: float, supports: int, share: float, hold: bool, voters: int
) -> None:
    cases = [made_up_case(seed, 20 + seed, annotated=0.8) for seed in range(30)]
    embeddings, position = queries(25)
    new, full = SupportIndex(cases, weight), FullRanking(cases, weight)
    similarity = new.similarities(embeddings, position)
    for value in (1, 2):
        found = [new.choose(row, value, supports, share, hold, voters) for row in similarity]
        assert found == full.retrieve(embeddings, position, value, supports, share, hold, voters)


def test_beyond_a_block_the_same_slices_are_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "BLOCK", 256)
    monkeypatch.setattr(index, "BLOCK", 256)
    cases = [made_up_case(seed, 40) for seed in range(30)]
    embeddings, position = queries(25)
    new, full = SupportIndex(cases, 0.9), FullRanking(cases, 0.9)
    assert sum(1 for _ in new._blocks()) > 3
    expected = full.retrieve(embeddings, position, 1, 8, 0.5, True, 9)
    for row, wanted in zip(new.similarities(embeddings, position), expected, strict=True):
        found = new.choose(row, 1, 8, 0.5, True, 9)
        assert [(s.case, s.slice) for s in found.supports] == [(s.case, s.slice) for s in wanted.supports]
        assert found.presence == pytest.approx(wanted.presence, abs=1e-5)
        assert found.area_mm2 == pytest.approx(wanted.area_mm2, rel=1e-5)


def test_a_library_where_one_case_fills_the_front_is_looked_through_until_others_are_found() -> None:
    """Far more slices of one case come first than are looked at to begin with."""
    near, far = made_up_case(1, 3000), made_up_case(2, 3000)
    embeddings, position = near.embeddings[:3], near.position[:3]
    found = SupportIndex([near, far], 0.0)
    for row in found.similarities(embeddings, position):
        assert [s.case for s in found.choose(row, 1, 8, 0.5, True, 9).supports].count(1) == 4


def test_equally_similar_slices_come_in_the_order_of_the_cases() -> None:
    one = made_up_case(3, 900)
    cases = [one] * 5
    embeddings, position = one.embeddings[:20], one.position[:20]
    found = SupportIndex(cases, 0.9)
    similarity, entries = found.rank(embeddings, position)
    for row, ranked in zip(similarity, entries, strict=True):
        for (a, b), (first, second) in zip(itertools.pairwise(row), itertools.pairwise(ranked), strict=True):
            assert a > b or first < second
    chosen = found.choose(found.similarities(embeddings, position)[0], 1, 5, 0.2, False, 0).supports
    assert [s.case for s in chosen] == [0, 1, 2, 3, 4]
