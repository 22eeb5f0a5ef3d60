"""`retrievalsam batch` in a process of its own, as a user has it, with a tiny library and volumes to give it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psutil

from RetrievalSAMLib.library import SupportLibrary
from RetrievalSAMLib.volumes import Geometry, Segment, Segmentation, Volume

ROOT = Path(__file__).resolve().parents[2]
_SLICES = 10
_TURNED = (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, -1.0)
_STRAIGHT = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


def ball(seed: int) -> tuple[Volume, Segmentation]:
    """Ten slices with a bright ball in noise, in a bright ring; every third volume is turned and upside down."""
    random = np.random.default_rng(seed)
    geometry = Geometry((24, 28, _SLICES), (2.0, 2.0, 4.0), (-10.0, 4.0, 30.0), _TURNED if seed % 3 == 2 else _STRAIGHT)
    i, j, k = np.indices(geometry.size)
    x, y, z = random.uniform(9, 13), random.uniform(12, 16), random.uniform(4, 6)
    inside = ((i - x) ** 2 + (j - y) ** 2) * 4 + (k - z) ** 2 * 16 < random.uniform(150, 230)
    ring = np.hypot(i - 12, (j - 14) * 0.85) > 10.5
    voxels = (300 * inside + 150 * ring + random.normal(100, 15, geometry.size)).astype(np.int16)
    return Volume(voxels, geometry), Segmentation.from_masks((Segment("Ball", 1),), (inside,), geometry)


def make_library(folder: Path, cases: int = 3) -> Path:
    library = SupportLibrary.create(folder)
    for seed in range(cases):
        library.add(*ball(seed))
    return folder


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def _hear_ctrl_c() -> None:
    """As a command of a terminal does; one that a shell began in the background ignores it, with all its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class BatchProcess:
    """A running command.

    Args:
        arguments: Those after `batch`.
        log: File for all that it prints.
    """

    def __init__(self, arguments: Sequence[str | Path], log: Path) -> None:
        self.log = log
        command = [sys.executable, "-m", "RetrievalSAMLib.cli.main", "batch", *map(str, arguments)]
        with log.open("wb") as stream:
            self.process = subprocess.Popen(
                command,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=environment(),
                start_new_session=True,
                preexec_fn=_hear_ctrl_c if sys.platform != "win32" else None,
            )

    def wait_for(self, results: Path, count: int) -> None:
        """Until as many reports are there."""
        while len(list(results.glob("*.report.json"))) < count:
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.02)

    def workers(self) -> list[psutil.Process]:
        """The processes that Dask has started, as far as they live."""
        found = []
        for child in psutil.Process(self.process.pid).children(recursive=True):
            try:
                if any("spawn_main" in word for word in child.cmdline()):
                    found.append(child)
            except psutil.NoSuchProcess:
                continue
        return found

    def press_ctrl_c(self) -> None:
        """As in a terminal, which tells all processes of the command."""
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self) -> tuple[int, str]:
        """Exit code, and all that was printed."""
        return self.process.wait(), self.log.read_text(encoding="utf-8")
