"""What became of every volume, as a table for spreadsheets and statistics."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from ..volumes import write_staged
from .items import FORMULA
from .results import DONE, Outcome
from .review.content import standing_out
from .review.decisions import UNDECIDED, Decisions


def segment_names(outcomes: Sequence[Outcome]) -> list[str]:
    """The segments of all volumes, in the order in which they first come."""
    return list(dict.fromkeys(segment.name for outcome in outcomes for segment in outcome.segments))


def write_table(outcomes: Sequence[Outcome], file: Path, decisions: Decisions) -> None:
    """Write a row a volume: id, state, verdict, confidence, seconds, volume of each segment in mm3, and more.

    That is: what was seen when it was read, why it failed, which segments stand out by their volumes, what reviewers
    decided, and what they noted.

    Raises:
        InputError: The file cannot be written.
    """
    names = segment_names(outcomes)
    stands_out = standing_out([outcome for outcome in outcomes if outcome.state == DONE])

    def row(outcome: Outcome) -> list[str]:
        done = outcome.state == DONE
        standing = decisions.standing(outcome.id, outcome.result)
        found = {segment.name: f"{segment.volume_mm3:.3f}" for segment in outcome.segments}
        return [
            outcome.id,
            outcome.state,
            outcome.verdict,
            f"{outcome.confidence:.3f}" if done else "",
            f"{outcome.seconds:.2f}" if done else "",
            *(found.get(name, "") for name in names),
            "; ".join(outcome.notes),
            outcome.error,
            "; ".join(name for name in names if (outcome.id, name) in stands_out),
            "" if standing.state == UNDECIDED else standing.state,
            _as_text(standing.notes),
        ]

    def write(staged: Path) -> None:
        # The mark at its start lets spreadsheets read names in any script.
        with staged.open("w", encoding="utf-8-sig", newline="") as stream:
            rows = csv.writer(stream)
            volumes = [f"{name} (mm3)" for name in names]
            rows.writerow(
                [
                    "id",
                    "state",
                    "verdict",
                    "confidence",
                    "seconds",
                    *volumes,
                    "reading",
                    "error",
                    "stands_out",
                    "decision",
                    "notes",
                ]
            )
            rows.writerows(row(outcome) for outcome in outcomes)

    write_staged(file, write)


def _as_text(note: str) -> str:
    """What somebody has typed, so that no spreadsheet takes it for a formula."""
    return f"'{note}" if note.startswith(FORMULA) else note
