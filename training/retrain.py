"""Everything again from nothing: both networks trained one after the other, measured, and put into the package.

    python -m training.retrain --state STATE --data DATA --name NAME

About 6 hours on one CPU thread: 5 for the segmenter, 1 for the encoder. It goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--state", type=Path, required=True, help="folder for what training must remember")
    parser.add_argument("--data", type=Path, required=True, help="folder of the real annotated sets")
    parser.add_argument("--name", required=True, help="of the new pair of weights")
    arguments = parser.parse_args()
    segmenter, encoder = arguments.state / "segmenter", arguments.state / "encoder"
    for module, options in (
        ("train_segmenter", ["--state", segmenter, "--data", arguments.data]),
        ("train_encoder", ["--state", encoder, "--data", arguments.data]),
        ("export", ["--segmenter", segmenter, "--encoder", encoder, "--name", arguments.name]),
        ("curves", ["--segmenter", segmenter, "--encoder", encoder]),
        ("judge", ["--data", arguments.data, "--results", arguments.state / "judge.jsonl"]),
    ):
        subprocess.run([sys.executable, "-m", f"training.{module}", *map(str, options)], check=True)


if __name__ == "__main__":
    main()
