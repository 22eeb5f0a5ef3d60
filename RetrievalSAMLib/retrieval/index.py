"""The slices of all cases by their similarity to a query slice, and the choice of support slices among them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .evidence import CaseEvidence
from .exact import BLOCK, inner_products

_FIRST_LOOK = 8
_SAMPLED = 16

_ENOUGH = 5
"""Slices of a case: where fewer would be left, all stay."""


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
        every: Only every so manieth slice of a case is chosen as a support, of segments that many of its slices hold:
            neighbours tell much the same, and what is left is the same for all segments.
    """

    def __init__(
        self,
        cases: Sequence[CaseEvidence],
        position_weight: float,
        positions: Sequence[np.ndarray] | None = None,
        every: int = 1,
    ) -> None:
        self.position_weight = position_weight
        self.case_of = np.concatenate([np.full(len(c.embeddings), n) for n, c in enumerate(cases)])
        self.slice_of = np.concatenate([np.arange(len(c.embeddings)) for c in cases])
        self._areas = {value: _areas(cases, value) for value in sorted({v for c in cases for v in c.values})}
        self._annotated = {value: np.flatnonzero(~np.isnan(areas)) for value, areas in self._areas.items()}
        self._holding = {value: self._thinned(np.flatnonzero(a > 0), every) for value, a in self._areas.items()}
        self._embeddings = [c.embeddings for c in cases]
        self._places = [c.position for c in cases] if positions is None else list(positions)

    def __len__(self) -> int:
        return len(self.case_of)

    def similarities(self, embeddings: np.ndarray, position: np.ndarray) -> np.ndarray:
        """Similarity of all support slices to each query slice.

        Args:
            embeddings: float32 (n, d), unit rows.
            position: float32 (n,) in [0, 1].

        Returns:
            float32 (n, N).
        """
        queries = self._vectors(embeddings, position)
        products = np.empty((len(queries), len(self)), dtype=np.float32)
        start = 0
        for block in self._blocks():
            products[:, start : start + len(block)] = inner_products(queries, block, few=len(self) < BLOCK)
            start += len(block)
        return products

    def rank(self, embeddings: np.ndarray, position: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All support slices by falling similarity to each query slice; equal ones in the order of the index.

        Args:
            embeddings: float32 (n, d), unit rows.
            position: float32 (n,) in [0, 1].

        Returns:
            Similarities float32 (n, N) and entries int64 (n, N).
        """
        similarity = self.similarities(embeddings, position)
        entries = np.argsort(-similarity, axis=1, kind="stable")
        return np.take_along_axis(similarity, entries, 1), entries

    def choose(
        self,
        similarity: np.ndarray,
        value: int,
        supports: int,
        share_per_case: float,
        hold_segment: bool,
        voters: int,
    ) -> SliceRetrieval:
        """Supports and vote for one query slice and one segment.

        Args:
            similarity: (N,) from `similarities`.
            value: The segment.
            supports: k.
            share_per_case: Largest part of k from one case, where others have slices.
            hold_segment: Prefer slices that hold the segment.
            voters: Slices that vote on presence; with 0 all k supports do.
        """
        if value not in self._areas:  # of none of these cases
            return SliceRetrieval((), 0.0, 0.0)
        annotated, holding = self._annotated[value], self._holding[value]
        candidates = holding if hold_segment and len(holding) else annotated
        chosen = self._limited(similarity, candidates, supports, share_per_case)
        voting = self._limited(similarity, annotated, voters or supports, share_per_case)
        if not len(voting):
            return SliceRetrieval((), 0.0, 0.0)
        weight, areas = similarity_weights(similarity[voting]), self._areas[value][voting]
        return SliceRetrieval(
            tuple(Support(int(self.case_of[i]), int(self.slice_of[i]), float(similarity[i])) for i in chosen),
            float(weight @ (areas > 0)),
            float(weight @ areas),
        )

    def _thinned(self, entries: np.ndarray, every: int) -> np.ndarray:
        """Those of ``entries`` whose slice has a number that ``every`` divides; all of a case that would keep few."""
        if every == 1:
            return entries
        kept = self.slice_of[entries] % every == 0
        enough = np.bincount(self.case_of[entries][kept], minlength=int(self.case_of[-1]) + 1) >= _ENOUGH
        return entries[kept | ~enough[self.case_of[entries]]]

    def _limited(self, similarity: np.ndarray, candidates: np.ndarray, count: int, share: float) -> np.ndarray:
        """The ``count`` most similar candidates with at most their share from a case; filled up if that leaves room.

        Args:
            similarity: (N,).
            candidates: Entries, rising.
            count: How many.
            share: Largest part of ``count`` from one case.

        Returns:
            Entries by falling similarity.
        """
        limit = max(1, int(np.ceil(share * count)))
        depth = _FIRST_LOOK * count
        while True:
            entries = _most_similar(similarity, candidates, depth)
            taken: dict[int, int] = {}
            first: list[int] = []
            rest: list[int] = []
            for rank, case in enumerate(self.case_of[entries].tolist()):
                if taken.get(case, 0) < limit:
                    taken[case] = taken.get(case, 0) + 1
                    first.append(rank)
                    if len(first) == count:
                        break
                elif len(rest) < count:
                    rest.append(rank)
            if len(first) == count or len(entries) == len(candidates):
                return entries[sorted(first + rest[: count - len(first)])]
            depth *= _FIRST_LOOK

    def _blocks(self) -> Iterator[np.ndarray]:
        """The vectors of all entries, in their order, a part at a time: they are mapped, not held in memory."""
        begun: list[tuple[np.ndarray, np.ndarray]] = []
        for case in zip(self._embeddings, self._places, strict=True):
            begun.append(case)
            if sum(len(embeddings) for embeddings, _ in begun) >= BLOCK:
                yield np.concatenate([self._vectors(*one) for one in begun])
                begun = []
        if begun:
            yield np.concatenate([self._vectors(*one) for one in begun])

    def _vectors(self, embeddings: np.ndarray, position: np.ndarray) -> np.ndarray:
        # Half a stack beyond either end is as far as it gets: further, the angle would come round again.
        angle = np.pi / 2 * np.clip(position[:, None], -0.5, 1.5)
        place = np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
        w = self.position_weight
        joined = np.concatenate([np.sqrt(1 - w) * embeddings, np.sqrt(w) * place], axis=1)
        return np.ascontiguousarray(joined, dtype=np.float32)


def _areas(cases: Sequence[CaseEvidence], value: int) -> np.ndarray:
    """Area of a segment in every slice, float32 (N,); NaN where it is not annotated."""
    return np.concatenate(
        [
            c.areas_mm2[:, c.values.index(value)]
            if value in c.values
            else np.full(len(c.embeddings), np.nan, dtype=np.float32)
            for c in cases
        ]
    )


def _most_similar(similarity: np.ndarray, candidates: np.ndarray, count: int) -> np.ndarray:
    """The first candidates by falling similarity, equal ones in their order: at least ``count``, or all there are."""
    among = similarity[candidates]
    if len(among) > _SAMPLED * count:
        # What a sample of them says of where the first ones begin saves sorting all.
        sample = among[::_SAMPLED]
        least = len(sample) - min(len(sample), 2 * count // _SAMPLED + 8)
        found = np.flatnonzero(among >= np.partition(sample, least)[least])
        if len(found) >= count:
            among, candidates = among[found], candidates[found]
    order = np.argsort(-among, kind="stable")
    return candidates[order]
