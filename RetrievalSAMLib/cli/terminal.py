"""What the commands say: progress on stderr (to a terminal only), tables and JSON on stdout."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from ..errors import InputError

if TYPE_CHECKING:
    from ..segmentation.output.report import SegmentationReport
    from ..segmentation.pipeline import Progress

STDOUT = Path("-")
"""An output file of this name stands for standard output."""

_QUIET = "--quiet"
_AS_JSON = ("--json", "--report")
_ASKS = {"--help", "--version", "--show-completion", "--install-completion"}

_answers: ContextVar[TextIO | None] = ContextVar("answers", default=None)
"""Where JSON for standard output goes, while other text does not go there."""
_quiet: ContextVar[bool] = ContextVar("quiet", default=False)


@contextmanager
def spoken(arguments: Sequence[str]) -> Iterator[list[str]]:
    """Text where a command's arguments want it, and these arguments without `--quiet`, which may stand anywhere.

    With `--quiet` what is told on the way and at the end is left out; warnings and errors are not. Where JSON goes to
    standard output (`--json -`), text goes to standard error, so that nothing else is mixed with it.
    """
    given = list(arguments)
    end = given.index("--") if "--" in given else len(given)
    quiet = _QUIET in given[:end] and not _ASKS & set(given[:end])
    rest = [word for word in given[:end] if word != _QUIET] + given[end:]
    pairs = [*zip(rest, rest[1:], strict=False), *(tuple(word.split("=", 1)) for word in rest if "=" in word)]
    piped = any((option, str(STDOUT)) in pairs for option in _AS_JSON)
    if not quiet and not piped:
        yield rest
        return
    answers, was_quiet = _answers.set(sys.stdout), _quiet.set(quiet)
    try:
        with redirect_stdout(io.StringIO() if quiet else sys.stderr):
            yield rest
    finally:
        _answers.reset(answers)
        _quiet.reset(was_quiet)


def _checked_seed(seed: int) -> int:
    if not -(2**63) <= seed < 2**63:
        raise InputError("--seed", f"{seed} has more than 64 bits", "Give a smaller whole number.")
    return seed


Seed = Annotated[int, typer.Option(help="Seed of every random generator.", callback=_checked_seed)]


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """Bars for (stage, done, total); nothing at all where stderr is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description:<22}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=_quiet.get() or not sys.stderr.isatty()) as bars:
        tasks: dict[str, int] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(bars.task_ids[tasks[stage]], completed=done, total=total)

        yield report


def print_without_bars(text: str) -> None:
    """Say on stderr how far it is, where no bar does (a log file, a job of a cluster); nothing with `--quiet`."""
    if not _quiet.get() and not sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)


@contextmanager
def byte_bar(name: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for (done, total) bytes of one file."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (TextColumn(name), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=_quiet.get() or not sys.stderr.isatty()) as bars:
        task = bars.add_task(name, total=None)

        def report(done: int, total: int) -> None:
            bars.update(task, completed=done, total=total)

        yield report


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A plain table: first column to the left, numbers as they are given, to the right."""
    widths = [
        max(len(column), *(len(row[i]) for row in rows)) if rows else len(column) for i, column in enumerate(columns)
    ]
    for row in [columns, *rows]:
        cells = [
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())


def write_json(path: Path, content: object) -> None:
    """Indented JSON; a reader sees the whole file or none. `STDOUT` stands for standard output."""
    import msgspec

    from ..volumes import write_staged

    text = msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"
    if path == STDOUT:
        print(text.decode("utf-8"), end="", file=_answers.get() or sys.stdout)
        return
    write_staged(path, lambda staged: _write(staged, text))


def write_report(report: SegmentationReport, path: Path) -> None:
    """The report of a run as JSON; `STDOUT` stands for standard output."""
    write_json(path, report)


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def check_json_output(path: Path | None) -> None:
    """Refuse an output path that cannot be written, before the work begins."""
    if path is None or path == STDOUT:
        return
    if path.is_dir():
        raise InputError(str(path), "it is a folder", "Give the name of a file.")
    if not path.absolute().parent.is_dir():
        raise InputError(str(path), "its folder does not exist", "Make the folder first, or correct the path.")
