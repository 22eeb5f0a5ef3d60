"""Second step of a refinement: slices with points or boxes are decoded, and become corrected ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...volumes import Segmentation
from ..prompts.points_and_boxes import OnSlice, check_rivals
from ..prompts.prompt_decoding import Answer, Prompter
from ..prompts.prompted_slices import looks_at, with_answers
from .corrected_slices import Corrections
from .correction_propagation import Carrier, Told
from .refinement_inputs import RefinementInputs
from .run_before import RunBefore

_STAGE = "points and boxes"


@dataclass(frozen=True)
class Start:
    """What is carried on.

    Attributes:
        segmentation: The given one with its prompted slices decoded.
        masks: By segment, its masks (n, h, w).
        corrections: What its corrected and prompted slices say.
        seeds: By segment, those of them that show it otherwise than the run before.
        prompts: By segment, by slice.
        looked: By segment and slice, what there is to say of those that were decoded.
    """

    segmentation: Segmentation
    masks: Mapping[int, np.ndarray]
    corrections: Corrections
    seeds: Mapping[int, set[int]]
    prompts: Mapping[int, Mapping[int, OnSlice]]
    looked: Mapping[tuple[int, int], Told]


def prompted_start(inputs: RefinementInputs, before: RunBefore) -> Start:
    """Decode what points and boxes ask for.

    Raises:
        InputError: One pixel is said to belong to two segments that do not overlap.
    """
    run, given = before.run, before.given
    check_rivals(inputs.placed, run.segments, before.context.overlapping)
    were = _masks_before(inputs, before)
    prompts = {n: inputs.placed[value] for n, value in enumerate(run.values) if value in inputs.placed}
    segmentation = inputs.before
    looked: dict[tuple[int, int], Told] = {}
    if prompts:
        by_hand = Corrections(run.target.stack, dict.fromkeys(given, inputs.corrected), given, were)
        with run.clock.stage(_STAGE):
            answers, looked = _answers(_asked(prompts, given), before, by_hand)
        by_place = {before.place_of[n]: of for n, of in answers.items()}
        segmentation = with_answers(segmentation, run.target.frame, by_place, before.free)
    masks = {n: run.target.frame.to_slices(segmentation.mask(place)) for n, place in before.place_of.items()}
    for n, of_segment in prompts.items():
        were[n] |= {index: given[n][index] for index in of_segment}
    corrected = {n: sorted({*inputs.corrected, *prompts.get(n, ())}) for n in masks}
    seeds = {
        n: {c for c in indices if c not in were[n] or not np.array_equal(were[n][c], masks[n][c])}
        for n, indices in corrected.items()
    }
    corrections = Corrections(run.target.stack, corrected, masks, were)
    return Start(segmentation, masks, corrections, seeds, prompts, looked)


def _masks_before(inputs: RefinementInputs, before: RunBefore) -> dict[int, dict[int, np.ndarray]]:
    """By segment, the masks that the corrected slices had, as far as they are known."""
    previous = before.previous
    were: dict[int, dict[int, np.ndarray]] = {}
    for n in before.given:
        name = before.run.segments[n].name
        known = previous is not None and name in previous.masks
        were[n] = {c: previous.masks[name][c] for c in inputs.corrected} if previous and known else {}
    return were


def _asked(
    prompts: Mapping[int, Mapping[int, OnSlice]], given: Mapping[int, np.ndarray]
) -> dict[int, dict[int, OnSlice]]:
    """Without slices whose points all hold already: another refinement does not move what its person wants."""
    return {
        n: {index: one for index, one in of_segment.items() if not one.holds_in(given[n][index])}
        for n, of_segment in prompts.items()
    }


def _answers(
    prompts: Mapping[int, Mapping[int, OnSlice]], before: RunBefore, by_hand: Corrections
) -> tuple[dict[int, dict[int, tuple[Answer, OnSlice]]], dict[tuple[int, int], Told]]:
    """Decode every prompted slice, by segment; the slices that a person corrected by hand are memories there."""
    run = before.run
    stack, settings = run.target.stack, run.settings
    total, done = sum(len(slices) for slices in prompts.values()), 0
    answers: dict[int, dict[int, tuple[Answer, OnSlice]]] = {n: {} for n in prompts}
    looked: dict[tuple[int, int], Told] = {}
    for look in looks_at(prompts, by_hand.masks, before.context, stack):
        with before.in_view(look.view, look.number) as shown:
            carrier = Carrier(run.engine, settings, stack, before.context, shown, by_hand, alone=look.number is None)
            prompter = Prompter(run.engine, stack, shown, carrier, settings.pointer_distance)
            for n, slices in look.slices.items():
                for index in slices:
                    on_slice, supports = prompts[n][index], carrier.supports(n, index)
                    answer = prompter.answer(n, index, by_hand.masks[n][index], supports, on_slice)
                    answers[n][index] = answer, on_slice
                    looked[n, index] = Told(None, answer.confidence, supports, (None,) * len(supports))
                    done += 1
                    run.options.progress(_STAGE, done, total)
    return answers, looked
