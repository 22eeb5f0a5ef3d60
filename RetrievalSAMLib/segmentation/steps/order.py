"""Between retrieval and alignment: whether the slices of the target, or of a case, run the other way than told.

Public heart files run from apex to base or back under one header, and a stack whose file lost its slices' order looks
like any other. Retrieval goes by the place along the stack, and alignment turns nothing round: such a volume would be
segmented by the wrong slices. Left and right are never exchanged by this: rows and columns stay as they are, and stacks
that run from right to left are not asked, whose reverse would be the other side of the body.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...alignment import SmallImage, backwards_fit
from ...retrieval.slice_order import order_agreement
from ...stages import ORDER, timed
from ..spatial_prior.aligned_cases import cases_to_align
from ..supports.stack_order import IN_ORDER, StackOrder, speaks, stack_order
from .describe import Described
from .inputs import RunInputs
from .retrieve import Retrieved, retrieve

_STAGE = "checking the order of slices"

_ASKED = 4
"""Cases that are registered in both orders, at most."""

_FEWEST = 3
"""Slices of which an order can be told."""

_SIDEWAYS = float(np.cos(np.radians(30)))
"""Stacks that run so nearly from right to left, or back, are not asked."""


def in_order(inputs: RunInputs, described: Described) -> tuple[RunInputs, Described, Retrieved]:
    """Supports from all cases, whose slices are taken in the order that fits the target's.

    Cheap for most volumes: the embeddings tell that the order is right. Where they do not, a few cases are registered
    in both orders.

    Returns:
        Inputs and description with that order, and the supports; all as they were where headers are right or trusted,
        or the preset aligns no case.
    """
    retrieved = retrieve(inputs, described)
    if inputs.options.trust_header or not inputs.settings.aligned_cases or _is_sideways(inputs):
        return inputs, described, retrieved
    with inputs.clock.stage(_STAGE):
        order = _order(inputs, described, retrieved)
    if not order.backwards:
        return inputs, described, retrieved
    inputs = replace(inputs, order=order)
    described = taken_in(order, described)
    return inputs, described, retrieve(inputs, described)


def taken_in(order: StackOrder, described: Described) -> Described:
    """The description of a run with the cases' slices in some order."""
    evidence = [one.backwards() if number in order.backwards else one for number, one in enumerate(described.evidence)]
    return replace(described, evidence=evidence)


@timed(ORDER)
def _order(inputs: RunInputs, described: Described, retrieved: Retrieved) -> StackOrder:
    evidence, stack = described.evidence, inputs.target.stack
    numbers = cases_to_align(retrieved.supports, inputs.settings.aligned_cases)
    numbers = [number for number in numbers if len(evidence[number].position) >= _FEWEST]
    if len(stack) < _FEWEST or not numbers:
        return StackOrder()
    agreement = order_agreement(
        described.embeddings,
        [evidence[number].embeddings for number in numbers],
        stack.frame.slice_spacing_mm * len(stack),
        [float(evidence[number].extent_mm[0]) for number in numbers],
    )
    doubtful = [number for number, agrees in zip(numbers, agreement, strict=True) if agrees < IN_ORDER]
    if not doubtful:
        return StackOrder()
    fixed = SmallImage.of(stack)
    gains: dict[int, float] = {}
    # Where one case fits better in reverse, the others are asked too, also those whose slices seem to be in order.
    for number in sorted(numbers, key=lambda n: n not in doubtful)[:_ASKED]:
        if number not in doubtful and not speaks(gains):
            break
        inputs.options.progress(_STAGE, len(gains), min(len(numbers), _ASKED))
        gains[number] = backwards_fit(fixed, SmallImage.of(inputs.load(number).stack)).gain
    slices = min(len(stack), *(len(evidence[number].position) for number in gains))
    return stack_order(gains, slices, len(evidence))


def _is_sideways(inputs: RunInputs) -> bool:
    return bool(abs(inputs.target.frame.directions[0, 0]) > _SIDEWAYS)
