"""The same result from the same input: `python -m Testing.campaigns.determinism`; see `rows` for what is printed.

Every run is a process of its own, the command `segment`, with its own library that was made case by case. Compared are
all voxels and the whole report but seconds and peak memory. With --short it takes a sample: what the tests run.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from RetrievalSAMLib.library import SupportLibrary
from RetrievalSAMLib.volumes import write_volume
from RetrievalSAMLib.volumes.reading import read_segmentation

from ..core.worker.worker_volumes import subject
from .rows import Rows, print_rows

_ROOT = Path(__file__).resolve().parents[2]
_NOT_COMPARED = ("seconds", "peak_memory_bytes")
_LARGEST_SHARE = 1e-4
# By name: the subject that it shows, and the slices that are annotated. Twins have the same content; of the second
# pair, one is annotated in some slices only.
_CASES: dict[str, tuple[int, tuple[int, ...] | None]] = {
    "first": (1, None),
    "twin": (1, None),
    "second": (2, None),
    "sparse twin": (2, (3, 4, 5, 6)),
    "third": (3, None),
}


class Runs:
    """Libraries and results in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._number = folder, 0
        write_volume(subject(0)[0], folder / "image.nrrd")

    def library(self, names: Sequence[str]) -> Path:
        """A library whose cases were added in this order, each with an id of its own."""
        self._number += 1
        made = SupportLibrary.create(self.folder / f"library{self._number}", "Balls")
        for name in names:
            seed, annotated = _CASES[name]
            image, drawn = subject(seed)
            slices = None if annotated is None else dict.fromkeys(drawn.names, annotated)
            made.add(image, drawn, name=name, modality="MR", annotated_slices=slices)
        return made.path

    def run(self, library: Path, preset: str, **environment: str | None) -> tuple[np.ndarray, dict[str, Any]]:
        """Labels and report of a process with these variables; None takes one away."""
        self._number += 1
        out = self.folder / f"out{self._number}"
        out.mkdir()
        variables: Mapping[str, str | None] = os.environ | {"RETRIEVALSAM_CACHE": str(out / "user")} | environment
        command = [sys.executable, "-m", "RetrievalSAMLib.cli.main", "segment", library, self.folder / "image.nrrd"]
        subprocess.run(
            [*map(str, command), "-o", str(out / "out.seg.nrrd"), "--report", str(out / "report.json")]
            + ["--preset", preset, "--device", "cpu", "--max-memory", "1"],
            cwd=_ROOT,
            env={name: value for name, value in variables.items() if value is not None},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        report = json.loads((out / "report.json").read_text(encoding="utf-8"))
        return read_segmentation(out / "out.seg.nrrd").labelmap(), report


def determinism(folder: Path, presets: Sequence[str], orders: int) -> Rows:
    """By promise, what is wrong with each run.

    Args:
        folder: To work in.
        presets: That are tried.
        orders: In how many orders the cases are added.
    """
    runs = Runs(folder)
    chance = random.Random(2)
    others = [list(order) for order in itertools.permutations(_CASES)]
    library = runs.library(list(_CASES))
    one = {"OMP_NUM_THREADS": "1"}
    plain = {preset: runs.run(library, preset, **one, PYTHONHASHSEED="0") for preset in presets}

    def in_any_order() -> Iterator[str | None]:
        for preset in presets:
            for order in [list(_CASES)[::-1], *chance.sample(others, orders - 1)]:
                found = runs.run(runs.library(order), preset, **one, PYTHONHASHSEED=str(chance.randrange(1 << 30)))
                wrong = differs(plain[preset], found)
                yield wrong and f"{preset}, added as {order}: {wrong}"

    def again() -> Iterator[str | None]:
        for preset in presets:
            # What the first run of this library left in its cache is used now.
            wrong = differs(plain[preset], runs.run(library, preset, **one))
            yield wrong and f"{preset}, on what an earlier run left: {wrong}"
            shared = [runs.run(library, preset, OMP_NUM_THREADS=None) for _ in range(2)]
            wrong = differs(*shared)
            yield wrong and f"{preset}, with the threads that the program chooses: {wrong}"

    def with_threads() -> Iterator[str | None]:
        for preset, threads in itertools.product(presets, ("2", None)):
            labels, report = runs.run(library, preset, OMP_NUM_THREADS=threads)
            share = float(np.mean(labels != plain[preset][0]))
            used = report["computing"]["threads"], report["computing"]["side_by_side"]
            print(f"{preset}, threads and side by side {used}: {share:.2e} of the voxels differ", file=sys.stderr)
            if threads and used[0] != int(threads):
                yield f"{used[0]} threads are reported"
            yield None if share <= _LARGEST_SHARE else f"{preset}, {used}: {share:.2e} of the voxels differ"

    yield (
        "same voxels and report, in whatever order cases were added, by processes of any hash seed",
        in_any_order(),
    )
    yield "also with what earlier runs left, and two slices at a time", again()
    yield "at most 0.01 % of the voxels differ with another number of threads", with_threads()


def differs(one: tuple[np.ndarray, dict[str, Any]], other: tuple[np.ndarray, dict[str, Any]]) -> str | None:
    """In what two results differ that should be one."""
    if not np.array_equal(one[0], other[0]):
        return f"{int(np.sum(one[0] != other[0]))} voxels"
    fields = [name for name in one[1] if name not in _NOT_COMPARED and one[1][name] != other[1].get(name)]
    return f"of the report {', '.join(fields)}" if fields or one[1].keys() != other[1].keys() else None


def main(arguments: list[str] | None = None) -> int:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="a sample")
    parser.add_argument("--presets", nargs="+", default=["fast", "default", "accurate", "fate-sam", "zhao-2024"])
    parser.add_argument("--orders", type=int, default=4)
    given = parser.parse_args(arguments)
    presets, orders = (["fast"], 1) if given.short else (given.presets, given.orders)
    command = f"python -m Testing.campaigns.determinism --presets {' '.join(presets)} --orders {orders}"
    with tempfile.TemporaryDirectory() as folder:
        return int(not print_rows(determinism(Path(folder), presets, orders), command))


if __name__ == "__main__":
    sys.exit(main())
