"""Rows of a campaign: promise, cases tried and failed, seconds, the command that repeats it, the first failures."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

Rows = Iterator[tuple[str, Iterator[str | None]]]
"""By promise: for each thing that was tried what is wrong with it, None for nothing."""
_SHOWN = 5


def print_rows(rows: Rows, command: str) -> bool:
    """Try all, one JSON object a line, and say whether nothing failed.

    Args:
        rows: What is tried.
        command: That repeats it.
    """
    all_hold = True
    for promise, trials in rows:
        began = time.monotonic()
        outcomes = list(trials)
        failures = [outcome for outcome in outcomes if outcome is not None]
        all_hold &= not failures
        row = {
            "promise": promise,
            "tried": len(outcomes),
            "failed": len(failures),
            "seconds": round(time.monotonic() - began, 1),
            "command": command,
            "failures": failures[:_SHOWN],
        }
        print(json.dumps(row), flush=True)
    return all_hold
