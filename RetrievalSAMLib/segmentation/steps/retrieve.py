"""Retrieval and alignment: which cases a run draws on, how they lie, and which of their slices each slice gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ...alignment import Alignment
from ...retrieval.index import SliceRetrieval
from ..spatial_prior.aligned_cases import AlignedCases, aligned_by_image, cases_to_align, centred_cases
from ..spatial_prior.corrective_learning import corrected_place
from ..spatial_prior.first_pass_alignment import aligned_by_finding
from ..supports.support_selection import choose_supports
from .describe import Described
from .inputs import RunInputs

CORRECTING = "learning from the aligned cases"
"""Name of the stage of corrective learning."""


@dataclass(frozen=True)
class Retrieved:
    """Supports from cases that lie in a certain way.

    Attributes:
        cases: Those that supports are taken from.
        supports: By searched slice, by segment of the run.
    """

    cases: AlignedCases
    supports: list[list[SliceRetrieval]]

    def case_numbers(self) -> list[int]:
        """Of the cases that any support is from."""
        return sorted({support.case for row in self.supports for one in row for support in one.supports})


def retrieve(inputs: RunInputs, described: Described) -> Retrieved:
    """Supports from all cases, laid centre on centre: they tell which cases are worth aligning."""
    everyone = centred_cases(described.evidence, range(len(described.evidence)), inputs.target.stack)
    return supports_among(everyone, inputs, described)


def align(
    inputs: RunInputs,
    described: Described,
    retrieved: Retrieved,
    turn_degrees: float = 0.0,
    start: Mapping[int, Alignment] | None = None,
) -> Retrieved:
    """Align the cases that most supports come from to the target, and take the supports from these.

    A preset that aligns none draws on all cases as they are; so does a run whose cases are annotated nowhere.

    Args:
        inputs: Of the run.
        described: Target and cases.
        retrieved: Supports from all cases.
        turn_degrees: How far the cases are turned within the slices to begin with.
        start: How they lie to begin with, by number, where that is known.
    """
    if not inputs.settings.aligned_cases:
        return retrieved
    with inputs.clock.stage("aligning cases"):
        numbers = cases_to_align(retrieved.supports, inputs.settings.aligned_cases)
        aligned = aligned_by_image(
            numbers,
            inputs.load,
            inputs.target.stack,
            inputs.values,
            lambda done, total: inputs.options.progress("aligning cases", done, total),
            turn_degrees,
            start,
            inputs.settings.deformable,
        )
    return supports_among(aligned, inputs, described) if numbers else retrieved


def align_by_finding(
    inputs: RunInputs, described: Described, retrieved: Retrieved, found: np.ndarray
) -> Retrieved | None:
    """Align the cases that their images could not align by what was found.

    Args:
        inputs: Of the run.
        described: Target and cases.
        retrieved: With the cases as they lay when it was found.
        found: bool (n, h, w), the segments in the target.

    Returns:
        None where that changes nothing.
    """
    with inputs.clock.stage("aligning cases"):
        aligned = aligned_by_finding(
            found, retrieved.cases, inputs.load, inputs.target.stack, inputs.values, inputs.settings.deformable
        )
    return None if aligned is None else supports_among(aligned, inputs, described)


def correct_place(inputs: RunInputs, retrieved: Retrieved) -> Retrieved:
    """Let the cases, as they are bent to the target, tell what their masks get wrong there (corrective learning).

    Args:
        inputs: Of the run.
        retrieved: With the cases as they lie at last: this costs more than a glance is worth.
    """
    cases = retrieved.cases
    if cases.bent is None or cases.place is None or not inputs.settings.corrective_learning:
        return retrieved
    with inputs.clock.stage(CORRECTING):
        place = corrected_place(
            cases.place,
            cases.bent,
            inputs.load,
            inputs.target.stack,
            lambda done, total: inputs.options.progress(CORRECTING, done, total),
        )
    return replace(retrieved, cases=replace(cases, place=place))


def supports_among(cases: AlignedCases, inputs: RunInputs, described: Described) -> Retrieved:
    """Supports of every searched slice and segment from some cases."""
    with inputs.clock.stage("comparing slices"):
        target = inputs.target
        supports = choose_supports(
            cases,
            described.evidence,
            described.embeddings,
            target.stack,
            target.searched,
            inputs.values,
            inputs.settings,
        )
    return Retrieved(cases, supports)
