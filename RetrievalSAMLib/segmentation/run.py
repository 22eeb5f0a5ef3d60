"""The steps of one run, in order."""

from __future__ import annotations

import functools
import itertools
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from ..alignment import stack_extent_mm
from ..errors import InputError
from ..library.segments import merge_segments
from ..models.window import MovedWindow, Window
from ..out_of_memory import GIVE_BACK_AFTER, give_back_freed
from ..retrieval.embedding import SliceEmbedder
from ..retrieval.evidence import CaseEvidence, CaseSlices, SupportCase, content_key
from ..retrieval.gathering import FOLDER, evidence_of_cases
from ..retrieval.index import SliceRetrieval
from ..retrieval.likeness import KeptLikeness
from ..side_by_side import side_by_side
from ..volumes import Plane, Segment, Segmentation, SliceStack, Volume
from .aligning import (
    AlignedCases,
    aligned_by_image,
    cases_to_align,
    centred_cases,
    likely_boxes,
    slice_depths_mm,
)
from .choosing import choose_supports
from .confidence import Evidence, calibration, evidence_of_slices
from .finding import aligned_by_finding
from .fusion import Canvas
from .ground import Ground, shown_place
from .kept_supports import KeptSupports
from .options import ONE_SEGMENT_AT_A_TIME, Models, RunOptions, SegmentationResult
from .partial import Growing
from .place import PlaceMaps
from .presets import Settings
from .propagation import Place, Propagation, SegmentedSlice
from .region import Region
from .report import RefinementReport, SegmentationReport, SegmentReport, SliceReport, SupportReport
from .reporting import Outcome, SegmentOutcome, run_report, segment_reports, slice_reports
from .results import KnownResult, add_result
from .sam2_engine import ImageFeatures, Sam2Engine
from .state import Fingerprint, StateWriter, features_name, memory_name, place_name, results_file
from .supports import MemoryStore, encode_slice, encode_supports
from .verdict import Verdict, volume_verdict
from .views import View, close_views, one_by_one, seen_in_case, whole_view


@dataclass
class _Clock:
    """Seconds by stage."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began


class Run:
    """The steps of one run, in order, with what they share."""

    def __init__(
        self,
        target: Volume,
        cases: Sequence[SupportCase],
        models: Models,
        settings: Settings,
        options: RunOptions,
    ) -> None:
        self.target, self.models, self.settings, self.options = target, models, settings, options
        # Equal contents may be annotated in other slices; where they are not, only the name in the report tells them.
        self.cases = sorted(cases, key=lambda case: (case.content_hash, content_key(case, Plane.AXIAL), case.name))
        self.clock = _Clock()
        self.segments = wanted_segments(self.cases, options.segments)
        self.values = tuple(s.value for s in self.segments)
        self.region = Region.of(target.geometry, options.roi)
        self.engine = Sam2Engine(models.segmenter.model, models.segmenter.precision)
        self.growing = Growing(options.partial, self._to_target) if options.partial else None
        self.keeper: StateWriter | None = None
        self.ground: Ground | None = None

    def result(self) -> SegmentationResult:
        """Segment the target and say how."""
        keeping = StateWriter(self.options.state) if self.options.state else nullcontext()
        with tempfile.TemporaryDirectory(prefix="retrievalsam-") as folder, keeping as self.keeper:
            logits_file = Path(folder) / "logits.npy" if self.options.logits else None
            canvas, outcomes, verdict = self.run(logits_file)
            if self.options.logits:
                canvas.write_logits(self.options.logits)
            found = self._to_target(canvas.segmentation())
            slices = slice_reports(self.segments, outcomes)
            if self.keeper and self.ground:
                self._keep(self.keeper, self.ground, found, slices)
        if self.kept:
            self.kept.flush()
        masks = (found.mask(n) for n in range(len(self.segments)))
        segments = segment_reports(self.segments, masks, self.target.geometry.voxel_volume_mm3, slices)
        return SegmentationResult(found, self._report(slices, segments, canvas.frame.plane_axis, verdict))

    def fingerprint(self) -> Fingerprint:
        """What the result depends on."""
        segmenter, encoder = self.models.segmenter, self.models.encoder
        return Fingerprint(
            image=self.image_hash,
            cases=tuple(content_key(case, self.plane) for case in self.cases),
            model=segmenter.sha256,
            image_size=segmenter.image_size,
            precision=str(segmenter.precision),
            encoder=encoder.sha256,
            encoder_size=encoder.image_size,
            settings=self.settings.as_report(),
            plane=str(self.plane),
            segments=tuple((s.name, s.value) for s in self.segments),
            roi=self.options.roi,
        )

    @functools.cached_property
    def image_hash(self) -> str:
        """SHA-256 over the target's pixels and grid."""
        return self.target.content_hash()

    def _keep(self, keeper: StateWriter, ground: Ground, found: Segmentation, slices: tuple[SliceReport, ...]) -> None:
        """Leave what a correction of this result needs."""
        path = keeper.finish(ground.about(self.fingerprint()))
        if path is not None:
            masks = ((s.name, self.stack.frame.to_slices(found.mask(n))) for n, s in enumerate(self.segments))
            add_result(results_file(path), KnownResult.of(masks, slices), anew=True)

    def _to_target(self, segmentation: Segmentation) -> Segmentation:
        """From the grid of the canvas, which here is the target's."""
        return segmentation

    def run(self, logits_file: Path | None) -> tuple[Canvas, list[Outcome], Verdict]:
        """Segment everything: the canvas, what is to be said of each slice, and the verdict."""
        # The whole volume, also where only a part is searched: what a slice shows and where it lies decide which
        # supports it gets.
        self.stack = SliceStack.of(self.target, self.options.plane)
        self.searched = self.region.slices_of(self.stack.frame)
        self.plane = self.stack.frame.plane
        self.embedder = SliceEmbedder(self.models.encoder)
        evidence, embeddings = self._describe()
        aligned, retrieval = self._retrieve(evidence, embeddings)
        overlapping = frozenset(v for case in evidence for v in case.overlapping)
        inside = self.region.inside(self.stack.frame)

        def canvas() -> Canvas:
            return Canvas(self.stack.frame, self.segments, overlapping, logits_file, inside)

        whole = self._whole_window(evidence, retrieval, aligned)
        drawn = canvas()
        views = self._views(aligned, whole)
        found = self._propagate(evidence, aligned, retrieval, drawn, views, "segmenting")
        for _ in range(self.settings.finding_passes if aligned.left_out else 0):
            with self.clock.stage("aligning cases"):
                by_finding = aligned_by_finding(drawn.found(), aligned, self._load, self.stack, self.values)
            if by_finding is None:
                break
            aligned = by_finding
            retrieval = self._among(aligned, evidence, embeddings)
            drawn = canvas()
            views = self._views(aligned, Window.around(self.stack))
            found = self._propagate(evidence, aligned, retrieval, drawn, views, "looking closer")
        self.evidence = self._evidence(found, drawn, retrieval)
        outcomes = [self._outcome(index, rows, drawn, evidence, retrieval) for index, rows in sorted(found.items())]
        verdict = volume_verdict(embeddings, stack_extent_mm(self.stack), evidence, self._kept_likeness())
        self.ground = Ground.of(self.searched, retrieval, views, self.values, aligned, evidence, overlapping, verdict)
        return drawn, outcomes, verdict

    def _evidence(
        self,
        found: Mapping[int, list[tuple[SegmentedSlice, int]]],
        canvas: Canvas,
        retrieval: list[list[SliceRetrieval]],
    ) -> list[dict[int, Evidence]]:
        """By segment and slice, what speaks for what was found."""
        return [
            evidence_of_slices(
                {index: rows[row][0].signs[rows[row][1]] for index, rows in found.items()},
                canvas.mask(row, slice(None)),
                {index: retrieval[index - self.searched.start][row].area_mm2 for index in found},
            )
            for row in range(len(self.segments))
        ]

    def _outcome(
        self,
        index: int,
        rows: list[tuple[SegmentedSlice, int]],
        canvas: Canvas,
        evidence: Sequence[CaseEvidence],
        retrieval: list[list[SliceRetrieval]],
    ) -> Outcome:
        told = []
        for row, (segmented, place) in enumerate(rows):
            asked = retrieval[index - self.searched.start][row]
            supports = tuple(
                SupportReport(
                    self.cases[s.case].name,
                    int(evidence[s.case].file_index[s.slice]),
                    round(s.similarity, 4),
                    share,
                )
                for s, share in zip(asked.supports, segmented.shares(place, len(asked.supports)), strict=True)
            )
            confidence = calibration().expected(self.evidence[row][index])
            told.append(SegmentOutcome(confidence, canvas.area_mm2(row, index), supports, asked.area_mm2))
        return Outcome(self.stack.frame.file_index(index), tuple(told))

    def _kept_likeness(self) -> KeptLikeness | None:
        if self.options.cache is None:
            return None
        file = self.options.cache / FOLDER / f"{self.embedder.key}-{self.plane}.likeness.npz"
        return KeptLikeness(file, [content_key(case, self.plane) for case in self.cases])

    def _whole_window(
        self, evidence: Sequence[CaseEvidence], retrieval: list[list[SliceRetrieval]], aligned: AlignedCases
    ) -> Window:
        """The whole slice; where cases were not aligned, large enough for all of theirs too."""
        if aligned.place is not None:
            return Window.around(self.stack)
        sides = [max(self.stack.extent_mm)]
        for case in {support.case for row in retrieval for found in row for support in found.supports}:
            scale = aligned.alignments[case].matrix.diagonal()
            sides.append(float((evidence[case].extent_mm / scale)[1:].max()))
        return Window.around(self.stack, max(sides))

    def _describe(self) -> tuple[list[CaseEvidence], np.ndarray]:
        """Evidence of the cases, and the target's embeddings (n, d)."""
        progress = self.options.progress
        with self.clock.stage("reading the library"):
            evidence = evidence_of_cases(
                self.cases,
                self.plane,
                self.embedder,
                self.options.cache,
                lambda done: progress("reading the library", done, len(self.cases)),
            )
        with self.clock.stage("comparing slices"):
            count = len(self.stack)
            embeddings = self.embedder.embed(self.stack, lambda done: progress("comparing slices", done, count))
        return evidence, embeddings

    def _retrieve(
        self, evidence: list[CaseEvidence], embeddings: np.ndarray
    ) -> tuple[AlignedCases, list[list[SliceRetrieval]]]:
        """Supports of every searched slice and segment: first to see which cases to align, then among these."""
        everyone = centred_cases(evidence, range(len(evidence)), self.stack)
        with self.clock.stage("comparing slices"):
            retrieval = self._among(everyone, evidence, embeddings)
        if not self.settings.aligned_cases:
            return everyone, retrieval
        with self.clock.stage("aligning cases"):
            numbers = cases_to_align(retrieval, self.settings.aligned_cases)
            aligned = aligned_by_image(
                numbers,
                self._load,
                self.stack,
                self.values,
                lambda done, total: self.options.progress("aligning cases", done, total),
            )
        if not numbers:  # no case is annotated anywhere
            return everyone, retrieval
        with self.clock.stage("comparing slices"):
            return aligned, self._among(aligned, evidence, embeddings)

    def _among(
        self, aligned: AlignedCases, evidence: list[CaseEvidence], embeddings: np.ndarray
    ) -> list[list[SliceRetrieval]]:
        """Supports of every searched slice and segment from the aligned cases."""
        return choose_supports(aligned, evidence, embeddings, self.stack, self.searched, self.values, self.settings)

    def _views(self, aligned: AlignedCases, whole: Window) -> list[View]:
        views = self._shared_views(aligned, whole)
        return one_by_one(views) if ONE_SEGMENT_AT_A_TIME in self.options.less_memory else views

    def _shared_views(self, aligned: AlignedCases, whole: Window) -> list[View]:
        """Close ones where it is known where to look."""
        if aligned.place is None or not self.settings.view_margin:
            return whole_view(whole, len(self.segments))
        boxes = likely_boxes(aligned.place, self.values)
        known = [box if aligned.place.complete(v) else None for v, box in zip(self.values, boxes, strict=True)]
        size = self.models.segmenter.image_size
        return close_views(known, self.stack, whole, self.settings.view_margin, size)

    @functools.cached_property
    def kept(self) -> KeptSupports | None:
        """What earlier runs made of the cases' slices."""
        space = self.options.memory_cache
        if space is None:
            return None
        return KeptSupports(space, self.models.segmenter, [self._content_key(case) for case in self.cases])

    def _content_key(self, case: SupportCase) -> str:
        """What a case's slices are made of."""
        return content_key(case, self.plane)

    def _load(self, number: int) -> CaseSlices:
        return CaseSlices.load(self.cases[number], self.plane)

    def _propagate(
        self,
        evidence: Sequence[CaseEvidence],
        aligned: AlignedCases,
        retrieval: list[list[SliceRetrieval]],
        canvas: Canvas,
        views: Sequence[View],
        stage: str,
    ) -> dict[int, list[tuple[SegmentedSlice, int]]]:
        """One pass through all views: encode the supports, then every slice of the target.

        Returns:
            By slice and segment, what it came out as, and the segment's place in it.
        """
        found: dict[int, dict[int, tuple[SegmentedSlice, int]]] = {index: {} for index in self.searched}
        depths = {number: slice_depths_mm(evidence[number]) for number in aligned.alignments}
        total = len(views) * len(self.searched)
        done = 0
        if self.growing:
            self.growing.begin(canvas, len(views))
        if self.keeper:
            self.keeper.begin()
        for number, view in enumerate(views):
            for segmented in self._through(number, view, depths, aligned, retrieval, stage):
                canvas.add(segmented, view.window, view.rows)
                # The logits are on the canvas now; only the small figures stay for the report.
                kept = segmented.without_logits()
                for place, s in enumerate(view.rows):
                    found[kept.index][s] = (kept, place)
                done += 1
                self.options.progress(stage, done, total)
                if self.growing:
                    self.growing.drawn(kept.index, done, total)
                if done % GIVE_BACK_AFTER == 0:
                    give_back_freed()
        give_back_freed()
        return {index: [rows[s] for s in range(len(self.segments))] for index, rows in found.items()}

    def _through(
        self,
        view_number: int,
        view: View,
        depths: Mapping[int, np.ndarray],
        aligned: AlignedCases,
        retrieval: list[list[SliceRetrieval]],
        stage: str,
    ) -> Iterator[SegmentedSlice]:
        """The segments of one view: every searched slice once, with rows in the order of the view's.

        Args:
            view_number: Of the view.
            view: What is looked for where.
            depths: By case, depth of its slices in mm.
            aligned: The cases.
            retrieval: By searched slice, by segment of the run.
            stage: For the clock.
        """
        rows = [[row[s] for s in view.rows] for row in retrieval]
        wanted: dict[int, set[int]] = {}
        for row in rows:
            for one in row:
                for support in one.supports:
                    wanted.setdefault(support.case, set()).add(support.slice)

        def seen(case: int, number: int) -> MovedWindow:
            alignment = aligned.of(case, [self.values[s] for s in view.rows])
            return seen_in_case(view.window, alignment, float(depths[case][number]))

        @torch.inference_mode()
        def encode(place: int) -> tuple[int, ImageFeatures]:
            return place, encode_slice(self.engine, self.stack, self.searched[place], view.window)

        def next_features(place: int) -> ImageFeatures:
            encoded, features = next(coming)
            if encoded != place:
                raise ValueError(f"slice {encoded} was encoded, slice {place} is asked for")
            if self.keeper:
                self.keeper.put_features(features_name(view_number, self.searched[place]), features)
            return features

        with MemoryStore(self.options.max_memory_bytes) as store:
            with self.clock.stage("encoding supports"):
                encode_supports(
                    self.engine,
                    store,
                    wanted,
                    self._load,
                    seen,
                    tuple(self.values[s] for s in view.rows),
                    lambda done, total: self.options.progress("encoding supports", done, total),
                    self.kept,
                )
            if self.keeper:
                for case, numbers in wanted.items():
                    for number in numbers:
                        memory = store.get((case, number), self.engine.device)
                        self.keeper.put_memory(memory_name(view_number, case, number), memory)
            places = self._place(aligned.place, view_number, view)
            agreement = [aligned.place.agreement(self.values[s]) for s in view.rows] if aligned.place else None
            propagation = Propagation(self.engine, store, rows, next_features, self.settings, places, agreement)
            coming = side_by_side(encode, propagation.encoded(), self.engine.device.type)
            with self.clock.stage(stage), closing(coming):
                for segmented in propagation.run():
                    yield replace(segmented, index=self.searched[segmented.index])

    def _place(self, maps: PlaceMaps | None, view_number: int, view: View) -> Place | None:
        """The mean masks of the aligned cases as the view shows them."""
        if maps is None or not (self.settings.place_weight or self.settings.place_memory):
            return None

        if self.keeper:
            # Of every slice: a correction may lead to where this run did not look.
            for index, row in itertools.product(self.searched, view.rows):
                shown = shown_place(maps, self.values[row], index, view, self.engine)
                if shown is not None:
                    self.keeper.put_place(place_name(view_number, index, row), shown)

        @functools.lru_cache(maxsize=2 * len(view.rows))
        def place(place_of_slice: int, s: int) -> torch.Tensor | None:
            return shown_place(maps, self.values[view.rows[s]], self.searched[place_of_slice], view, self.engine)

        return place

    def _report(
        self,
        slices: tuple[SliceReport, ...],
        segments: tuple[SegmentReport, ...],
        plane_axis: int,
        verdict: Verdict,
        refinement: RefinementReport | None = None,
    ) -> SegmentationReport:
        return run_report(
            self.target,
            self.image_hash,
            len(self.cases),
            self.models,
            self.settings,
            self.options,
            self.engine.device,
            plane_axis,
            segments,
            slices,
            verdict,
            self.clock.seconds,
            refinement,
        )


def wanted_segments(cases: Sequence[SupportCase], names: tuple[str, ...] | None) -> tuple[Segment, ...]:
    """The segments that cases have between them, or those of these names.

    Raises:
        InputError: There is no case, or no such segment.
    """
    if not cases:
        raise InputError("library", "it has no case", "Add an annotated volume first.")
    segments = merge_segments((case.name, case.segments) for case in cases)
    if names is None:
        return segments
    known = {s.name.casefold(): s for s in segments}
    missing = [name for name in names if name.casefold() not in known]
    if missing:
        raise InputError(
            "--segments",
            f"the library has no segment {', '.join(repr(m) for m in missing)}",
            f"Choose among {', '.join(s.name for s in segments)}.",
        )
    wanted = {known[name.casefold()].value for name in names}
    return tuple(s for s in segments if s.value in wanted)
