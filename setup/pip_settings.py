"""What the user's own pip is told (index, proxy, constraints), and whether that allows a package.

pip is asked by its exit codes and by `pip config list`; what it prints for people is never read for a decision.
Standard library only: this runs before anything is installed.
"""

from __future__ import annotations

import ast
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# The sections in which pip looks for an option of `pip install`, the stronger one last.
SECTIONS = ("global", "install", ":env:")
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*([^;#]*)")
_INCLUDED = re.compile(r"\s*(?:-c|-r|--constraint|--requirement)(?:\s+|=)(\S+)")
_CREDENTIALS = re.compile(r"(?<=//)[^/@\s]+@")


@dataclass(frozen=True)
class Pin:
    """A line of a constraint file that speaks of one package.

    Attributes:
        file: The file, as pip's settings name it.
        line: Counted from 1.
        text: The line itself, without its comment.
    """

    file: str
    line: int
    text: str


class PipSettings:
    """The settings of one pip.

    Args:
        python: The interpreter whose pip is asked.
        variables: Environment variables that pip is run with.
        folder: Where it is run, which is what relative paths in arguments are relative to.
    """

    def __init__(self, python: Path, variables: Mapping[str, str], folder: Path) -> None:
        self._python = python
        self._folder = folder
        self._variables = dict(variables)

    def allows(self, *arguments: str) -> bool:
        """Tells whether `pip install` with these arguments would find all it needs; nothing is installed."""
        return self._dry_run(arguments, self._variables)

    def constraints_forbid(self, *arguments: str) -> bool:
        """Tells whether `pip install` is refused with, and would go through without the user's constraint files."""
        if self.allows(*arguments):
            return False
        with tempfile.TemporaryDirectory() as folder:
            nothing = Path(folder) / "constraints.txt"
            nothing.write_text("", encoding="utf-8")
            # pip takes this variable instead of what its files say, so that an empty file lifts every constraint.
            return self._dry_run(arguments, {**self._variables, "PIP_CONSTRAINT": str(nothing)})

    def constraint_files(self) -> list[str]:
        """Returns the constraint files (paths or addresses) that pip's variables and files name."""
        values = self.values()
        # As pip does: what is stronger stands instead of what is weaker, not beside it.
        named = (values.get(f"{section}.constraint", "").split() for section in reversed(SECTIONS))
        return next((files for files in named if files), [])

    def pins(self, package: str) -> list[Pin]:
        """Returns the lines of the user's constraint files that speak of a package; addresses are not fetched."""
        return [pin for file in self.constraint_files() for pin in _pins_in(Path(file), _normal(package), set())]

    def values(self) -> dict[str, str]:
        """Returns what pip's files and variables say, by section and name, such as ``global.index-url``."""
        command = [str(self._python), "-m", "pip", "config", "list"]
        process = subprocess.run(command, capture_output=True, text=True, env=self._variables)
        told = (line.partition("=") for line in process.stdout.splitlines())
        return {name: str(ast.literal_eval(value)) for name, separator, value in told if separator}

    def in_words(self) -> str:
        """Returns the settings in effect for a message, one a line; passwords in addresses are left out."""
        lines = [f"  {name} = {' '.join(value.split())}" for name, value in self.values().items()]
        proxies = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
        lines += [f"  {name} = {self._variables[name]}" for name in proxies if self._variables.get(name)]
        told = "\n".join(["pip's settings here:", *lines]) if lines else "pip has no settings of its own here."
        return _CREDENTIALS.sub("", told)

    def _dry_run(self, arguments: Sequence[str], variables: Mapping[str, str]) -> bool:
        command = [str(self._python), "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"]
        command += ["--disable-pip-version-check", "--no-input", *arguments]
        return subprocess.run(command, cwd=self._folder, capture_output=True, env=dict(variables)).returncode == 0


def _pins_in(file: Path, package: str, seen: set[Path]) -> Iterator[Pin]:
    if file in seen or not file.is_file():
        return
    seen.add(file)
    for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        included = _INCLUDED.match(line)
        if included:
            yield from _pins_in(file.parent / included[1], package, seen)
            continue
        named = _REQUIREMENT.match(line)
        if named and _normal(named[1]) == package:
            yield Pin(str(file), number, line.partition("#")[0].strip())


def _normal(package: str) -> str:
    """A package's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", package).lower()
