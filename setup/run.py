"""The two commands of the README; each makes or completes the virtual environment `.venv` first.

python3 setup/run.py demo [--gpu] [arguments of `retrievalsam demo`]
python3 setup/run.py test [--gpu] [arguments of pytest]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence

import installer

# The pinned versions need it; the package itself, with versions of the user's choice, runs on 3.10 too.
OLDEST_PYTHON = (3, 11)
EXTRAS = {"demo": (), "test": ("test", "training", "cohort", "server")}
# A process each: nothing that the core loads (PyTorch, say) may be found where the module's panel runs.
SUITES = (("Testing/core", "Testing/training"), ("Testing/module",), ("RetrievalSAM/Testing",))
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

    Returns:
        The first exit code that is not 0, or 0.
    """
    suites = test_suites(arguments)
    bandit = ["bandit", "--quiet", "--configfile", "pyproject.toml", "--recursive", *CHECKED_BY_BANDIT]
    checks = [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"], bandit]
    commands = [*checks, *(["pytest", *suite] for suite in suites)]
    failures, empty = [], []
    for command in commands:
        print(f"$ {' '.join(command)}", flush=True)
        code = subprocess.run([installer.PYTHON, "-m", *command], cwd=installer.ROOT).returncode
        if command[0] == "pytest" and code == NO_TESTS_COLLECTED:
            empty.append((command[0], code))
        elif code != 0:
            failures.append((command[0], code))
    if len(empty) == len(suites):  # the arguments choose no test at all
        failures += empty[:1]
    if failures:
        print(f"Failed: {', '.join(name for name, _ in failures)}", file=sys.stderr)
        return failures[0][1]
    return 0


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
