"""`retrievalsam segment`: a volume, a library, one command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .. import NOTICE
from ..errors import InputError
from .networks import load_models
from .terminal import check_json_output, print_table, progress_bars

_BECAUSE = {"appearance": "what the slices show", "extent": "height or width of the slices in mm"}

_TO_LOOK_AT = 5
"""Slices that are named."""

if TYPE_CHECKING:
    from ..segmentation.pointing import PersonsPrompts
    from ..segmentation.report import RefinementReport, SegmentationReport
    from ..volumes import Plane


def segment(
    library: Annotated[Path, typer.Argument(help="Folder of the support library.")],
    image: Annotated[Path, typer.Argument(help="The volume: a file, or a folder of DICOM slices.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="OUT.seg.nrrd, or a label map (.nii.gz, .nrrd, .mha).")
    ],
    preset: Annotated[str, typer.Option(help="default, fast, accurate, fate-sam or zhao-2024.")] = "default",
    model: Annotated[str, typer.Option(help="bundled, or sam2.1-tiny, -small, -base-plus, -large.")] = "bundled",
    checkpoint: Annotated[Path | None, typer.Option(help="Weights of this model's shapes from a file.")] = None,
    image_size: Annotated[int | None, typer.Option(help="Pixels a side of SAM 2's input.")] = None,
    plane: Annotated[str, typer.Option(help="auto, axial, coronal or sagittal.")] = "auto",
    segments: Annotated[str | None, typer.Option(help="Names of the segments to look for, with commas.")] = None,
    supports: Annotated[int | None, typer.Option(help="Support slices a query slice attends to.")] = None,
    encoder: Annotated[str | None, typer.Option(help="bundled or dinov2-s14, for retrieval.")] = None,
    roi: Annotated[str | None, typer.Option(help="x0,x1,y0,y1,z0,z1 in voxels: look only here.")] = None,
    points: Annotated[
        Path | None, typer.Option(help="Points and boxes as JSON (docs/formats.md), carried on after the run.")
    ] = None,
    max_memory: Annotated[float | None, typer.Option(help="GB that support memories may hold.")] = None,
    memory_cache_gb: Annotated[
        float | None, typer.Option(help="GB of disk for what is kept of support slices; 0 keeps nothing.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    seed: Annotated[int, typer.Option(help="Seed of every random generator.", min=-(2**63), max=2**63 - 1)] = 0,
    report: Annotated[Path | None, typer.Option(help="Write the report as JSON.")] = None,
    logits: Annotated[Path | None, typer.Option(help="Write the logits as .npz.")] = None,
) -> None:
    """Segment a volume by the example of the library's cases."""
    from ..library.store import SupportLibrary
    from ..segmentation.cache_space import memory_cache
    from ..segmentation.region import box_of
    from ..volumes import check_output, read_volume, write_segmentation

    check_output(output)
    check_json_output(report)
    check_json_output(logits)
    if logits is not None and logits.suffix != ".npz":
        raise InputError(str(logits), "logits are written as .npz", "Give a name that ends in .npz.")
    box = None if roi is None else box_of(roi, "--roi")
    limit = memory_limit(max_memory)
    kept = memory_cache(memory_cache_gb)
    prompts = prompts_of(points)
    from ..segmentation.presets import preset as preset_of

    settings = preset_of(preset, supports)
    opened = SupportLibrary.open(library)
    cases = opened.cases()
    target = read_volume(image)
    import torch

    from ..models.device import choose_device
    from ..segmentation.networks import LEAST_IMAGE_SIZE
    from ..segmentation.pipeline import segment_volume
    from ..segmentation.usual import usual_options

    torch.manual_seed(seed)
    models = load_models(
        model,
        encoder,
        checkpoint=checkpoint,
        image_size=image_size,
        device=choose_device(device).name,
        target=target,
    )
    with progress_bars() as progress:
        result = segment_volume(
            target,
            cases,
            models,
            settings,
            usual_options(
                opened,
                plane=plane_of(plane),
                segments=segment_names(segments),
                roi=box,
                max_memory_bytes=limit,
                logits=logits,
                seed=seed,
                progress=progress,
                memory_cache=kept,
                least_image_size=LEAST_IMAGE_SIZE if image_size is None else None,
            ),
            prompts,
        )
    write_segmentation(result.segmentation, output)
    if report is not None:
        result.report.write(report)
    print_summary(result.report)
    if result.report.refinement is not None:
        print_changes(result.report.refinement)


def print_summary(report: SegmentationReport) -> None:
    """What a person wants to know first."""
    from ..segmentation.verdict import UNLIKE

    print_table(
        ("segment", "value", "volume (ml)", "expected Dice" if report.calibrated else "confidence"),
        [(s.name, str(s.value), f"{s.volume_mm3 / 1000:.2f}", f"{s.confidence:.2f}") for s in report.segments],
    )
    print(f"library: {report.library.name}, {report.library.cases} cases; this volume: {report.verdict}")
    if report.look_first:
        print(f"slices to look at first: {', '.join(map(str, report.look_first[:_TO_LOOK_AT]))}")
    if report.verdict == UNLIKE:
        why = ", ".join(_BECAUSE[what] for what in report.verdict_because)
        print(f"WARNING: unlike all cases of the library ({why}); do not trust these masks unseen", file=sys.stderr)
    if report.less_memory:
        print(f"note: memory ran out; done again with less of it: {', '.join(report.less_memory)}", file=sys.stderr)
    print(f"{sum(report.seconds.values()):.1f} s; {NOTICE}")


def print_changes(refinement: RefinementReport) -> None:
    """Which slices are not as they were."""
    for name, slices in refinement.changed.items():
        print(f"changed {name}: {', '.join(map(str, slices))}")
    if not refinement.changed:
        print("nothing else changes")
    if not refinement.reused:
        print("note: no run of this library, image and settings was found to stand on; cases were aligned anew")


def prompts_of(path: Path | None) -> PersonsPrompts:
    """Points and boxes of the file that `--points` names; none without one."""
    from ..segmentation.pointing import NO_PROMPTS, read_prompts

    return NO_PROMPTS if path is None else read_prompts(path)


def plane_of(name: str) -> Plane | None:
    """The plane that `--plane` names, None for `auto`.

    Raises:
        InputError: There is no such plane.
    """
    from ..volumes import Plane

    if name == "auto":
        return None
    try:
        return Plane(name)
    except ValueError:
        raise InputError("--plane", f"'{name}' is no plane", "Use auto, axial, coronal or sagittal.") from None


def segment_names(text: str | None) -> tuple[str, ...] | None:
    """Names from the command line; None for all."""
    return tuple(name.strip() for name in text.split(",")) if text else None


def memory_limit(gigabytes: float | None) -> int:
    """Bytes that support memories may hold."""
    if gigabytes is None:
        from ..segmentation.memory_use import memory_for_supports

        return memory_for_supports()
    if not gigabytes > 0:
        raise InputError("--max-memory", f"{gigabytes:g} GB is no amount of memory", "Give more than 0.")
    return int(gigabytes * (1 << 30))
