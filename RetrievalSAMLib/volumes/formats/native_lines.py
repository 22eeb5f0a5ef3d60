"""Lines that native libraries (ITK, MetaIO, libtiff, GDCM) print past Python: they name files, and help nobody."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_STDERR = 2
_lock = threading.Lock()
_within = 0
_kept = -1


@contextmanager
def native_lines_dropped() -> Iterator[None]:
    """Nothing that is written to the process's standard error within it arrives; what failed is raised, not printed.

    Several threads may be within it: the first one that enters closes standard error, the last one that leaves opens it
    again. Standard output is not touched, as the worker speaks by it.
    """
    global _within, _kept
    with _lock:
        _within += 1
        if _within == 1:
            _kept = _redirected()
    try:
        yield
    finally:
        with _lock:
            _within -= 1
            if _within == 0 and _kept >= 0:
                _flush()
                os.dup2(_kept, _STDERR)
                os.close(_kept)
                _kept = -1


def _redirected() -> int:
    """A copy of standard error, which leads nowhere from now on; -1 where the process has none."""
    _flush()
    try:
        kept = os.dup(_STDERR)
    except OSError:  # a program without a console
        return -1
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, _STDERR)
    os.close(nowhere)
    return kept


def _flush() -> None:
    if sys.stderr is not None:
        sys.stderr.flush()
