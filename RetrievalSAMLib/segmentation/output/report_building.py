"""The report of a run from what the run knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ...volumes import Segment, Volume
from ...volumes.slicing import plane_across
from ..confidence.calibration import calibration, calibration_for, expected_volume_dice
from ..settings.cleaning import cleaning_of
from ..settings.memory_use import peak_memory_bytes
from ..settings.options import Models, RunOptions
from ..settings.presets import FATE_SAM, PUBLISHED, Settings
from ..supports.verdict import UNLIKE, Verdict
from .computing_environment import computing
from .report import (
    OF_PAPER,
    TO_BUNDLED,
    TO_LIBRARY,
    TO_NOTHING,
    CleanedSegment,
    LearnedReport,
    LibraryReport,
    ModelReport,
    OrientationReport,
    RefinementReport,
    SegmentationReport,
    SegmentOnSlice,
    SegmentReport,
    SliceReport,
    SupportReport,
    TargetReport,
    TuningReport,
)
from .review_order import looks


@dataclass(frozen=True)
class SegmentOutcome:
    """What the report says of one segment on one slice."""

    confidence: float
    area_mm2: float
    supports: tuple[SupportReport, ...]
    expected_mm2: float = 0.0


@dataclass(frozen=True)
class SliceOutcome:
    """What the report says of one slice; ``segments`` in the order of the run."""

    file_index: int
    segments: tuple[SegmentOutcome, ...]


def slice_reports(segments: Sequence[Segment], outcomes: Sequence[SliceOutcome]) -> tuple[SliceReport, ...]:
    """What was found on every slice, by rising index in the file."""
    reports = [
        SliceReport(
            outcome.file_index,
            {
                segment.name: SegmentOnSlice(
                    round(told.confidence, 4), told.area_mm2, told.supports, round(told.expected_mm2, 2)
                )
                for segment, told in zip(segments, outcome.segments, strict=True)
            },
        )
        for outcome in outcomes
    ]
    return tuple(sorted(reports, key=lambda report: report.index))


def segment_reports(
    segments: Sequence[Segment], masks: Iterable[np.ndarray], voxel_mm3: float, slices: Sequence[SliceReport]
) -> tuple[SegmentReport, ...]:
    """Volume and confidence of every segment.

    Args:
        segments: Of the run.
        masks: By segment, bool; one at a time is needed, and all together may not fit into memory.
        voxel_mm3: Volume of a voxel.
        slices: What is said of them.
    """
    reports = []
    for segment, mask in zip(segments, masks, strict=True):
        told = {row.index: row.segments[segment.name] for row in slices if segment.name in row.segments}
        confidence = expected_volume_dice(
            {index: one.confidence for index, one in told.items()}, {index: one.area_mm2 for index, one in told.items()}
        )
        reports.append(SegmentReport(segment.name, segment.value, float(mask.sum() * voxel_mm3), round(confidence, 4)))
    return tuple(reports)


def run_report(
    target: Volume,
    image_hash: str,
    cases: int,
    models: Models,
    settings: Settings,
    options: RunOptions,
    device: torch.device,
    plane_axis: int,
    segments: tuple[SegmentReport, ...],
    slices: tuple[SliceReport, ...],
    verdict: Verdict,
    seconds: Mapping[str, float],
    refinement: RefinementReport | None = None,
    learned: LearnedReport | None = None,
    orientation: OrientationReport | None = None,
    cleaned: Mapping[str, CleanedSegment] | None = None,
) -> SegmentationReport:
    """All of it; ``cases`` is their number."""
    geometry = target.geometry
    segmenter, encoder = models.segmenter, models.encoder
    order = looks(slices)
    return SegmentationReport(
        target=TargetReport(geometry.size, geometry.spacing_mm, geometry.origin_mm, geometry.direction, image_hash),
        library=LibraryReport(options.library_name, cases),
        model=ModelReport.of(segmenter),
        encoder=ModelReport.of(encoder),
        preset=settings.preset,
        settings=settings.as_report()
        | {
            "segments": [s.name for s in segments],
            "roi": options.roi,
            "max_memory_bytes": options.max_memory_bytes,
            "seed": options.seed,
            "device": str(device),
            "cleaning": cleaning_of(settings, options.cleaning).as_report(),
        },
        plane=str(plane_across(geometry, plane_axis)),
        plane_axis=plane_axis,
        segments=segments,
        slices=slices,
        # Of a volume like none that it was fitted on, confidence only ranks.
        calibrated=settings.preset != FATE_SAM
        and segmenter.sha256 == calibration_for(options).segmenter
        and verdict.name != UNLIKE,
        look_first=tuple(look.index for look in order),
        look_first_gains=tuple(round(look.gain, 4) for look in order),
        verdict=verdict.name,
        verdict_because=verdict.because,
        seconds={stage: round(spent, 3) for stage, spent in seconds.items()},
        peak_memory_bytes=peak_memory_bytes(),
        refinement=refinement,
        computing=computing(device),
        less_memory=options.less_memory,
        learned=learned,
        orientation=orientation,
        cleaned=dict(cleaned or {}),
        fitted_to=_fitted_to(segmenter.sha256, settings, options),
        tuning=None if options.tuning is None else TuningReport.of(options.tuning),
    )


def _fitted_to(segmenter: str, settings: Settings, options: RunOptions) -> str:
    if settings.preset in PUBLISHED:
        return OF_PAPER
    if options.tuning is not None:
        return TO_LIBRARY
    return TO_BUNDLED if segmenter == calibration().segmenter else TO_NOTHING
