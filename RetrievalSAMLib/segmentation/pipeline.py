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
from ..volumes import Segmentation, SliceStack, Volume
from .less_memory import with_less_memory
from .options import Models, RunOptions, SegmentationResult
from .pointing import NO_PROMPTS, PersonsPrompts, place_prompts
from .presets import FATE_SAM, Settings
from .published import PublishedRun
from .refining import Refinement
from .run import Run

__all__ = ["Models", "Progress", "RunOptions", "SegmentationResult", "refine_volume", "segment_volume"]


def segment_volume(
    target: Volume,
    cases: Sequence[SupportCase],
    models: Models,
    settings: Settings,
    options: RunOptions | None = None,
    prompts: PersonsPrompts = NO_PROMPTS,
) -> SegmentationResult:
    """Segment a volume by the example of annotated cases.

    Args:
        target: The volume.
        cases: Annotated cases, in any order: the result does not depend on it.
        models: The networks.
        settings: A preset, perhaps with changes.
        options: Everything else. Logits are those before points and boxes.
        prompts: Points and boxes, carried on like those of `refine_volume` once everything is segmented.

    Raises:
        InputError: There is no case, no such segment, the region or a point lies outside the volume, or the preset
            knows no points.
        NotEnoughMemoryError: Memory ran out, also when the run was tried again with less.
    """

    def once(models: Models, options: RunOptions) -> SegmentationResult:
        if prompts:
            return _segment_and_refine(target, cases, models, settings, options, prompts)
        with torch.inference_mode():
            run = PublishedRun if settings.preset == FATE_SAM else Run
            return run(target, cases, models, settings, options).result()

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
) -> SegmentationResult:
    """Carry the corrections of some slices of a result on to the slices beside them.

    Corrected slices, segments that were not corrected, and slices that the corrections do not reach come out as they
    are, bit for bit. With ``options.state`` the folder that it had when `segment_volume` made the result, this costs a
    fraction of a run; without, cases are retrieved and aligned anew.

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

    Raises:
        InputError: A slice or segment does not exist, the grids differ, there is no case, the preset cannot refine, or
            a point or box lies outside the volume or on a corrected slice.
        NotEnoughMemoryError: As `segment_volume`.
    """

    def once(models: Models, options: RunOptions) -> SegmentationResult:
        with torch.inference_mode():
            return Refinement(target, before, corrected, cases, models, settings, options, prompts).result()

    return with_less_memory(once, models, settings, options or RunOptions())


def _segment_and_refine(
    target: Volume,
    cases: Sequence[SupportCase],
    models: Models,
    settings: Settings,
    options: RunOptions,
    prompts: PersonsPrompts,
) -> SegmentationResult:
    """A run, and what was set in it carried on; what is wrong with that is told before the run."""
    if settings.preset == FATE_SAM:
        raise InputError(
            f"preset '{FATE_SAM}'", "the published method takes no points and no boxes", "Use another preset for them."
        )
    run = Run(target, cases, models, settings, options)
    place_prompts(prompts, SliceStack.of(target, options.plane).frame, run.segments)
    with tempfile.TemporaryDirectory(prefix="retrievalsam-") as folder, torch.inference_mode():
        kept = options if options.state else replace(options, state=Path(folder))
        run = Run(target, cases, models, settings, kept)
        first = run.result()
        refined = Refinement(target, first.segmentation, (), cases, models, settings, kept, prompts).result()
    spent = dict(first.report.seconds)
    for stage, seconds in refined.report.seconds.items():
        spent[stage] = round(spent.get(stage, 0.0) + seconds, 3)
    return SegmentationResult(refined.segmentation, msgspec.structs.replace(refined.report, seconds=spent))
