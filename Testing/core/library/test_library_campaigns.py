"""A sample of each campaign; `python -m Testing.campaigns.library` runs all of them (docs/reliability.md)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


FORKS = pytest.mark.skipif(os.name == "nt", reason="forks a process for each fault")


@pytest.mark.parametrize(
    ("campaign", "least_tried"),
    [
        pytest.param("crashes", 100, marks=FORKS),
        pytest.param("evidence", 15, marks=FORKS),
        ("flips", 600),
        ("together", 50),
    ],
)
def test_what_is_promised_of_a_library_holds(campaign: str, least_tried: int) -> None:
    command = [sys.executable, "-m", "Testing.campaigns.library", campaign, "--short"]
    process = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    rows = [json.loads(line) for line in process.stdout.splitlines()]
    assert [row for row in rows if row["failed"]] == []
    assert process.returncode == 0
    assert sum(row["tried"] for row in rows) >= least_tried
