"""What a first case is made from, put in order before its first step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ...volumes import Segmentation, Volume
from ..engines.interface import Engine
from ..memory.engine_of import engine_of
from ..prompts.points_and_boxes import NO_PROMPTS, PersonsPrompts
from ..settings.options import Models, RunOptions
from ..settings.region import Region
from ..steps.inputs import StageClock, Target
from .clicks import STAGE as CLICKS_STAGE
from .clicks import checked_start, masks_of_clicks
from .drawn import Drawn
from .settings import FillSettings


@dataclass(frozen=True)
class StartInputs:
    """What all steps are given.

    Attributes:
        target: The volume; all of it is filled.
        drawn: Slices that a person drew, or that points in them became.
        prompted: By row, slices that had points or boxes.
        models: The networks; the encoder is not used.
        engine: SAM 2.
        settings: Of the fill.
        options: Everything else; only ``plane``, ``seed``, ``progress``, ``max_memory_bytes`` and ``cleaning``
            count.
        clock: Of the run.
    """

    target: Target
    drawn: Drawn
    prompted: dict[int, tuple[int, ...]]
    models: Models
    engine: Engine
    settings: FillSettings
    options: RunOptions
    clock: StageClock

    @classmethod
    def of(
        cls,
        target: Volume,
        segmentation: Segmentation | None,
        named: Sequence[int] | None,
        models: Models,
        settings: FillSettings,
        options: RunOptions,
        prompts: PersonsPrompts = NO_PROMPTS,
        thing: str = "the drawn slices",
    ) -> StartInputs:
        """Put in order what a caller gives (see `pipeline.start_volume`).

        Raises:
            InputError: As told there.
        """
        seen = Target(target, options.plane, Region.of(target.geometry, None))
        drawn, placed = checked_start(seen.frame, segmentation, named, prompts, thing)
        engine = engine_of(models.segmenter)
        clock = StageClock()
        if placed:
            with clock.stage(CLICKS_STAGE), torch.inference_mode():
                drawn = masks_of_clicks(engine, seen.stack, drawn, placed, options.progress)
        rows = {segment.value: row for row, segment in enumerate(drawn.segments)}
        prompted = {rows[value]: tuple(sorted(slices)) for value, slices in placed.items()}
        return cls(seen, drawn, prompted, models, engine, settings, options, clock)
