"""Train the networks, measure them, and put them into the package.

    python -m training.retrain --state STATE --data DATA --name NAME [--initial random] [--train-encoder]

The segmenter begins with the shipped weights unless random ones are asked for; the encoder is trained only with
``--train-encoder``. Days on one CPU thread: it goes on where it was stopped, and ``--minutes`` and ``--device`` do it
in pieces on a machine with a GPU. What is not better than the shipped weights on the tune volumes
(``python -m training.judge_network``) is not worth the last steps: ``--until train`` leaves the package as it is.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--state", type=Path, required=True, help="folder for what training must remember")
    parser.add_argument("--data", type=Path, required=True, help="folder of the real annotated sets")
    parser.add_argument("--name", required=True, help="of the new pair of weights")
    parser.add_argument("--initial", help="file of weights for the segmenter, or 'random'; the shipped ones by default")
    parser.add_argument("--train-encoder", action="store_true", help="otherwise the shipped one stays")
    parser.add_argument("--steps", type=int, help="of the segmenter")
    parser.add_argument("--workers", type=int, default=1, help="processes that draw the segmenter's episodes")
    parser.add_argument("--device", default="cpu", help="of the segmenter")
    parser.add_argument("--minutes", type=float, help="train the segmenter for so many, keep its state, and end")
    parser.add_argument("--until", choices=("train", "judge"), default="judge", help="'train' leaves the package alone")
    arguments = parser.parse_args()
    segmenter, encoder = arguments.state / "segmenter", arguments.state / "encoder"
    training: list[object] = ["--state", segmenter, "--data", arguments.data]
    for name in ("initial", "steps", "workers", "device", "minutes"):
        value = getattr(arguments, name)
        if value is not None:
            training += [f"--{name}", value]
    _run("train_segmenter", training)
    if arguments.minutes is not None or arguments.until == "train":
        return
    states: list[object] = ["--segmenter", segmenter]
    if arguments.train_encoder:
        _run("train_encoder", ["--state", encoder, "--data", arguments.data])
        states += ["--encoder", encoder]
    _run("export", [*states, "--name", arguments.name, "--data", arguments.data])
    _run("curves", states)
    _run("judge", ["--data", arguments.data, "--results", arguments.state / "judge.jsonl"])


def _run(module: str, options: Sequence[object]) -> None:
    subprocess.run([sys.executable, "-m", f"training.{module}", *map(str, options)], check=True)


if __name__ == "__main__":
    main()
