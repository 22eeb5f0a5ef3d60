"""FAISS index over the slices of all cases, and the choice of support slices from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .evidence import CaseEvidence
from .exact import inner_product_index


@dataclass(frozen=True)
class Support:
    """A support slice chosen for a query slice.

    Attributes:
        case: Number of the case.
        slice: Number of the slice in the case's stack.
        similarity: Inner product of the two unit vectors, at most 1.
    """

    case: int
    slice: int
    similarity: float


@dataclass(frozen=True)
class SliceRetrieval:
    """What retrieval says of one query slice and one segment.

    Attributes:
        supports: The k chosen slices, most similar first.
        presence: Part of the nearest annotated slices that hold the segment, each weighted by its similarity.
        area_mm2: Expected area: mean over the nearest annotated slices.
    """

    supports: tuple[Support, ...]
    presence: float
    area_mm2: float

    def numbered(self, cases: Sequence[int]) -> SliceRetrieval:
        """The same where the index's cases are some of more: ``cases`` are their numbers among all."""
        return replace(self, supports=tuple(replace(s, case=cases[s.case]) for s in self.supports))


def similarity_weights(similarity: np.ndarray) -> np.ndarray:
    """How much each of several slices counts: exp(similarity / 0.1), divided by their sum."""
    weight = np.exp((similarity - similarity.max()) / 0.1)
    return np.asarray(weight / weight.sum())


class SupportIndex:
    """All slices of all cases, searchable by embedding and place.

    The vector of a slice is (sqrt(1 - w) e, sqrt(w) (cos p, sin p)), e the embedding and p = pi / 2 times the
    place along the stack: the inner product of two is (1 - w) cos(e, e') + w cos(p - p').

    Args:
        cases: Evidence of every case, in an order that does not depend on when they were added.
        position_weight: w.
        positions: By case, float (n,): place of its slices along the target's stack, where that is known better than
            from their place along their own; may lie outside 0 to 1.
    """

    def __init__(
        self,
        cases: Sequence[CaseEvidence],
        position_weight: float,
        positions: Sequence[np.ndarray] | None = None,
    ) -> None:
        self.position_weight = position_weight
        self.case_of = np.concatenate([np.full(len(c.embeddings), n) for n, c in enumerate(cases)])
        self.slice_of = np.concatenate([np.arange(len(c.embeddings)) for c in cases])
        self._areas: dict[int, np.ndarray] = {}
        for value in sorted({v for c in cases for v in c.values}):
            columns = [
                c.areas_mm2[:, c.values.index(value)] if value in c.values else np.full(len(c.embeddings), np.nan)
                for c in cases
            ]
            self._areas[value] = np.concatenate(columns)
        places = [c.position for c in cases] if positions is None else positions
        vectors = np.concatenate([self._vectors(c.embeddings, p) for c, p in zip(cases, places, strict=True)])
        self._index = inner_product_index(vectors)

    def __len__(self) -> int:
        return len(self.case_of)

    def rank(self, embeddings: np.ndarray, position: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All support slices by falling similarity to each query slice; equal ones in the order of the index.

        Args:
            embeddings: float32 (n, d), unit rows.
            position: float32 (n,) in [0, 1].

        Returns:
            Similarities float32 (n, N) and entries int64 (n, N).
        """
        similarity, entries = self._index.search(self._vectors(embeddings, position), len(self))
        order = np.lexsort((entries, -similarity))
        return np.take_along_axis(similarity, order, 1), np.take_along_axis(entries, order, 1)

    def choose(
        self,
        similarity: np.ndarray,
        entries: np.ndarray,
        value: int,
        supports: int,
        share_per_case: float,
        hold_segment: bool,
        voters: int,
    ) -> SliceRetrieval:
        """Supports and vote for one query slice and one segment.

        Args:
            similarity: (N,) from `rank`.
            entries: (N,) from `rank`.
            value: The segment.
            supports: k.
            share_per_case: Largest part of k from one case, where others have slices.
            hold_segment: Prefer slices that hold the segment.
            voters: Slices that vote on presence; with 0 all k supports do.
        """
        if value not in self._areas:  # of none of these cases
            return SliceRetrieval((), 0.0, 0.0)
        areas = self._areas[value][entries]
        annotated = np.flatnonzero(~np.isnan(areas))
        limit = max(1, int(np.ceil(share_per_case * supports)))
        candidates = annotated
        if hold_segment:
            holding = annotated[areas[annotated] > 0]
            candidates = holding if len(holding) else annotated
        chosen = self._limited(candidates, entries, supports, limit)
        count = voters or supports
        voting = self._limited(annotated, entries, count, max(1, int(np.ceil(share_per_case * count))))
        if not len(voting):
            return SliceRetrieval((), 0.0, 0.0)
        weight = similarity_weights(similarity[voting])
        return SliceRetrieval(
            tuple(
                Support(int(self.case_of[entries[i]]), int(self.slice_of[entries[i]]), float(similarity[i]))
                for i in chosen
            ),
            float(weight @ (areas[voting] > 0)),
            float(weight @ areas[voting]),
        )

    def _limited(self, ranked: np.ndarray, entries: np.ndarray, count: int, limit: int) -> np.ndarray:
        """The first ``count`` of ``ranked`` with at most ``limit`` from a case; filled up where that leaves room."""
        taken: dict[int, int] = {}
        first: list[int] = []
        rest: list[int] = []
        for i in ranked:
            case = int(self.case_of[entries[i]])
            if taken.get(case, 0) < limit:
                taken[case] = taken.get(case, 0) + 1
                first.append(int(i))
                if len(first) == count:
                    break
            elif len(rest) < count:
                rest.append(int(i))
        return np.array(sorted(first + rest[: count - len(first)]), dtype=np.int64)

    def _vectors(self, embeddings: np.ndarray, position: np.ndarray) -> np.ndarray:
        # Half a stack beyond either end is as far as it gets: further, the angle would come round again.
        angle = np.pi / 2 * np.clip(position[:, None], -0.5, 1.5)
        place = np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
        w = self.position_weight
        joined = np.concatenate([np.sqrt(1 - w) * embeddings, np.sqrt(w) * place], axis=1)
        return np.ascontiguousarray(joined, dtype=np.float32)
