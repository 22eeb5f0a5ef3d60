"""Tokens and passwords of commands: from the environment or a file of the user's own, never from the command line."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ...errors import InputError


def secret_of(file: Path | None, option: str, variable: str) -> str | None:
    """What a file holds, else what a variable of the environment does, else None.

    Args:
        file: A text file with one line; on POSIX its owner's alone.
        option: That named it.
        variable: Of the environment.

    Raises:
        InputError: There is no such file, others may read it, or it holds nothing.
    """
    if file is None:
        return os.environ.get(variable) or None
    thing = f"{option} {file}"
    if not file.is_file():
        raise InputError(thing, "there is no such file", "Check the path.")
    if os.name == "posix" and stat.S_IMODE(file.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
        raise InputError(thing, "other users of this computer can read it", f"Type: chmod 600 {file}")
    try:
        text = file.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        raise InputError(thing, "it is no text", "Give a text file with the secret on one line.") from None
    if not text or len(text.splitlines()) > 1:
        raise InputError(thing, "it does not hold one line", "Give a text file with the secret on one line.")
    return text
