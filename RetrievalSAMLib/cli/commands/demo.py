"""`retrievalsam demo`: see it work, with no data and no weights to fetch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ... import NOTICE
from ..networks import load_models
from ..terminal import print_table, progress_bars


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="New folder for everything the demo makes.")] = Path(
        "retrievalsam-demo"
    ),
    data: Annotated[str, typer.Option(help="synthetic or hippocampus (MSD Task04).")] = "synthetic",
    source: Annotated[
        Path | None, typer.Option("--from", help="Folder of MSD Task04, instead of downloading it.")
    ] = None,
    preset: Annotated[str, typer.Option(help="As for segment.")] = "default",
    model: Annotated[str, typer.Option(help="As for segment.")] = "bundled",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Build a library from a few annotated subjects and segment another one."""
    from ...segmentation.settings.presets import preset as preset_of

    settings = preset_of(preset)
    from ...demo.run import run_demo
    from ...models.device import choose_device

    models = load_models(model, None, device=choose_device(device).name)
    with progress_bars() as progress:
        result = run_demo(output, data, source, models, settings, progress)
    print_table(("segment", "Dice"), [(s.name, f"{s.dice:.3f}") for s in result.scores])
    print_table(("stage", "seconds"), [(stage, f"{seconds:.1f}") for stage, seconds in result.seconds.items()])
    print(f"written to {output}: {', '.join(path.name for path in result.files)}")
    print(NOTICE)
