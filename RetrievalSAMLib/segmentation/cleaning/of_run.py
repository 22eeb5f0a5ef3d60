"""After segmenting: the canvas of what was found is cleaned, and everything that is told of it follows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..settings.cleaning import NO_CLEANING, cleaning_of
from ..steps.inputs import RunInputs
from ..steps.segment import Segmented
from .clean import Found, clean
from .habits import habits

STAGE = "cleaning"


def with_clean_masks(inputs: RunInputs, segmented: Segmented) -> Segmented:
    """Clean the masks; the canvas takes them, its logits stay as they are.

    Args:
        inputs: Of the run.
        segmented: Of the last pass. The cases that it drew on say what is to be cleaned.
    """
    cleaning = cleaning_of(inputs.settings, inputs.options.cleaning)
    if cleaning == NO_CLEANING:
        return segmented
    canvas, values = segmented.canvas, inputs.values
    everywhere = np.ones(len(canvas.labels), dtype=bool)
    found = Found(
        canvas.labels,
        {row: value for row, value in enumerate(values) if row not in canvas.free},
        canvas.free,
        dict.fromkeys(range(len(values)), everywhere),
        inputs.target.region.inside(inputs.target.frame),
    )
    with inputs.clock.stage(STAGE):
        of_value = habits(inputs, segmented.retrieved.case_numbers())
        done = clean(found, {row: of_value[value] for row, value in enumerate(values)}, cleaning)
    return replace(segmented, cleaned=done)
