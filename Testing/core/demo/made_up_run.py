"""A run that never happened: a result that is the reference with errors, and a report of supports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from RetrievalSAMLib.demo.subject import Subject
from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.segmentation.output.report import (
    LibraryReport,
    ModelReport,
    SegmentationReport,
    SegmentOnSlice,
    SegmentReport,
    SliceReport,
    SupportReport,
    TargetReport,
)
from RetrievalSAMLib.volumes import Segmentation, SliceFrame, choose_plane


@dataclass(frozen=True)
class MadeUpRun:
    """What a run gives, and the cases it had."""

    segmentation: Segmentation
    report: SegmentationReport
    cases: list[MemoryCase]


def made_up_run(target: Subject, supports: Sequence[Subject], shift: int = 2) -> MadeUpRun:
    """The target's own segmentation moved by some pixels as the result, the subjects as its supports."""
    geometry = target.image.geometry
    plane = choose_plane(geometry)
    frame = SliceFrame(geometry, plane)
    moved = [
        ndimage.shift(target.segmentation.mask(n).astype(np.uint8), (shift, -shift // 2, 0), order=0) > 0
        for n in range(len(target.segmentation.segments))
    ]
    result = Segmentation.from_masks(target.segmentation.segments, moved, geometry)
    slices = []
    for index in range(frame.shape[0]):
        drawn = tuple(
            _support(case, frame.slice_position(index), 0.97 - 0.011 * number - 0.002 * index)
            for number, case in enumerate(supports)
        )
        row = {
            segment.name: SegmentOnSlice(
                confidence=round(0.95 - 0.01 * index, 3),
                area_mm2=float(frame.to_slices(result.mask(n))[index].sum()),
                supports=drawn,
            )
            for n, segment in enumerate(result.segments)
        }
        slices.append(SliceReport(frame.file_index(index), row))
    model = ModelReport("bundled", "0" * 64, 256, "made up")
    report = SegmentationReport(
        target=TargetReport(
            geometry.size,
            geometry.spacing_mm,
            geometry.origin_mm,
            geometry.direction,
            target.image.content_hash(),
        ),
        library=LibraryReport("made up", len(supports)),
        model=model,
        encoder=model,
        preset="default",
        settings={},
        plane=str(plane),
        plane_axis=frame.plane_axis,
        segments=tuple(SegmentReport(s.name, s.value, 0.0, 0.9) for s in result.segments),
        slices=tuple(slices),
        verdict="in-library",
        seconds={},
        peak_memory_bytes=0,
    )
    return MadeUpRun(result, report, [MemoryCase(*subject) for subject in supports])


def _support(case: Subject, position: float, similarity: float) -> SupportReport:
    frame = SliceFrame(case.image.geometry, choose_plane(case.image.geometry))
    index = round(position * (frame.shape[0] - 1))
    return SupportReport(case.name, frame.file_index(index), round(similarity, 4))
