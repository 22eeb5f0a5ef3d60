"""`segment --so-far FILE`: what a run has found so far, in a file that another program can open meanwhile."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError
from ..progress import unfinished

if TYPE_CHECKING:
    from ..segmentation.settings.options import Partial
    from ..volumes import Segmentation

SoFar = Annotated[
    Path | None,
    typer.Option(help="Write what is found so far into this file, again and again; it goes when the run ends."),
]


def check_so_far(path: Path | None) -> None:
    """Refuse a file that cannot be written, or is there: it would be lost.

    Raises:
        InputError: It is so.
    """
    from ..volumes import check_output

    if path is None:
        return
    check_output(path)
    if path.exists():
        raise InputError(str(path), "it is there already, and would be deleted at the end", "Give another name.")


@contextmanager
def unfinished_file(path: Path | None) -> Iterator[Partial | None]:
    """What is to be given what there is so far; None without a file. At the end the file is deleted.

    A file that cannot be written costs the sight of it, not the run.
    """
    if path is None:
        yield None
        return
    from ..volumes import write_segmentation

    is_broken = False

    def write(segmentation: Segmentation, done: int, total: int) -> None:
        nonlocal is_broken
        if is_broken:
            return
        try:
            write_segmentation(segmentation, path, comment=unfinished(done, total))
        except InputError as error:
            is_broken = True
            print(f"note: the run goes on without --so-far: {error}", file=sys.stderr)

    try:
        yield write
    finally:
        path.unlink(missing_ok=True)
