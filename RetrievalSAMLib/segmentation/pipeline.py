"""One run: a volume, annotated cases, and out comes a segmentation on the volume's own grid."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ..progress import Progress
from ..retrieval.evidence import SupportCase
from ..volumes import Segmentation, Volume
from .options import Models, RunOptions, SegmentationResult
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
) -> SegmentationResult:
    """Segment a volume by the example of annotated cases.

    Args:
        target: The volume.
        cases: Annotated cases, in any order: the result does not depend on it.
        models: The networks.
        settings: A preset, perhaps with changes.
        options: Everything else.

    Raises:
        InputError: There is no case, no such segment, or the region lies outside the volume.
    """
    options = options or RunOptions()
    with torch.inference_mode():
        run = PublishedRun if settings.preset == FATE_SAM else Run
        return run(target, cases, models, settings, options).result()


def refine_volume(
    target: Volume,
    before: Segmentation,
    corrected: Sequence[int],
    cases: Sequence[SupportCase],
    models: Models,
    settings: Settings,
    options: RunOptions | None = None,
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

    Raises:
        InputError: A slice or segment does not exist, the grids differ, there is no case, or the preset cannot refine.
    """
    options = options or RunOptions()
    with torch.inference_mode():
        return Refinement(target, before, corrected, cases, models, settings, options).result()
