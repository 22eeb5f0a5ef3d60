"""What runs against what, on one material: each contestant does its whole work once when it is called."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ..models.build import LoadedSegmenter
from ..progress import silent
from ..segmentation.memory.kept_memories import KeptSupports
from ..segmentation.output.fusion import FileSlices
from ..segmentation.output.report import SegmentationReport
from ..segmentation.output.result import SegmentationResult
from ..segmentation.pipeline import segment_volume
from ..segmentation.published.fate_sam import LabelledSlices, fate_sam
from ..segmentation.published_run import labelled_slices
from ..segmentation.sam2.engine import Sam2Engine
from ..segmentation.settings.cache_space import CacheSpace
from ..segmentation.settings.options import Models, RunOptions
from ..segmentation.settings.presets import FATE_SAM, Settings
from ..stages import StageTimes, listening
from ..volumes import Plane
from .bare_modules import OTHER, CallRecorder
from .material import Material
from .published_loop import PublishedLoop
from .video_predictor import Film, segment_film, video_predictor

TOTAL = "total"


def synchroniser(device: torch.device) -> Callable[[], None]:
    """Waits until a device has done what it was told; a CPU always has."""
    if device.type == "cuda":
        return torch.cuda.synchronize
    if device.type == "mps":
        return torch.mps.synchronize
    return lambda: None


@dataclass(frozen=True)
class Spent:
    """Seconds by the clock, and seconds that processors worked for this process."""

    seconds: float
    processor_seconds: float


def spent_on(work: Callable[[], object], synchronise: Callable[[], None]) -> Spent:
    """What something takes."""
    synchronise()
    began, worked = time.perf_counter(), time.process_time()
    work()
    synchronise()
    return Spent(time.perf_counter() - began, time.process_time() - worked)


@dataclass(frozen=True)
class OwnRun:
    """What one run of ours took.

    Attributes:
        seconds: By stage, with `OTHER` and `TOTAL`.
        spent: Altogether.
        recorder: The calls of SAM 2's modules.
        result: What came out.
    """

    seconds: dict[str, float]
    spent: Spent
    recorder: CallRecorder
    result: SegmentationResult


class Ours:
    """The program as `segment` runs it, but for reading and writing the volume.

    Args:
        material: Volumes.
        models: The networks.
        settings: A preset.
        folder: For what a run keeps: embeddings of the cases, and what a correction needs.
    """

    def __init__(self, material: Material, models: Models, settings: Settings, folder: Path) -> None:
        self.material, self.models, self.settings = material, models, settings
        # The published preset slices as the file has it, which for the made-up volumes is axial as well.
        plane = None if settings.preset == FATE_SAM else Plane.AXIAL
        self.options = RunOptions(plane=plane, cache=folder / "cache", state=folder / "state")
        self.synchronise = synchroniser(models.segmenter.model.device)

    def run(self) -> OwnRun:
        """Segment the volume once."""
        times = StageTimes(self.synchronise)
        results = []

        def work() -> None:
            cases = self.material.cases
            results.append(segment_volume(self.material.target, cases, self.models, self.settings, self.options))

        with listening(times), CallRecorder(self.models.segmenter.model, times) as recorder:
            spent = spent_on(work, self.synchronise)
        rest = spent.seconds - sum(times.seconds.values())
        return OwnRun({**times.seconds, OTHER: rest, TOTAL: spent.seconds}, spent, recorder, results[0])


class Published:
    """The published loop, and our preset that does the same.

    Args:
        material: Volumes.
        segmenter: SAM 2.
        supports: k.
        folder: An empty one, for what the preset keeps of the cases.
    """

    def __init__(self, material: Material, segmenter: LoadedSegmenter, supports: int, folder: Path) -> None:
        # In float32 both, whatever the hardware likes: their logits are compared.
        self.segmenter = replace(segmenter, precision=torch.float32)
        self.engine, self.supports = Sam2Engine(segmenter.model), supports
        self.space = CacheSpace(folder, 1 << 40)
        self.hashes = [case.content_hash for case in material.cases]
        self.target = FileSlices(material.target.geometry).to_slices(material.target.voxels)
        self.cases = [labelled_slices(case) for case in material.cases]
        self.segments = [s.value for s in material.cases[0].segments]
        self._by_loop: dict[int, torch.Tensor] = {}
        self._by_preset: dict[int, torch.Tensor] = {}

    def loop(self) -> None:
        """Segment every slice the published way."""
        run = PublishedLoop(self.engine.model, self.target, self.cases, self.segments, self.supports)
        self._by_loop = run.run()

    def same_preset(self) -> None:
        """Segment every slice by the preset, which never saw the cases before."""
        self._segment(None)

    def prepare(self) -> None:
        """Have the cases' slices encoded, as they are in a library that was used before."""
        kept = KeptSupports(self.space, self.segmenter, self.hashes)
        loaders = [_known(case) for case in self.cases]
        run = fate_sam(self.engine, self.target[:1], loaders, self.segments, silent, self.supports, kept)
        next(run)
        run.close()
        kept.flush()

    def same_preset_again(self) -> None:
        """Segment every slice by the preset, which saw the cases before."""
        self._segment(KeptSupports(self.space, self.segmenter, self.hashes))

    def _segment(self, kept: KeptSupports | None) -> None:
        loaders = [_known(case) for case in self.cases]
        found = fate_sam(self.engine, self.target, loaders, self.segments, silent, self.supports, kept)
        self._by_preset = {segmented.index: segmented.logits for segmented, _ in found}

    def difference(self) -> float:
        """Largest difference of the logits of both, over all slices; both have run."""
        return max(float((self._by_loop[i] - self._by_preset[i]).abs().max()) for i in self._by_preset)


def _known(case: LabelledSlices) -> Callable[[], LabelledSlices]:
    return lambda: case


class Video:
    """SAM 2's own predictor, with every slice that our run drew on as a conditioning frame.

    Args:
        material: Volumes.
        segmenter: SAM 2.
        report: Of our run: the supports are a gift, the predictor has nothing to find them with.
        folder: An empty one, for the pictures.
    """

    def __init__(
        self, material: Material, segmenter: LoadedSegmenter, report: SegmentationReport, folder: Path
    ) -> None:
        self.predictor = video_predictor(segmenter)
        drawn_on = sorted(
            {
                (support.case, support.slice)
                for row in report.slices
                for found in row.segments.values()
                for support in found.supports
            }
        )
        labelled = {case.name: labelled_slices(case) for case in material.cases}
        self.conditioning_frames = len(drawn_on)
        self.film = Film(
            folder,
            segmenter.image_size,
            [labelled[case].slices[index] for case, index in drawn_on],
            [{s: mask[index] for s, mask in labelled[case].masks.items()} for case, index in drawn_on],
            FileSlices(material.target.geometry).to_slices(material.target.voxels),
        )

    def run(self) -> int:
        """Track all slices."""
        return segment_film(self.predictor, self.film)


def for_timing(settings: Settings, weights: str) -> Settings:
    """Settings with which random weights cause the work of trained ones.

    Random weights think little of their own masks, and the gate would keep nearly all of them from becoming memories.
    """
    return replace(settings, gate=0.0) if weights == "random" else settings
