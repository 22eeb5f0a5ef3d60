"""One run: a volume, annotated cases, and out comes a segmentation on the volume's own grid."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ..progress import Progress
from ..retrieval.evidence import SupportCase
from ..volumes import Volume
from .options import Models, RunOptions, SegmentationResult
from .presets import FATE_SAM, Settings
from .published import PublishedRun
from .run import Run

__all__ = ["Models", "Progress", "RunOptions", "SegmentationResult", "segment_volume"]


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
