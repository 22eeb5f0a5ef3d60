"""A sample of each campaign of runs; their commands run all of them (docs/reliability.md)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("campaign", "least_tried"),
    [
        (["long_runs", "runs"], 6),
        (["long_runs", "cancels"], 6),
        (["long_runs", "requests"], 25),
        pytest.param(
            ["long_runs", "memory"],
            3,
            marks=pytest.mark.skipif(sys.platform != "linux", reason="limits the memory of a running process"),
        ),
        (["determinism"], 5),
    ],
)
def test_what_is_promised_of_runs_holds(campaign: list[str], least_tried: int) -> None:
    command = [sys.executable, "-m", f"Testing.campaigns.{campaign[0]}", *campaign[1:], "--short"]
    process = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    rows = [json.loads(line) for line in process.stdout.splitlines()]
    assert [row for row in rows if row["failed"]] == []
    assert process.returncode == 0
    assert sum(row["tried"] for row in rows) >= least_tried
