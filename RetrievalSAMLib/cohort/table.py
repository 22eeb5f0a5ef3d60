"""What became of every volume, as a table for spreadsheets and statistics."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from ..volumes import write_staged
from .results import DONE, Outcome


def segment_names(outcomes: Sequence[Outcome]) -> list[str]:
    """The segments of all volumes, in the order in which they first come."""
    return list(dict.fromkeys(segment.name for outcome in outcomes for segment in outcome.segments))


def write_table(outcomes: Sequence[Outcome], file: Path) -> None:
    """Write a row a volume: id, state, verdict, confidence, seconds, volume of each segment in mm3, error.

    Raises:
        InputError: The file cannot be written.
    """
    names = segment_names(outcomes)

    def row(outcome: Outcome) -> list[str]:
        done = outcome.state == DONE
        found = {segment.name: f"{segment.volume_mm3:.3f}" for segment in outcome.segments}
        return [
            outcome.id,
            outcome.state,
            outcome.verdict,
            f"{outcome.confidence:.3f}" if done else "",
            f"{outcome.seconds:.2f}" if done else "",
            *(found.get(name, "") for name in names),
            outcome.error,
        ]

    def write(staged: Path) -> None:
        # The mark at its start lets spreadsheets read names in any script.
        with staged.open("w", encoding="utf-8-sig", newline="") as stream:
            rows = csv.writer(stream)
            volumes = [f"{name} (mm3)" for name in names]
            rows.writerow(["id", "state", "verdict", "confidence", "seconds", *volumes, "error"])
            rows.writerows(row(outcome) for outcome in outcomes)

    write_staged(file, write)
