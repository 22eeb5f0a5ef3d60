"""What a run found out before it segmented, gathered so that it can be kept for a correction."""

from __future__ import annotations

from ..run_state.run_context import CaseContext, RunContext
from ..spatial_prior.aligned_cases import slice_depths_mm
from ..spatial_prior.crops import View
from ..supports.verdict import Verdict
from .describe import Described
from .inputs import RunInputs
from .retrieve import Retrieved


def context_of(
    inputs: RunInputs, described: Described, retrieved: Retrieved, views: list[View], verdict: Verdict
) -> RunContext:
    """Supports, views and verdict of a run, and of the cases what the views need."""
    values_seen = [[inputs.values[row] for row in view.rows] for view in views]

    def of_case(number: int) -> CaseContext:
        evidence = described.evidence[number]
        alignments = [retrieved.cases.of(number, values) for values in values_seen]
        return CaseContext(alignments, slice_depths_mm(evidence), evidence.file_index)

    return RunContext(
        inputs.target.searched,
        retrieved.supports,
        views,
        {number: of_case(number) for number in retrieved.case_numbers()},
        described.overlapping,
        verdict,
        inputs.order,
        retrieved.cases.turned_degrees,
    )
