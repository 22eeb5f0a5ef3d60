"""SimpleITK on one thread, without a word."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import SimpleITK as sitk


@contextmanager
def quiet_on_one_thread() -> Iterator[None]:
    """Keep SimpleITK to one thread, without a word on stderr.

    For images this small several threads wait for each other longer than they work (five times as long on a busy
    machine), and add their sums in no fixed order, so that no two runs would give one result. Its warnings tell of
    starts that lead nowhere, which are given up.
    """
    process = sitk.ProcessObject
    threads, warnings = process.GetGlobalDefaultNumberOfThreads(), process.GetGlobalWarningDisplay()
    process.SetGlobalDefaultNumberOfThreads(1)
    process.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        process.SetGlobalDefaultNumberOfThreads(threads)
        process.SetGlobalWarningDisplay(warnings)
