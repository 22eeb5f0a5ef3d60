"""Where few slices leave it open how a target is turned within them: a glance through each turn chooses.

Hearts in short axis are turned by what the body and the operator make of them, and pictures of 8 to 12 slices fit in
many ways: correlation often likes a wrong turn best. What the network makes of a few slices tells more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from ...alignment import Alignment
from ...progress import silent
from ..confidence.calibration import expected_volume_dice
from ..settings.region import Region
from ..spatial_prior.registered_cases import ALIKE
from .describe import Described
from .inputs import RunInputs, StageClock, Target
from .report import outcomes
from .retrieve import Retrieved, align, supports_among
from .segment import segment
from .side_outputs import SideOutputs

_TURNS_DEGREES = (-90, -45, 45, 90)
"""Registration finds what is missing to these."""

_TOO_FEW_SLICES, _FEW_SLICES = 7, 16
"""Of fewer than the first, three do not tell of the rest; stacks of as many as the second, and more, are searched for
their pose by their pictures (`spatial_prior.posed_cases`)."""

_GLANCED_AT = 3
"""Slices in the middle of the stack."""

_SURE = 0.65
"""Expected Dice of the glance from which on no other turn is tried."""

_BETTER = 0.05
"""By so much more has to be expected of a turn than of none."""

TRYING_TURNS = "trying turns"
"""Name of the stage."""


def align_turned(inputs: RunInputs, described: Described, retrieved: Retrieved, unturned: Retrieved) -> Retrieved:
    """The cases aligned from the turn through which a glance at the middle slices finds most.

    Args:
        inputs: Of the run.
        described: Target and cases.
        retrieved: Supports from all cases.
        unturned: With the cases aligned from where headers lay them.

    Returns:
        `unturned` where the stack has many slices, the images are alike already, the preset asks for no turns, or
        none is clearly better.
    """
    if not inputs.settings.turned_starts or not unturned.cases.alignments or unturned is retrieved:
        return unturned
    similar = np.mean([alignment.similarity for alignment in unturned.cases.alignments.values()])
    if not _TOO_FEW_SLICES <= inputs.target.frame.shape[0] < _FEW_SLICES or similar >= ALIKE:
        return unturned
    with inputs.clock.stage(TRYING_TURNS):
        glance = _glance(inputs)
        without = _expected(glance, described, unturned)
        if without >= _SURE:
            return unturned
        best, choice = without + _BETTER, unturned
        for expected, turned in _turned(inputs, glance, described, retrieved, unturned.cases.likeliest):
            if expected > best:
                best, choice = expected, turned
    return choice if choice is unturned else supports_among(choice.cases, inputs, described)


def _turned(
    inputs: RunInputs,
    glance: RunInputs,
    described: Described,
    retrieved: Retrieved,
    likeliest: Mapping[int, Alignment],
) -> Iterator[tuple[float, Retrieved]]:
    """The cases aligned from the pose that pictures like best, and from every turn."""
    starts: list[tuple[float, Mapping[int, Alignment] | None]] = [(degrees, None) for degrees in _TURNS_DEGREES]
    if likeliest:
        starts.insert(0, (0.0, likeliest))
    for done, (degrees, start) in enumerate(starts):
        inputs.options.progress(TRYING_TURNS, done, len(starts))
        turned = align(glance, described, retrieved, degrees, start)
        yield _expected(glance, described, turned), turned
    inputs.options.progress(TRYING_TURNS, len(starts), len(starts))


def _glance(inputs: RunInputs) -> RunInputs:
    """The same run over a few slices, of which nobody is told."""
    target = inputs.target
    searched, axis = target.searched, target.frame.plane_axis
    first = max(searched.start + (len(searched) - _GLANCED_AT) // 2, searched.start)
    last = min(first + _GLANCED_AT, searched.stop) - 1
    ends = sorted(target.frame.file_index(index) for index in (first, last))
    start, stop = list(target.region.start), list(target.region.stop)
    start[axis], stop[axis] = ends[0], ends[1] + 1
    part = Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
    return replace(
        inputs,
        target=Target(target.volume, target.chosen_plane, part),
        options=replace(inputs.options, progress=silent, partial=None, logits=None, state=None),
        clock=StageClock(),
    )


def _expected(glance: RunInputs, described: Described, aligned: Retrieved) -> float:
    """Mean expected Dice of the segments on these slices."""
    looked = segment(
        glance, described, supports_among(aligned.cases, glance, described), SideOutputs(None, None, None, None)
    )
    told = outcomes(glance, described, looked)
    return float(
        np.mean(
            [
                expected_volume_dice(
                    {one.file_index: one.segments[row].confidence for one in told},
                    {one.file_index: one.segments[row].area_mm2 for one in told},
                )
                for row in range(len(glance.segments))
            ]
        )
    )
