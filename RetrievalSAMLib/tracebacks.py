"""What of an error may go into a log or a report of a bug: kinds of errors and lines of code.

The text of an error may hold a path, a name or a value of a patient's, and the path of a file of code the name of
the user: neither is told.
"""

from __future__ import annotations

import traceback
from pathlib import PurePath

_CODE_FOLDERS = ("site-packages", "dist-packages", "RetrievalSAMLib", "RetrievalSAM")


def told_without_data(error: BaseException) -> str:
    """A traceback, causes first, of which only kinds of errors and lines of code are kept."""
    lines = []
    told = traceback.TracebackException.from_exception(error)
    chain = [told]
    while (before := told.__cause__ or (None if told.__suppress_context__ else told.__context__)) is not None:
        told = before
        chain.append(told)
    for one in reversed(chain):
        lines.append("Traceback (most recent call last):")
        for frame in one.stack:
            lines.append(f'  File "{_place(frame.filename)}", line {frame.lineno}, in {frame.name}')
            if frame.line:
                lines.append(f"    {frame.line}")
        lines.append(_kind(one))
    return "\n".join(lines) + "\n"


def _kind(told: traceback.TracebackException) -> str:
    return told.exc_type.__qualname__ if told.exc_type is not None else "error"


def _place(file: str) -> str:
    """Where a file of code lies below the folder of its package; its name alone elsewhere."""
    parts = PurePath(file).parts
    at = max((number for number, part in enumerate(parts) if part in _CODE_FOLDERS), default=len(parts) - 1)
    return "/".join(parts[at:])
