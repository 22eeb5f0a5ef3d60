"""Runs the tests of the module's panel outside Slicer: what Slicer's application brings is stood in for."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "Testing"), str(Path(__file__).resolve().parent / "Python")]
# For the worker, which inherits it: two threads that share a busy machine are slower than one.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import slicer_standin  # noqa: E402

slicer_standin.install()


@pytest.fixture(autouse=True)
def nothing_went_wrong_unseen() -> Iterator[None]:
    """Fails a test whose slots raised, or that showed a dialog which no test answers."""
    slicer_standin.clear()
    yield
    errors, unexpected = list(slicer_standin.slot_errors), list(slicer_standin.dialogs.unexpected)
    slicer_standin.clear()
    assert not errors, f"exceptions in slots: {errors!r}"
    assert not unexpected, f"unexpected dialogs: {unexpected!r}"
