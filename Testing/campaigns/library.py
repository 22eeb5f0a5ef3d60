"""Support libraries under faults, at length: `python -m Testing.campaigns.library [PROMISE ...]`.

Prints one JSON object a line: promise, cases tried and failed, seconds, the command that repeats it, and the first
failures in words. Exits with 1 where anything failed. With --short it takes seconds: what the tests run.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from .rows import Rows, print_rows

# SQLite syncs for real: a folder in memory makes that cheap, on systems that have one.
_MEMORY = Path("/dev/shm")


def _crashes(work: Path, short: bool) -> Rows:
    from .crashes import crashes

    return crashes(work, every=29 if short else 1)


def _evidence(work: Path, short: bool) -> Rows:
    from .evidence import evidence

    return evidence(work, every=7 if short else 1)


def _flips(work: Path, short: bool) -> Rows:
    from .flips import flips

    return flips(work, every=59 if short else 1)


def _together(work: Path, short: bool) -> Rows:
    from .together import together

    return together(work, seconds=2 if short else 180)


# What a process needs that is started by one of them is imported by it alone.
PROMISES: dict[str, Callable[[Path, bool], Rows]] = {
    "crashes": _crashes,
    "evidence": _evidence,
    "flips": _flips,
    "together": _together,
}


def main(arguments: list[str] | None = None) -> int:
    """Run the campaigns that were named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("promises", nargs="*", metavar="PROMISE", help=f"some of: {', '.join(PROMISES)}")
    parser.add_argument("--short", action="store_true", help="a sample of each")
    given = parser.parse_args(arguments)
    if unknown := set(given.promises) - set(PROMISES):
        parser.error(f"there is no promise {', '.join(sorted(unknown))}")
    from RetrievalSAMLib.library import files

    logging.disable(logging.WARNING)  # each fault is told there
    # Real syncing would take most of the time; what a missing one does is told by the power cuts.
    os.fsync = lambda descriptor: None
    files._WAITS_SECONDS = (0.0,) * len(files._WAITS_SECONDS)
    any_failed = False
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as work:
        for promise in given.promises or PROMISES:
            (folder := Path(work, promise)).mkdir()
            command = f"python -m Testing.campaigns.library {promise}{' --short' if given.short else ''}"
            any_failed |= not print_rows(PROMISES[promise](folder, given.short), command)
    return int(any_failed)


if __name__ == "__main__":
    sys.exit(main())
