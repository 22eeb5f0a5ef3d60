"""What became of every volume, as a table for spreadsheets and statistics."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..csv_rows import write_rows
from ..volumes import write_staged
from .results import DONE, Outcome
from .review.content import standing_out
from .review.decisions import UNDECIDED, Decisions


def segment_names(outcomes: Sequence[Outcome]) -> list[str]:
    """The segments of all volumes, in the order in which they first come."""
    return list(dict.fromkeys(segment.name for outcome in outcomes for segment in outcome.segments))


def write_table(outcomes: Sequence[Outcome], file: Path, decisions: Decisions) -> None:
    """Write a row a volume: id, state, verdict, confidence, seconds, volume of each segment in mm3, and more.

    That is: how it seems to lie and what was seen when it was read, why it failed, which segments stand out by their
    volumes, what reviewers decided, and what they noted.

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
            "; ".join((*outcome.orientation, *outcome.notes)),
            outcome.error,
            "; ".join(name for name in names if (outcome.id, name) in stands_out),
            "" if standing.state == UNDECIDED else standing.state,
            standing.notes,
        ]

    volumes = [f"{name} (mm3)" for name in names]
    head = ["id", "state", "verdict", "confidence", "seconds", *volumes]
    head += ["reading", "error", "stands_out", "decision", "notes"]

    def write(staged: Path) -> None:
        # The mark at its start lets spreadsheets read names in any script.
        with staged.open("w", encoding="utf-8-sig", newline="") as stream:
            write_rows(stream, [head, *(row(outcome) for outcome in outcomes)])

    write_staged(file, write)
