"""`retrievalsam benchmark`: how fast it is here, where the time goes, and compared with what."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..terminal import check_json_output, print_table, progress_bars, write_json

if TYPE_CHECKING:
    from ...benchmark.report import BenchmarkReport


def benchmark(
    model: Annotated[str, typer.Option(help="As for segment; random weights where none are installed.")] = "bundled",
    image_size: Annotated[
        int | None, typer.Option(help="Pixels a side for every method; by default each has its own.")
    ] = None,
    preset: Annotated[str, typer.Option(help="As for segment.")] = "default",
    supports: Annotated[
        int | None, typer.Option(help="Support slices a slice; by default the preset's own, 3 as published.")
    ] = None,
    segments: Annotated[int, typer.Option(help="Segments to look for, 1 to 64.")] = 3,
    slices: Annotated[int, typer.Option(help="Slices of the made-up volume, and of each case.")] = 8,
    cases: Annotated[int, typer.Option(help="Annotated cases.")] = 3,
    pixels: Annotated[int | None, typer.Option(help="Along the longer side of a slice; about 125 otherwise.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    repeats: Annotated[int, typer.Option(help="Rounds in which every method runs once.")] = 3,
    compare: Annotated[
        str, typer.Option(help="published (the few-shot loop), video (SAM2VideoPredictor), both, or none.")
    ] = "published,video",
    json: Annotated[Path | None, typer.Option("--json", help="Write the figures as JSON.")] = None,
) -> None:
    """Time a segmentation of made-up volumes by stage, and compare it with other ways; see docs/benchmark.md."""
    from ...benchmark.plan import Plan

    check_json_output(json)
    names = () if compare == "none" else tuple(name.strip() for name in compare.split(","))
    plan = Plan(preset, supports, segments, slices, cases, pixels, repeats, names)
    from ...segmentation.settings.presets import preset as preset_of

    preset_of(preset, supports)
    from ...benchmark.material import make_material
    from ...benchmark.networks import load_networks
    from ...benchmark.run import run_benchmark
    from ...models.device import choose_device

    name = choose_device(device).name
    material = make_material(slices, segments, cases, pixels)
    networks = load_networks(model, image_size, material.target.geometry.size, name)
    with progress_bars() as progress:
        report = run_benchmark(plan, material, networks, progress)
    _print(report)
    if json is not None:
        write_json(json, report)


def _print(report: BenchmarkReport) -> None:
    setup, machine = report.setup, report.machine
    print(
        f"{setup.model} ({setup.weights} weights), {setup.image_size} pixels, {setup.precision}, "
        f"preset {setup.preset}, {setup.supports} supports, {setup.segments} segments, {setup.slices} slices of "
        f"{setup.volume[0]} x {setup.volume[1]}, {setup.cases} cases"
    )
    print(
        f"{machine.device} ({machine.device_name}), {machine.threads} threads on {machine.processors} processors, "
        f"{machine.system}, PyTorch {machine.torch}; medians of {setup.repeats} rounds"
    )
    for note in report.notes:
        print(f"note: {note}")
    print()
    total = report.seconds["total"] or 1.0
    rows = []
    for stage, seconds in ((stage, seconds) for stage, seconds in report.seconds.items() if seconds):
        bare = report.bare_seconds.get(stage)
        rows.append(
            (
                stage,
                f"{seconds:.3f}",
                f"{100 * seconds / total:.0f} %",
                "-" if bare is None else f"{bare:.3f}",
                "-" if not bare else f"{seconds / bare:.2f}",
            )
        )
    print_table(("stage", "seconds", "part", "bare modules", "ratio"), rows)
    print()
    peak = f"{report.peak_memory_bytes / 1e6:.0f} MB"
    if report.peak_device_memory_bytes is not None:
        peak += f", device {report.peak_device_memory_bytes / 1e6:.0f} MB"
    print(
        f"{report.seconds_per_slice:.3f} s a slice, {report.seconds_per_slice_and_segment:.3f} s a slice and segment; "
        f"first run {report.seconds_first_run:.1f} s; peak memory {peak}"
    )
    print()
    print_table(
        ("ratio", "median", "lowest", "highest", "by processors' work"),
        [
            (
                name,
                *(f"{figure:.2f}" for figure in (ratio, *(report.spread[name] or ()))),
                _or_dash(report.processor_ratios.get(name)),
            )
            for name, ratio in report.ratios.items()
            if ratio is not None
        ],
    )
    difference = report.published_logits_difference
    if difference is not None:
        print(f"largest difference of logits between the preset fate-sam and the published loop: {difference:.1e}")
    if report.conditioning_frames is not None:
        print(f"the video predictor had {report.conditioning_frames} conditioning frames")


def _or_dash(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.2f}"
