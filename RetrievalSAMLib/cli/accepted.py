"""`retrievalsam library add LIB --accepted STUDY`: what reviewers of a batch accepted becomes cases."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from ..errors import InputError

_WRONG_INPUT = 2


def add_all_accepted(
    library: Path, study: Path, volumes: Path | None, modality: str | None, others: Sequence[str]
) -> None:
    """Add all accepted results of a batch, and say what became of each.

    Args:
        library: Folder of the library.
        study: Folder of the batch.
        volumes: Table of its volumes; its own where None.
        modality: Of all of them.
        others: Options of a single case that were given too.

    Raises:
        InputError: Options contradict each other, or the folder cannot be used.
        Exit: With code 2 where a result could not be added.
    """
    from ..cohort.review.accepting import accepted_results, add_accepted
    from ..library.store import SupportLibrary
    from ..retrieval.same_study import notes_on

    if others:
        raise InputError("--accepted", f"it does not go with {others[0]}", "Give one or the other.")
    opened = SupportLibrary.open(library)
    found = accepted_results(study, volumes)
    added, failed = 0, 0
    for one in add_accepted(opened, study, found, modality):
        if one.case is not None:
            added += 1
            print(f"added {one.case.name} from {one.id}: {', '.join(s.name for s in one.case.segments)}")
            for note in notes_on(opened, one.case):
                print(f"warning: {note.text}", file=sys.stderr)
        else:
            failed += one.failed
            print(f"{'failed' if one.failed else 'skipped'}: {one.id}: {one.told}", file=sys.stderr)
    print(f"{added} of {len(found)} accepted result(s) added")
    if failed:
        raise typer.Exit(_WRONG_INPUT)
