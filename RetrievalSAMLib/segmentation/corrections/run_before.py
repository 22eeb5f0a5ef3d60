"""First step of a refinement: what it stands on, kept by the run before it, else found out anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ...volumes import Segmentation
from ..memory.kept_memories import KeptSupports
from ..output.mask_edits import painted
from ..run_state.known_results import Before, read_results, result_before
from ..run_state.run_context import RunContext, ViewContext
from ..run_state.state_file import StoredState, results_file
from ..spatial_prior.crops import View
from ..spatial_prior.prior_maps import PlaceMaps
from ..steps.context import context_of
from ..steps.describe import describe, verdict_on
from ..steps.inputs import RunInputs
from ..steps.order import in_order
from ..steps.plan_views import plan_views
from ..steps.retrieve import align, align_by_finding, correct_place
from ..steps.side_outputs import kept_memories
from ..steps.turn import align_turned
from .refinement_inputs import RefinementInputs


@dataclass(frozen=True)
class RunBefore:
    """The run that made the result which is refined, as far as it is known.

    Attributes:
        run: Its inputs; its segments, to whose places everything refers, may be more than are carried on.
        context: What it found out before it segmented.
        maps: Mean masks of the aligned cases; None where they were kept, slice by slice, in ``stored``.
        stored: What it left on the disk, or None.
        memories: What earlier runs made of the cases' slices.
        place_of: By segment that is carried on, its place in the given segmentation.
        given: By segment, masks (n, h, w) as the user gave them.
        previous: The result that the user corrected, as far as it is known.
    """

    run: RunInputs
    context: RunContext
    maps: PlaceMaps | None
    stored: StoredState | None
    memories: KeptSupports | None
    place_of: Mapping[int, int]
    given: Mapping[int, np.ndarray]
    previous: Before | None

    @property
    def free(self) -> frozenset[int]:
        """Places in the given segmentation of segments that may share voxels."""
        return frozenset(p for n, p in self.place_of.items() if self.run.values[n] in self.context.overlapping)

    def in_view(self, view: View, number: int | None) -> ViewContext:
        """Features, memories and place of a view; a new one has no number."""
        return ViewContext(
            self.context,
            view,
            number,
            self.run.engine,
            self.run.target.stack,
            self.run.values,
            self.run.load,
            self.stored,
            self.maps,
            self.run.options.max_memory_bytes,
            lambda encoded, of: self.run.options.progress("encoding supports", encoded, of),
            self.memories,
        )

    def painted(self, start: Segmentation, masks: Mapping[int, Mapping[int, np.ndarray]]) -> Segmentation:
        """A segmentation with other masks (h, w) in some slices, by segment and slice."""
        by_place = {self.place_of[n]: of for n, of in masks.items()}
        return painted(start, self.run.target.frame, by_place, self.free)


def run_before(inputs: RefinementInputs, stored: StoredState | None) -> RunBefore:
    """What was kept, or what a run would find out.

    Raises:
        DamagedStateError: What was kept cannot be read.
    """
    if stored is None:
        run, context, maps = _found_anew(inputs)
    else:
        # Places are those of the run that left it, which may have looked for more.
        of_value = {s.value: s for s in inputs.library_segments}
        segments = tuple(of_value[value] for _, value in stored.about.run.segments)
        context, maps = RunContext.stored(stored.about), None
        run = replace(inputs.run, segments=segments, order=context.order)
    frame = run.target.frame
    place_of = inputs.places_of(run.segments)
    given = {n: frame.to_slices(inputs.before.mask(place)) for n, place in place_of.items()}
    known = read_results(results_file(stored.path)) if stored else []
    previous = result_before(known, {run.segments[n].name: mask for n, mask in given.items()}, inputs.corrected)
    memories = kept_memories(run, run.content_keys())
    return RunBefore(run, context, maps, stored, memories, place_of, given, previous)


def _found_anew(inputs: RefinementInputs) -> tuple[RunInputs, RunContext, PlaceMaps | None]:
    """The steps of a run before it segments; where it would align by what it finds, the given masks are that."""
    run, described, everyone = in_order(inputs.run, describe(inputs.run))
    retrieved = align_turned(run, described, everyone, align(run, described, everyone))
    if retrieved.cases.left_out and run.settings.finding_passes:
        masks = [run.target.frame.to_slices(inputs.before.mask(p)) for p in inputs.places_of(run.segments).values()]
        by_finding = align_by_finding(run, described, retrieved, np.any(masks, axis=0))
        retrieved = retrieved if by_finding is None else by_finding
    retrieved = correct_place(run, retrieved)
    views = plan_views(run, described, retrieved)
    verdict = verdict_on(run, described, retrieved.cases.could_be_aligned)
    context = context_of(run, described, retrieved, views, verdict)
    return run, context, retrieved.cases.place
