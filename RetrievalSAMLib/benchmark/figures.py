"""From seconds of rounds to the figures of a report."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median

import torch

from .. import NOTICE, __version__
from ..models.catalogue import BUNDLED
from ..segmentation.published.fate_sam import SUPPORTS
from ..segmentation.settings.memory_use import peak_memory_bytes
from ..segmentation.settings.presets import Settings
from ..side_by_side import available_processors
from ..stages import IMAGE_ENCODER, MASK_DECODER, MEMORY_ATTENTION, PREDICTION_MEMORIES, STAGES, SUPPORT_MEMORIES
from .bare_modules import OTHER
from .contestants import TOTAL, OwnRun, Spent
from .material import Material
from .networks import Networks
from .plan import PUBLISHED, Plan
from .report import BenchmarkReport, MachineReport, SetUpReport, medians, paired

OURS, BARE, LOOP, SAME_PRESET, PREDICTOR = "ours", "bare_modules", "published_loop", "same_preset", "video_predictor"
"""The contestants."""

SAME_PRESET_AGAIN = "same_preset_again"
"""The preset in a library whose slices it encoded before."""

NETWORK_STAGES = (IMAGE_ENCODER, SUPPORT_MEMORIES, MEMORY_ATTENTION, MASK_DECODER, PREDICTION_MEMORIES)
"""The stages that consist of SAM 2's modules and what is done to feed them."""


@dataclass(frozen=True)
class Peak:
    """Most memory in use so far, in bytes: of the process, and of a CUDA device (None elsewhere)."""

    process: int
    device: int | None

    @classmethod
    def now(cls, device: torch.device) -> Peak:
        """Up to now."""
        return cls(peak_memory_bytes(), torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None)


@dataclass
class Found:
    """What the rounds took, in seconds.

    Attributes:
        first_run: The run before the first round.
        peak: Of that run.
        stages: Of our own runs, by round.
        bare: Of the bare modules by stage, by round.
        runs: By the clock, by contestant and round.
        processor_runs: Of processors' work, as well.
        last: Our last run.
        logits_difference: Of the published loop and our preset.
        conditioning_frames: Of the video predictor.
    """

    first_run: float
    peak: Peak
    stages: list[dict[str, float]] = field(default_factory=list)
    bare: list[dict[str, float]] = field(default_factory=list)
    runs: dict[str, list[float]] = field(default_factory=dict)
    processor_runs: dict[str, list[float]] = field(default_factory=dict)
    last: OwnRun | None = None
    logits_difference: float | None = None
    conditioning_frames: int | None = None

    def add(self, contestant: str, spent: Spent) -> None:
        """One run of a contestant."""
        self.runs.setdefault(contestant, []).append(spent.seconds)
        self.processor_runs.setdefault(contestant, []).append(spent.processor_seconds)

    def add_own(self, run: OwnRun) -> None:
        """One run of ours."""
        self.stages.append(run.seconds)
        self.add(OURS, run.spent)
        self.last = run

    def add_bare(self, seconds: Mapping[str, float], processor_seconds: float) -> None:
        """One run of the bare modules: by stage, and the work of processors."""
        total = sum(seconds.values())
        self.bare.append({**seconds, TOTAL: total})
        self.add(BARE, Spent(total, processor_seconds))


def figures(plan: Plan, material: Material, networks: Networks, settings: Settings, found: Found) -> BenchmarkReport:
    """The report of a benchmark of one round or more."""
    if found.last is None:
        raise ValueError("a benchmark has at least one round")
    total = median(found.runs[OURS])
    # What the processors do says little where a GPU does the work.
    on_cpu = networks.ours.segmenter.model.device.type == "cpu"
    in_networks = [sum(one.get(stage, 0.0) for stage in NETWORK_STAGES) for one in found.stages]
    compared = _compared(found.runs) | {"roofline_network_stages": paired(in_networks, found.runs[BARE])}
    by_work = _compared(found.processor_runs if on_cpu else {})
    return BenchmarkReport(
        notice=NOTICE,
        version=__version__,
        machine=_machine(networks.ours.segmenter.model.device),
        setup=_setup(plan, material, networks, settings),
        notes=tuple(_notes(plan, networks)),
        seconds=_in_order(medians(found.stages)),
        seconds_first_run=round(found.first_run, 4),
        seconds_per_slice=round(total / plan.slices, 4),
        seconds_per_slice_and_segment=round(total / plan.slices / plan.segments, 4),
        bare_seconds={stage: seconds for stage, seconds in _in_order(medians(found.bare)).items() if seconds},
        bare_calls=found.last.recorder.counts(),
        bare_passes=found.last.recorder.passes(),
        peak_memory_bytes=found.peak.process,
        peak_device_memory_bytes=found.peak.device,
        runs=_rounded(found.runs),
        processor_runs=_rounded(found.processor_runs),
        ratios={name: None if ratio is None else ratio[0] for name, ratio in compared.items()},
        processor_ratios={name: None if ratio is None else ratio[0] for name, ratio in by_work.items()},
        spread={name: None if ratio is None else ratio[1] for name, ratio in compared.items()},
        published_logits_difference=found.logits_difference,
        conditioning_frames=found.conditioning_frames,
    )


def _compared(runs: Mapping[str, list[float]]) -> dict[str, tuple[float, tuple[float, float]] | None]:
    """The ratios that are made of whole runs."""
    ours, loop = runs.get(OURS, []), runs.get(LOOP, [])
    return {
        "published_loop_same_preset": paired(loop, runs.get(SAME_PRESET, [])),
        "published_loop_same_preset_again": paired(loop, runs.get(SAME_PRESET_AGAIN, [])),
        "published_loop_default": paired(loop, ours),
        "sam2_video_predictor": paired(runs.get(PREDICTOR, []), ours),
        "roofline": paired(ours, runs.get(BARE, [])),
    }


def _rounded(runs: Mapping[str, list[float]]) -> dict[str, list[float]]:
    return {name: [round(seconds, 4) for seconds in of_one] for name, of_one in runs.items()}


def _in_order(seconds: Mapping[str, float]) -> dict[str, float]:
    """Every stage, also one that this run does not have."""
    return {stage: seconds.get(stage, 0.0) for stage in (*STAGES, OTHER, TOTAL)}


def _machine(device: torch.device) -> MachineReport:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return MachineReport(
        device=device.type,
        device_name=name,
        processors=available_processors(),
        threads=torch.get_num_threads(),
        system=platform.system(),
        python=platform.python_version(),
        torch=str(torch.__version__),
    )


def _setup(plan: Plan, material: Material, networks: Networks, settings: Settings) -> SetUpReport:
    segmenter = networks.ours.segmenter
    return SetUpReport(
        model=segmenter.name,
        weights=segmenter.origin,
        encoder=networks.ours.encoder.name,
        image_size=segmenter.image_size,
        precision=str(segmenter.precision).removeprefix("torch."),
        preset=settings.preset,
        supports=settings.supports,
        published_image_size=networks.published.image_size,
        published_supports=plan.supports or SUPPORTS,
        segments=plan.segments,
        slices=plan.slices,
        cases=plan.cases,
        volume=material.target.geometry.size,
        repeats=plan.repeats,
        settings=settings.as_report(),
    )


def _notes(plan: Plan, networks: Networks) -> list[str]:
    notes = []
    segmenter, encoder = networks.ours.segmenter, networks.ours.encoder
    if segmenter.origin == "random":
        notes.append(
            f"the weights of {segmenter.name} are random: seconds mean what they say, masks and Dice mean nothing, and "
            "every slice becomes a memory, as with trained weights that are sure of themselves"
        )
    if encoder.name == BUNDLED != segmenter.name:
        notes.append("DINOv2's weights are not installed: slices are compared by the bundled encoder")
    if PUBLISHED in plan.compare and networks.published.image_size != segmenter.image_size:
        notes.append(
            f"ours sees slices at {segmenter.image_size} pixels, as it does unless told otherwise, the methods that it "
            f"is compared with at {networks.published.image_size}; --image-size gives all one size"
        )
    if plan.repeats < 3:
        notes.append("with fewer than three rounds, the spread of the ratios says little")
    return notes
