"""After corrections were carried on: what was looked at anew is cleaned, and nothing that a person has drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ..corrections.carry_on import CarriedOn
from ..corrections.prompted_start import Start
from ..corrections.refinement_inputs import RefinementInputs
from ..corrections.run_before import RunBefore
from ..output.report import CleanedSegment
from ..settings.cleaning import NO_CLEANING, cleaning_of
from .clean import Found, clean
from .habits import habits
from .of_run import STAGE

_OTHERS = 1
"""Label of everything that is not carried on."""


def clean_refined(
    inputs: RefinementInputs, before: RunBefore, start: Start, carried: CarriedOn
) -> tuple[CarriedOn, Mapping[int, CleanedSegment]]:
    """Clean the slices that have new masks. Those that were corrected, or have points or boxes, stay as they are.

    Args:
        inputs: Of the refinement.
        before: The run before it.
        start: Corrected and prompted slices.
        carried: What came of them.

    Returns:
        The same with clean masks, and what was done by segment of the run.
    """
    run = before.run
    cleaning = cleaning_of(run.settings, run.options.cleaning)
    if cleaning == NO_CLEANING or not carried.found.kept:
        return carried, {}
    with run.clock.stage(STAGE):
        found = _found(inputs, before, start, carried)
        were = {n: found.mask(n).copy() for n in found.may_change}
        of_value = habits(run, sorted(before.context.cases))
        done = clean(found, {n: of_value[run.values[n]] for n in found.may_change}, cleaning)
        new = {
            n: {int(i): found.mask(n, int(i)) for i in np.flatnonzero((found.mask(n) != mask).any(axis=(1, 2)))}
            for n, mask in were.items()
        }
        segmentation = before.painted(carried.segmentation, {n: of for n, of in new.items() if of})
    return replace(carried, segmentation=segmentation), done


def _found(inputs: RefinementInputs, before: RunBefore, start: Start, carried: CarriedOn) -> Found:
    frame, segmentation = before.run.target.frame, carried.segmentation
    masks = {n: frame.to_slices(segmentation.mask(place)) for n, place in before.place_of.items()}
    others = set(range(len(segmentation.segments))) - set(before.place_of.values())
    labels = np.zeros(frame.shape, dtype=np.uint16)
    sharing = labels.astype(bool)
    taken = sharing.copy()
    for mask in (*masks.values(), *(frame.to_slices(segmentation.mask(place)) for place in sorted(others))):
        sharing |= taken & mask
        taken |= mask
    alone = {n for n, place in before.place_of.items() if place not in before.free and not (masks[n] & sharing).any()}
    for place in others:
        labels[frame.to_slices(segmentation.mask(place))] = _OTHERS
    label_of = {n: _OTHERS + 1 + n for n in sorted(alone)}
    for n, label in label_of.items():
        labels[masks[n]] = label
    free = {n: mask.copy() for n, mask in masks.items() if n not in alone}
    kept = carried.found.kept
    may_change = {}
    for n in masks:
        by_hand = {*inputs.corrected, *start.prompts.get(n, ())}
        may_change[n] = np.array([(n, i) in kept and i not in by_hand for i in range(frame.shape[0])])
    return Found(labels, label_of, free, may_change, before.run.target.region.inside(frame))
