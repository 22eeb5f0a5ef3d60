"""`retrievalsam start`: a first case, from a few drawn slices or clicks and no library."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ... import NOTICE
from ...errors import InputError
from ..inputs import CleanOption, GridOption, SpacingOption, clean_steps, segmentation_of, volume_of
from ..networks import load_models, settle_model
from ..terminal import Seed, check_json_output, print_table, progress_bars, write_report
from .dicom import Series, Straighten, check_result_output, write_result
from .library import warn_before_adding
from .refine import slice_numbers
from .segment import plane_of, print_cleaned, prompts_of, tell_where

if TYPE_CHECKING:
    from ...library.store import SupportLibrary
    from ...segmentation.output.report import SegmentationReport
    from ...volumes import Segmentation, Volume

_TO_LOOK_AT = 5


def start(
    image: Annotated[Path, typer.Argument(help="The volume: a file, or a folder of DICOM slices.")],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="OUT.seg.nrrd, a label map (.nii.gz, .nrrd, .mha), or a DICOM SEG (.dcm)."),
    ],
    slices: Annotated[
        Path | None, typer.Option(help="A segmentation of the volume in which one to three slices are drawn.")
    ] = None,
    drawn: Annotated[
        str | None,
        typer.Option(
            help="Numbers of the drawn slices, with commas, counted from 0 along the sliced axis of the image file; "
            "an empty one ends the structures before it. By default all that hold any structure."
        ),
    ] = None,
    points: Annotated[
        Path | None, typer.Option(help="Points and boxes as JSON (docs/formats.md); this or --slices, or both.")
    ] = None,
    into: Annotated[
        Path | None, typer.Option(help="Add the result to this support library, which is made if it is not there.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="With --into: name of the case; numbered by default.")] = None,
    modality: Annotated[str | None, typer.Option(help="With --into: for example MR or CT.")] = None,
    model: Annotated[str, typer.Option(help="As for `segment`.")] = "bundled",
    checkpoint: Annotated[Path | None, typer.Option(help="As for `segment`.")] = None,
    accept_licence: Annotated[str | None, typer.Option(help="As for `segment`.")] = None,
    image_size: Annotated[int | None, typer.Option(help="As for `segment`.")] = None,
    plane: Annotated[str, typer.Option(help="Plane of the drawn slices: auto, axial, coronal or sagittal.")] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    clean: CleanOption = None,
    seed: Seed = 0,
    spacing: SpacingOption = None,
    grid: GridOption = "own",
    report: Annotated[Path | None, typer.Option(help="Write the report as JSON; - for standard output.")] = None,
    series: Series = None,
    straighten: Straighten = False,
) -> None:
    """Segment a volume from one to three of its own slices: the first case, without a library.

    What is drawn stays as it is and is carried through the whole volume, both ways.
    """
    from ...segmentation.first_case.clicks import checked_start
    from ...segmentation.pipeline import RunOptions, start_volume
    from ...segmentation.settings.cleaning import Cleaning
    from ...segmentation.settings.memory_use import memory_for_supports
    from ...segmentation.settings.networks import LEAST_IMAGE_SIZE
    from ...volumes import SliceFrame, choose_plane

    check_result_output(output, image)
    check_json_output(report)
    if slices is None and points is None:
        raise InputError("start", "neither drawn slices nor points are named", "Give --slices, --points, or both.")
    if into is None and (name is not None or modality is not None):
        raise InputError("start", "--name and --modality are those of a case", "Name its library with --into.")
    named = None if drawn is None else slice_numbers(drawn, "--drawn")
    prompts, chosen, steps = prompts_of(points), plane_of(plane), clean_steps(clean)
    settle_model(model, checkpoint, accept_licence)
    library = None if into is None else _library(into)
    target = volume_of(image, spacing, series, straighten)
    given = None if slices is None else segmentation_of(slices, image, target.geometry, grid, spacing)
    # What is wrong with it is told before a network is loaded.
    checked_start(
        SliceFrame(target.geometry, chosen or choose_plane(target.geometry)), given, named, prompts, str(slices)
    )
    if given is not None and library is not None:
        from ...library.segments import with_library_names

        given = with_library_names(given, library.segments())
    import torch

    from ...models.device import choose_device

    torch.manual_seed(seed)
    models = load_models(
        model, None, checkpoint=checkpoint, image_size=image_size, device=choose_device(device).name, target=target
    )
    with progress_bars() as progress:
        result = start_volume(
            target,
            given,
            named,
            models,
            RunOptions(
                plane=chosen,
                max_memory_bytes=memory_for_supports(),
                library_name="none",
                seed=seed,
                progress=progress,
                cleaning=Cleaning.of(steps),
                least_image_size=LEAST_IMAGE_SIZE if image_size is None else None,
            ),
            prompts,
            thing=str(slices),
        )
    write_result(result.segmentation, output, image, series=series, model=result.report.model.name, automatic=False)
    if report is not None:
        write_report(result.report, report)
    _print_summary(result.report)
    tell_where(output, report)
    if into is not None:
        _add(library, into, target, result.segmentation, result.report, name=name, modality=modality, image=image)


def _library(folder: Path) -> SupportLibrary | None:
    """The library of a folder; None where it is still to be made."""
    from ...library.store import SupportLibrary

    if folder.is_dir() and any(folder.iterdir()):
        return SupportLibrary.open(folder)
    if folder.exists() and not folder.is_dir():
        raise InputError(str(folder), "it is a file, not a folder", "Choose a new folder for the library.")
    return None


def _add(
    library: SupportLibrary | None,
    folder: Path,
    target: Volume,
    found: Segmentation,
    report: SegmentationReport,
    *,
    name: str | None,
    modality: str | None,
    image: Path,
) -> None:
    """Keep the result as a case: every slice of it counts, and the drawn ones are known as corrected."""
    from ...library.format import Provenance
    from ...library.segments import with_library_values
    from ...library.store import SupportLibrary
    from ...retrieval.same_study import notes_on

    opened = SupportLibrary.create(folder) if library is None else library
    told = report.refinement
    assert told is not None  # every first case has drawn slices
    warn_before_adding(name, found, image, None)
    case = opened.add(
        target,
        with_library_values(found, opened.segments()),
        name=name,
        modality=modality,
        plane=report.plane,
        provenance=Provenance.of_run(report.model.name, report.model.sha256, told.corrected),
        image_name=str(image),
    )
    print(f"added {case.name} to {folder}: {', '.join(s.name for s in case.segments)}")
    for note in notes_on(opened, case):
        print(f"warning: {note.text}", file=sys.stderr)


def _print_summary(report: SegmentationReport) -> None:
    from ...volumes.display.slice_place import slice_place
    from ...volumes.display.units import volume_text

    print_table(
        ("segment", "value", "volume", "confidence"),
        [(s.name, str(s.value), volume_text(s.volume_mm3), f"{s.confidence:.2f}") for s in report.segments],
    )
    assert report.refinement is not None
    print(f"drawn slices, kept as they are: {', '.join(map(str, report.refinement.corrected))}")
    print_cleaned(report)
    if report.look_first:
        grid, axis = report.target.geometry, report.plane_axis
        places = [f"{index} ({slice_place(grid, axis, index)})" for index in report.look_first[:_TO_LOOK_AT]]
        print(f"slices to look at first: {', '.join(places)}")
    print("confidence: only ranks slices here; look at all of them, and draw another one where it went astray")
    print(f"{sum(report.seconds.values()):.1f} s; {NOTICE}")
