"""Damaged and made-up input of every kind: a short run of the campaign `Testing.campaigns.hostile`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from Testing.campaigns.hostile.__main__ import GROUPS
from Testing.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("group", GROUPS)
def test_whatever_is_read_is_valid_or_refused_in_words(group: str) -> None:
    """In a process of its own: native code that crashes, and a limit of memory, end that one only."""
    command = [
        "-m",
        "Testing.campaigns.hostile",
        "--here",
        "--examples",
        "40",
        "--seed",
        "20",
        "--only",
        *GROUPS[group],
    ]
    tried = subprocess.run(
        [sys.executable, "-X", "faulthandler", *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert tried.returncode == 0, tried.stderr[-6000:]
    counts = [tuple(map(int, line.split())) for line in tried.stdout.splitlines()]
    assert len(counts) == len(GROUPS[group])
    for name, (total, valid, refused) in zip(GROUPS[group], counts, strict=True):
        assert total == valid + refused and valid, f"{name}: no input was read, so that nothing was tried"
