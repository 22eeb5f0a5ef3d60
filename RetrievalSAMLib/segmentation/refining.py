"""Refining a result: what corrected slices affect is looked at again, and nothing else."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from .. import __version__
from ..alignment import stack_extent_mm, stack_places_mm
from ..errors import InputError
from ..models.window import Window
from ..retrieval.embedding import SliceEmbedder
from ..retrieval.evidence import SupportCase
from ..volumes import Segment, Segmentation, SliceStack, Volume, check_same_grid
from .carrying import Carried, Carrier, Told
from .corrections import Corrections
from .finding import aligned_by_finding
from .fusion import Canvas
from .ground import Ground, ViewGround
from .options import Models, RunOptions, SegmentationResult
from .painting import painted
from .partial import Growing
from .place import PlaceMaps
from .pointing import NO_PROMPTS, OnSlice, PersonsPrompts, check_rivals, place_prompts
from .presets import FATE_SAM, Settings
from .prompted import INSIDE, OWN_MARGIN, looks_at, with_answers
from .prompting import Answer, Prompter
from .refined_slices import RefinedSlices
from .report import RefinementReport
from .reporting import segment_reports
from .results import KnownResult, add_result, read_results, result_before
from .run import Run, wanted_segments
from .state import DamagedStateError, StoredState, find_state, results_file
from .verdict import volume_verdict
from .views import View, part_shown, window_around
from .ways import completed, same_segments, stack_slices, ways_from

_STAGE = "refining"
_POINTS_STAGE = "points and boxes"

_LOG = logging.getLogger(__name__)


class Refinement(Run):
    """A run that looks only at what corrected slices affect, and stands on what the run before it left.

    Args:
        before: The segmentation with its corrected slices, on the target's grid.
        corrected: Indices of these slices along the sliced axis of the target's file.
        prompts: Points and boxes; each makes its slice a corrected one for its segment.
    """

    def __init__(
        self,
        target: Volume,
        before: Segmentation,
        corrected: Sequence[int],
        cases: Sequence[SupportCase],
        models: Models,
        settings: Settings,
        options: RunOptions,
        prompts: PersonsPrompts = NO_PROMPTS,
    ) -> None:
        if settings.preset == FATE_SAM:
            raise InputError(
                f"preset '{FATE_SAM}'", "the published method knows no corrections", "Use another preset to refine."
            )
        super().__init__(target, cases, models, settings, replace(options, segments=None))
        check_same_grid(before.geometry, "the segmentation", target.geometry, "the image")
        self.stack = SliceStack.of(target, options.plane)
        self.plane = self.stack.frame.plane
        self.searched = self.region.slices_of(self.stack.frame)
        self.embedder = SliceEmbedder(models.encoder)
        self.corrected = stack_slices(corrected, self.stack.frame, bool(prompts))
        self.library_segments = self.segments
        self.before = completed(before, self.library_segments)
        if options.segments is not None:
            self._take(wanted_segments(self.cases, options.segments))
        known = same_segments(self.before, self.segments)
        if not known:
            raise InputError(
                "the segmentation",
                f"it has no {' or '.join(s.name for s in self.segments)}",
                "Give the result of a run with this library.",
            )
        self._take(tuple(s for n, s in enumerate(self.segments) if n in known))
        self.wanted = frozenset(self.values)
        self.placed = place_prompts(prompts, self.stack.frame, self.segments)
        self._check_not_corrected()

    def result(self) -> SegmentationResult:
        """Refine the segmentation and say how."""
        stored = find_state(self.options.state, self.fingerprint(), __version__) if self.options.state else None
        if stored is not None:
            with stored:
                try:
                    return self._refined(stored)
                except DamagedStateError as error:
                    _LOG.warning("what an earlier run left is damaged: %s", error)
        return self._refined(None)

    def _refined(self, stored: StoredState | None) -> SegmentationResult:
        frame = self.stack.frame
        ground, maps = self._ground(stored)
        check_rivals(self.placed, self.segments, ground.overlapping)
        place_of = self._places()
        given = {n: frame.to_slices(self.before.mask(place)) for n, place in place_of.items()}
        known = read_results(results_file(stored.path)) if stored else []
        previous = result_before(known, {self.segments[n].name: mask for n, mask in given.items()}, self.corrected)
        were: dict[int, dict[int, np.ndarray]] = {n: {} for n in given}
        for n, segment in enumerate(self.segments):
            if n in given and previous and segment.name in previous.masks:
                were[n] = {c: previous.masks[segment.name][c] for c in self.corrected}
        free = frozenset(p for n, p in place_of.items() if self.values[n] in ground.overlapping)
        found = Carried()
        prompts = {n: self.placed[value] for n, value in enumerate(self.values) if value in self.placed}
        start = self.before
        if prompts:
            by_hand = Corrections(self.stack, dict.fromkeys(given, self.corrected), given, were)
            # Where all points hold already, the mask is what its person wants: another refinement does not move it.
            asked = {
                n: {i: one for i, one in of_segment.items() if not one.holds_in(given[n][i])}
                for n, of_segment in prompts.items()
            }
            with self.clock.stage(_POINTS_STAGE):
                answers = self._answers(asked, ground, maps, stored, by_hand, found)
            start = with_answers(self.before, frame, {place_of[n]: of for n, of in answers.items()}, free)
        masks = {n: frame.to_slices(start.mask(place)) for n, place in place_of.items()}
        for n, of_segment in prompts.items():
            were[n] |= {index: given[n][index] for index in of_segment}
        corrected = {n: sorted({*self.corrected, *prompts.get(n, ())}) for n in masks}
        corrections = Corrections(self.stack, corrected, masks, were)
        seeds = {
            n: {c for c in indices if c not in were[n] or not np.array_equal(were[n][c], masks[n][c])}
            for n, indices in corrected.items()
        }
        canvas = Canvas(frame, self.segments, ground.overlapping, None, self.region.inside(frame))

        def so_far() -> Segmentation:
            new: dict[int, dict[int, np.ndarray]] = {}
            for row, index in sorted(found.kept):
                new.setdefault(place_of[row], {})[index] = canvas.mask(row, index)
            return painted(start, frame, new, free)

        if self.options.partial:
            self.growing = Growing(self.options.partial, lambda _: so_far())
        with self.clock.stage(_STAGE):
            self._carry(ground, maps, stored, corrections, seeds, canvas, found)
        if self.kept:
            self.kept.flush()
        segmentation = so_far()
        after = {n: frame.to_slices(segmentation.mask(place)) for n, place in place_of.items()}
        refined_slices = RefinedSlices(frame, self.segments, self.cases, ground, self.corrected, found)
        slices = refined_slices.reports(given, after, previous)
        changed = {(n, int(i)) for n in after for i in np.flatnonzero((after[n] != given[n]).any(axis=(1, 2)))}
        refinement = RefinementReport(
            tuple(sorted(frame.file_index(c) for c in self.corrected)),
            refined_slices.by_segment(found.looked),
            refined_slices.by_segment(changed),
            stored is not None,
            refined_slices.by_segment({(n, index) for n, of in prompts.items() for index in of}),
        )
        if stored is not None:
            refined = {self.segments[n].name: mask for n, mask in after.items()}
            add_result(results_file(stored.path), KnownResult.of(refined.items(), slices))
        self._take(tuple(s for n, s in enumerate(self.segments) if n in place_of))
        masks_after = [after[n] for n in sorted(after)]
        segments = segment_reports(self.segments, masks_after, self.target.geometry.voxel_volume_mm3, slices)
        report = self._report(slices, segments, frame.plane_axis, ground.verdict, refinement)
        return SegmentationResult(segmentation, report)

    def _take(self, segments: tuple[Segment, ...]) -> None:
        self.segments, self.values = segments, tuple(s.value for s in segments)

    def _ground(self, stored: StoredState | None) -> tuple[Ground, PlaceMaps | None]:
        """What was kept, or what a run would find out; the latter with the places of the aligned cases."""
        if stored is not None:
            # Rows are those of the run that left it, which may have looked for more.
            of_value = {s.value: s for s in self.library_segments}
            self._take(tuple(of_value[value] for _, value in stored.about.run.segments))
            ground = Ground.stored(stored.about)
            self.searched = ground.searched
            return ground, None
        evidence, embeddings = self._describe()
        aligned, retrieval = self._retrieve(evidence, embeddings)
        whole = self._whole_window(evidence, retrieval, aligned)
        if aligned.left_out and self.settings.finding_passes:
            with self.clock.stage("aligning cases"):
                masks = [self.stack.frame.to_slices(self.before.mask(p)) for p in self._places().values()]
                by_finding = aligned_by_finding(np.any(masks, axis=0), aligned, self._load, self.stack, self.values)
            if by_finding is not None:
                aligned = by_finding
                retrieval = self._among(aligned, evidence, embeddings)
                whole = Window.around(self.stack)
        overlapping = frozenset(v for case in evidence for v in case.overlapping)
        views = self._views(aligned, whole)
        verdict = volume_verdict(embeddings, stack_extent_mm(self.stack), evidence, self._kept_likeness())
        ground = Ground.of(self.searched, retrieval, views, self.values, aligned, evidence, overlapping, verdict)
        return ground, aligned.place

    def _places(self) -> dict[int, int]:
        """Places in the given segmentation of the segments that are wanted."""
        same = same_segments(self.before, self.segments)
        return {n: place for n, place in same.items() if self.values[n] in self.wanted}

    def _carry(
        self,
        ground: Ground,
        maps: PlaceMaps | None,
        stored: StoredState | None,
        corrections: Corrections,
        seeds: Mapping[int, set[int]],
        canvas: Canvas,
        found: Carried,
    ) -> None:
        """Look at all that the corrections affect, view by view."""
        ended = {n: corrections.ended(n, seeds[n]) & set(ground.searched) for n in seeds}
        for n, slices in ended.items():
            for index in slices:
                found.looked[n, index] = Told(None, corrections.trust(index + 1, index))
                found.kept.add((n, index))
        looks = list(self._looks(ground, corrections, seeds))
        plans = [
            ways_from({n: seeds[n] for n in rows}, corrections.slices, ground.searched, ended) for _, _, rows in looks
        ]
        total, done = sum(len(way.steps) for ways in plans for way in ways), 0
        if self.growing:
            self.growing.begin(canvas, views=1)

        def drawn(index: int) -> None:
            nonlocal done
            done += 1
            self.options.progress(_STAGE, done, total)
            if self.growing:
                self.growing.drawn(index, done, total)

        for (view, number, _), ways in zip(looks, plans, strict=True):
            if not ways:
                continue
            shown = self._shown(ground, view, number, stored, maps)
            with shown:
                carrier = Carrier(
                    self.engine, self.settings, self.stack, ground, shown, corrections, alone=number is None
                )
                for way in ways:
                    carrier.carry(way, canvas, found, drawn)
        if total:
            self.options.progress(_STAGE, total, total)

    def _shown(
        self, ground: Ground, view: View, number: int | None, stored: StoredState | None, maps: PlaceMaps | None
    ) -> ViewGround:
        return ViewGround(
            ground,
            view,
            number,
            self.engine,
            self.stack,
            self.values,
            self._load,
            stored,
            maps,
            self.options.max_memory_bytes,
            lambda encoded, of: self.options.progress("encoding supports", encoded, of),
            self.kept,
        )

    def _answers(
        self,
        prompts: Mapping[int, Mapping[int, OnSlice]],
        ground: Ground,
        maps: PlaceMaps | None,
        stored: StoredState | None,
        by_hand: Corrections,
        found: Carried,
    ) -> dict[int, dict[int, tuple[Answer, OnSlice]]]:
        """Decode every prompted slice, by segment; the slices that a person corrected by hand are memories there."""
        total, done = sum(len(slices) for slices in prompts.values()), 0
        answers: dict[int, dict[int, tuple[Answer, OnSlice]]] = {n: {} for n in prompts}
        for look in looks_at(prompts, by_hand.masks, ground, self.stack):
            with self._shown(ground, look.view, look.number, stored, maps) as shown:
                carrier = Carrier(
                    self.engine, self.settings, self.stack, ground, shown, by_hand, alone=look.number is None
                )
                prompter = Prompter(self.engine, self.stack, shown, carrier, self.settings.pointer_distance)
                for n, slices in look.slices.items():
                    for index in slices:
                        on_slice, supports = prompts[n][index], carrier.supports(n, index)
                        answer = prompter.answer(n, index, by_hand.masks[n][index], supports, on_slice)
                        answers[n][index] = answer, on_slice
                        found.looked[n, index] = Told(None, answer.confidence, supports, (None,) * len(supports))
                        done += 1
                        self.options.progress(_POINTS_STAGE, done, total)
        return answers

    def _check_not_corrected(self) -> None:
        names = {s.value: s.name for s in self.segments}
        for value, slices in self.placed.items():
            for index in sorted(set(slices) & set(self.corrected)):
                raise InputError(
                    f"points and boxes ({names[value]})",
                    f"slice {self.stack.frame.file_index(index)} is named as corrected, and stays as it was drawn",
                    "Remove what is set there, or leave the slice out of the corrected ones.",
                )

    def _looks(
        self, ground: Ground, corrections: Corrections, seeds: Mapping[int, set[int]]
    ) -> Iterator[tuple[View, int | None, list[int]]]:
        """Through which views the corrected segments are looked at.

        Returns:
            The view, its number in the ground, and which of its segments; a segment that was corrected outside its view
            gets one of its own, without a number.
        """
        for number, view in enumerate(ground.views):
            rows = []
            for n in view.rows:
                if not seeds.get(n):
                    continue
                slices = corrections.slices[n]
                drawn = [corrections.masks[n][c] for c in slices]
                if all(part_shown(mask, view.window, self.stack) >= INSIDE for mask in drawn):
                    rows.append(n)
                else:
                    together = np.zeros(self.stack.frame.shape, dtype=bool)
                    together[slices] = drawn
                    places = stack_places_mm(self.stack, together)
                    box = (places.min(axis=0), places.max(axis=0))
                    yield View(window_around(box, self.stack, OWN_MARGIN), (n,)), None, [n]
            if rows:
                yield view, number, rows
