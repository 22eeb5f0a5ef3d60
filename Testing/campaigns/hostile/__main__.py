"""Throw damaged and made-up input at everything that reads, and count what becomes of it.

python -m Testing.campaigns.hostile [--examples N] [--seed S] [--only NAME...]

Prints a row for each promise: cases tried, read as valid, refused in words, failed, seconds, command. Every promise is
tried in a process of its own, which may use little memory more than a valid input needs. Exit code 1 where one failed.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .promise import Promise, keep

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_SECONDS = 7200.0
"""Only what hangs takes so long."""


GROUPS = {
    "volumes": ("nrrd", "seg.nrrd", "layers", "nhdr", "mha", "mhd", "nii", "nii.gz", "dicom", "add"),
    "library": ("case.json", "library.json", "sums", "archive"),
    "messages": ("lines", "work", "points", "reports"),
    "caches": ("states", "results", "evidence", "catalogue", "costs", "weights"),
}
"""Promises by the module that holds them: a process imports only what it tries."""


def promise_of(name: str) -> Promise:
    """The promise of a name."""
    group = next(group for group, names in GROUPS.items() if name in names)
    held = importlib.import_module(f"Testing.campaigns.hostile.{group}").PROMISES
    assert tuple(promise.name for promise in held) == GROUPS[group]
    found: Promise = next(promise for promise in held if promise.name == name)
    return found


def main() -> int:
    """Try what the command line names, one process a promise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=1000, help="inputs a promise, before its weight")
    parser.add_argument("--seed", type=int, default=0)
    every = [name for names in GROUPS.values() for name in names]
    parser.add_argument("--only", nargs="+", choices=every, default=every, help="these promises")
    parser.add_argument("--here", action="store_true", help="in this process: for the processes that this one starts")
    options = parser.parse_args()
    if options.here:
        for name in options.only:
            with tempfile.TemporaryDirectory() as folder:
                counts = keep(promise_of(name), options.examples, options.seed, Path(folder))
            print(f"{counts.total()} {counts[True]} {counts[False]}")
        return 0
    print("| promise | tried | valid | refused | failed | seconds | command |\n|---|---|---|---|---|---|---|")
    failures = [row(name, options.examples, options.seed) for name in options.only]
    return 1 if any(failures) else 0


def row(name: str, examples: int, seed: int) -> bool:
    """Print one row; True where the promise was broken."""
    arguments = ["--examples", str(examples), "--seed", str(seed), "--only", name]
    began = time.perf_counter()
    tried = attempt(arguments)
    seconds = time.perf_counter() - began
    broken = tried.returncode != 0
    total, valid, refused = tried.stdout.split() if not broken else ("?", "?", "?")
    command = f"`python -m Testing.campaigns.hostile {' '.join(arguments)}`"
    words = promise_of(name).words
    print(f"| {words} | {total} | {valid} | {refused} | {int(broken)} | {seconds:.0f} | {command} |", flush=True)
    if broken:
        print(f"{name} (exit code {tried.returncode}):\n{tried.stderr[-6000:]}", file=sys.stderr, flush=True)
    return broken


def attempt(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Try promises in a process of their own: what crashes native code ends that one only."""
    command = [sys.executable, "-X", "faulthandler", "-m", "Testing.campaigns.hostile", "--here", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
