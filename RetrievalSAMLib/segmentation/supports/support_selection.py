"""Which support slices a slice of the target gets, segment by segment."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from ...retrieval.evidence import CaseEvidence
from ...retrieval.index import SliceRetrieval, SupportIndex
from ...volumes import SliceStack
from ..settings.presets import Settings
from ..spatial_prior.aligned_cases import AlignedCases
from ..spatial_prior.neighbours import MANY

EVERY_OF_MANY = 2
"""Of the slices of a case every second one is a support where there are many segments: encoding each of them in every
support slice is the largest part of such a run."""


def choose_supports(
    aligned: AlignedCases,
    evidence: Sequence[CaseEvidence],
    embeddings: np.ndarray,
    target: SliceStack,
    searched: range,
    values: Sequence[int],
    settings: Settings,
) -> list[list[SliceRetrieval]]:
    """Supports from the aligned cases.

    Args:
        aligned: The cases.
        evidence: Of all cases of the run.
        embeddings: float32 (n, d), of the target's slices.
        target: The target's slices.
        searched: Those that get supports.
        values: The segments.
        settings: Of the run.

    Returns:
        By searched slice, by segment; cases by their number in the run.
    """
    numbers = sorted(aligned.alignments)
    cases = [evidence[number] for number in numbers]
    every = EVERY_OF_MANY if len(values) > MANY else 1
    position = np.array([target.frame.slice_position(i) for i in range(len(target))], dtype=np.float32)

    # Segments that were not aligned on their own are looked up together.
    @functools.cache
    def compared(own: int | None) -> tuple[SupportIndex, np.ndarray]:
        index = SupportIndex(cases, settings.position_weight, aligned.positions(evidence, target, own), every)
        return index, index.similarities(embeddings, position)

    def of_slice(query: int, value: int) -> SliceRetrieval:
        index, similarity = compared(value if value in aligned.by_segment else None)
        return index.choose(
            similarity[query],
            value,
            settings.supports,
            settings.share_per_case,
            settings.supports_hold_segment,
            settings.voters,
        ).numbered(numbers)

    return [[of_slice(query, value) for value in values] for query in searched]
