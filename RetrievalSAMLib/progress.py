"""How long work tells how far it is: one function, called often, which may end the work by raising."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with (stage, done, total); 0 <= done <= total. What it raises ends the work, which leaves nothing behind."""


def silent(stage: str, done: int, total: int) -> None:
    """A `Progress` that tells nobody."""


def unfinished(done: int, total: int) -> str:
    """What stands in the header of a file that holds what was found so far."""
    return f"UNFINISHED: {done} of {total} slices"
