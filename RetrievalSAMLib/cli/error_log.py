"""What is kept of an error that nobody expected, for a report."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

from .. import __version__
from ..tracebacks import told_without_data


def keep(error: Exception) -> str:
    """Write the traceback into a file: lines of code, and nothing that a patient could be known by.

    Returns:
        Where the details are, as a sentence for the user: the log folder, else the folder for temporary files; where
        neither can be written they are in the sentence itself, so that one error never hides another.
    """
    details = f"retrievalsam {__version__}\n{told_without_data(error)}"
    name = f"error-{datetime.now(timezone.utc):%Y%m%d-%H%M%S-%f}.log"
    for folder in _folders():
        path = folder / name
        try:
            path.write_text(details, encoding="utf-8")
        except OSError:
            continue
        return f"The details are in {path}; please report them."
    return f"No log could be written. The details; please report them:\n{details}"


def _folders() -> Iterator[Path]:
    from platformdirs import user_log_path

    # A home folder may be one that nobody writes to, as on some clusters, and so may all folders for temporary files.
    for folder in (lambda: user_log_path("retrievalsam", ensure_exists=True), lambda: Path(tempfile.gettempdir())):
        with contextlib.suppress(OSError):
            yield folder()
