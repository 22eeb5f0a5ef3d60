"""Refining a result: what corrected slices affect is looked at again, and nothing else."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from .. import __version__
from ..alignment import stack_places_mm
from ..errors import InputError
from ..models.window import Window
from ..retrieval.embedding import SliceEmbedder
from ..retrieval.evidence import SupportCase
from ..volumes import Segment, Segmentation, SliceStack, Volume, check_same_grid
from .carrying import TARGET, Carried, Carrier, Told
from .confidence import calibration, evidence_of_slices
from .corrections import Corrections
from .finding import aligned_by_finding
from .fusion import Canvas
from .ground import Ground, ViewGround
from .options import Models, RunOptions, SegmentationResult
from .painting import painted
from .partial import Growing
from .place import PlaceMaps
from .presets import FATE_SAM, Settings
from .report import RefinementReport, SegmentOnSlice, SliceReport, SupportReport
from .reporting import segment_reports
from .results import Before, KnownResult, add_result, read_results, result_before
from .run import Run, wanted_segments
from .state import DamagedStateError, StoredState, find_state, results_file
from .verdict import volume_verdict
from .views import View, window_around
from .ways import completed, same_segments, stack_slices, ways_from

_INSIDE = 0.98
"""A view that shows less than this part of a corrected mask looks at the wrong place."""

_OWN_MARGIN = 2.0
"""Side of a view of its own, as a multiple of the corrected masks' extent: those beside may be larger, or elsewhere."""

_STAGE = "refining"

_LOG = logging.getLogger(__name__)


class Refinement(Run):
    """A run that looks only at what corrected slices affect, and stands on what the run before it left.

    Args:
        before: The segmentation with its corrected slices, on the target's grid.
        corrected: Indices of these slices along the sliced axis of the target's file.
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
        self.corrected = stack_slices(corrected, self.stack.frame)
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
        place_of = self._places()
        masks = {n: frame.to_slices(self.before.mask(place)) for n, place in place_of.items()}
        named = {self.segments[n].name: mask for n, mask in masks.items()}
        known = read_results(results_file(stored.path)) if stored else []
        previous = result_before(known, named, self.corrected)
        were = {n: previous.masks[s.name] for n, s in enumerate(self.segments) if previous and s.name in previous.masks}
        corrections = Corrections(self.stack, self.corrected, masks, were)
        seeds = {
            n: {c for c in self.corrected if n not in were or not np.array_equal(were[n][c], masks[n][c])}
            for n in masks
        }
        canvas = Canvas(frame, self.segments, ground.overlapping, None, self.region.inside(frame))
        free = frozenset(p for n, p in place_of.items() if self.values[n] in ground.overlapping)
        found = Carried()

        def so_far() -> Segmentation:
            new: dict[int, dict[int, np.ndarray]] = {}
            for row, index in sorted(found.kept):
                new.setdefault(place_of[row], {})[index] = canvas.mask(row, index)
            return painted(self.before, frame, new, free)

        if self.options.partial:
            self.growing = Growing(self.options.partial, lambda _: so_far())
        with self.clock.stage(_STAGE):
            self._carry(ground, maps, stored, corrections, seeds, canvas, found)
        segmentation = so_far()
        after = {n: frame.to_slices(segmentation.mask(place)) for n, place in place_of.items()}
        slices = self._slice_reports_after(ground, found, after, previous)
        changed = {(n, i) for n, i in found.kept if not np.array_equal(after[n][i], masks[n][i])}
        refinement = RefinementReport(
            tuple(sorted(frame.file_index(c) for c in self.corrected)),
            self._by_segment(found.looked),
            self._by_segment(changed),
            stored is not None,
        )
        if stored is not None:
            refined = {self.segments[n].name: mask for n, mask in after.items()}
            add_result(results_file(stored.path), KnownResult.of(refined, slices))
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
        verdict = volume_verdict(embeddings, evidence, self._kept_likeness())
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
        plans = [ways_from({n: seeds[n] for n in rows}, self.corrected, ground.searched, ended) for _, _, rows in looks]
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
            shown = ViewGround(
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
            )
            with shown:
                carrier = Carrier(
                    self.engine, self.settings, self.stack, ground, shown, corrections, alone=number is None
                )
                for way in ways:
                    carrier.carry(way, canvas, found, drawn)
        if total:
            self.options.progress(_STAGE, total, total)

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
                drawn = [corrections.masks[n][c] for c in self.corrected]
                if all(_inside(mask, view.window, self.stack) >= _INSIDE for mask in drawn):
                    rows.append(n)
                else:
                    together = np.zeros(self.stack.frame.shape, dtype=bool)
                    together[self.corrected] = drawn
                    places = stack_places_mm(self.stack, together)
                    box = (places.min(axis=0), places.max(axis=0))
                    yield View(window_around(box, self.stack, _OWN_MARGIN), (n,)), None, [n]
            if rows:
                yield view, number, rows

    def _slice_reports_after(
        self,
        ground: Ground,
        found: Carried,
        after: Mapping[int, np.ndarray],
        previous: Before | None,
    ) -> tuple[SliceReport, ...]:
        """Of slices that were corrected or looked at; of others, what was said of them if they are as they were."""
        frame = self.stack.frame
        pixel = frame.row_spacing_mm * frame.column_spacing_mm
        said = {row.index: row.segments for row in previous.slices} if previous else {}
        confidence = {n: self._confidence(ground, found, n, mask) for n, mask in after.items()}
        reports = []
        for index in range(len(self.stack)):
            row = {}
            for n, mask in after.items():
                name, area = self.segments[n].name, float(mask[index].sum() * pixel)
                told = found.looked.get((n, index))
                before = said.get(frame.file_index(index), {}).get(name)
                if index in self.corrected:
                    row[name] = SegmentOnSlice(1.0, area, ())
                elif told is not None:
                    row[name] = SegmentOnSlice(
                        confidence[n][index], area, self._supports(told, ground), self._expected(ground, n, index)
                    )
                elif before is not None and previous is not None and previous.same(name, index, mask[index]):
                    row[name] = before
            if row:
                reports.append(SliceReport(frame.file_index(index), row))
        return tuple(sorted(reports, key=lambda report: report.index))

    def _confidence(self, ground: Ground, found: Carried, n: int, masks: np.ndarray) -> dict[int, float]:
        """Of one segment on the slices that were looked at."""
        told = {index: one for (segment, index), one in found.looked.items() if segment == n}
        signs = {index: one.signs for index, one in told.items() if one.signs is not None}
        expected = {index: self._expected(ground, n, index) for index in ground.searched}
        evidence = evidence_of_slices(signs, masks, expected)
        return {
            index: round(calibration().expected(evidence[index]) if index in evidence else one.confidence, 4)
            for index, one in told.items()
        }

    def _expected(self, ground: Ground, n: int, index: int) -> float:
        """Area in mm2 that retrieval lets expect."""
        searched = ground.searched
        return round(ground.retrieval[index - searched.start][n].area_mm2, 2) if index in searched else 0.0

    def _supports(self, told: Told, ground: Ground) -> tuple[SupportReport, ...]:
        return tuple(
            SupportReport("", self.stack.frame.file_index(s.slice), s.similarity, share)
            if s.case == TARGET
            else SupportReport(
                self.cases[s.case].name, int(ground.cases[s.case].file_index[s.slice]), round(s.similarity, 4), share
            )
            for s, share in zip(told.supports, told.shares, strict=True)
        )

    def _by_segment(self, pairs: Collection[tuple[int, int]]) -> dict[str, tuple[int, ...]]:
        """Indices of slices in the file by name of the segment; those without any left out."""
        found: dict[str, list[int]] = {}
        for n, index in sorted(pairs):
            found.setdefault(self.segments[n].name, []).append(self.stack.frame.file_index(index))
        return {name: tuple(sorted(slices)) for name, slices in found.items()}


def _inside(mask: np.ndarray, window: Window, stack: SliceStack) -> float:
    """The part of a mask that a window shows; 1 for an empty one."""
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return 1.0
    inside = np.ones(len(rows), dtype=bool)
    for axis, pixels in enumerate((rows, columns)):
        place = (pixels + 0.5) * stack.spacing_mm[axis]
        inside &= np.abs(place - window.centre_mm[axis]) <= window.side_mm[axis] / 2
    return float(inside.mean())
