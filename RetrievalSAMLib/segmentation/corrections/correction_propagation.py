"""Carrying corrections on through one view: outwards from every corrected slice, until nothing changes any more."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import torch

from ...retrieval.index import SliceRetrieval, Support
from ...volumes import SliceStack
from ...volumes.overlap import dice
from ..confidence.quality_features import Signs
from ..engines.interface import Engine, Memory
from ..memory.support_memories import SupportKey, mask_to_input
from ..output.fusion import Canvas
from ..propagation.propagation import Propagation
from ..propagation.segmented_slice import SegmentedSlice
from ..run_state.run_context import RunContext, ViewContext
from ..settings.presets import Settings
from .corrected_slices import Corrections
from .propagation_paths import Way

TARGET = -1
"""Number of the target among the cases: its corrected slices are supports in its own geometry."""

AGREEING = 2
"""So many slices on end that come out as they were end a way: what the correction changes lies behind it."""

ALIKE = 0.95
"""Dice from which on a slice counts as it was."""

PLACE_WEIGHT = 4.0
"""Weight of a slice's own mask, as the corrections move it, in the logits: its log odds are added this many times."""

NEAR = 3
"""So many slices beside a corrected one are looked at in any case; after that only while they come out otherwise."""

OTHERWISE = 0.5
"""Dice below which a slice shows something else than it did."""

_LEAST_TRUST = 0.05
"""A corrected slice that is trusted less than this is no support."""

_NOTHING = SliceRetrieval((), 0.0, 0.0)


@dataclass(frozen=True)
class Told:
    """What there is to say of a segment on a slice that was looked at.

    Attributes:
        signs: Of how good its mask is; None where `confidence` says it.
        confidence: Where there are no signs.
        supports: That it drew on.
        shares: Attention that each of them got.
    """

    signs: Signs | None
    confidence: float
    supports: tuple[Support, ...] = ()
    shares: tuple[float | None, ...] = ()


@dataclass
class Carried:
    """What was found so far, by segment and slice: what was looked at, and which of that takes its new mask."""

    looked: dict[tuple[int, int], Told] = field(default_factory=dict)
    kept: set[tuple[int, int]] = field(default_factory=set)


class Carrier:
    """Carries corrections on through one view.

    Args:
        engine: SAM 2.
        settings: Of the run.
        stack: The target's slices.
        context: Of the run.
        shown: Features, memories and place as the view shows them.
        corrections: What the corrected slices say.
        alone: Leave the library's supports and places out: the view is not where the run laid them.
    """

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        stack: SliceStack,
        context: RunContext,
        shown: ViewContext,
        corrections: Corrections,
        alone: bool,
    ) -> None:
        self._engine, self._settings, self._stack = engine, settings, stack
        self._context, self._shown, self._corrections, self._alone = context, shown, corrections, alone
        self._view = shown.view
        self._rows = [row for row in self._view.rows if row in corrections.masks]
        self._memories: dict[int, Memory] = {}

    def carry(self, way: Way, canvas: Canvas, found: Carried, drawn: Callable[[int], None]) -> None:
        """Go one way.

        Args:
            way: For segments of this view.
            canvas: What is found goes here.
            found: And what is to be said of it here.
            drawn: Told the number of every slice that is done.
        """
        plan: list[list[SliceRetrieval]] = [[_NOTHING] * len(self._view.rows) for _ in range(len(self._stack))]
        for index, rows in way.steps:
            plan[index] = [self._evidence(row, index) if row in rows else _NOTHING for row in self._view.rows]
        self._prepare_plan(plan, [index for index, _ in way.steps[:NEAR]])
        settings = replace(self._settings, place_weight=PLACE_WEIGHT)
        propagation = Propagation(self._engine, self, plan, self._shown.features, settings, self._place)
        start = self.get((TARGET, way.start), self._engine.device)
        propagation.go_from(
            way.start,
            {
                place: Memory(start.spatial[place : place + 1], start.pointer[place : place + 1])
                for place, row in enumerate(self._view.rows)
                if row in self._rows
                and way.start in self._corrections.slices[row]
                and (self._corrections.holds(row, way.start) or self._settings.remember_absence)
            },
        )
        alike: dict[int, list[int]] = {row: [] for row in self._view.rows}
        settled: set[int] = set()
        for step, (index, rows) in enumerate(way.steps, start=1):
            going = {row for row in rows if len(alike[row]) < AGREEING and row not in settled}
            if not going:
                break
            if step > NEAR:
                self._prepare_plan(plan, [index])
            asked = zip(self._view.rows, plan[index], strict=True)
            plan[index] = [one if row in going else _NOTHING for row, one in asked]
            segmented = propagation.step(index, way.towards)
            canvas.add(segmented, self._view.window, self._view.rows)
            for row in going:
                found.looked[row, index] = self._told(segmented, row, plan[index])
                agreement = dice(canvas.mask(row, index), self._corrections.masks[row][index])
                if step >= NEAR and agreement >= OTHERWISE:
                    settled.add(row)
                if agreement >= ALIKE:
                    alike[row].append(index)
                    continue
                found.kept.update((row, i) for i in (*alike[row], index))
                alike[row] = []
            drawn(index)

    def get(self, key: SupportKey, device: torch.device) -> Memory:
        """Memories of a support slice for the segments of the view; those of a corrected slice are made here."""
        case, index = key
        if case != TARGET:
            return self._shown.get(key, device)
        if index not in self._memories:
            self._memories[index] = self._corrected(index)
        return self._memories[index]

    def supports(self, row: int, index: int) -> tuple[Support, ...]:
        """What a segment attends to in a slice: corrected slices beside it, and the library's; ready for `get`."""
        found = self._evidence(row, index).supports
        self._prepare(found)
        return found

    def _prepare_plan(self, plan: list[list[SliceRetrieval]], slices: list[int]) -> None:
        self._prepare({s for index in slices for one in plan[index] for s in one.supports})

    def _prepare(self, supports: Iterable[Support]) -> None:
        """Have memories ready."""
        self._shown.prepare({(s.case, s.slice) for s in supports if s.case != TARGET})

    def _corrected(self, index: int) -> Memory:
        features = self._shown.features(index)
        size, spacing = self._engine.image_size, self._stack.spacing_mm
        masks = torch.cat(
            [mask_to_input(self._corrections.masks[row][index], self._view.window, spacing, size) for row in self._rows]
        ).to(self._engine.device)
        made = self._engine.encode_support(features.expand(len(self._rows)), masks).rounded()
        count = len(self._view.rows)
        # Rows that nobody asks for stay empty.
        spatial = made.spatial.new_zeros(count, *made.spatial.shape[1:])
        pointer = made.pointer.new_zeros(count, *made.pointer.shape[1:])
        places = [self._view.rows.index(row) for row in self._rows]
        spatial[places], pointer[places] = made.spatial, made.pointer
        return Memory(spatial, pointer)

    def _evidence(self, row: int, index: int) -> SliceRetrieval:
        """The library's supports behind the corrected slices next to this one, and the vote as these change it."""
        searched = self._context.searched
        library = self._context.retrieval[index - searched.start][row] if index in searched else _NOTHING
        own = tuple(
            Support(TARGET, c, round(trust, 4))
            for c in self._corrections.beside(row, index)
            if (trust := self._corrections.trust(c, index)) >= _LEAST_TRUST
        )
        others = () if self._alone else library.supports
        return SliceRetrieval(own + others, self._corrections.presence(row, index, library.presence), library.area_mm2)

    def _place(self, index: int, place: int) -> torch.Tensor | None:
        row = self._view.rows[place]
        if row not in self._rows:  # shares the view, and is not carried on
            return None
        likely = self._corrections.place(row, index, self._view.window, self._engine.mask_size)
        return self._shown.place(index, row) if likely is None and not self._alone else likely

    def _told(self, segmented: SegmentedSlice, row: int, plan: list[SliceRetrieval]) -> Told:
        place = self._view.rows.index(row)
        supports = plan[place].supports
        shares = segmented.shares(place, len(supports))
        return Told(segmented.signs[place], 0.0, supports, shares)
