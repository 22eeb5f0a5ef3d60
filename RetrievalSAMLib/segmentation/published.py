"""A run as FATE-SAM published it."""

from __future__ import annotations

import functools
from pathlib import Path

from ..errors import InputError
from ..models.window import Window
from ..retrieval.evidence import SupportCase
from ..volumes import Segmentation
from .confidence import own_estimate
from .fate_sam import LabelledSlices, fate_sam
from .fusion import Canvas, FileSlices
from .presets import FATE_SAM
from .report import SupportReport
from .reporting import Outcome, SegmentOutcome
from .run import Run
from .verdict import UNCERTAIN, Verdict


class PublishedRun(Run):
    """The same with FATE-SAM's own slicing, retrieval, order and fusion; see `fate_sam`."""

    def _to_target(self, segmentation: Segmentation) -> Segmentation:
        return self.region.restore(segmentation, self.target.geometry)

    def _content_key(self, case: SupportCase) -> str:
        # Whatever the plane, slices are those of the case's file.
        return case.content_hash

    def run(self, logits_file: Path | None) -> tuple[Canvas, list[Outcome], Verdict]:
        """As `Run.run`."""
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
        outcomes: list[Outcome] = []
        if self.growing:
            self.growing.begin(canvas, views=1)
        with self.clock.stage("segmenting"):
            for segmented, supports in fate_sam(
                self.engine,
                frame.to_slices(cropped.voxels),
                [functools.partial(labelled_slices, c) for c in self.cases],
                self.values,
                self.options.progress,
                self.settings.supports,
                self.kept,
            ):
                canvas.add(segmented, window)
                told = tuple(SupportReport(self.cases[s.case].name, s.slice, s.similarity) for s in supports)
                segments = tuple(
                    SegmentOutcome(
                        own_estimate(segmented, row),
                        canvas.area_mm2(row, segmented.index),
                        told,
                    )
                    for row in range(len(self.segments))
                )
                outcomes.append(Outcome(segmented.index + self.region.start[frame.plane_axis], segments))
                if self.growing:
                    self.growing.drawn(segmented.index, len(outcomes), frame.shape[0])
        # Nothing of this method says whether a volume is like the library.
        return canvas, outcomes, Verdict(UNCERTAIN)


def labelled_slices(case: SupportCase) -> LabelledSlices:
    """A case, cut along the third axis of its file."""
    image, segmentation = case.load_image(), case.load_segmentation()
    frame = FileSlices(image.geometry)
    masks = {s.value: frame.to_slices(segmentation.mask(n)) for n, s in enumerate(case.segments)}
    return LabelledSlices(frame.to_slices(image.voxels), masks)
