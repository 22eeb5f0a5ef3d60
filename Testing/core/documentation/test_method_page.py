"""docs/method.md leads from each step of the papers to a function that is there."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[3] / "docs" / "method.md"
NAME = re.compile(r"`([a-z_][\w.]*):([A-Za-z_][\w.]*)`")
STEPS = (
    "slices", "intensities", "embedding", "retrieval", "memory encoding", "memory attention", "volumetric consistency",
    "start slice", "order", "presence", "fusion", "confidence",
)  # fmt: skip


def text() -> str:
    return PAGE.read_text(encoding="utf-8")


def rows() -> list[list[str]]:
    """The cells of the table of steps."""
    return [line.strip("| ").split(" | ") for line in text().splitlines() if line.startswith("| **")]


def is_there(module: str, name: str) -> bool:
    try:
        found: object = importlib.import_module(f"RetrievalSAMLib.{module}")
    except ModuleNotFoundError:
        return False
    for part in name.split("."):
        if not hasattr(found, part):
            return False
        found = getattr(found, part)
    return True


def test_every_function_that_is_named_is_there() -> None:
    named = NAME.findall(text())
    assert len(named) > 30
    assert [f"{module}:{name}" for module, name in named if not is_there(module, name)] == []


def test_every_step_says_what_both_papers_and_we_do_and_where() -> None:
    assert {len(row) for row in rows()} == {5}
    assert all(NAME.search(row[4]) for row in rows())
    steps = " ".join(row[0] for row in rows())
    assert [step for step in STEPS if step not in steps] == []


@pytest.mark.parametrize(
    ("module", "name"),
    [("segmentation.no_such_module", "fate_sam"), ("segmentation.pipeline", "no_such_function")],
)
def test_a_function_that_is_not_there_is_noticed(module: str, name: str) -> None:
    assert not is_there(module, name)
