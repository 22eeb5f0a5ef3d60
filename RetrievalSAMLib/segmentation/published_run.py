"""A run as FATE-SAM published it."""

from __future__ import annotations

import functools

from ..errors import InputError
from ..models.window import Window
from ..retrieval.evidence import SupportCase
from .output.fusion import Canvas, FileSlices
from .output.report import SupportReport
from .output.report_building import SegmentOutcome, SliceOutcome, slice_reports
from .output.result import SegmentationResult
from .published.fate_sam import LabelledSlices, fate_sam
from .published.sam2_confidence import own_estimate
from .sam2.engine import Sam2Engine
from .settings.networks import bound_to_sam2
from .settings.presets import FATE_SAM
from .steps.inputs import RunInputs
from .steps.report import report
from .steps.side_outputs import SideOutputs, side_outputs
from .supports.verdict import UNCERTAIN, Verdict


def published_run(inputs: RunInputs) -> SegmentationResult:
    """Segment the target with FATE-SAM's own slicing, retrieval, order and fusion (see `fate_sam`), and say how.

    Raises:
        InputError: A plane was chosen, or the network is not SAM 2.
    """
    engine = inputs.engine
    if not isinstance(engine, Sam2Engine):
        raise bound_to_sam2(inputs.models.segmenter.name)
    if inputs.options.plane is not None:
        raise InputError(
            "--plane",
            f"the preset {FATE_SAM} slices along the third axis of the file, as published",
            "Leave --plane out, or use another preset.",
        )
    target = inputs.target
    # Whatever the plane, slices are those of the case's file.
    content_keys = [case.content_hash for case in inputs.cases]
    with side_outputs(
        inputs, content_keys, lambda found: target.region.restore(found, target.volume.geometry)
    ) as outputs:
        canvas, outcomes = _segmented(inputs, engine, outputs)
        if inputs.options.logits:
            canvas.write_logits(inputs.options.logits)
        segmentation = target.region.restore(canvas.segmentation(), target.volume.geometry)
    slices = slice_reports(inputs.segments, outcomes)
    masks = (segmentation.mask(n) for n in range(len(inputs.segments)))
    # Nothing of this method says whether a volume is like the library.
    verdict = Verdict(UNCERTAIN)
    axis = canvas.frame.plane_axis
    return SegmentationResult(segmentation, report(inputs, inputs.segments, masks, slices, axis, verdict))


def _segmented(inputs: RunInputs, engine: Sam2Engine, outputs: SideOutputs) -> tuple[Canvas, list[SliceOutcome]]:
    """Every slice of the region, and what there is to say of it."""
    region = inputs.target.region
    cropped = region.crop(inputs.target.volume)
    frame = FileSlices(cropped.geometry)
    canvas = Canvas(frame, inputs.segments, frozenset(), outputs.logits_file, later_overwrites=True)
    window = Window.squashed(frame.extent_mm)
    outcomes: list[SliceOutcome] = []
    if outputs.partial:
        outputs.partial.begin(canvas, views=1)
    with inputs.clock.stage("segmenting"):
        for segmented, supports in fate_sam(
            engine,
            frame.to_slices(cropped.voxels),
            [functools.partial(labelled_slices, case) for case in inputs.cases],
            inputs.values,
            inputs.options.progress,
            inputs.settings.supports,
            outputs.memories,
        ):
            canvas.add(segmented, window)
            told = tuple(SupportReport(inputs.cases[s.case].name, s.slice, s.similarity) for s in supports)
            segments = tuple(
                SegmentOutcome(own_estimate(segmented, row), canvas.area_mm2(row, segmented.index), told)
                for row in range(len(inputs.segments))
            )
            outcomes.append(SliceOutcome(segmented.index + region.start[frame.plane_axis], segments))
            if outputs.partial:
                outputs.partial.drawn(segmented.index, len(outcomes), frame.shape[0])
    return canvas, outcomes


def labelled_slices(case: SupportCase) -> LabelledSlices:
    """A case, cut along the third axis of its file."""
    image, segmentation = case.load_image(), case.load_segmentation()
    frame = FileSlices(image.geometry)
    masks = {s.value: frame.to_slices(segmentation.mask(n)) for n, s in enumerate(case.segments)}
    return LabelledSlices(frame.to_slices(image.voxels), masks)
