"""Third step of a refinement: all that the corrections affect is looked at again, view by view."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ...alignment import stack_places_mm
from ...volumes import Segmentation
from ..output.fusion import Canvas
from ..output.partial_results import Growing
from ..prompts.prompted_slices import INSIDE, OWN_MARGIN
from ..spatial_prior.crops import View, part_shown, window_around
from .correction_propagation import Carried, Carrier, Told
from .prompted_start import Start
from .propagation_paths import Way, ways_from
from .run_before import RunBefore

_STAGE = "refining"


@dataclass(frozen=True)
class CarriedOn:
    """What carrying on gave.

    Attributes:
        segmentation: With everything that was found.
        found: What was looked at, and which of that has a new mask.
    """

    segmentation: Segmentation
    found: Carried


@dataclass(frozen=True)
class _Look:
    """What is looked at through one view.

    Attributes:
        view: The view.
        number: Of the view in the run before; None for a new one.
        ways: On which corrections are carried on.
    """

    view: View
    number: int | None
    ways: Sequence[Way]


def carry_on(before: RunBefore, start: Start) -> CarriedOn:
    """Carry the corrections on to the slices beside them."""
    run, context = before.run, before.context
    frame = run.target.frame
    canvas = Canvas(frame, run.segments, context.overlapping, None, run.target.region.inside(frame))
    found = Carried(looked=dict(start.looked))

    def so_far() -> Segmentation:
        new: dict[int, dict[int, np.ndarray]] = {}
        for row, index in sorted(found.kept):
            new.setdefault(row, {})[index] = canvas.mask(row, index)
        return before.painted(start.segmentation, new)

    partial = Growing(run.options.partial, lambda _: so_far()) if run.options.partial else None
    with run.clock.stage(_STAGE):
        _carry(before, start, canvas, found, partial)
    if before.memories:
        before.memories.flush()
    return CarriedOn(so_far(), found)


def _carry(before: RunBefore, start: Start, canvas: Canvas, found: Carried, partial: Growing | None) -> None:
    """Look at everything; what is found goes on the canvas, and what there is to say of it into ``found``."""
    run, searched, corrections = before.run, before.context.searched, start.corrections
    ended = {n: corrections.ended(n, seeds) & set(searched) for n, seeds in start.seeds.items()}
    for n, slices in ended.items():
        for index in slices:
            found.looked[n, index] = Told(None, corrections.trust(index + 1, index))
            found.kept.add((n, index))
    looks = [
        _Look(view, number, ways_from({n: start.seeds[n] for n in rows}, corrections.slices, searched, ended))
        for view, number, rows in _views(before, start)
    ]
    total, done = sum(len(way.steps) for look in looks for way in look.ways), 0
    if partial:
        partial.begin(canvas, views=1)

    def drawn(index: int) -> None:
        nonlocal done
        done += 1
        run.options.progress(_STAGE, done, total)
        if partial:
            partial.drawn(index, done, total)

    for look in looks:
        if not look.ways:
            continue
        with before.in_view(look.view, look.number) as shown:
            alone = look.number is None
            carrier = Carrier(run.engine, run.settings, run.target.stack, before.context, shown, corrections, alone)
            for way in look.ways:
                carrier.carry(way, canvas, found, drawn)
    if total:
        run.options.progress(_STAGE, total, total)


def _views(before: RunBefore, start: Start) -> Iterator[tuple[View, int | None, list[int]]]:
    """Through which views the corrected segments are looked at.

    Returns:
        The view, its number in the run before, and which of its segments; a segment that was corrected outside its view
        gets one of its own, without a number.
    """
    stack, corrections = before.run.target.stack, start.corrections
    for number, view in enumerate(before.context.views):
        rows = []
        for n in view.rows:
            if not start.seeds.get(n):
                continue
            slices = corrections.slices[n]
            drawn = [corrections.masks[n][c] for c in slices]
            if all(part_shown(mask, view.window, stack) >= INSIDE for mask in drawn):
                rows.append(n)
            else:
                together = np.zeros(stack.frame.shape, dtype=bool)
                together[slices] = drawn
                places = stack_places_mm(stack, together)
                box = (places.min(axis=0), places.max(axis=0))
                yield View(window_around(box, stack, OWN_MARGIN), (n,)), None, [n]
        if rows:
            yield view, number, rows
