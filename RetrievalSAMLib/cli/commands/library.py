"""`retrievalsam library`: keep annotated cases."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...errors import InputError
from ..accepted import add_all_accepted
from ..inputs import GridOption, SpacingOption, segmentation_of, volume_of
from ..terminal import check_json_output, print_table, progress_bars, write_json
from .dicom import Series, Straighten
from .segment import plane_of

if TYPE_CHECKING:
    from ...library.format import Provenance
    from ...volumes import Segmentation, Volume

_DRAWN = "drawn"

app = typer.Typer(help="Keep annotated cases in a folder of your own.", no_args_is_help=True)

Library = Annotated[Path, typer.Argument(help="Folder of the support library.", metavar="LIB")]
CaseName = Annotated[str, typer.Argument(help="Name of a case, or the beginning of its id.", metavar="CASE")]
Json = Annotated[Path | None, typer.Option("--json", help="Write the answer as JSON; - for standard output.")]


@app.command()
def create(library: Library, name: Annotated[str | None, typer.Option(help="Name of the library.")] = None) -> None:
    """Make an empty library."""
    from ...library.store import SupportLibrary

    made = SupportLibrary.create(library, name)
    print(f"made the library {made.name}")


@app.command()
def add(
    library: Library,
    image: Annotated[Path | None, typer.Option(help="The volume: a file, or a folder of DICOM slices.")] = None,
    segmentation: Annotated[
        Path | None, typer.Option(help="Its segmentation: .seg.nrrd, a label map, or a DICOM SEG or RTSTRUCT.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the case; case-001 and so on by default.")] = None,
    modality: Annotated[str | None, typer.Option(help="For example MR or CT.")] = None,
    segment: Annotated[list[str] | None, typer.Option(help="VALUE=NAME, once for each segment to name.")] = None,
    plane: Annotated[str, typer.Option(help="auto, axial, coronal or sagittal.")] = "auto",
    annotated_slices: Annotated[
        str | None,
        typer.Option(
            help="Slices that were really annotated, with commas, along the sliced axis; or `drawn`: all that hold a "
            "segment. Without it every slice was, also where nothing is drawn."
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(help="Report of the `segment` or `refine` that made it: model and corrected slices are kept."),
    ] = None,
    spacing: SpacingOption = None,
    grid: GridOption = "own",
    series: Series = None,
    straighten: Straighten = False,
    accepted: Annotated[
        Path | None,
        typer.Option(help="A batch's folder, instead of an image: all results that its reviewers accepted."),
    ] = None,
    volumes: Annotated[
        Path | None, typer.Option(help="With --accepted: the table that was given to `batch`, where one was.")
    ] = None,
) -> None:
    """Add an annotated volume, or with --accepted those of a batch. Only pixels, grid and segments are kept.

    A label map keeps its values; those that --segment does not name get the library's names for them, and where it has
    none, they are asked for. The segments of a .seg.nrrd get the values that the library already has for them.
    """
    if accepted is not None:
        given = {"--image": image, "--segmentation": segmentation, "--name": name, "--segment": segment,
                 "--annotated-slices": annotated_slices, "--report": report}  # fmt: skip
        add_all_accepted(library, accepted, volumes, modality, [option for option, value in given.items() if value])
        return
    if image is None or segmentation is None:
        raise InputError("--image and --segmentation", "one of them is missing", "Give both, or --accepted STUDY.")
    from ...library.adding.naming import as_in_library
    from ...library.adding.selection import slices_drawn_in
    from ...library.store import SupportLibrary
    from ...retrieval.same_study import notes_on

    names = _segment_names(segment or [])
    slices = None if annotated_slices == _DRAWN else _slice_numbers(annotated_slices)
    opened = SupportLibrary.open(library)
    volume = volume_of(image, spacing, series, straighten)
    provenance, sliced = (None, None) if report is None else _provenance(report, volume, image)
    drawn = segmentation_of(segmentation, image, volume.geometry, grid, spacing)
    drawn = as_in_library(drawn, segmentation, opened.segments(), names)
    # Corrected slices are counted along the axis that the run sliced.
    chosen = plane_of(plane if sliced is None or plane != "auto" else sliced)
    if annotated_slices == _DRAWN:
        slices = slices_drawn_in(drawn, chosen)
    warn_before_adding(name, drawn, image, segmentation)
    case = opened.add(
        volume,
        drawn,
        name=name,
        modality=modality,
        plane=chosen,
        annotated_slices=slices,
        provenance=provenance,
        image_name=str(image),
        segmentation_name=str(segmentation),
    )
    print(f"added {case.name}: {', '.join(s.name for s in case.segments)}")
    for note in notes_on(opened, case):
        print(f"warning: {note.text}", file=sys.stderr)


@app.command("list")
def list_cases(library: Library, json: Json = None) -> None:
    """List the cases."""
    from ...library.store import SupportLibrary

    check_json_output(json)
    cases = SupportLibrary.open(library).cases()
    print_table(
        ("case", "modality", "plane", "versions", "segments"),
        [
            (
                c.name,
                c.modality or "-",
                str(c.plane),
                str(len(c.versions)),
                ", ".join(s.name for s in c.segments),
            )
            for c in cases
        ],
    )
    if json is not None:
        write_json(json, {"cases": [c.record for c in cases]})


@app.command()
def show(library: Library, case: CaseName, json: Json = None) -> None:
    """Show one case."""
    from ...library.store import SupportLibrary

    check_json_output(json)
    found = SupportLibrary.open(library).get(case)
    geometry = found.load_image().geometry
    print(f"{found.name} ({found.id})")
    print(f"modality {found.modality or '-'}, sliced {found.plane}, {len(found.versions)} version(s)")
    print(f"size {geometry.size}, spacing {geometry.spacing_mm} mm")
    print_table(
        ("segment", "value", "annotated slices"),
        [
            (
                s.name,
                str(s.value),
                "all" if s.annotated_slices is None else ", ".join(map(str, s.annotated_slices)),
            )
            for s in found.segments
        ],
    )
    if json is not None:
        write_json(json, found.record)


@app.command()
def rename(
    library: Library,
    case: CaseName,
    segment: Annotated[list[str], typer.Option(help="VALUE=NAME, once for each segment to rename.")],
) -> None:
    """Give segments of a case other names, and the same segments of all other cases; masks and values stay.

    Each case that changes gets a new version.
    """
    from ...library.store import SupportLibrary

    changed = SupportLibrary.open(library).rename(case, _segment_names(segment))
    for one in changed:
        print(f"{one.name}: {', '.join(f'{s.value} {s.name}' for s in one.segments)}")
    if not changed:
        print("nothing changes: the segments have these names already")


@app.command()
def remove(library: Library, case: CaseName) -> None:
    """Move a case to the library's trash; `restore` brings it back."""
    from ...library.store import SupportLibrary

    removed = SupportLibrary.open(library).remove(case)
    print(f"removed {case}; to bring it back: retrievalsam library restore {library} {removed[:8]}")


@app.command()
def restore(library: Library, case: CaseName) -> None:
    """Bring a removed case back."""
    from ...library.store import SupportLibrary

    print(f"restored {SupportLibrary.open(library).restore(case).name}")


@app.command()
def verify(
    library: Library,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Make anew what is derived, and move damaged cases to the library's folder `quarantine`, each with a "
            "note. Nothing is deleted.",
        ),
    ] = False,
) -> None:
    """Compare every file with its checksum; exit code 1 if one is damaged. Changes nothing without --repair."""
    from ...library.upkeep.repair import damage_of
    from ...library.upkeep.repair import repair as repaired

    if repair:
        for done in repaired(library):
            print(f"{done.file}: {done.done}")
    damage = damage_of(library)
    for item in damage:
        print(f"{item.file}: {item.fact}")
    if damage:
        raise typer.Exit(1)
    print("every file is as it was written")


@app.command("export")
def export_file(
    library: Library,
    file: Annotated[Path, typer.Argument(help="The .rslib file to write.", metavar="FILE.rslib")],
    case: Annotated[list[str] | None, typer.Option(help="Name or id of a case, once for each; all by default.")] = None,
    json: Json = None,
) -> None:
    """Write the cases, with all their versions, into one file."""
    from ...library.adding.privacy import library_warnings_of
    from ...library.sharing.archive import export_library
    from ...library.store import SupportLibrary

    check_json_output(json)
    opened = SupportLibrary.open(library)
    cases = opened.cases() if case is None else [opened.get(one) for one in case]
    for one in library_warnings_of(opened.name, cases):
        print(f"warning: {one.name}: {one.reason}; whoever gets the file can read it", file=sys.stderr)
    with progress_bars() as progress:
        exported = export_library(opened, file, case, progress)
    print(f"exported {exported.cases} case(s), {exported.bytes / 1e6:.1f} MB")
    if json is not None:
        write_json(json, exported)


@app.command("import")
def import_file(
    library: Library,
    file: Annotated[Path, typer.Argument(help="The exported library.", metavar="FILE.rslib")],
    json: Json = None,
) -> None:
    """Add the cases of an exported library: all, or none; a new or empty folder becomes a library."""
    from ...library.sharing.archive import import_archive, open_or_create

    check_json_output(json)
    opened = open_or_create(library, file)
    with progress_bars() as progress:
        imported = import_archive(opened, file, progress)
    for name in imported.added:
        print(f"added {name}")
    for case in imported.skipped:
        print(f"skipped {case.name}: {case.reason}")
    if json is not None:
        write_json(json, imported)


def warn_before_adding(name: str | None, drawn: Segmentation, image: Path, segmentation: Path | None) -> None:
    """Say what looks like patient data: in names, which are kept, and in headers, which are not. Repeats none of it."""
    from ...library.adding.privacy import header_warnings_of, warnings_of

    named = [("the case's name", name or "")]
    named += [(f"the name of segment {one.value}", one.name) for one in drawn.segments]
    for what, text in named:
        for warning in warnings_of([text]):
            print(f"warning: {what}: {warning.reason}; it is kept, and goes where the library goes", file=sys.stderr)
    for what, path in (("image", image), ("segmentation", segmentation)):
        found = [] if path is None else header_warnings_of(path)
        if found:
            fields = ", ".join(dict.fromkeys(f"{one.name} ({one.reason})" for one in found))
            print(f"warning: the {what}'s header tells of the patient: {fields}; no header is kept", file=sys.stderr)


def _provenance(path: Path, volume: Volume, image: Path) -> tuple[Provenance, str]:
    """Where a result comes from, as its report says, and the plane in which it was made."""
    from ...library.format import Provenance
    from ...segmentation.output.report import read_report

    told = read_report(path)
    if told.target.sha256 != volume.content_hash():
        remedy = "Give the report of the run that made this segmentation."
        raise InputError(str(path), f"it is the report on another volume than {image}", remedy)
    corrected = told.refinement.corrected if told.refinement else None
    return Provenance.of_run(told.model.name, told.model.sha256, corrected), told.plane


def _segment_names(given: list[str]) -> dict[int, str]:
    names = {}
    for text in given:
        value, _, name = text.partition("=")
        if not value.strip().isdecimal() or not name.strip():
            raise InputError("--segment", f"'{text}' is not VALUE=NAME", "Give for example --segment 1=Liver.")
        names[int(value)] = name.strip()
    return names


def _slice_numbers(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdigit() for part in parts):
        raise InputError(
            "--annotated-slices", f"'{text}' is not a list of numbers", "Give for example 10,14,20, or drawn."
        )
    return tuple(int(part) for part in parts)
