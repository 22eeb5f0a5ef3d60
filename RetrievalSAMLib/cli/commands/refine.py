"""`retrievalsam refine`: a result with some slices corrected, and the correction is carried on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...errors import InputError
from ..inputs import CleanOption, GridOption, SpacingOption, clean_steps, segmentation_of, volume_of
from ..networks import load_models, settle_model
from ..terminal import check_json_output, progress_bars, write_report
from .dicom import Series, Straighten, check_result_output, write_result
from .segment import memory_limit, plane_of, print_changes, print_summary, prompts_of, segment_names, tell_where


def refine(
    library: Annotated[Path, typer.Argument(help="Folder of the support library.")],
    image: Annotated[Path, typer.Argument(help="The volume: a file, or a folder of DICOM slices.")],
    segmentation: Annotated[Path, typer.Option(help="A result of `segment`, perhaps with slices that were corrected.")],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="OUT.seg.nrrd, a label map (.nii.gz, .nrrd, .mha), or a DICOM SEG (.dcm)."),
    ],
    corrected: Annotated[
        str | None,
        typer.Option(help="Corrected slices, with commas, counted from 0 along the sliced axis of the image file."),
    ] = None,
    points: Annotated[
        Path | None, typer.Option(help="Points and boxes as JSON (docs/formats.md); this or --corrected, or both.")
    ] = None,
    preset: Annotated[str, typer.Option(help="As for `segment`; not fate-sam.")] = "default",
    model: Annotated[str, typer.Option(help="As for `segment`.")] = "bundled",
    checkpoint: Annotated[Path | None, typer.Option(help="As for `segment`.")] = None,
    accept_licence: Annotated[str | None, typer.Option(help="As for `segment`.")] = None,
    image_size: Annotated[int | None, typer.Option(help="As for `segment`.")] = None,
    plane: Annotated[str, typer.Option(help="As for `segment`.")] = "auto",
    segments: Annotated[
        str | None, typer.Option(help="Names of the segments to carry on, with commas; the others stay as they are.")
    ] = None,
    supports: Annotated[int | None, typer.Option(help="As for `segment`.")] = None,
    encoder: Annotated[str | None, typer.Option(help="As for `segment`.")] = None,
    max_memory: Annotated[float | None, typer.Option(help="GB that support memories may hold.")] = None,
    memory_cache_gb: Annotated[float | None, typer.Option(help="As for `segment`.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    spacing: SpacingOption = None,
    grid: GridOption = "own",
    report: Annotated[Path | None, typer.Option(help="Write the report as JSON; - for standard output.")] = None,
    learned: Annotated[bool, typer.Option("--learned/--no-learned", help="As for `segment`.")] = True,
    teach: Annotated[
        bool,
        typer.Option("--teach/--no-teach", help="Let corrected slices teach a copy of what the library has learned."),
    ] = True,
    trust_header: Annotated[bool, typer.Option("--trust-header", help="As for `segment`.")] = False,
    clean: CleanOption = None,
    series: Series = None,
    straighten: Straighten = False,
) -> None:
    """Carry corrected slices, points and boxes on to the slices beside them; all else stays as it is.

    Where `segment` ran on this image with this library and the same settings, this takes a fraction of its time.
    """
    from ...library.store import SupportLibrary
    from ...segmentation.settings.cache_space import memory_cache

    check_result_output(output, image)
    check_json_output(report)
    if corrected is None and points is None:
        raise InputError(
            "refine",
            "neither corrected slices nor points are named",
            "Give --corrected, for example 10,14, or --points.",
        )
    slices = () if corrected is None else slice_numbers(corrected, "--corrected")
    steps = clean_steps(clean)
    prompts = prompts_of(points)
    limit = memory_limit(max_memory)
    kept = memory_cache(memory_cache_gb)
    from ...segmentation.settings.presets import preset as preset_of

    settings = preset_of(preset, supports)
    settle_model(model, checkpoint, accept_licence, preset)
    opened = SupportLibrary.open(library)
    cases = opened.cases()
    target = volume_of(image, spacing, series, straighten)
    before = segmentation_of(segmentation, image, target.geometry, grid, spacing)
    from ...models.device import choose_device
    from ...segmentation.pipeline import refine_volume
    from ...segmentation.settings.cleaning import Cleaning
    from ...segmentation.settings.default_options import usual_options
    from ...segmentation.settings.networks import LEAST_IMAGE_SIZE

    chosen = choose_device(device).name
    models = load_models(
        model,
        encoder,
        checkpoint=checkpoint,
        image_size=image_size,
        device=chosen,
        target=target,
    )
    from ...learning.use import taught_by_corrections
    from ...tuning.use import tuned_for

    settings, tuning = tuned_for(opened, cases, settings, models, learned)
    look = taught_by_corrections(opened, cases, settings, models, chosen) if learned and teach and slices else None
    with progress_bars() as progress:
        result = refine_volume(
            target,
            before,
            slices,
            cases,
            models,
            settings,
            usual_options(
                opened,
                plane=plane_of(plane),
                segments=segment_names(segments),
                max_memory_bytes=limit,
                trust_header=trust_header,
                cleaning=Cleaning.of(steps),
                progress=progress,
                memory_cache=kept,
                least_image_size=LEAST_IMAGE_SIZE if image_size is None else None,
                tuning=tuning,
            ),
            prompts,
            look,
        )
    write_result(result.segmentation, output, image, series=series, model=result.report.model.name, automatic=False)
    if report is not None:
        write_report(result.report, report)
    print_summary(result.report)
    assert result.report.refinement is not None  # every refinement tells what it did
    print_changes(result.report.refinement)
    tell_where(output, report)


def slice_numbers(text: str, option: str) -> tuple[int, ...]:
    """Numbers of slices from the command line."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise InputError(
            option,
            f"'{text}' is not a list of slice numbers",
            f"Give the slices with commas, counted from 0, for example {option} 10,14.",
        )
    return tuple(int(part) for part in parts)
