"""Last step: how sure each mask is, and the report of the run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ...volumes import Segment
from ..confidence.calibration import calibration_for, evidence_of_slices
from ..output.report import (
    CleanedSegment,
    LearnedReport,
    OrientationReport,
    RefinementReport,
    SegmentationReport,
    SliceReport,
    SupportReport,
)
from ..output.report_building import SegmentOutcome, SliceOutcome, run_report, segment_reports
from ..settings.confidence_curves import Evidence
from ..supports.verdict import Verdict
from .describe import Described
from .inputs import RunInputs
from .segment import Segmented

_LEAST_BELIEVED = 0.25
"""What is left of confidence where no case could be aligned."""


def evidence_of_masks(inputs: RunInputs, segmented: Segmented) -> list[dict[int, Evidence]]:
    """By segment and slice, what speaks for what was found."""
    first = inputs.target.searched.start
    return [
        evidence_of_slices(
            {index: of[row].segmented.signs[of[row].row] for index, of in segmented.found.items()},
            segmented.canvas.mask(row, slice(None)),
            {index: segmented.retrieved.supports[index - first][row].area_mm2 for index in segmented.found},
        )
        for row in range(len(inputs.segments))
    ]


def outcomes(inputs: RunInputs, described: Described, segmented: Segmented) -> list[SliceOutcome]:
    """What there is to say of every searched slice."""
    evidence = evidence_of_masks(inputs, segmented)
    first, frame = inputs.target.searched.start, inputs.target.frame
    curves = calibration_for(inputs.options)
    # The curves were fitted to volumes that could be aligned.
    believed = max(segmented.retrieved.cases.trust, _LEAST_BELIEVED)

    def of_segment(index: int, row: int) -> SegmentOutcome:
        asked, found = segmented.retrieved.supports[index - first][row], segmented.found[index][row]
        shares = found.segmented.shares(found.row, len(asked.supports))
        supports = tuple(
            SupportReport(
                inputs.cases[s.case].name,
                int(described.evidence[s.case].file_index[s.slice]),
                round(s.similarity, 4),
                share,
            )
            for s, share in zip(asked.supports, shares, strict=True)
        )
        confidence = curves.expected(evidence[row][index]) * believed
        return SegmentOutcome(confidence, segmented.canvas.area_mm2(row, index), supports, asked.area_mm2)

    return [
        SliceOutcome(frame.file_index(index), tuple(of_segment(index, row) for row in range(len(inputs.segments))))
        for index in sorted(segmented.found)
    ]


def report(
    inputs: RunInputs,
    segments: Sequence[Segment],
    masks: Iterable[np.ndarray],
    slices: tuple[SliceReport, ...],
    plane_axis: int,
    verdict: Verdict,
    turned_degrees: float | None = None,
    refinement: RefinementReport | None = None,
    learned: LearnedReport | None = None,
    cleaned: Mapping[int, CleanedSegment] | None = None,
) -> SegmentationReport:
    """The report of a run.

    Args:
        inputs: Of the run.
        segments: That it tells of.
        masks: By segment, bool; one at a time is needed, and all together may not fit into memory.
        slices: What is said of the slices.
        plane_axis: Axis of the target's file that was sliced along.
        verdict: On the target.
        turned_degrees: How far the images show it to be turned where its header tells otherwise.
        refinement: What was corrected, and what that changed.
        learned: What a second opinion says of its part in the masks.
        cleaned: By row of the run, what cleaning did.
    """
    geometry = inputs.target.volume.geometry
    return run_report(
        inputs.target.volume,
        inputs.target.image_hash,
        len(inputs.cases),
        inputs.models,
        inputs.settings,
        inputs.options,
        inputs.engine.device,
        plane_axis,
        segment_reports(segments, masks, geometry.voxel_volume_mm3, slices),
        slices,
        verdict,
        inputs.clock.seconds,
        refinement,
        learned,
        _orientation(inputs, turned_degrees),
        {inputs.segments[row].name: done for row, done in (cleaned or {}).items()},
    )


def _orientation(inputs: RunInputs, turned_degrees: float | None) -> OrientationReport | None:
    order = inputs.order
    if not order.backwards and turned_degrees is None:
        return None
    odd = sorted(inputs.cases[number].name for number in order.odd_cases)
    return OrientationReport(order.of_target, tuple(odd), turned_degrees)
