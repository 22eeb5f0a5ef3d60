"""One run: a volume, annotated cases, and out comes a segmentation on the volume's own grid."""

from __future__ import annotations

import functools
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from ..errors import InputError
from ..library.segments import merge_segments
from ..models.build import LoadedEncoder, LoadedSegmenter
from ..models.window import Window
from ..retrieval.embedding import SliceEmbedder
from ..retrieval.evidence import CaseEvidence, CaseSlices, SupportCase, evidence_of
from ..retrieval.index import SliceRetrieval, SupportIndex
from ..volumes import Plane, Segment, Segmentation, SliceStack, Volume
from ..volumes.slicing import plane_across
from .confidence import slice_confidence, volume_verdict
from .fate_sam import LabelledSlices, fate_sam
from .fusion import Canvas, FileSlices, box_of
from .memory_use import peak_memory_bytes
from .presets import FATE_SAM, Settings
from .propagation import Propagation, SegmentedSlice
from .region import Region
from .report import (
    LibraryReport,
    ModelReport,
    SegmentationReport,
    SegmentOnSlice,
    SegmentReport,
    SliceReport,
    SupportReport,
    TargetReport,
)
from .sam2_engine import Sam2Engine
from .supports import MemoryStore, encode_slice, encode_supports

Progress = Callable[[str, int, int], None]
"""Told the stage, how much of it is done, and how much there is. May raise to stop the run."""

_REGION_WORTHWHILE = 0.7
"""A second pass pays where its region is at most this part of the first pass's side."""


@dataclass(frozen=True)
class Models:
    """The two networks of a run."""

    segmenter: LoadedSegmenter
    encoder: LoadedEncoder


def _silent(stage: str, done: int, total: int) -> None:
    pass


@dataclass(frozen=True)
class RunOptions:
    """What a caller may choose beside the preset.

    Attributes:
        plane: Anatomical plane to slice along; by default the one the target was most likely acquired in.
        segments: Names of the segments to look for; by default all.
        roi: First and last-plus-one voxel by axis (x0, x1, y0, y1, z0, z1) that the search is limited to.
        max_memory_bytes: What support memories may hold of main memory; the rest goes to a temporary folder.
        cache: Folder for embeddings of the cases, or None.
        library_name: For the report.
        logits: Where to write the logits as .npz, or None.
        seed: What the caller seeded the random generators with, for the report; no step of a run draws from them.
        progress: Told how far the run is.
    """

    plane: Plane | None = None
    segments: tuple[str, ...] | None = None
    roi: tuple[int, int, int, int, int, int] | None = None
    max_memory_bytes: int = 1 << 30
    cache: Path | None = None
    library_name: str = "library"
    logits: Path | None = None
    seed: int = 0
    progress: Progress = _silent


@dataclass(frozen=True)
class SegmentationResult:
    """What a run gives.

    Attributes:
        segmentation: On the target's grid, every segment of the run, also those not found.
        report: Everything else.
    """

    segmentation: Segmentation
    report: SegmentationReport


@dataclass(frozen=True)
class _Outcome:
    """One segmented slice with what the report says of it; ``supports`` by segment of the run."""

    segmented: SegmentedSlice
    areas_mm2: np.ndarray
    file_index: int
    supports: tuple[tuple[SupportReport, ...], ...]


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


def segment_volume(
    target: Volume,
    cases: Sequence[SupportCase],
    models: Models,
    settings: Settings,
    options: RunOptions | None = None,
) -> SegmentationResult:
    """Segment a volume by the example of annotated cases.

    Args:
        target: The volume.
        cases: Annotated cases, in any order: the result does not depend on it.
        models: The networks.
        settings: A preset, perhaps with changes.
        options: Everything else.

    Raises:
        InputError: There is no case, no such segment, or the region lies outside the volume.
    """
    options = options or RunOptions()
    with torch.inference_mode():
        run = _PublishedRun if settings.preset == FATE_SAM else _Run
        return run(target, cases, models, settings, options).result()


class _Run:
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
        self.cases = sorted(cases, key=lambda case: (case.content_hash, case.name))
        self.clock = _Clock()
        self.segments = _wanted_segments(self.cases, options.segments)
        self.values = tuple(s.value for s in self.segments)
        self.region = Region.of(target.geometry, options.roi)
        self.engine = Sam2Engine(models.segmenter.model)

    def result(self) -> SegmentationResult:
        with tempfile.TemporaryDirectory(prefix="retrievalsam-") as folder:
            logits_file = Path(folder) / "logits.npy" if self.options.logits else None
            canvas, outcomes, verdict = self.run(logits_file)
            if self.options.logits:
                canvas.write_logits(self.options.logits)
            found = self._on_target(canvas)
        return SegmentationResult(found, self._report(found, outcomes, canvas.frame.plane_axis, verdict))

    def _on_target(self, canvas: Canvas) -> Segmentation:
        return canvas.segmentation()

    def run(self, logits_file: Path | None) -> tuple[Canvas, list[_Outcome], str]:
        """Segment everything: the canvas, what is to be said of each slice, and the verdict."""
        # The whole volume, also where only a part is searched: what a slice shows and where it lies decide which
        # supports it gets.
        self.stack = SliceStack.of(self.target, self.options.plane)
        self.searched = self.region.slices_of(self.stack.frame)
        self.plane = self.stack.frame.plane
        self.embedder = SliceEmbedder(self.models.encoder)
        evidence, embeddings, retrieval = self._retrieve()
        overlapping = frozenset(v for case in evidence for v in case.overlapping)
        inside = self.region.inside(self.stack.frame)
        canvas = Canvas(self.stack.frame, self.segments, overlapping, logits_file, inside)
        used = {support.case for row in retrieval for found in row for support in found.supports}
        side = max([max(self.stack.extent_mm), *(evidence[case].side_mm for case in used)])
        window = Window.around(self.stack, side)
        slices = self._propagate(retrieval, canvas, window, lambda case: Window.around(case.stack, side), "segmenting")
        region = self._second_window(canvas, side) if self.settings.second_pass else None
        if region is not None:
            slices = self._propagate(
                retrieval, canvas, region, lambda case: self._case_region(case, region), "second pass"
            )
        outcomes = [
            _Outcome(
                segmented,
                areas,
                self.stack.frame.file_index(segmented.index),
                tuple(
                    tuple(
                        SupportReport(
                            self.cases[s.case].name,
                            int(evidence[s.case].file_index[s.slice]),
                            round(s.similarity, 4),
                        )
                        for s in found.supports
                    )
                    for found in retrieval[segmented.index - self.searched.start]
                ),
            )
            for segmented, areas in slices
        ]
        return canvas, outcomes, volume_verdict(embeddings, evidence)

    def _retrieve(self) -> tuple[list[CaseEvidence], np.ndarray, list[list[SliceRetrieval]]]:
        settings, progress = self.settings, self.options.progress
        with self.clock.stage("reading the library"):
            evidence = []
            for number, case in enumerate(self.cases):
                evidence.append(evidence_of(case, self.plane, self.embedder, self.options.cache))
                progress("reading the library", number + 1, len(self.cases))
        with self.clock.stage("comparing slices"):
            count = len(self.stack)
            embeddings = self.embedder.embed(self.stack, lambda done: progress("comparing slices", done, count))
            position = np.array([self.stack.frame.slice_position(i) for i in range(count)], dtype=np.float32)
            index = SupportIndex(evidence, settings.position_weight)
            similarity, entries = index.rank(embeddings, position)
            retrieval = [
                [
                    index.choose(
                        similarity[i],
                        entries[i],
                        value,
                        settings.supports,
                        settings.share_per_case,
                        settings.supports_hold_segment,
                        settings.voters,
                    )
                    for value in self.values
                ]
                for i in self.searched
            ]
        return evidence, embeddings, retrieval

    def _propagate(
        self,
        retrieval: list[list[SliceRetrieval]],
        canvas: Canvas,
        window: Window,
        window_of: Callable[[CaseSlices], Window],
        stage: str,
    ) -> list[tuple[SegmentedSlice, np.ndarray]]:
        """One pass: encode the supports, then every slice of the target; returns slices with areas, in order."""
        progress, engine = self.options.progress, self.engine
        wanted: dict[int, set[int]] = {}
        for row in retrieval:
            for found in row:
                for support in found.supports:
                    wanted.setdefault(support.case, set()).add(support.slice)
        finished: dict[int, tuple[SegmentedSlice, np.ndarray]] = {}
        with MemoryStore(self.options.max_memory_bytes) as store:
            with self.clock.stage("encoding supports"):
                encode_supports(
                    engine,
                    store,
                    wanted,
                    lambda case: CaseSlices.load(self.cases[case], self.plane),
                    window_of,
                    self.values,
                    lambda done, total: progress("encoding supports", done, total),
                )
            with self.clock.stage(stage):
                propagation = Propagation(
                    engine,
                    store,
                    retrieval,
                    lambda place: encode_slice(engine, self.stack, self.searched[place], window),
                    self.settings,
                )
                for part in propagation.run():
                    segmented = replace(part, index=self.searched[part.index])
                    areas = canvas.add(segmented, window)
                    # The logits are on the canvas now; only the small figures stay for the report.
                    finished[segmented.index] = (segmented.without_logits(), areas)
                    progress(stage, len(finished), len(self.searched))
        return [finished[index] for index in sorted(finished)]

    def _second_window(self, canvas: Canvas, side: float) -> Window | None:
        """The region that the first pass found, if looking closer shows it at a larger scale."""
        box = canvas.box()
        if box is None:
            return None
        region = _around_box(box, self.stack.spacing_mm, self.settings.region_margin)
        return region if region.side_mm[0] <= _REGION_WORTHWHILE * side else None

    def _case_region(self, case: CaseSlices, region: Window) -> Window:
        """The same extent around a case's own segments: a coarse alignment of the support to the target."""
        found = np.zeros(case.stack.frame.shape[1:], dtype=bool)
        for index in range(len(case.stack)):
            for value in self.values:
                found |= case.mask(value, index)
        box = box_of(found)
        if box is None:
            return Window.around(case.stack, region.side_mm[0])
        return Window(_around_box(box, case.stack.spacing_mm, 1.0).centre_mm, region.side_mm)

    def _report(
        self, found: Segmentation, outcomes: list[_Outcome], plane_axis: int, verdict: str
    ) -> SegmentationReport:
        geometry = self.target.geometry
        slices, sure = [], {s.name: list[float]() for s in self.segments}
        for outcome in outcomes:
            row = {}
            for number, segment in enumerate(self.segments):
                confidence = slice_confidence(outcome.segmented, number)
                if outcome.segmented.present[number]:
                    sure[segment.name].append(confidence)
                row[segment.name] = SegmentOnSlice(
                    round(confidence, 4), float(outcome.areas_mm2[number]), outcome.supports[number]
                )
            slices.append(SliceReport(outcome.file_index, row))
        segmenter, encoder = self.models.segmenter, self.models.encoder
        return SegmentationReport(
            target=TargetReport(
                geometry.size,
                geometry.spacing_mm,
                geometry.origin_mm,
                geometry.direction,
                self.target.content_hash(),
            ),
            library=LibraryReport(self.options.library_name, len(self.cases)),
            model=ModelReport(segmenter.name, segmenter.sha256, segmenter.image_size, segmenter.origin),
            encoder=ModelReport(encoder.name, encoder.sha256, encoder.image_size, encoder.origin),
            preset=self.settings.preset,
            settings=self.settings.as_report()
            | {
                "segments": [s.name for s in self.segments],
                "roi": self.options.roi,
                "max_memory_bytes": self.options.max_memory_bytes,
                "seed": self.options.seed,
                "device": str(self.engine.device),
            },
            plane=str(plane_across(geometry, plane_axis)),
            plane_axis=plane_axis,
            segments=tuple(
                SegmentReport(
                    s.name,
                    s.value,
                    float(found.mask(n).sum() * geometry.voxel_volume_mm3),
                    round(float(np.mean(sure[s.name])), 4) if sure[s.name] else 0.0,
                )
                for n, s in enumerate(self.segments)
            ),
            slices=tuple(sorted(slices, key=lambda s: s.index)),
            verdict=verdict,
            seconds={stage: round(seconds, 3) for stage, seconds in self.clock.seconds.items()},
            peak_memory_bytes=peak_memory_bytes(),
        )


class _PublishedRun(_Run):
    """The same with FATE-SAM's own slicing, retrieval, order and fusion; see `fate_sam`."""

    def _on_target(self, canvas: Canvas) -> Segmentation:
        return self.region.restore(canvas.segmentation(), self.target.geometry)

    def run(self, logits_file: Path | None) -> tuple[Canvas, list[_Outcome], str]:
        if self.options.plane is not None:
            raise InputError(
                "--plane",
                f"the preset {FATE_SAM} slices along the third axis of the file, as published",
                "Leave --plane out, or use another preset.",
            )
        cropped = self.region.crop(self.target)
        frame = FileSlices(cropped.geometry)
        canvas = Canvas(frame, self.segments, frozenset(), logits_file, later_overwrites=True)
        window = Window.squashed(frame.extent_mm)
        outcomes = []
        with self.clock.stage("segmenting"):
            for segmented, supports in fate_sam(
                self.engine,
                frame.to_slices(cropped.voxels),
                [functools.partial(_labelled, c) for c in self.cases],
                self.values,
                self.options.progress,
                self.settings.supports,
            ):
                areas = canvas.add(segmented, window)
                told = tuple(SupportReport(self.cases[s.case].name, s.slice, s.similarity) for s in supports)
                outcomes.append(
                    _Outcome(
                        segmented.without_logits(),
                        areas,
                        segmented.index + self.region.start[frame.plane_axis],
                        (told,) * len(self.segments),
                    )
                )
        # Nothing of this method says whether a volume is like the library.
        return canvas, outcomes, "uncertain"


def _labelled(case: SupportCase) -> LabelledSlices:
    image, segmentation = case.load_image(), case.load_segmentation()
    frame = FileSlices(image.geometry)
    masks = {s.value: frame.to_slices(segmentation.mask(n)) for n, s in enumerate(case.segments)}
    return LabelledSlices(frame.to_slices(image.voxels), masks)


def _around_box(box: tuple[tuple[int, int], tuple[int, int]], spacing_mm: tuple[float, float], margin: float) -> Window:
    (top, left), (bottom, right) = box
    height, width = (bottom - top) * spacing_mm[0], (right - left) * spacing_mm[1]
    side = max(height, width) * margin
    return Window(((top + bottom) / 2 * spacing_mm[0], (left + right) / 2 * spacing_mm[1]), (side, side))


def _wanted_segments(cases: Sequence[SupportCase], names: tuple[str, ...] | None) -> tuple[Segment, ...]:
    if not cases:
        raise InputError("library", "it has no case", "Add an annotated volume first (retrievalsam library add).")
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
