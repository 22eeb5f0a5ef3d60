"""Carrying segments through the target, slice by slice, in both directions from where the evidence is best."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from ...retrieval.index import SliceRetrieval
from ..confidence.quality_features import Signs, halves_of, signs_of
from ..confidence.support_agreement import answers_by_halves, slices_to_check
from ..engines.attention_shares import attention_by_memory
from ..engines.interface import (
    NO_OBJECT_LOGIT,
    Decoded,
    Engine,
    ImageFeatures,
    Memory,
    MemoryBank,
    PointerEntry,
    SpatialEntry,
)
from ..memory.support_memories import Memories
from ..settings.presets import Settings
from .place_prior import with_place
from .segmented_slice import SegmentedSlice

Place = Callable[[int, int], "torch.Tensor | None"]
"""For a query slice and a segment: how likely each pixel is by its place alone, float (s, s) in [0, 1]; None
where nothing is known."""


def start_slice(retrieval: Sequence[Sequence[SliceRetrieval]]) -> int:
    """The slice to begin with: where the retrieved slices agree most on the largest areas, over all segments.

    Args:
        retrieval: By query slice, by segment.
    """
    segments = len(retrieval[0])
    largest = [max(row[s].area_mm2 for row in retrieval) or 1.0 for s in range(segments)]

    def evidence(row: Sequence[SliceRetrieval]) -> float:
        return sum(
            found.presence
            * found.area_mm2
            / largest[s]
            * (sum(x.similarity for x in found.supports) / len(found.supports) if found.supports else 0.0)
            for s, found in enumerate(row)
        )

    scores = [evidence(row) for row in retrieval]
    best = max(scores)
    # The middle of the equally good ones: without any evidence, the middle of the volume.
    candidates = [i for i, score in enumerate(scores) if score >= best - 1e-9]
    return candidates[len(candidates) // 2]


class SupportTiming(Protocol):
    """How far back in time a support is said to lie: what retrieved slices do not have, and SAM 2 asks for."""

    def distance(self, rank: int, supports: int, index: int, towards: int) -> float:
        """Slices between the support of ``rank`` among ``supports`` and query slice ``index``."""


@dataclass(frozen=True)
class ByRank:
    """Supports lie as far back as their rank says, for every query slice alike."""

    first: int

    def distance(self, rank: int, supports: int, index: int, towards: int) -> float:  # noqa: D102
        return self.first + rank


@dataclass(frozen=True)
class AsFilm:
    """Supports are the first frames of a film (the last ones, on the way back) that the target's slices continue."""

    slices: int

    def distance(self, rank: int, supports: int, index: int, towards: int) -> float:  # noqa: D102
        travelled = index if towards > 0 else self.slices - 1 - index
        return travelled + supports - rank


class Propagation:
    """Segments the slices of one target in order, and keeps the memories that this needs.

    Args:
        engine: SAM 2.
        store: Support memories, row b for segment b.
        retrieval: By query slice, by segment.
        encode: Image features of a query slice.
        settings: Of the run.
        place: Where the aligned cases have their segments.
        agreement: By segment, how far that is to be believed, in [0, 1]. By so much it also stands in for vote and
            object score where presence is concerned, and tells how many pixels there are (`with_place`). Unless given
            it is believed fully where a segment lies, and says nothing of presence or size: a correction's place is
            the mask so far, which may have missed the slice.
        timing: How far back supports lie; by rank unless given.
        pointer_span: Object pointers that a slice may see, which also scales their time; SAM 2's own number
            unless given.
        absent: Whether a segment need not be looked for in a query slice; every one is unless given.
    """

    def __init__(
        self,
        engine: Engine,
        store: Memories,
        retrieval: Sequence[Sequence[SliceRetrieval]],
        encode: Callable[[int], ImageFeatures],
        settings: Settings,
        place: Place | None = None,
        agreement: Sequence[float] | None = None,
        timing: SupportTiming | None = None,
        pointer_span: int | None = None,
        absent: Callable[[int, int], bool] | None = None,
    ) -> None:
        self.engine = engine
        self.store = store
        self.retrieval = retrieval
        self.encode = encode
        self.settings = settings
        self.place = place or (lambda index, segment: None)
        self.segments = len(retrieval[0])
        self.place_weights = [settings.place_weight * part for part in agreement or [1.0] * self.segments]
        self._believed = agreement or [0.0] * self.segments
        self._absent = absent or (lambda index, segment: False)
        self.timing = timing or ByRank(settings.pointer_distance)
        self.pointer_span = pointer_span or engine.max_pointers
        self.reach = min(settings.propagated_memories, engine.num_maskmem - 1)
        self.pointer_reach = self.pointer_span - 1 if self.reach else 0
        self._tokens = engine.token_reduction(settings.whole_blocks)
        self._start = 0
        # By segment: memories of its segmented slices, by slice.
        self._past: list[dict[int, Memory]] = [{} for _ in range(self.segments)]
        self._checked = slices_to_check(retrieval) if settings.checks else [frozenset[int]()] * self.segments

    def run(self, start: int | None = None) -> Iterator[SegmentedSlice]:
        """Every slice once: from the start slice to the first, then from the one behind it to the last.

        Args:
            start: The start slice; the one with the best evidence unless given.
        """
        order = self.order(start)
        self._start = order[0][0]
        for index, towards in order:
            yield self._segment(index, towards)

    def order(self, start: int | None = None) -> list[tuple[int, int]]:
        """The slices as `run` segments them, each with the direction of the way."""
        if start is None:
            start = start_slice(self.retrieval)
        # From the first slice there is no way back: it begins the way forward.
        back = range(start, -1, -1) if start > 0 else range(0)
        return [(index, -1) for index in back] + [(index, +1) for index in range(len(back), len(self.retrieval))]

    def encoded(self) -> list[int]:
        """The slices whose image features `run` asks for, in the order in which it does."""
        return [index for index, _ in self.order() if self._asked(index)]

    def _asked(self, index: int) -> list[int]:
        """The segments that SAM 2 is asked for: where its object score could still lift the rest over the threshold."""
        return [
            s
            for s, found in enumerate(self.retrieval[index])
            if found.supports
            and sum(self._presence(index, s)) >= self.settings.presence_threshold
            and not self._absent(index, s)
        ]

    def _presence(self, index: int, segment: int) -> tuple[float, float]:
        """How likely a slice shows a segment, without the object score's part, and the weight of that.

        Retrieval votes. What the aligned cases have there counts by as much as they are believed: whether a tube goes
        on is seen in no single slice.
        """
        vote, weight = self.retrieval[index][segment].presence, self.settings.score_weight
        known = self.place(index, segment) if self.place_weights[segment] else None
        if known is not None:
            believed = self._believed[segment]
            vote = (1 - believed) * vote + believed * min(float(known.max()), 1.0)
            weight *= 1 - believed
        return (1 - weight) * vote, weight

    def go_from(self, index: int, memories: Mapping[int, Memory]) -> None:
        """Forget every slice but one whose masks are known; `step` goes on from there.

        Args:
            index: The slice.
            memories: By segment, of one segment each.
        """
        self._start = index
        self._past = [{index: memories[s]} if s in memories and self.reach else {} for s in range(self.segments)]

    def step(self, index: int, towards: int) -> SegmentedSlice:
        """Segment one slice, which lies next to those before it on the way.

        Args:
            index: The slice.
            towards: +1 where slices rise on the way, else -1.
        """
        return self._segment(index, towards)

    def _segment(self, index: int, towards: int) -> SegmentedSlice:
        settings, engine = self.settings, self.engine
        row = self.retrieval[index]
        size = engine.mask_size
        device = engine.device
        logits = torch.full((self.segments, size, size), NO_OBJECT_LOGIT, device=device)
        presence, weight = torch.tensor([self._presence(index, s) for s in range(self.segments)]).unbind(dim=1)
        predicted_iou = torch.full((self.segments,), float("nan"))
        memorised = torch.zeros(self.segments, dtype=torch.bool)
        asked = self._asked(index)
        if not asked:
            signs = [self._signs(index, s, float(presence[s])) for s in range(self.segments)]
            return SegmentedSlice(index, logits, presence, memorised, predicted_iou, memorised, {}, signs)
        features = self.encode(index)
        answers: dict[int, tuple[Decoded, int]] = {}
        halves: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        attention: dict[int, tuple[float, ...]] = {}
        for group in self._groups(asked, index, towards):
            seen = features.expand(len(group))
            bank = self._bank(group, index, towards, seen)
            decoded = engine.decode(seen, engine.attend(seen, bank))
            shares = attention_by_memory(self._tokens.attended, (decoded.logits > 0).float()).tolist()
            for place, s in enumerate(group):
                answers[s] = (decoded, place)
                attention[s] = tuple(shares[place][: len(row[s].supports)])
                if index in self._checked[s] and len(row[s].supports) > 1:
                    halves[s] = answers_by_halves(engine, features, bank, place, [x.case for x in row[s].supports])
        rows = [answers[s] for s in asked]
        scores = torch.stack([d.object_score[i] for d, i in rows]).cpu()
        ious = torch.stack([d.predicted_iou[i] for d, i in rows]).cpu()
        presence[asked] += weight[asked] * scores.sigmoid()
        predicted_iou[asked] = ious
        present = presence >= settings.presence_threshold
        present[[s for s in range(self.segments) if s not in answers]] = False
        signs = []
        for s in range(self.segments):
            answer = answers.get(s)
            signs.append(self._signs(index, s, float(presence[s]), answer, halves.get(s)))
            if answer is not None and present[s]:
                logits[s] = self._with_place(index, s, answer)
        if self.reach:
            passed = present & (predicted_iou >= settings.gate)
            keep = [s for s in asked if passed[s] or (settings.remember_absence and not present[s])]
            if keep:
                pointer = torch.stack([answers[s][0].pointer[answers[s][1]] for s in keep])
                memory = engine.encode_prediction(
                    features.expand(len(keep)), logits[keep], present[keep].to(device), pointer
                ).rounded()
                for place, s in enumerate(keep):
                    self._past[s][index] = Memory(memory.spatial[place : place + 1], memory.pointer[place : place + 1])
                memorised[keep] = True
            self._forget(index, towards)
        return SegmentedSlice(index, logits, presence, present, predicted_iou, memorised, attention, signs)

    def _with_place(self, index: int, segment: int, answer: tuple[Decoded, int]) -> torch.Tensor:
        decoded, row = answer
        weight = self.place_weights[segment]
        known = self.place(index, segment) if weight else None
        return with_place(decoded.logits[row], known, weight, self._believed[segment])

    def _signs(
        self,
        index: int,
        segment: int,
        presence: float,
        answer: tuple[Decoded, int] | None = None,
        halves: tuple[torch.Tensor, torch.Tensor] | None = None,
    ) -> Signs:
        vote, place = self.retrieval[index][segment].presence, self.place(index, segment)
        if answer is None:
            return signs_of(presence, vote, place, None, None, None)
        decoded, row = answer
        final = self._with_place(index, segment, answer)
        told = (decoded.logits[row], float(decoded.object_score[row]), float(decoded.predicted_iou[row]))
        return signs_of(presence, vote, place, told, final, None if halves is None else halves_of(*halves, final))

    def _place_entry(self, group: list[int], index: int, features: ImageFeatures) -> list[SpatialEntry]:
        """What the place alone says, as a memory of the slice itself; it takes the oldest of the places in time."""
        if not self.settings.place_memory:
            return []
        size = self.engine.mask_size
        known = [self.place(index, s) for s in group]
        guess = torch.stack([torch.zeros(size, size) if k is None else k for k in known]).to(self.engine.device)
        return [SpatialEntry(self.engine.encode_place(features, guess), self.engine.num_maskmem - 1)]

    def _behind(self, segment: int, index: int, towards: int) -> list[int]:
        """How far back the segmented slices lie that became memories, nearest first, as far as pointers reach."""
        return [d for d in range(1, self.pointer_reach + 1) if index - towards * d in self._past[segment]]

    def _groups(self, asked: list[int], index: int, towards: int) -> list[list[int]]:
        """Segments with equally many memories at equal distances: each group is one batch."""
        groups: dict[tuple[int, ...], list[int]] = {}
        for s in asked:
            shape = (len(self.retrieval[index][s].supports), *self._behind(s, index, towards))
            groups.setdefault(shape, []).append(s)
        return list(groups.values())

    def _bank(self, group: list[int], index: int, towards: int, features: ImageFeatures) -> MemoryBank:
        device = self.engine.device
        spatial: list[SpatialEntry] = []
        pointers: list[PointerEntry] = []
        row = self.retrieval[index]
        for rank in range(len(row[group[0]].supports)):
            chosen = [row[s].supports[rank] for s in group]
            memories = [self.store.get((c.case, c.slice), device) for c in chosen]
            stacked = torch.stack([m.spatial[s] for m, s in zip(memories, group, strict=True)])
            names = [(c.case, c.slice, s) for c, s in zip(chosen, group, strict=True)]
            spatial.append(SpatialEntry(stacked, 0, names))
            pointer = torch.stack([m.pointer[s] for m, s in zip(memories, group, strict=True)])
            distance = self.timing.distance(rank, len(row[group[0]].supports), index, towards)
            pointers.append(PointerEntry(pointer, distance))
        spatial += self._place_entry(group, index, features)
        behind = self._behind(group[0], index, towards)
        # SAM 2 concatenates masks oldest first and pointers newest first.
        for back in reversed([b for b in behind if b <= self.reach]):
            past = [self._past[s][index - towards * back].spatial for s in group]
            spatial.append(SpatialEntry(torch.cat(past), back))
        for back in behind:
            pointers.append(
                PointerEntry(torch.cat([self._past[s][index - towards * back].pointer for s in group]), back)
            )
        return MemoryBank(spatial, pointers, self.pointer_span, self._tokens)

    def _forget(self, index: int, towards: int) -> None:
        """Drop memories that no later slice can reach; the way forward starts on those of the way back."""
        reach = self.pointer_reach
        for past in self._past:
            for old in [i for i in past if towards * (index - i) >= reach]:
                if towards > 0 or old <= self._start - reach:
                    del past[old]
