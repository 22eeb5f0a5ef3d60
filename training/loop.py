"""What both training loops share: their command line, their learning rate, and a state that survives a stop."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import pickle
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch

_Made = TypeVar("_Made")

RUN_FILE = "run.json"
"""In a state folder: what the run was started with."""


RANDOM = "random"
SHIPPED = "shipped"
"""Instead of a file of weights: random ones, and those in the package."""


class Arguments(argparse.Namespace):
    """What a training was started with.

    Attributes:
        state: Folder of all that must be remembered.
        data: Folder of the real annotated sets, or None.
        initial: File of weights, ``random``, or None for the shipped ones.
        steps: In all.
        peak: Learning rate after the warm-up.
        seed: Of everything that is drawn.
        workers: Processes that draw episodes; 0 draws them between the steps.
        device: Where the network is.
        minutes: After which the state is kept and training stops, or None.
        part: Of the model; empty where there is one alone.
    """

    state: Path
    data: Path | None
    initial: str | None
    steps: int
    peak: float
    seed: int
    workers: int
    device: str
    minutes: float | None
    part: str


def read_arguments(
    description: str, steps: int, peak: float, seed: int, initial: str | None = None, parts: tuple[str, ...] = ("",)
) -> Arguments:
    """Read the command line, seed the generators, and make the state folder.

    One thread: two that share a busy machine are slower than one. The first of ``parts`` is trained unless another is
    named.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--data", type=Path, help="folder of the real annotated sets; without it synthetic ones alone")
    parser.add_argument("--initial", default=initial, help=f"file of weights to begin with, or '{RANDOM}'")
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--peak", type=float, default=peak)
    parser.add_argument("--seed", type=int, default=seed)
    parser.add_argument("--workers", type=int, default=1, help="processes that draw episodes")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--minutes", type=float, help="stop after so many, with everything kept")
    if len(parts) > 1:
        parser.add_argument("--part", choices=parts, default=parts[0], help=f"of the model; default {parts[0]}")
    arguments = parser.parse_args(namespace=Arguments(part=parts[0]))
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    arguments.state.mkdir(parents=True, exist_ok=True)
    told = {name: getattr(arguments, name) for name in ("seed", "steps", "peak")}
    told |= {"initial": arguments.initial or SHIPPED, "commit": _commit()}
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
    return peak * min(1.0, (step + 1) / 150, max(0.0, (steps - step) / max(1, steps // 3)))


def made_once(folder: Path, make: Callable[[], _Made], sources: tuple[Path, ...]) -> _Made:
    """What takes minutes to make, kept in a state folder for the next start; made anew when the code has changed.

    Args:
        folder: Of the state; only files that this function wrote lie there under these names.
        make: Makes it.
        sources: Files of code that decide what is made.
    """
    code = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    path = folder / f"made-{code}.pickle"
    if path.exists():
        with path.open("rb") as stream:
            known: _Made = pickle.load(stream)
        return known
    made = make()
    staged = path.with_suffix(".part")
    with staged.open("wb") as stream:
        pickle.dump(made, stream, protocol=pickle.HIGHEST_PROTOCOL)
    os.replace(staged, path)
    return made


def save(path: Path, payload: object) -> None:
    """Write beside the old state and swap, so that a stop leaves one or the other."""
    staged = path.with_suffix(".part")
    torch.save(payload, staged)
    os.replace(staged, path)
