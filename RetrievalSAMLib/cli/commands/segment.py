"""`retrievalsam segment`: a volume, a library, one command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ... import NOTICE
from ...errors import InputError
from ..elsewhere.server_run import CaFile, Server, ServerChoice, TokenFile, refuse_local_options, segment_on_server
from ..inputs import CleanOption, SpacingOption, clean_steps, volume_of
from ..networks import AcceptLicence, CheckpointOption, Model, load_models, settle_model
from ..so_far import SoFar, check_so_far, unfinished_file
from ..terminal import STDOUT, Seed, check_json_output, print_table, progress_bars, write_report
from .dicom import Series, Straighten, check_result_output, write_result

_BECAUSE = {
    "appearance": "what the slices show",
    "extent": "height or width of the slices in mm",
    "alignment": "no case could be aligned with it",
}

_CALIBRATED = "confidence: the Dice to be expected, from 0 to 1"
_ONLY_RANKS = "confidence: only ranks here, as it was fitted to other weights or the volume is unlike the library"

_TO_LOOK_AT = 5
"""Slices that are named."""

if TYPE_CHECKING:
    from ...segmentation.output.report import CleanedSegment, RefinementReport, SegmentationReport
    from ...segmentation.prompts.points_and_boxes import PersonsPrompts
    from ...volumes import Plane, Segmentation


def segment(
    library: Annotated[Path, typer.Argument(help="Folder of the support library; with --server its name there.")],
    image: Annotated[Path, typer.Argument(help="The volume: a file, or a folder of DICOM slices.")],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="OUT.seg.nrrd, a label map (.nii.gz, .nrrd, .mha), or a DICOM SEG (.dcm)."),
    ],
    preset: Annotated[str, typer.Option(help="default, fast, accurate, fate-sam or zhao-2024.")] = "default",
    model: Model = "bundled",
    checkpoint: CheckpointOption = None,
    accept_licence: AcceptLicence = None,
    image_size: Annotated[int | None, typer.Option(help="Pixels a side of the model's input.")] = None,
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
    device: Annotated[str | None, typer.Option(help="auto (which is the default), cpu, cuda or mps.")] = None,
    seed: Seed = 0,
    spacing: SpacingOption = None,
    report: Annotated[Path | None, typer.Option(help="Write the report as JSON; - for standard output.")] = None,
    table: Annotated[
        Path | None, typer.Option(help="Write numbers of every segment (volume, surface, diameter, mean, SD) as .csv.")
    ] = None,
    logits: Annotated[Path | None, typer.Option(help="Write the logits as .npz.")] = None,
    learned: Annotated[
        bool,
        typer.Option(
            "--learned/--no-learned",
            help="Use what the library has learned and tuned (`library learn`, `library tune`).",
        ),
    ] = True,
    trust_header: Annotated[
        bool, typer.Option("--trust-header", help="Keep the order of slices that headers tell, whatever images say.")
    ] = False,
    clean: CleanOption = None,
    series: Series = None,
    straighten: Straighten = False,
    so_far: SoFar = None,
    server: Server = None,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
) -> None:
    """Segment a volume by the example of the library's cases."""
    from ...library.store import SupportLibrary
    from ...segmentation.settings.cache_space import memory_cache
    from ...segmentation.settings.region import box_of

    check_result_output(output, image)
    check_json_output(report)
    check_json_output(logits)
    check_so_far(so_far)
    if logits is not None and logits.suffix != ".npz":
        raise InputError(str(logits), "logits are written as .npz", "Give a name that ends in .npz.")
    if table is not None and table.suffix.lower() != ".csv":
        raise InputError(str(table), "numbers are written as .csv", "Give a name that ends in .csv.")
    box = None if roi is None else box_of(roi, "--roi")
    limit = memory_limit(max_memory)
    kept = memory_cache(memory_cache_gb)
    prompts = prompts_of(points)
    from ...segmentation.settings.presets import preset as preset_of

    settings = preset_of(preset, supports)
    steps = clean_steps(clean)
    if server is not None:
        refuse_local_options(
            {
                "--checkpoint": checkpoint,
                "--accept-licence": accept_licence,
                "--image-size": image_size,
                "--supports": supports,
                "--encoder": encoder,
                "--max-memory": max_memory,
                "--memory-cache-gb": memory_cache_gb,
                "--device": device,
                "--logits": logits,
            }
        )
        names = segment_names(segments)
        choices: dict[str, Any] = {"preset": preset, "model": model, "plane": plane, "roi": box, "seed": seed}
        choices |= {"learned": learned, "trust_header": trust_header, "clean": steps}
        plane_of(plane)
        target = volume_of(image, spacing, series, straighten)
        chosen_server = ServerChoice(server, token_file, ca_file)
        found = segment_on_server(chosen_server, str(library), target, prompts, choices | {"segments": names}, so_far)
        _tell_result(found.segmentation, found.report, output, image, series, report)
        return
    settle_model(model, checkpoint, accept_licence, preset)
    opened = SupportLibrary.open(library)
    cases = opened.cases()
    target = volume_of(image, spacing, series, straighten)
    if prompts:
        from ...segmentation.prompts.early import check_prompts

        check_prompts(prompts, target, cases, settings, plane_of(plane), segment_names(segments))
    import torch

    from ...models.device import choose_device
    from ...segmentation.pipeline import segment_volume
    from ...segmentation.settings.cleaning import Cleaning
    from ...segmentation.settings.default_options import usual_options
    from ...segmentation.settings.networks import LEAST_IMAGE_SIZE

    torch.manual_seed(seed)
    chosen = choose_device(device or "auto").name
    models = load_models(
        model,
        encoder,
        checkpoint=checkpoint,
        image_size=image_size,
        device=chosen,
        target=target,
    )
    from ...learning.use import opinion_of
    from ...tuning.use import tuned_for

    settings, tuning = tuned_for(opened, cases, settings, models, learned)
    expert = opinion_of(opened, cases, settings, models.segmenter.sha256, chosen) if learned else None
    with progress_bars() as progress, unfinished_file(so_far) as grown:
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
                trust_header=trust_header,
                cleaning=Cleaning.of(steps),
                progress=progress,
                partial=grown,
                memory_cache=kept,
                least_image_size=LEAST_IMAGE_SIZE if image_size is None else None,
                tuning=tuning,
            ),
            prompts,
            expert,
        )
    _tell_result(result.segmentation, result.report, output, image, series, report)
    if table is not None:
        from ...evaluation.numbers import numbers_of, write_numbers

        sure = {segment.name: segment.confidence for segment in result.report.segments}
        refined = result.report.refinement
        corrected = () if refined is None else refined.corrected
        write_numbers(numbers_of(target, result.segmentation, image.name.split(".")[0], sure, corrected), table)


def _tell_result(
    segmentation: Segmentation,
    told: SegmentationReport,
    output: Path,
    image: Path,
    series: str | None,
    report: Path | None,
) -> None:
    """Write a result and its report, and say what a person wants to know first."""
    automatic = told.refinement is None
    write_result(segmentation, output, image, series=series, model=told.model.name, automatic=automatic)
    if report is not None:
        write_report(told, report)
    print_summary(told)
    if told.refinement is not None:
        print_changes(told.refinement)
    tell_where(output, report)


def tell_where(output: Path, report: Path | None) -> None:
    """Which files a run has written."""
    print(f"wrote {output}" + ("" if report in (None, STDOUT) else f" and {report}"))


def print_summary(report: SegmentationReport) -> None:
    """What a person wants to know first."""
    from ...segmentation.supports.verdict import ALIGNMENT, IN_WORDS, UNLIKE
    from ...volumes.display.slice_place import slice_place
    from ...volumes.display.units import volume_text

    print_table(
        ("segment", "value", "volume", "confidence"),
        [(s.name, str(s.value), volume_text(s.volume_mm3), f"{s.confidence:.2f}") for s in report.segments],
    )
    print(_CALIBRATED if report.calibrated else _ONLY_RANKS)
    print_fitted(report)
    print(f"library: {report.library.name}, {report.library.cases} cases; this volume is {IN_WORDS[report.verdict]}")
    print_cleaned(report)
    if report.look_first:
        grid, axis = report.target.geometry, report.plane_axis
        slices = [f"{index} ({slice_place(grid, axis, index)})" for index in report.look_first[:_TO_LOOK_AT]]
        print(f"slices to look at first: {', '.join(slices)}")
    if report.verdict == UNLIKE:
        why = ", ".join(_BECAUSE[what] for what in report.verdict_because)
        print(f"WARNING: unlike all cases of the library ({why}); look at every slice of these masks", file=sys.stderr)
    elif ALIGNMENT in report.verdict_because:
        print("WARNING: no case of the library could be aligned with this volume; look at every slice", file=sys.stderr)
    for sentence in [] if report.orientation is None else report.orientation.sentences():
        print(f"note: {sentence}", file=sys.stderr)
    if report.less_memory:
        done = ", ".join(report.less_memory)
        print(f"note: memory ran out, so the run was repeated with less: {done}", file=sys.stderr)
    print(f"{sum(report.seconds.values()):.1f} s; {NOTICE}")


def print_fitted(report: SegmentationReport) -> None:
    """What the library's tuning changed; or that nothing in the settings was fitted to the model."""
    from ...segmentation.output.report import TO_NOTHING
    from ...segmentation.settings.tuning import changes_in_words

    if report.tuning is not None:
        told = changes_in_words(report.tuning.settings, report.tuning.confidence) or "the preset's values stay"
        print(f"tuned for {report.model.name} on {report.tuning.cases} cases of this library: {told}")
    elif report.fitted_to == TO_NOTHING:
        print(
            "note: the preset's weights of place and gate were fitted to the bundled model, not to "
            f"{report.model.name}; `retrievalsam library tune` fits them, and confidence, on the library's cases",
            file=sys.stderr,
        )


def print_cleaned(report: SegmentationReport) -> None:
    """What cleaning did to each segment."""
    for name, cleaned in report.cleaned.items():
        print(f"cleaned {name}: {_in_words(cleaned)}")


def _in_words(done: CleanedSegment) -> str:
    told = []
    if done.islands:
        told.append(f"{done.islands} loose islands removed ({done.island_voxels} voxels)")
    if done.holes:
        told.append(f"{done.holes} holes filled ({done.hole_voxels} voxels)")
    if done.smoothed_voxels:
        told.append(f"outline smoothed ({done.smoothed_voxels} voxels)")
    return ", ".join(told)


def print_changes(refinement: RefinementReport) -> None:
    """Which slices are not as they were."""
    for name, slices in refinement.changed.items():
        print(f"slices of {name} that changed: {', '.join(map(str, slices))}")
    if not refinement.changed:
        print("no other slice changed")
    taught = refinement.taught
    if taught is not None and not taught.left_out:
        print(f"a copy of what the library has learned was taught by the corrected slices in {taught.seconds:.0f} s")
    if not refinement.reused:
        print("note: this volume was not segmented before with this library and these settings, so it took longer")


def prompts_of(path: Path | None) -> PersonsPrompts:
    """Points and boxes of the file that `--points` names; none without one."""
    from ...segmentation.prompts.points_and_boxes import NO_PROMPTS, read_prompts

    return NO_PROMPTS if path is None else read_prompts(path)


def plane_of(name: str) -> Plane | None:
    """The plane that `--plane` names, None for `auto`.

    Raises:
        InputError: There is no such plane.
    """
    from ...volumes import Plane

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
        from ...segmentation.settings.memory_use import memory_for_supports

        return memory_for_supports()
    if not gigabytes > 0:
        raise InputError("--max-memory", f"{gigabytes:g} GB is no amount of memory", "Give more than 0.")
    return int(gigabytes * (1 << 30))
