"""`retrievalsam batch`: many volumes, one library."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ... import NOTICE
from ...errors import InputError
from ..elsewhere.archive_batch import (
    CaFile,
    CredentialsFile,
    DicomWeb,
    Studies,
    archive_choice,
    outcomes_of_archive,
)
from ..inputs import CleanOption, SpacingOption, clean_steps, reading_choices
from ..packages import check_packages
from ..terminal import Seed, print_table, print_without_bars, progress_bars
from .dicom import Series, Straighten
from .library import Library
from .segment import plane_of, segment_names

if TYPE_CHECKING:
    from ...cohort.items import Item
    from ...cohort.order import Order
    from ...cohort.results import Outcome, Results
    from ...cohort.review.decisions import Decisions

_NEEDED = {
    "cryptography": "cryptography",
    "distributed": "distributed",
    "dask_jobqueue": "dask-jobqueue",
    "jinja2": "jinja2",
    "yaml": "pyyaml",
}
_INTERRUPTED = 130
_NAMED = 20
"""Failed volumes, and warnings, that are told; the table has all."""
_TO_LOOK_AT = 5


def batch(
    library: Library,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="Folder for all results; with that of a stopped batch it goes on."),
    ],
    scheduler: Annotated[
        str, typer.Option(help="local, the address of a Dask scheduler, or a .yaml that describes jobs of a cluster.")
    ] = "local",
    workers: Annotated[int | None, typer.Option(help="Processes at a time, or jobs of a cluster.")] = None,
    preset: Annotated[str, typer.Option(help="As for `segment`.")] = "default",
    model: Annotated[str, typer.Option(help="As for `segment`.")] = "bundled",
    encoder: Annotated[str | None, typer.Option(help="As for `segment`.")] = None,
    plane: Annotated[str, typer.Option(help="As for `segment`.")] = "auto",
    segments: Annotated[str | None, typer.Option(help="As for `segment`.")] = None,
    device: Annotated[str, typer.Option(help="As for `segment`.")] = "auto",
    seed: Seed = 0,
    roi: Annotated[
        str | None, typer.Option(help="x0,x1,y0,y1,z0,z1 in voxels, for every volume whose row names no region.")
    ] = None,
    learned: Annotated[bool, typer.Option("--learned/--no-learned", help="As for `segment`.")] = True,
    trust_header: Annotated[bool, typer.Option("--trust-header", help="As for `segment`.")] = False,
    clean: CleanOption = None,
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INPUT...",
            help="Folders, volumes, patterns such as 'scans/*.nii.gz'; or one .csv (path, id; region, series).",
        ),
    ] = None,
    spacing: SpacingOption = None,
    series: Series = None,
    straighten: Straighten = False,
    dicomweb: DicomWeb = None,
    studies: Studies = None,
    dicomweb_credentials: CredentialsFile = None,
    dicomweb_ca: CaFile = None,
) -> None:
    """Segment many volumes; what is stopped goes on with the same command, and what is finished is not done again."""
    check_packages("retrievalsam batch", _NEEDED)
    from ...cohort.cluster import LOCAL
    from ...cohort.items import find_items, in_region
    from ...cohort.order import Order, library_key
    from ...cohort.results import FAILED, Results
    from ...library.lock import LockHeldError, lock_held
    from ...library.store import SupportLibrary
    from ...segmentation.settings.cleaning import Cleaning
    from ...segmentation.settings.presets import preset as preset_of
    from ...segmentation.settings.region import box_of
    from ...segmentation.steps.inputs import wanted_segments

    archive = archive_choice(dicomweb, studies, dicomweb_credentials, dicomweb_ca, inputs or [])
    preset_of(preset)
    steps = clean_steps(clean)
    plane_of(plane)
    box = None if roi is None else box_of(roi, "--roi")
    opened = SupportLibrary.open(library)
    cases = opened.cases()
    results = Results(output.absolute())
    order = Order(
        library=library.absolute(),
        library_key=library_key(cases),
        folder=results.folder,
        preset=preset,
        model=model,
        encoder=encoder,
        device=device,
        plane=plane,
        segments=segment_names(segments),
        seed=seed,
        learned=learned,
        trust_header=trust_header,
        cleaning=Cleaning.of(steps),
        reading=reading_choices(spacing, series, straighten),
    )
    wanted_segments(cases, order.segments)
    if scheduler == LOCAL:
        _check(order)
    results.folder.mkdir(parents=True, exist_ok=True)
    try:
        with lock_held(results.folder / ".lock", 0):
            results.make()
            if archive is not None:
                found = outcomes_of_archive(archive, order, results, scheduler, workers, box)
            else:
                items = [in_region(item, box) for item in find_items(inputs or [], results.folder / "items.csv")]
                found = _run(order, items, scheduler, workers)
    except LockHeldError as error:
        raise InputError(str(output), "another batch writes there", "Wait for it, or choose another folder.") from error
    except KeyboardInterrupt:
        print("\nStopped. Run the same command again to go on.", file=sys.stderr)
        raise typer.Exit(_INTERRUPTED) from None
    _finish(found, results)
    if any(outcome.state == FAILED for outcome in found):
        raise typer.Exit(1)


def _check(order: Order) -> None:
    """What would fail for every volume here is told before the first one; another computer may have what this lacks."""
    from ...volumes import Geometry
    from ...worker.jobs.segmenting import networks_of

    networks_of(order, Geometry((1, 1, 1), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (1, 0, 0, 0, 1, 0, 0, 0, 1)))


def _run(order: Order, items: list[Item], scheduler: str, workers: int | None) -> list[Outcome]:
    """The outcomes of all volumes in the order of the volumes."""
    from ...cohort.cluster import workers_of
    from ...cohort.run import outcomes

    found: dict[str, Outcome] = {}
    with progress_bars() as progress, workers_of(scheduler, workers, order.device) as working:
        progress("volumes", 0, len(items))
        for outcome in outcomes(working, order, items):
            found[outcome.id] = outcome
            progress("volumes", len(found), len(items))
            print_without_bars(f"{len(found)}/{len(items)} {_in_a_line(outcome)}")
    return [found[item.id] for item in items]


def _in_a_line(outcome: Outcome) -> str:
    from ...cohort.results import FAILED
    from ...segmentation.supports.verdict import IN_WORDS

    if outcome.state == FAILED:
        return f"{outcome.id}: failed: {outcome.error}"
    before = " (done before)" if outcome.kept else ""
    told = f"{outcome.id}: {IN_WORDS[outcome.verdict]}, confidence {outcome.confidence:.2f}{before}"
    return "; ".join((told, *outcome.orientation))


def _finish(found: list[Outcome], results: Results) -> None:
    """Table and pages, and what a person wants to know first."""
    from ...cohort.results import FAILED
    from ...cohort.review.content import worst_first
    from ...cohort.review.decisions import Decisions, read_decisions
    from ...cohort.review.page import write_page
    from ...cohort.table import write_table
    from ...evaluation.numbers import write_numbers
    from ...segmentation.supports.verdict import IN_WORDS

    table = results.folder / "batch.csv"
    try:
        decisions = read_decisions(results.folder)
    except InputError as error:  # what was computed is not lost for it
        print(f"warning: {error}", file=sys.stderr)
        decisions = Decisions()
    write_table(found, table, decisions)
    write_numbers([row for outcome in found for row in outcome.numbers], results.folder / "numbers.csv")
    index = write_page(found, results, decisions)
    done, failed = worst_first(found), [outcome for outcome in found if outcome.state == FAILED]
    # First what is rare: most volumes of a batch are read alike, and what was seen then is told of many.
    told = [(outcome.id, note) for outcome in found for note in outcome.orientation]
    told += [(outcome.id, note) for outcome in found for note in outcome.notes]
    for item_id, note in told[:_NAMED]:
        print(f"warning: {item_id}: {note}", file=sys.stderr)
    if len(told) > _NAMED:
        print(f"warning: and {len(told) - _NAMED} more (in {table})", file=sys.stderr)
    for outcome in failed[:_NAMED]:
        print(f"failed: {outcome.id}: {outcome.error}", file=sys.stderr)
    if len(failed) > _NAMED:
        print(f"failed: and {len(failed) - _NAMED} more (in {table})", file=sys.stderr)
    print_table(
        ("to look at first", "verdict", "confidence"),
        [(outcome.id, IN_WORDS[outcome.verdict], f"{outcome.confidence:.2f}") for outcome in done[:_TO_LOOK_AT]],
    )
    before = sum(outcome.kept for outcome in done)
    print(f"{len(done)} segmented ({before} of them before), {len(failed)} failed")
    for fault in decisions.faults:
        print(f"warning: a decision cannot be read: {fault}", file=sys.stderr)
    if decisions.lines:
        print(_decided(decisions, {outcome.id: outcome.result for outcome in done}))
    print(f"table: {table}; page to decide on: {index}; {NOTICE}")
    if details := [f"{outcome.id}\n{outcome.details}" for outcome in failed if outcome.details]:
        (results.folder / "errors.log").write_text("\n".join(details), encoding="utf-8")
        print(f"what to report of errors of the program: {results.folder / 'errors.log'}", file=sys.stderr)


def _decided(decisions: Decisions, results: dict[str, str]) -> str:
    from ...cohort.review.decisions import ACCEPTED, DISPUTED, REJECTED

    states = [decisions.standing(volume, result).state for volume, result in results.items()]
    counted = ", ".join(f"{states.count(state)} {state}" for state in (ACCEPTED, REJECTED, DISPUTED))
    outdated = decisions.outdated(results)
    left = f"; {outdated} decision(s) are of results that are no more there, and do not count" if outdated else ""
    return f"decided: {counted}{left}"
