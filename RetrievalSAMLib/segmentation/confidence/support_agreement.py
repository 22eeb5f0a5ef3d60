"""Looking twice: where two halves of the supports differ on a slice, the result hangs on who was asked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ...retrieval.index import SliceRetrieval
from ..engines.interface import Engine, ImageFeatures, MemoryBank, PointerEntry, SpatialEntry

CHECKED = (1 / 6, 1 / 2, 5 / 6)
"""A segment is looked at twice in the slices below which these parts of its expected volume lie."""


def answers_by_halves(
    engine: Engine, features: ImageFeatures, bank: MemoryBank, row: int, cases: Sequence[int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (s, s) of one segment by each half of its supports alone.

    Args:
        engine: SAM 2.
        features: Of the slice.
        bank: Of several segments; it begins with the supports.
        row: Of the segment in the bank.
        cases: Of the supports, two at least.
    """
    answers = []
    for ranks in split_by_case(cases):
        spatial = [_one_of(bank.spatial[r], row) for r in ranks]
        pointers = [PointerEntry(bank.pointers[r].pointer[row : row + 1], bank.pointers[r].distance) for r in ranks]
        attended = engine.attend(features, MemoryBank(spatial, pointers, bank.pointer_span, bank.reduction))
        answers.append(engine.decode(features, attended).logits[0])
    return answers[0], answers[1]


def _one_of(entry: SpatialEntry, row: int) -> SpatialEntry:
    return SpatialEntry(entry.spatial[row : row + 1], entry.time, entry.names and entry.names[row : row + 1])


def split_by_case(cases: Sequence[int]) -> tuple[list[int], list[int]]:
    """Two halves of two supports or more, by rank: every other case, or every other rank where there is one case only.

    Args:
        cases: Of each support.
    """
    order = list(dict.fromkeys(cases))
    half = [order.index(case) % 2 for case in cases] if len(order) > 1 else [rank % 2 for rank in range(len(cases))]
    return [rank for rank, odd in enumerate(half) if not odd], [rank for rank, odd in enumerate(half) if odd]


def slices_to_check(retrieval: Sequence[Sequence[SliceRetrieval]]) -> list[frozenset[int]]:
    """By segment, the slices in which it is looked at twice: a few, spread over where it is expected.

    Args:
        retrieval: By slice, by segment.
    """
    chosen = []
    for segment in range(len(retrieval[0])):
        area = np.cumsum([row[segment].area_mm2 * (row[segment].presence >= 0.5) for row in retrieval])
        parts = [part * area[-1] for part in CHECKED] if area[-1] > 0 else []
        chosen.append(frozenset(int(np.searchsorted(area, part)) for part in parts))
    return chosen
