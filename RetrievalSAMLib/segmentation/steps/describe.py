"""First step: what the slices of target and cases show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...alignment import stack_extent_mm
from ...retrieval.evidence import CaseEvidence
from ...retrieval.gathering import FOLDER, evidence_of_cases
from ...retrieval.likeness import KeptLikeness
from ..supports.verdict import Verdict, volume_verdict
from .inputs import RunInputs


@dataclass(frozen=True)
class Described:
    """Target and cases without their pixels.

    Attributes:
        evidence: Of every case, by its number.
        embeddings: float32 (n, d), of the target's slices.
    """

    evidence: list[CaseEvidence]
    embeddings: np.ndarray

    @property
    def overlapping(self) -> frozenset[int]:
        """Values of segments that may share voxels."""
        return frozenset(value for case in self.evidence for value in case.overlapping)


def describe(inputs: RunInputs) -> Described:
    """Embed the slices of the target and, where they are not known yet, of the cases."""
    progress, stack = inputs.options.progress, inputs.target.stack
    with inputs.clock.stage("reading the library"):
        evidence = evidence_of_cases(
            inputs.cases,
            inputs.plane,
            inputs.embedder,
            inputs.options.cache,
            lambda done: progress("reading the library", done, len(inputs.cases)),
        )
    with inputs.clock.stage("comparing slices"):
        embeddings = inputs.embedder.embed(stack, lambda done: progress("comparing slices", done, len(stack)))
    return Described(evidence, embeddings)


def verdict_on(inputs: RunInputs, described: Described, could_be_aligned: bool) -> Verdict:
    """Whether the target looks like the cases at all, and whether any could be aligned with it."""
    verdict = volume_verdict(
        described.embeddings, stack_extent_mm(inputs.target.stack), described.evidence, _kept_likeness(inputs)
    )
    return verdict if could_be_aligned else verdict.unaligned()


def _kept_likeness(inputs: RunInputs) -> KeptLikeness | None:
    """How alike the cases are to each other, which earlier runs worked out."""
    if inputs.options.cache is None:
        return None
    file = inputs.options.cache / FOLDER / f"{inputs.embedder.key}-{inputs.plane}.likeness.npz"
    return KeptLikeness(file, list(inputs.content_keys()))
