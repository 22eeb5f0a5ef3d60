"""Segmenting: the supports are encoded, then every slice of the target is decoded from their memories."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from ...models.window import MovedWindow
from ...out_of_memory import give_back_freed, give_back_now_and_then
from ...side_by_side import side_by_side
from ..engines.interface import ImageFeatures
from ..memory.support_memories import MemoryStore, encode_slice, encode_supports
from ..output.fusion import Canvas
from ..output.report import CleanedSegment, LearnedReport
from ..propagation.propagation import Place, Propagation
from ..propagation.segmented_slice import SegmentedSlice
from ..run_state.run_context import shown_place
from ..run_state.state_file import features_name, memory_name, place_name
from ..spatial_prior.aligned_cases import slice_depths_mm
from ..spatial_prior.crops import View, seen_in_case
from ..spatial_prior.neighbours import MANY
from .describe import Described
from .inputs import RunInputs
from .plan_views import plan_views
from .retrieve import Retrieved, align_by_finding, correct_place
from .side_outputs import SideOutputs

LOOKING_CLOSER = "looking closer"
"""Name of the stage of passes after the first."""


@dataclass(frozen=True)
class SegmentOfSlice:
    """One segment on one slice.

    Attributes:
        segmented: What the slice came out as in the segment's view, without logits: these are on the canvas.
        row: Of the segment in it.
    """

    segmented: SegmentedSlice
    row: int


@dataclass(frozen=True)
class Segmented:
    """What one pass over the target found.

    Attributes:
        retrieved: The supports that it was found with.
        views: Through which it was looked at.
        canvas: Masks, and logits where they are asked for, on the grid of the target's slices.
        found: By searched slice, by segment of the run.
        learned: What a second opinion says of its part in the masks; None where none was asked.
        cleaned: By row, what cleaning did.
    """

    retrieved: Retrieved
    views: list[View]
    canvas: Canvas
    found: Mapping[int, Sequence[SegmentOfSlice]]
    learned: LearnedReport | None = None
    cleaned: Mapping[int, CleanedSegment] = field(default_factory=dict)


def segment(
    inputs: RunInputs, described: Described, retrieved: Retrieved, outputs: SideOutputs, stage: str = "segmenting"
) -> Segmented:
    """One pass: through every view, every searched slice.

    Args:
        inputs: Of the run.
        described: Target and cases.
        retrieved: Supports of every slice.
        outputs: What is handed out and kept meanwhile.
        stage: What the pass is called.
    """
    target = inputs.target
    canvas = Canvas(
        target.frame, inputs.segments, described.overlapping, outputs.logits_file, target.region.inside(target.frame)
    )
    views = plan_views(inputs, described, retrieved)
    found = _Pass(inputs, described, retrieved, views, canvas, outputs, stage).found()
    return Segmented(retrieved, views, canvas, found)


def look_closer(inputs: RunInputs, described: Described, segmented: Segmented, outputs: SideOutputs) -> Segmented:
    """Where cases were left out, align these by what was found and segment again, as often as the preset says."""
    for _ in range(inputs.settings.finding_passes if segmented.retrieved.cases.left_out else 0):
        retrieved = align_by_finding(inputs, described, segmented.retrieved, segmented.canvas.found())
        if retrieved is None:
            break
        segmented = segment(inputs, described, correct_place(inputs, retrieved), outputs, LOOKING_CLOSER)
    return segmented


@dataclass(frozen=True)
class _Pass:
    """One pass; the attributes are those of `segment` and `Segmented`."""

    inputs: RunInputs
    described: Described
    retrieved: Retrieved
    views: Sequence[View]
    canvas: Canvas
    outputs: SideOutputs
    stage: str

    def found(self) -> dict[int, list[SegmentOfSlice]]:
        """Draw everything on the canvas."""
        searched, outputs = self.inputs.target.searched, self.outputs
        found: dict[int, dict[int, SegmentOfSlice]] = {index: {} for index in searched}
        total, done = len(self.views) * len(searched), 0
        if outputs.partial:
            outputs.partial.begin(self.canvas, len(self.views))
        if outputs.state:
            outputs.state.begin()
        for number, view in enumerate(self.views):
            for segmented in self._through(number, view):
                self.canvas.add(segmented, view.window, view.rows)
                # The logits are on the canvas now; only the small figures stay for the report.
                kept = segmented.without_logits()
                for row, s in enumerate(view.rows):
                    found[kept.index][s] = SegmentOfSlice(kept, row)
                done += 1
                self.inputs.options.progress(self.stage, done, total)
                if outputs.partial:
                    outputs.partial.drawn(kept.index, done, total)
                give_back_now_and_then(done)
        give_back_freed()
        return {index: [rows[s] for s in range(len(self.inputs.segments))] for index, rows in found.items()}

    def _through(self, number: int, view: View) -> Iterator[SegmentedSlice]:
        """The segments of one view: every searched slice once, with rows in the order of the view's."""
        inputs, engine, outputs = self.inputs, self.inputs.engine, self.outputs
        searched, prior = inputs.target.searched, self.retrieved.cases.place
        rows = [[row[s] for s in view.rows] for row in self.retrieved.supports]

        @torch.inference_mode()
        def encode(place: int) -> tuple[int, ImageFeatures]:
            return place, encode_slice(engine, inputs.target.stack, searched[place], view.window)

        def next_features(place: int) -> ImageFeatures:
            encoded, features = next(coming)
            if encoded != place:
                raise ValueError(f"slice {encoded} was encoded, slice {place} is asked for")
            if outputs.state:
                outputs.state.put_features(features_name(number, searched[place]), features)
            return features

        with MemoryStore(inputs.options.max_memory_bytes) as store:
            self._encode_supports(store, number, view)
            trust = self.retrieved.cases.trust
            agreement = [trust * prior.reliability(inputs.values[s]) for s in view.rows] if prior else None
            propagation = Propagation(
                engine,
                store,
                rows,
                next_features,
                inputs.settings,
                self._place(number, view),
                agreement,
                absent=self._absent(view),
            )
            coming = side_by_side(encode, propagation.encoded(), engine.device.type)
            with inputs.clock.stage(self.stage), closing(coming):
                for segmented in propagation.run():
                    yield replace(segmented, index=searched[segmented.index])

    def _encode_supports(self, store: MemoryStore, view_number: int, view: View) -> None:
        """Have the memories of all supports of a view ready."""
        inputs, outputs = self.inputs, self.outputs
        wanted: dict[int, set[int]] = {}
        for row in self.retrieved.supports:
            for support in itertools.chain.from_iterable(row[s].supports for s in view.rows):
                wanted.setdefault(support.case, set()).add(support.slice)
        values = tuple(inputs.values[s] for s in view.rows)
        with inputs.clock.stage("encoding supports"):
            encode_supports(
                inputs.engine,
                store,
                wanted,
                inputs.load,
                self._seen_in_case(view),
                values,
                lambda done, total: inputs.options.progress("encoding supports", done, total),
                outputs.memories,
            )
        if outputs.state:
            for case, numbers in wanted.items():
                for number in numbers:
                    memory = store.get((case, number), inputs.engine.device)
                    outputs.state.put_memory(memory_name(view_number, case, number), memory)

    def _seen_in_case(self, view: View) -> Callable[[int, int], MovedWindow]:
        """The window of a view, as it lies in a slice of a case."""
        cases, values = self.retrieved.cases, [self.inputs.values[s] for s in view.rows]

        @functools.cache
        def depths_mm(case: int) -> np.ndarray:
            return slice_depths_mm(self.described.evidence[case])

        def seen(case: int, number: int) -> MovedWindow:
            return seen_in_case(view.window, cases.of(case, values), float(depths_mm(case)[number]))

        return seen

    def _absent(self, view: View) -> Callable[[int, int], bool] | None:
        """What need not be looked for: of many segments those of which the aligned cases are sure."""
        inputs, maps = self.inputs, self.retrieved.cases.place
        if maps is None or not inputs.settings.place_weight or len(inputs.segments) <= MANY:
            return None

        @functools.cache
        def absent(place: int, s: int) -> bool:
            return maps.surely_absent(inputs.values[view.rows[s]], inputs.target.searched[place])

        return absent

    def _place(self, view_number: int, view: View) -> Place | None:
        """The mean masks of the aligned cases as a view shows them."""
        inputs, maps, state = self.inputs, self.retrieved.cases.place, self.outputs.state
        searched, values, engine = inputs.target.searched, inputs.values, inputs.engine
        if maps is None or not (inputs.settings.place_weight or inputs.settings.place_memory):
            return None

        if state:
            # Of every slice: a correction may lead to where this run did not look.
            for index, row in itertools.product(searched, view.rows):
                shown = shown_place(maps, values[row], index, view, engine)
                if shown is not None:
                    state.put_place(place_name(view_number, index, row), shown)

        @functools.lru_cache(maxsize=2 * len(view.rows))
        def place(place_of_slice: int, s: int) -> torch.Tensor | None:
            return shown_place(maps, values[view.rows[s]], searched[place_of_slice], view, engine)

        return place
