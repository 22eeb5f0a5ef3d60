"""Packages that only some commands need."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from importlib.util import find_spec

from ..errors import InputError


def check_packages(command: str, needed: Mapping[str, str]) -> None:
    """Refuse a command whose packages are not all there, with the command line that installs them here.

    Args:
        command: Its name.
        needed: By the name under which it is imported, the package's.

    Raises:
        InputError: One is missing.
    """
    missing = sorted({package for module, package in needed.items() if find_spec(module) is None})
    if missing:
        fact = f"these packages are not installed: {', '.join(missing)}"
        line = shlex.join([sys.executable, "-m", "pip", "install", *missing])
        raise InputError(command, fact, f"Type: {line}")
