"""The two commands of the README; each makes or completes the virtual environment `.venv` first.

python3 setup/run.py demo [--gpu] [arguments of `retrievalsam demo`]
python3 setup/run.py test [--gpu] [arguments of pytest]

Packages are installed by pip, with the index, proxy, constraints and cache of its own settings; uv is not needed, and
its settings are not read.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import IO

import installer

# The pinned versions need it; the package itself, with versions of the user's choice, runs on 3.10 too.
OLDEST_PYTHON = (3, 11)
# Batches and the server belong to both: the README shows their commands after either.
EXTRAS = {
    "demo": ("cohort", "server", "dicomweb"),
    "test": ("test", "training", "cohort", "server", "dicomweb", "docs"),
}
# A run each: nothing that the core loads (PyTorch, say) may be found where the module's panel runs. Files of tests run
# side by side: the core's in a process a core, the panel's in two, as they wait for workers most of the time.
SUITES = (
    (
        *("Testing/core", "Testing/training", "--numprocesses=auto", "--maxprocesses=4", "--dist=loadfile"),
        "--no-loadscope-reorder",  # in the order of Testing/core/conftest.py
    ),
    ("Testing/module", "--numprocesses=2", "--dist=loadfile"),
    ("RetrievalSAM/Testing", "--numprocesses=2", "--dist=loadfile"),
)
NO_TESTS_COLLECTED = 5
# What is run on a user's computer.
CHECKED_BY_BANDIT = ("RetrievalSAMLib", "RetrievalSAM/RetrievalSAM.py", "RetrievalSAM/RetrievalSAMModule", "setup")


def run_demo(arguments: Sequence[str]) -> int:
    """Runs `retrievalsam demo` where the user is.

    Returns:
        Its exit code.
    """
    return subprocess.run([installer.SCRIPTS / "retrievalsam", "demo", *arguments]).returncode


def run_test(arguments: Sequence[str]) -> int:
    """Runs ruff, mypy, bandit and pytest, all of them even where one fails; pytest's summaries come last.

    The first suite, much the longest, is seen as it goes on. All that is slow besides runs beside it, one after the
    other, and what it said is shown whole afterwards.

    Returns:
        The first exit code that is not 0, or 0.
    """
    longest, *suites = [["pytest", *suite] for suite in test_suites(arguments)]
    bandit = ["bandit", "--quiet", "--configfile", "pyproject.toml", "--recursive", *CHECKED_BY_BANDIT]
    codes = [(command[0], _run(command)) for command in (["ruff", "check"], ["ruff", "format", "--check"])]
    with contextlib.ExitStack() as files, ThreadPoolExecutor(max_workers=1) as one_after_the_other:
        beside = []
        for command in (["mypy"], bandit, *suites):
            output = files.enter_context(tempfile.TemporaryFile())
            beside.append((command[0], output, one_after_the_other.submit(_run, command, output)))
        try:
            codes.append((longest[0], _run(longest)))
            for name, output, running in beside:
                codes.append((name, running.result()))
                output.seek(0)
                shutil.copyfileobj(output, sys.stdout.buffer)
                sys.stdout.flush()
        except KeyboardInterrupt:  # what runs beside has heard it too
            one_after_the_other.shutdown(cancel_futures=True)
            raise
    empty = [code for code in codes if code == ("pytest", NO_TESTS_COLLECTED)]
    failures = [(name, code) for name, code in codes if code != 0 and (name, code) not in empty]
    if len(empty) == 1 + len(suites):  # the arguments choose no test at all
        failures += empty[:1]
    if failures:
        print(f"Failed: {', '.join(name for name, _ in failures)}", file=sys.stderr)
        return failures[0][1]
    return 0


def _run(command: Sequence[str], output: IO[bytes] | None = None) -> int:
    """Runs a program of `.venv` in the repository; its exit code. What it prints goes to `output`, if one is given."""
    heading = f"$ {' '.join(command)}"
    if output is None:
        print(heading, flush=True)
    else:
        output.write(f"{heading}\n".encode())
        output.flush()
    environment = {"OMP_NUM_THREADS": "1", **os.environ}
    whole = [str(installer.PYTHON), "-m", *command]
    # A file and no pipe, whose end would not come while anything that a test left behind lives.
    return subprocess.run(whole, cwd=installer.ROOT, env=environment, stdout=output, stderr=output).returncode


def test_suites(arguments: Sequence[str]) -> list[list[str]]:
    """Returns what each run of pytest is given: every suite, or only what the arguments name by its path."""
    named = [argument for argument in arguments if not argument.startswith("-")]
    if any((installer.ROOT / argument.partition("::")[0]).exists() for argument in named):
        return [list(arguments)]
    return [[*suite, *arguments] for suite in SUITES]


def main() -> int:
    """Prepares `.venv`, then runs the command.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("command", choices=EXTRAS)
    parser.add_argument("--gpu", action="store_true", help="install PyTorch with CUDA instead of its CPU build")
    options, passed_on = parser.parse_known_args()
    if sys.version_info < OLDEST_PYTHON:
        needed = ".".join(map(str, OLDEST_PYTHON))
        print(f"Python {needed} or newer is needed; this is {sys.version.split()[0]}.", file=sys.stderr)
        return 1
    try:
        installer.prepare(EXTRAS[options.command], gpu=options.gpu)
        return run_demo(passed_on) if options.command == "demo" else run_test(passed_on)
    except installer.SetupError as error:
        print(f"\nSetup stopped: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Run the same command again to go on.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
