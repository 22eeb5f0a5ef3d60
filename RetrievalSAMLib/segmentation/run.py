"""A run: the steps of the method, in order.

Each step takes the values of those before it and gives one of its own: described -> retrieved -> in order -> aligned ->
with corrected place -> segmented (-> with a second opinion) -> cleaned -> reported. What is put in between takes a
value and gives one of the same kind: cases that lie otherwise are another `Retrieved`, masks of another network another
`Segmented`.
"""

from __future__ import annotations

from ..volumes import Segmentation
from .cleaning.of_run import with_clean_masks
from .output.report import SliceReport
from .output.report_building import slice_reports
from .output.result import SegmentationResult
from .run_state.known_results import KnownResult, add_result
from .run_state.run_context import RunContext
from .run_state.state_file import StateWriter, results_file
from .steps.context import context_of
from .steps.describe import Described, describe, verdict_on
from .steps.inputs import RunInputs
from .steps.order import in_order
from .steps.report import outcomes, report
from .steps.retrieve import Retrieved, align, correct_place
from .steps.second_opinion import SecondOpinion, with_second_opinion
from .steps.segment import Segmented, look_closer, segment
from .steps.side_outputs import SideOutputs, side_outputs
from .steps.turn import align_turned


def run(inputs: RunInputs, opinion: SecondOpinion | None = None) -> SegmentationResult:
    """Segment the target and say how.

    Args:
        inputs: Of the run.
        opinion: Asked once everything is segmented.
    """
    inputs, described, retrieved = in_order(inputs, describe(inputs))
    if inputs.order.of_target:
        opinion = None  # it has learned from slices in the other order
    with side_outputs(inputs, inputs.content_keys(), need_logits=opinion is not None) as outputs:
        segmented = segmented_target(inputs, described, retrieved, outputs)
        verdict = verdict_on(inputs, described, segmented.retrieved.cases.could_be_aligned)
        segmented = with_second_opinion(inputs, segmented, verdict, opinion)
        segmented = with_clean_masks(inputs, segmented)
        slices = slice_reports(inputs.segments, outcomes(inputs, described, segmented))
        if inputs.options.logits:
            segmented.canvas.write_logits(inputs.options.logits)
        segmentation = segmented.canvas.segmentation()
        if outputs.state:
            context = context_of(inputs, described, segmented.retrieved, segmented.views, verdict)
            _keep(outputs.state, inputs, context, segmentation, slices)
    masks = (segmentation.mask(n) for n in range(len(inputs.segments)))
    axis = inputs.target.frame.plane_axis
    turned = segmented.retrieved.cases.turned_degrees
    told = report(
        inputs,
        inputs.segments,
        masks,
        slices,
        axis,
        verdict,
        turned,
        learned=segmented.learned,
        cleaned=segmented.cleaned,
    )
    return SegmentationResult(segmentation, told)


def segmented_target(inputs: RunInputs, described: Described, retrieved: Retrieved, outputs: SideOutputs) -> Segmented:
    """The steps from retrieved supports to masks."""
    aligned = align_turned(inputs, described, retrieved, align(inputs, described, retrieved))
    segmented = segment(inputs, described, correct_place(inputs, aligned), outputs)
    return look_closer(inputs, described, segmented, outputs)


def _keep(
    state: StateWriter,
    inputs: RunInputs,
    context: RunContext,
    segmentation: Segmentation,
    slices: tuple[SliceReport, ...],
) -> None:
    """Leave what a correction of this result needs."""
    path = state.finish(context.about(inputs.fingerprint()))
    if path is not None:
        frame = inputs.target.frame
        masks = ((s.name, frame.to_slices(segmentation.mask(n))) for n, s in enumerate(inputs.segments))
        add_result(results_file(path), KnownResult.of(masks, slices), anew=True)
