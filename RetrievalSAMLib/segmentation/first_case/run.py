"""The steps of a first case, in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import numpy as np
import torch

from ...models.window import Window
from ..cleaning.of_run import STAGE as CLEANING
from ..confidence.calibration import calibration, evidence_of_slices
from ..output.fusion import Canvas
from ..output.report import (
    CleanedSegment,
    RefinementReport,
    SegmentationReport,
    SegmentOnSlice,
    SliceReport,
    SupportReport,
)
from ..output.report_building import run_report, segment_reports
from ..output.result import SegmentationResult
from ..spatial_prior.crops import View, close_views
from ..supports.verdict import UNCERTAIN, Verdict
from .carry import Carrier, Reached, Shown
from .cleaned import clean_filled
from .fuse import canvas_of
from .inputs import StartInputs
from .ways import ways_through

STAGE = "filling the volume"
_FUSING = "putting together"


@dataclass(frozen=True)
class Filled:
    """What came of it.

    Attributes:
        canvas: Masks on the grid of the target's slices.
        answers: By row and slice, what the ways that reached it say.
        expected_mm2: By row and slice that was reached, the area that the drawn slices let expect.
    """

    canvas: Canvas
    answers: dict[int, dict[int, list[Reached]]]
    expected_mm2: dict[int, dict[int, float]]


@torch.inference_mode()
def start(inputs: StartInputs) -> SegmentationResult:
    """Carry what was drawn through the volume, and say how sure that is."""
    filled = fill(inputs)
    region = inputs.target.region.inside(inputs.target.frame)
    with inputs.clock.stage(CLEANING):
        cleaned = clean_filled(filled.canvas, inputs.drawn, inputs.prompted, region, inputs.options.cleaning)
    return SegmentationResult(filled.canvas.segmentation(), _report(inputs, filled, cleaned))


def fill(inputs: StartInputs) -> Filled:
    """Every structure through every view, both ways from every drawn slice."""
    drawn, stack, engine = inputs.drawn, inputs.target.stack, inputs.engine
    boxes = [drawn.extent_mm(row, stack.frame) for row in range(len(drawn.segments))]
    views = close_views(boxes, stack, Window.around(stack), inputs.settings.view_margin, engine.image_size)
    answers: dict[int, dict[int, list[Reached]]] = {row: {} for row in drawn.masks}
    expected: dict[int, dict[int, float]] = {row: {} for row in drawn.masks}
    with inputs.clock.stage(STAGE):
        total = sum(_steps(inputs, view) for view in views)
        done = 0
        inputs.options.progress(STAGE, 0, total)
        for view in views:
            shown = Shown(engine, stack, view, drawn.masks, inputs.options.max_memory_bytes)
            carrier = Carrier(shown, inputs.settings)
            for way in ways_through(shown.masks, len(stack)):
                behind = done + len(way)
                for index, found in carrier.go(way):
                    for place, reached in found.items():
                        row = view.rows[place]
                        answers[row].setdefault(index, []).append(reached)
                        expected[row][index] = carrier.area_mm2(place, index)
                    done += 1
                    inputs.options.progress(STAGE, done, total)
                if done < behind:  # all structures have ended before
                    done = behind
                    inputs.options.progress(STAGE, done, total)
    with inputs.clock.stage(_FUSING):
        canvas = canvas_of(drawn, answers, views, stack.frame, engine.mask_size)
    return Filled(canvas, answers, expected)


def _steps(inputs: StartInputs, view: View) -> int:
    masks = {place: inputs.drawn.masks[row] for place, row in enumerate(view.rows)}
    return sum(len(way) for way in ways_through(masks, len(inputs.target.stack)))


def _report(inputs: StartInputs, filled: Filled, cleaned: Mapping[int, CleanedSegment]) -> SegmentationReport:
    """As that of a run whose drawn slices are corrected ones; its confidence only ranks."""
    drawn, target = inputs.drawn, inputs.target
    frame, geometry = target.frame, target.volume.geometry
    told = {row: _of_segment(inputs, filled, row) for row in range(len(drawn.segments))}
    slices = tuple(
        SliceReport(
            index, {segment.name: told[row][frame.slice_index(index)] for row, segment in enumerate(drawn.segments)}
        )
        for index in range(len(target.stack))
    )
    masks = [filled.canvas.mask(row, slice(None)) for row in range(len(drawn.segments))]
    names = [segment.name for segment in drawn.segments]
    by_hand = tuple(sorted(map(frame.file_index, drawn.slices)))
    refinement = RefinementReport(
        by_hand,
        {names[row]: tuple(sorted(map(frame.file_index, of_row))) for row, of_row in filled.answers.items()},
        {
            names[row]: tuple(
                sorted(frame.file_index(int(i)) for i in np.flatnonzero(mask.any(axis=(1, 2))) if i not in of_row)
            )
            for (row, of_row), mask in zip(drawn.masks.items(), masks, strict=True)
        },
        False,
        {names[row]: tuple(sorted(map(frame.file_index, indices))) for row, indices in inputs.prompted.items()},
    )
    report = run_report(
        target.volume,
        target.image_hash,
        0,
        inputs.models,
        inputs.settings.of_propagation,
        inputs.options,
        inputs.engine.device,
        frame.plane_axis,
        segment_reports(drawn.segments, masks, geometry.voxel_volume_mm3, slices),
        slices,
        Verdict(UNCERTAIN),
        inputs.clock.seconds,
        refinement,
        cleaned={names[row]: done for row, done in cleaned.items()},
    )
    return msgspec.structs.replace(
        report,
        encoder=None,
        settings=report.settings | inputs.settings.as_report(),
        calibrated=False,  # it was fitted to runs with a library
    )


def _of_segment(inputs: StartInputs, filled: Filled, row: int) -> dict[int, SegmentOnSlice]:
    """What there is to say of a structure on every slice of the stack."""
    frame, canvas = inputs.target.frame, filled.canvas
    drawn, answers, expected = inputs.drawn.masks[row], filled.answers[row], filled.expected_mm2[row]
    nearest = {index: min(of, key=lambda one: one.steps) for index, of in answers.items()}
    signs = {index: one.signs for index, one in nearest.items()}
    evidence = evidence_of_slices(signs, canvas.mask(row, slice(None)), expected)
    told: dict[int, SegmentOnSlice] = {}
    for index in range(frame.shape[0]):
        area = canvas.area_mm2(row, index)
        if index in drawn:
            told[index] = SegmentOnSlice(1.0, area, (), round(area, 2))
        elif index in nearest:
            one = nearest[index]
            supports = tuple(
                SupportReport("", frame.file_index(support.slice), 1.0, share)
                for support, share in zip(one.supports, one.attention, strict=True)
            )
            sure = round(calibration().expected(evidence[index]), 4)
            told[index] = SegmentOnSlice(sure, area, supports, round(expected[index], 2))
    # Beyond where a structure was taken to have ended nothing was looked at: as sure as of that end.
    for index in range(frame.shape[0]):
        if index not in told:
            near = min((known for known in nearest or drawn), key=lambda known: (abs(known - index), known))
            sure = told[near].confidence if near in nearest else 1.0
            told[index] = SegmentOnSlice(sure, 0.0, (), 0.0)
    return told
