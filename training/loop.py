"""What both training loops share: their command line, their learning rate, and a state that survives a stop."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from pathlib import Path

import torch

RUN_FILE = "run.json"
"""In a state folder: what the run was started with."""


def read_arguments(description: str, steps: int, peak: float, seed: int) -> argparse.Namespace:
    """Read the command line, seed the generators, and make the state folder.

    One thread: two that share a busy machine are slower than one.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--data", type=Path, help="folder of the real annotated sets; without it synthetic ones alone")
    parser.add_argument("--initial", type=Path, help="weights to begin with; random ones by default")
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--peak", type=float, default=peak)
    parser.add_argument("--seed", type=int, default=seed)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    arguments.state.mkdir(parents=True, exist_ok=True)
    told = {name: getattr(arguments, name) for name in ("seed", "steps", "peak")}
    told |= {"initial": bool(arguments.initial), "commit": _commit()}
    (arguments.state / RUN_FILE).write_text(json.dumps(told))
    return arguments


def _commit() -> str:
    """The commit that is checked out, with a plus sign where files differ from it."""
    root = Path(__file__).parent.parent
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty=+"], cwd=root, capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or "unknown"


def learning_rate(step: int, steps: int, peak: float) -> float:
    """Warm-up over 150 steps, constant, then linear to zero over the last third."""
    return peak * min(1.0, (step + 1) / 150, max(0.0, (steps - step) / (steps // 3)))


def save(path: Path, payload: object) -> None:
    """Write beside the old state and swap, so that a stop leaves one or the other."""
    staged = path.with_suffix(".part")
    torch.save(payload, staged)
    os.replace(staged, path)
