"""Tests of the Slicer module: in Slicer itself, or on the stand-in where Slicer is absent."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "Testing"))

import slicer_standin  # noqa: E402

slicer_standin.install()

from slicer_standin.checks import nothing_unseen  # noqa: E402


@pytest.fixture
def standin() -> Any:
    """The stand-in's package; skips inside Slicer."""
    if not slicer_standin.installed():
        pytest.skip("this is Slicer itself")
    return slicer_standin


@pytest.fixture(autouse=True)
def nothing_went_wrong_unseen() -> Iterator[None]:
    """Fails a test whose slots raised, that showed a dialog it did not expect, or not one that it did."""
    with nothing_unseen():
        yield


@pytest.fixture
def scene() -> Iterator[Any]:
    """The application's scene, empty before and after."""
    import slicer

    slicer.mrmlScene.Clear(0)
    yield slicer.mrmlScene
    slicer.mrmlScene.Clear(0)


@pytest.fixture
def load_module(scene: Any) -> Iterator[Callable[[Path], Any]]:
    """Loads a scripted module's file as Slicer does, and closes it after the test."""
    from slicer_standin.module import LoadedModule

    loaded: list[Any] = []

    def load(file: Path) -> Any:
        loaded.append(LoadedModule(file))
        return loaded[-1]

    yield load
    for module in reversed(loaded):
        module.close()
