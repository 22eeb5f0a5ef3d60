"""`retrievalsam batch`: many volumes, one library."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .. import NOTICE
from ..errors import InputError
from .library import Library
from .segment import plane_of, segment_names
from .terminal import print_table, progress_bars

if TYPE_CHECKING:
    from ..cohort.items import Item
    from ..cohort.order import Order
    from ..cohort.results import Outcome, Results

_NEEDED = ("cryptography", "distributed", "dask_jobqueue", "jinja2", "yaml")
_INTERRUPTED = 130
_NAMED = 20
"""Failed volumes that are named; the table has all."""
_TO_LOOK_AT = 5


def batch(
    library: Library,
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="Folders, volumes, or patterns such as 'scans/*.nii.gz'; or one .csv (path, id, optional region).",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for all results; one of before goes on.")],
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
    seed: Annotated[int, typer.Option(help="As for `segment`.", min=-(2**63), max=2**63 - 1)] = 0,
) -> None:
    """Segment many volumes; what is stopped goes on with the same command, and what is finished is not done again."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        remedy = 'Install what batches need: pip install "retrievalsam[cohort]".'
        raise InputError("batch", f"the package {missing[0]} is not installed", remedy)
    from ..cohort.cluster import LOCAL
    from ..cohort.items import find_items
    from ..cohort.order import Order, library_key
    from ..cohort.results import FAILED, Results
    from ..library.lock import LockHeldError, lock_held
    from ..library.store import SupportLibrary
    from ..segmentation.presets import preset as preset_of
    from ..segmentation.run import wanted_segments

    preset_of(preset)
    plane_of(plane)
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
    )
    wanted_segments(cases, order.segments)
    if scheduler == LOCAL:
        _check(order)
    results.folder.mkdir(parents=True, exist_ok=True)
    try:
        with lock_held(results.folder / ".lock", 0):
            results.make()
            items = find_items(inputs, results.folder / "items.csv")
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
    from ..volumes import Geometry
    from ..worker.jobs.segmenting import networks_of

    networks_of(order, Geometry((1, 1, 1), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (1, 0, 0, 0, 1, 0, 0, 0, 1)))


def _run(order: Order, items: list[Item], scheduler: str, workers: int | None) -> list[Outcome]:
    """The outcomes of all volumes in the order of the volumes."""
    from ..cohort.cluster import workers_of
    from ..cohort.run import outcomes

    found: dict[str, Outcome] = {}
    with progress_bars() as progress, workers_of(scheduler, workers, order.device) as working:
        progress("volumes", 0, len(items))
        for outcome in outcomes(working, order, items):
            found[outcome.id] = outcome
            progress("volumes", len(found), len(items))
    return [found[item.id] for item in items]


def _finish(found: list[Outcome], results: Results) -> None:
    """Table and pages, and what a person wants to know first."""
    from ..cohort.page import worst_first, write_pages
    from ..cohort.results import FAILED
    from ..cohort.table import write_table

    table = results.folder / "batch.csv"
    write_table(found, table)
    index = write_pages(found, results)
    done, failed = worst_first(found), [outcome for outcome in found if outcome.state == FAILED]
    for outcome in failed[:_NAMED]:
        print(f"failed: {outcome.id}: {outcome.error}", file=sys.stderr)
    if len(failed) > _NAMED:
        print(f"failed: and {len(failed) - _NAMED} more (in {table})", file=sys.stderr)
    print_table(
        ("to look at first", "verdict", "confidence"),
        [(outcome.id, outcome.verdict, f"{outcome.confidence:.2f}") for outcome in done[:_TO_LOOK_AT]],
    )
    before = sum(outcome.kept for outcome in done)
    print(f"{len(done)} segmented ({before} of them before), {len(failed)} failed")
    print(f"table: {table}; contact sheets: {index}; {NOTICE}")
    if details := [f"{outcome.id}\n{outcome.details}" for outcome in failed if outcome.details]:
        (results.folder / "errors.log").write_text("\n".join(details), encoding="utf-8")
        print(f"what to report of errors of the program: {results.folder / 'errors.log'}", file=sys.stderr)
