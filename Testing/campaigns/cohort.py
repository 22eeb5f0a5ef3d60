"""Many volumes in one batch, processes killed in its midst, and each result compared with that of a single run.

python -m Testing.campaigns.cohort --volumes 200
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from RetrievalSAMLib.library.files import sha256_of
from RetrievalSAMLib.volumes import write_volume

from .batch_process import BatchProcess, ball, environment, make_library
from .rows import Rows, print_rows

_CASES = 3
_KILLS, _STOPS = 5, 3
_SINGLE_RUNS = """
import sys
from pathlib import Path
from RetrievalSAMLib.cli.main import main
library, volumes, out = map(Path, sys.argv[1:])
for volume in sorted(volumes.iterdir()):
    words = ["segment", library, volume, "-o", out / f"{volume.stem}.seg.nrrd", "--preset", "fast", "--device", "cpu"]
    assert main([str(word) for word in words]) == 0
"""


class Cohort:
    """A library and volumes of ten slices, and the masks that single runs find in them.

    Args:
        folder: Where.
        volumes: How many.
    """

    def __init__(self, folder: Path, volumes: int) -> None:
        self.folder, self.library, self.scans = folder, make_library(folder / "library", _CASES), folder / "scans"
        self.scans.mkdir()
        for number in range(volumes):
            write_volume(ball(100 + number)[0], self.scans / f"{number:04d}.nrrd")
        table = "".join(f"scans/{number:04d}.nrrd,{number:04d}\n" for number in range(volumes))
        (folder / "all.csv").write_text(f"path,id\n{table}")
        (folder / "some.csv").write_text("\n".join(f"path,id\n{table}".splitlines()[: max(4, volumes // 4) + 1]))
        self.ids = [f"{number:04d}" for number in range(volumes)]
        self.alone: dict[str, str] = {}

    def run_alone(self) -> None:
        """Segment every volume by itself, in one process."""
        out = self.folder / "alone"
        out.mkdir()
        command = [sys.executable, "-c", _SINGLE_RUNS, self.library, self.scans, out]
        subprocess.run(command, env=environment(), check=True, stdout=subprocess.DEVNULL)
        self.alone = {item: sha256_of(out / f"{item}.seg.nrrd") for item in self.ids}

    def batch(self, name: str, workers: int, table: str = "all.csv") -> BatchProcess:
        """Begin a batch, or go on with one of the same name."""
        given = ["-o", self.folder / name, "--workers", workers, "--preset", "fast", "--device", "cpu"]
        return BatchProcess([self.library, self.folder / table, *map(str, given)], self.folder / f"{name}.log")

    def results(self, name: str) -> Path:
        return self.folder / name / "results"

    def finished(self, name: str) -> dict[str, tuple[int, int]]:
        """When the mask and the report of each finished volume were written."""
        found = {}
        for report in self.results(name).glob("*.report.json"):
            item = report.name.removesuffix(".report.json")
            mask = report.with_name(f"{item}.seg.nrrd")
            found[item] = (mask.stat().st_mtime_ns, report.stat().st_mtime_ns)
        return found

    def compared(self, name: str) -> Iterator[str | None]:
        """What is wrong with each result of a batch."""
        for item in self.ids:
            file = self.results(name) / f"{item}.seg.nrrd"
            if item not in self.finished(name):
                yield f"{name}: {item} is lost"
            else:
                yield None if sha256_of(file) == self.alone[item] else f"{name}: {item} has other voxels"


def undisturbed(cohort: Cohort, seconds: dict[str, float]) -> Iterator[str | None]:
    """A part of the volumes with one process and with two, for how long each takes."""
    for workers in (1, 2):
        began = time.monotonic()
        code, told = cohort.batch(f"workers-{workers}", workers, "some.csv").end()
        seconds[f"{workers} workers"] = round(time.monotonic() - began, 1)
        yield None if code == 0 else told
    seconds["volumes"] = len(cohort.finished("workers-2"))


def workers_killed(cohort: Cohort) -> Iterator[str | None]:
    """A worker is killed five times, evenly over the batch."""
    batch, count = cohort.batch("killed", 2), len(cohort.ids)
    for number in range(_KILLS):
        batch.wait_for(cohort.results("killed"), 1 + number * count // (_KILLS + 1))
        while not (alive := batch.workers()):
            time.sleep(0.05)
        alive[number % len(alive)].kill()
    code, told = batch.end()
    yield None if code == 0 else told
    yield from cohort.compared("killed")


def batch_killed(cohort: Cohort) -> Iterator[str | None]:
    """The command itself is killed three times and run again; what was finished stays as it is."""
    for number in range(1, _STOPS + 1):
        before = cohort.finished("stopped")
        batch = cohort.batch("stopped", 2)
        batch.wait_for(cohort.results("stopped"), number * len(cohort.ids) // (_STOPS + 1))
        workers = batch.workers()
        batch.process.kill()
        batch.end()
        yield from twice(before, cohort.finished("stopped"))
        _, orphans = psutil.wait_procs(workers, timeout=120)
        yield f"{len(orphans)} workers outlived their command" if orphans else None
    before = cohort.finished("stopped")
    code, told = cohort.batch("stopped", 2).end()
    yield None if code == 0 and f"({len(before)} of them before)" in told else told
    yield from twice(before, cohort.finished("stopped"))
    yield from cohort.compared("stopped")


def twice(before: dict[str, tuple[int, int]], now: dict[str, tuple[int, int]]) -> Iterator[str | None]:
    """Finished volumes that were done again."""
    for item, written in before.items():
        yield None if now.get(item) == written else f"{item} was done twice"


def promises(cohort: Cohort, seconds: dict[str, float]) -> Rows:
    """By promise what is wrong with each thing tried."""
    yield "a batch ends well with one process and with two", undisturbed(cohort, seconds)
    yield f"with a worker killed {_KILLS} times, every mask is that of a single run", workers_killed(cohort)
    yield f"a batch killed {_STOPS} times and run again does nothing twice and loses nothing", batch_killed(cohort)


def main() -> int:
    """Run the campaign.

    Returns:
        0 where every promise holds.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--volumes", type=int, default=200)
    volumes = parser.parse_args().volumes
    with tempfile.TemporaryDirectory(prefix="retrievalsam-cohort-") as folder:
        cohort, seconds = Cohort(Path(folder), volumes), {}
        cohort.run_alone()
        holds = print_rows(promises(cohort, seconds), f"python -m Testing.campaigns.cohort --volumes {volumes}")
        print(json.dumps({"seconds": seconds}))
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
