"""What went wrong where nobody could catch it: in slots, in Qt's virtual functions, in VTK's observers.

Slicer prints such an exception to its console and goes on. A test must fail of it, so it is kept here as well.
"""

from __future__ import annotations

import sys
import traceback
from types import TracebackType

slot_errors: list[BaseException] = []
"""Exceptions of slots and callbacks since the last clear(), oldest first. Tests assert that this is empty."""

_displayed: list[BaseException] = []


def record(error: BaseException) -> None:
    """Keeps and prints an exception that left a slot, unless the user was shown it already."""
    if any(known is error for known in _displayed):
        return
    slot_errors.append(error)
    traceback.print_exception(type(error), error, error.__traceback__)


def mark_displayed(error: BaseException) -> None:
    """Notes that a dialog has told the user of this exception (as slicer.util.tryWithErrorDisplay does)."""
    _displayed.append(error)


def clear() -> None:
    """Forgets all that was recorded, in place."""
    slot_errors.clear()
    _displayed.clear()


def _hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    # Qt's virtual functions and VTK's observers end here: their C++ callers print by way of sys.excepthook.
    if issubclass(kind, Exception):
        record(error.with_traceback(trace))
    else:
        sys.__excepthook__(kind, error, trace)


def watch_uncaught() -> None:
    """Routes exceptions that reach C++ code to the same list."""
    sys.excepthook = _hook
