"""What the commands say: progress on stderr (to a terminal only), tables and JSON on stdout."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..segmentation.pipeline import Progress


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """Bars for (stage, done, total); nothing at all where stderr is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description:<22}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not sys.stderr.isatty()) as bars:
        tasks: dict[str, int] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(bars.task_ids[tasks[stage]], completed=done, total=total)

        yield report


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
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bars:
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
    """Indented JSON; a reader sees the whole file or none."""
    import msgspec

    from ..volumes import write_staged

    text = msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"
    write_staged(path, lambda staged: _write(staged, text))


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def check_json_output(path: Path | None) -> None:
    """Refuse an output path that cannot be written, before the work begins."""
    from ..errors import InputError

    if path is None:
        return
    if path.is_dir():
        raise InputError(str(path), "it is a folder", "Give the name of a file.")
    if not path.absolute().parent.is_dir():
        raise InputError(str(path), "its folder does not exist", "Make the folder first, or correct the path.")
