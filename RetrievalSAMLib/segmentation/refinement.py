"""A refinement: what corrected slices affect is looked at again, and nothing else."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np

from .. import __version__
from .cleaning.of_refinement import clean_refined
from .confidence.calibration import calibration_for
from .corrections.carry_on import CarriedOn, carry_on
from .corrections.prompted_start import Start, prompted_start
from .corrections.refined_slices import RefinedSlices
from .corrections.refinement_inputs import RefinementInputs
from .corrections.run_before import RunBefore, run_before
from .corrections.second_look import SecondLook, with_second_look
from .output.report import CleanedSegment, RefinementReport, TaughtReport
from .output.result import SegmentationResult
from .run_state.known_results import KnownResult, add_result
from .run_state.state_file import DamagedStateError, StoredState, find_state, results_file
from .steps.report import report

_LOG = logging.getLogger(__name__)


def refine(inputs: RefinementInputs, look: SecondLook | None = None) -> SegmentationResult:
    """Refine a segmentation and say how; what the run before it left is used where it is whole.

    Args:
        inputs: Of the refinement.
        look: Asked once corrections were carried on.
    """
    folder = inputs.run.options.state
    stored = find_state(folder, inputs.run.fingerprint(), __version__) if folder else None
    if stored is not None:
        with stored:
            try:
                return _refined(inputs, stored, look)
            except DamagedStateError as error:
                _LOG.warning("what an earlier run left is damaged: %s", error)
    return _refined(inputs, None, look)


def _refined(inputs: RefinementInputs, stored: StoredState | None, look: SecondLook | None) -> SegmentationResult:
    """The steps of a refinement, in order."""
    before = run_before(inputs, stored)
    start = prompted_start(inputs, before)
    carried, taught = with_second_look(inputs, before, start, carry_on(before, start), look)
    carried, cleaned = clean_refined(inputs, before, start, carried)
    return _reported(inputs, before, start, carried, cleaned, taught)


def _reported(
    inputs: RefinementInputs,
    before: RunBefore,
    start: Start,
    carried: CarriedOn,
    cleaned: Mapping[int, CleanedSegment],
    taught: TaughtReport | None,
) -> SegmentationResult:
    """The result with its report; where the run before left something, the result is kept beside it."""
    run, found, given = before.run, carried.found, before.given
    frame = run.target.frame
    after = {n: frame.to_slices(carried.segmentation.mask(place)) for n, place in before.place_of.items()}
    curves = calibration_for(run.options)
    refined = RefinedSlices(frame, run.segments, run.cases, before.context, inputs.corrected, found, curves)
    slices = refined.reports(given, after, before.previous)
    changed = {(n, int(i)) for n in after for i in np.flatnonzero((after[n] != given[n]).any(axis=(1, 2)))}
    refinement = RefinementReport(
        tuple(sorted(frame.file_index(c) for c in inputs.corrected)),
        refined.by_segment(found.looked),
        refined.by_segment(changed),
        before.stored is not None,
        refined.by_segment({(n, index) for n, of in start.prompts.items() for index in of}),
        taught,
    )
    if before.stored is not None:
        masks = ((run.segments[n].name, mask) for n, mask in after.items())
        add_result(results_file(before.stored.path), KnownResult.of(masks, slices))
    rows = sorted(after)
    segments, masks_after = [run.segments[n] for n in rows], [after[n] for n in rows]
    verdict = before.context.verdict
    turned = before.context.turned_degrees
    told = report(run, segments, masks_after, slices, frame.plane_axis, verdict, turned, refinement, cleaned=cleaned)
    return SegmentationResult(carried.segmentation, told)
