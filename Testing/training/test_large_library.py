"""What a large library costs is measured by one command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_table_says_that_adding_opens_as_many_files_in_either_library(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "training.large_library",
        "--folder",
        str(tmp_path),
        "--cases",
        "6",
        "--slices",
        "8",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in process.stdout.splitlines()[2:]]
    opened = {row[0]: row[1] for row in rows}
    assert opened["add a case to 1 case"] == opened["add a case to 6 cases"]
    assert int(opened["open without a catalogue"]) > int(opened["open"])
    assert "supports of 200 slices, 2 segments" in opened
