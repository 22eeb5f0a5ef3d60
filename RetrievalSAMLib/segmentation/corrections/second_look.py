"""Step of a refinement, where somebody has one: a second look, by who has learned from the corrected slices.

Who takes it (`RetrievalSAMLib.learning`) knows refinements; a refinement knows only this.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import msgspec
import numpy as np

from ...progress import Progress
from ...volumes import Segment, SliceStack
from ..output.report import TaughtReport
from ..supports.verdict import Verdict
from .carry_on import CarriedOn
from .prompted_start import Start
from .refinement_inputs import RefinementInputs
from .run_before import RunBefore

STAGE = "learning from corrections"

Box = tuple[slice, slice, slice]


@dataclass(frozen=True)
class AfterCorrections:
    """What a refinement knows once corrections were carried on.

    Attributes:
        stack: The target's slices.
        segments: Of the run; elsewhere they go by their places here.
        masks: By segment that is carried on, bool (n, h, w), corrected slices as they were drawn.
        drawn: Numbers of slices in which a person has drawn all of these segments.
        corrected: Segments that were corrected.
        overlapping: Values of segments that may share voxels.
        verdict: On the volume.
        backwards: Whether its slices were taken in reverse.
        progress: What it raises ends the refinement.
    """

    stack: SliceStack
    segments: Sequence[Segment]
    masks: Mapping[int, np.ndarray]
    drawn: Sequence[int]
    corrected: Collection[int]
    overlapping: frozenset[int]
    verdict: Verdict
    backwards: bool
    progress: Progress


@dataclass(frozen=True)
class Seen:
    """What was seen.

    Attributes:
        box: Slices, rows and columns.
        masks: By segment, bool on the box.
        report: For the refinement's report; its ``changed`` is filled in by the step.
    """

    box: Box
    masks: Mapping[int, np.ndarray]
    report: TaughtReport


class SecondLook(Protocol):
    """Asked once a refinement, after corrections were carried on and before masks are cleaned."""

    def look(self, after: AfterCorrections) -> Seen:
        """Masks that take the place of the refinement's, but for slices that a person drew or set something in."""


def with_second_look(
    inputs: RefinementInputs, before: RunBefore, start: Start, carried: CarriedOn, look: SecondLook | None
) -> tuple[CarriedOn, TaughtReport | None]:
    """What was carried on with what a second look changes; the changed slices count as new ones.

    Args:
        inputs: Of the refinement.
        before: The run before it.
        start: Corrected and prompted slices.
        carried: What came of them.
        look: None leaves all as it is.
    """
    corrected = {n for n, seeds in start.seeds.items() if seeds & set(inputs.corrected)}
    if look is None or not corrected:
        return carried, None
    run, context = before.run, before.context
    frame = run.target.frame
    masks = {n: frame.to_slices(carried.segmentation.mask(place)) for n, place in before.place_of.items()}
    with run.clock.stage(STAGE):
        seen = look.look(
            AfterCorrections(
                run.target.stack,
                run.segments,
                masks,
                inputs.corrected,
                corrected,
                context.overlapping,
                context.verdict,
                context.order.of_target,
                run.options.progress,
            )
        )
        new = _changed(before, start, inputs.corrected, masks, seen)
        segmentation = before.painted(carried.segmentation, new) if new else carried.segmentation
    carried.found.kept.update((n, index) for n, of_segment in new.items() for index in of_segment)
    changed = {
        run.segments[n].name: tuple(sorted(frame.file_index(i) for i in of_segment)) for n, of_segment in new.items()
    }
    return replace(carried, segmentation=segmentation), msgspec.structs.replace(seen.report, changed=changed)


def _changed(
    before: RunBefore, start: Start, drawn: Sequence[int], masks: Mapping[int, np.ndarray], seen: Seen
) -> dict[int, dict[int, np.ndarray]]:
    """By segment, by slice, the masks (h, w) that are not as they were, of slices that a run looks at."""
    target, searched = before.run.target, before.context.searched
    inside = target.region.inside(target.frame)
    depth, rows, columns = seen.box
    new: dict[int, dict[int, np.ndarray]] = {}
    for n, found in seen.masks.items():
        by_hand = {*drawn, *start.prompts.get(n, ())}
        for index in range(depth.start, depth.stop):
            if index in by_hand or index not in searched:
                continue
            mask = masks[n][index].copy()
            part = mask[rows, columns]
            part[...] = np.where(inside[rows, columns], found[index - depth.start], part)
            if not np.array_equal(mask, masks[n][index]):
                new.setdefault(n, {})[index] = mask
    return new
