"""One run: a volume, annotated cases, and out comes a segmentation on the volume's own grid."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import torch

from ..errors import InputError
from ..progress import Progress
from ..retrieval.evidence import SupportCase
from ..volumes import Segmentation, Volume
from .corrections.refinement_inputs import RefinementInputs
from .corrections.second_look import SecondLook
from .first_case.inputs import StartInputs
from .first_case.run import start
from .first_case.settings import FillSettings
from .less_memory import with_less_memory
from .output.result import SegmentationResult
from .prompts.points_and_boxes import NO_PROMPTS, PersonsPrompts, place_prompts
from .published_run import published_run
from .refinement import refine
from .run import run
from .settings.options import Models, RunOptions
from .settings.presets import FATE_SAM, Settings
from .steps.inputs import RunInputs
from .steps.second_opinion import SecondOpinion

__all__ = ["Models", "Progress", "RunOptions", "SegmentationResult", "refine_volume", "segment_volume", "start_volume"]


def segment_volume(
    target: Volume,
    cases: Sequence[SupportCase],
    models: Models,
    settings: Settings,
    options: RunOptions | None = None,
    prompts: PersonsPrompts = NO_PROMPTS,
    opinion: SecondOpinion | None = None,
) -> SegmentationResult:
    """Segment a volume by the example of annotated cases.

    Args:
        target: The volume.
        cases: Annotated cases, in any order: the result does not depend on it.
        models: The networks.
        settings: A preset, perhaps with changes.
        options: Everything else. Logits are those before points and boxes.
        prompts: Points and boxes, carried on like those of `refine_volume` once everything is segmented.
        opinion: Asked before segments compete for voxels, such as the library's expert; not by the preset fate-sam.

    Raises:
        InputError: There is no case, no such segment, the region or a point lies outside the volume, or the preset
            knows no points.
        NotEnoughMemoryError: Memory ran out, also when the run was tried again with less.
    """

    def once(models: Models, options: RunOptions) -> SegmentationResult:
        if prompts:
            return _segment_and_refine(target, cases, models, settings, options, prompts, opinion)
        with torch.inference_mode():
            inputs = RunInputs.of(target, cases, models, settings, options)
            return published_run(inputs) if settings.preset == FATE_SAM else run(inputs, opinion)

    return with_less_memory(once, models, settings, options or RunOptions())


def refine_volume(
    target: Volume,
    before: Segmentation,
    corrected: Sequence[int],
    cases: Sequence[SupportCase],
    models: Models,
    settings: Settings,
    options: RunOptions | None = None,
    prompts: PersonsPrompts = NO_PROMPTS,
    look: SecondLook | None = None,
) -> SegmentationResult:
    """Carry the corrections of some slices of a result on to the slices beside them.

    Corrected slices, segments that were not corrected, and slices that the corrections do not reach come out as they
    are, bit for bit; a second look may change any slice that was not corrected. With ``options.state`` the folder that
    it had when `segment_volume` made the result, this costs a fraction of a run; without, cases are retrieved and
    aligned anew.

    Args:
        target: The volume.
        before: The result with its corrected slices, on the target's grid.
        corrected: Indices of these slices along the sliced axis of the target's file.
        cases: The annotated cases, in any order.
        models: The networks.
        settings: Those of the run, perhaps with changes.
        options: Everything else; ``logits`` is not used. Of ``segments``, those that are left out stay as they are.
        prompts: Points and boxes. Their slices are segmented again, for the segments that they name, and are carried on
            like slices that were corrected for these.
        look: Asked once corrections were carried on, such as a copy of the library's expert that they teach.

    Raises:
        InputError: A slice or segment does not exist, the grids differ, there is no case, the preset cannot refine, or
            a point or box lies outside the volume or on a corrected slice.
        NotEnoughMemoryError: As `segment_volume`.
    """

    def once(models: Models, options: RunOptions) -> SegmentationResult:
        with torch.inference_mode():
            inputs = RefinementInputs.of(target, before, corrected, cases, models, settings, options, prompts)
            # It takes memory that just ran out.
            return refine(inputs, None if options.less_memory else look)

    return with_less_memory(once, models, settings, options or RunOptions())


def start_volume(
    target: Volume,
    drawn: Segmentation | None,
    named: Sequence[int] | None,
    models: Models,
    options: RunOptions | None = None,
    prompts: PersonsPrompts = NO_PROMPTS,
    *,
    settings: FillSettings | None = None,
    thing: str = "the drawn slices",
) -> SegmentationResult:
    """Segment a volume from a few of its own slices: a first case, for which no library is needed.

    Drawn slices come out as they are, bit for bit.

    Args:
        target: The volume.
        drawn: Its drawn slices, on its grid; None where there are only points and boxes.
        named: Indices of the drawn slices along the sliced axis of the target's file, each drawn whole: a structure
            that is not in it ends before it. None: all slices that hold any structure.
        models: The networks; the encoder is not used.
        options: ``plane``, ``seed``, ``progress``, ``max_memory_bytes``, ``least_image_size`` and ``cleaning`` count;
            the drawn slices say what is cleaned.
        prompts: Points and boxes; what they point at becomes a drawn slice. Their segments may be new ones.
        settings: Of the fill.
        thing: What the user knows ``drawn`` as, for messages.

    Raises:
        InputError: Nothing is drawn or set, a slice does not exist, or a point or box lies outside the volume, on a
            drawn slice or against another one.
        NotEnoughMemoryError: As `segment_volume`.
    """
    chosen = settings or FillSettings()

    def once(models: Models, options: RunOptions) -> SegmentationResult:
        return start(StartInputs.of(target, drawn, named, models, chosen, options, prompts, thing))

    return with_less_memory(once, models, chosen.of_propagation, options or RunOptions())


def _segment_and_refine(
    target: Volume,
    cases: Sequence[SupportCase],
    models: Models,
    settings: Settings,
    options: RunOptions,
    prompts: PersonsPrompts,
    opinion: SecondOpinion | None,
) -> SegmentationResult:
    """A run, and what was set in it carried on; what is wrong with that is told before the run."""
    if settings.preset == FATE_SAM:
        raise InputError(
            f"preset '{FATE_SAM}'", "the published method takes no points and no boxes", "Use another preset for them."
        )
    inputs = RunInputs.of(target, cases, models, settings, options)
    place_prompts(prompts, inputs.target.frame, inputs.segments)
    with tempfile.TemporaryDirectory(prefix="retrievalsam-") as folder, torch.inference_mode():
        kept = options if options.state else replace(options, state=Path(folder))
        first = run(replace(inputs, options=kept), opinion)
        refined = refine(RefinementInputs.of(target, first.segmentation, (), cases, models, settings, kept, prompts))
    spent = dict(first.report.seconds)
    for stage, seconds in refined.report.seconds.items():
        spent[stage] = round(spent.get(stage, 0.0) + seconds, 3)
    return SegmentationResult(
        refined.segmentation, msgspec.structs.replace(refined.report, seconds=spent, learned=first.report.learned)
    )
