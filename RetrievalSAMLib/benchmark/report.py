"""What a benchmark found: stable, documented in docs/benchmark.md, written as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

import msgspec


class MachineReport(msgspec.Struct, frozen=True):
    """Where it ran; nothing that names the computer."""

    device: str
    device_name: str
    processors: int
    threads: int
    system: str
    python: str
    torch: str


class SetUpReport(msgspec.Struct, frozen=True):
    """What was measured.

    Attributes:
        model: The segmenter's name.
        weights: `bundled`, `catalogue` or `random`.
        encoder: The retrieval encoder's name.
        image_size: Pixels a side of our own run.
        precision: In which our own run multiplies; the methods that it is compared with do so in float32.
        preset: Of our own run.
        supports: k of our own run.
        published_image_size: Of the methods that it is compared with.
        published_supports: k of the published loop.
        segments: How many.
        slices: Of the volume, and of each case.
        cases: How many.
        volume: Its voxels.
        repeats: Rounds.
        settings: All effective ones of our own run.
    """

    model: str
    weights: str
    encoder: str
    image_size: int
    precision: str
    preset: str
    supports: int
    published_image_size: int
    published_supports: int
    segments: int
    slices: int
    cases: int
    volume: tuple[int, int, int]
    repeats: int
    settings: dict[str, object]


class BenchmarkReport(msgspec.Struct, frozen=True):
    """All that was measured.

    Attributes:
        notice: What the program is for.
        version: Of the program.
        machine: Where.
        setup: What.
        notes: What a reader must know.
        seconds: Of our own run by stage, with `other` and `total`; medians over the rounds.
        seconds_first_run: Total of the run before the first round, which describes the cases and fills caches.
        seconds_per_slice: Of the median total.
        seconds_per_slice_and_segment: As well.
        bare_seconds: Of the bare modules for the same calls by stage, with `total`; medians.
        bare_calls: Of each module in our own run.
        bare_passes: Images, or segments on slices, that went through each module in our own run.
        peak_memory_bytes: Of the process, up to the end of our first run.
        peak_device_memory_bytes: Of a CUDA device meanwhile; None elsewhere.
        runs: Seconds by contestant and round.
        processor_runs: Seconds that processors worked, as well.
        ratios: Of `runs`, medians over the rounds; None where it was not compared.
        spread: Smallest and largest of each.
        processor_ratios: Of `processor_runs`, medians; None where it was not compared, or a GPU worked.
        published_logits_difference: Largest difference between the logits of the preset fate-sam and those of the
            published loop; None where they were not compared.
        conditioning_frames: Of the video predictor; None where it did not run.
    """

    notice: str
    version: str
    machine: MachineReport
    setup: SetUpReport
    notes: tuple[str, ...]
    seconds: dict[str, float]
    seconds_first_run: float
    seconds_per_slice: float
    seconds_per_slice_and_segment: float
    bare_seconds: dict[str, float]
    bare_calls: dict[str, int]
    bare_passes: dict[str, int]
    peak_memory_bytes: int
    peak_device_memory_bytes: int | None
    runs: dict[str, list[float]]
    processor_runs: dict[str, list[float]]
    ratios: dict[str, float | None]
    spread: dict[str, tuple[float, float] | None]
    processor_ratios: dict[str, float | None]
    published_logits_difference: float | None
    conditioning_frames: int | None


def medians(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Medians by name; a name that a round does not have counts as 0 there."""
    names = list(dict.fromkeys(name for one in rounds for name in one))
    return {name: round(median(one.get(name, 0.0) for one in rounds), 4) for name in names}


def paired(above: Sequence[float], below: Sequence[float]) -> tuple[float, tuple[float, float]] | None:
    """Median, smallest and largest ratio of runs of the same round; None where one of the two never ran."""
    if not above or not below:
        return None
    ratios = [a / b for a, b in zip(above, below, strict=True)]
    return round(median(ratios), 3), (round(min(ratios), 3), round(max(ratios), 3))
