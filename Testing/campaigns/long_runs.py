"""One worker at length: `python -m Testing.campaigns.long_runs [PROMISE ...]`; see `rows` for what is printed.

Volumes of 128 x 128 x 10 voxels, a library of two cases, the preset `fast`, the bundled model at 128 pixels. The worker
is the real process; only the image size is set, by a program in its place. With --short it takes a sample: what the
tests run.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from RetrievalSAMLib.library import SupportLibrary
from RetrievalSAMLib.volumes import Geometry, Segment, Segmentation, Volume, write_segmentation, write_volume
from RetrievalSAMLib.volumes.reading import read_segmentation
from RetrievalSAMLib.worker.protocol import Event, Fault, Partial, Result, Stopped

from ..core.worker.bad_requests import BAD_LINES, WRONG, changed
from ..core.worker.worker_process import WorkerProcess, running
from .rows import Rows, print_rows

_GRID = Geometry((128, 128, 10), (0.8, 0.8, 3.0), (5.0, -7.0, 11.0), (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, -1.0))
_SEGMENTS = (Segment("Large", 1), Segment("Small", 2))
_IMAGES = 3
_WORKER = """
import sys
from RetrievalSAMLib.worker.jobs import segmenting
segmenting.image_size_for = lambda model, size: {size}
segmenting.LEAST_IMAGE_SIZE = 128
from RetrievalSAMLib.worker.__main__ import main
sys.exit(main())
"""
_SIZE, _LARGE_SIZE = 128, 512
_LARGEST_GROWTH = 1.05
_MOST_MORE, _AROUND = 200e6, 30e6
"""Bytes that a worker is granted beyond what it has, at most; and how near to what just suffices it is tried."""


def subject(seed: int) -> tuple[Volume, Segmentation]:
    """A bright ball and a dimmer one beside it, somewhere near the middle."""
    shift = np.random.default_rng(seed).uniform(-3, 3, 3)
    i, j, k = np.indices(_GRID.size) * np.array(_GRID.spacing_mm)[:, None, None, None]
    large = (i - 42 - shift[0]) ** 2 + (j - 55 - shift[1]) ** 2 + (k - 13 - shift[2]) ** 2 < 20**2
    small = ((i - 74 - shift[0]) ** 2 + (j - 40 - shift[1]) ** 2 + (k - 15 - shift[2]) ** 2 < 10**2) & ~large
    noise = np.random.default_rng(seed).normal(0, 12, _GRID.size)
    voxels = (60 + 120 * large + 60 * small + noise).astype(np.int16)
    return Volume(voxels, _GRID), Segmentation.from_masks(_SEGMENTS, (large, small), _GRID)


@dataclass
class Place:
    """Folders of one campaign: a library, volumes, what the worker writes, and all that it may use besides.

    Attributes:
        folder: That holds all of it.
        image_size: That SAM 2 sees, in pixels a side.
        expected: By image and what was done to need less memory, the hash of the first result.
    """

    folder: Path
    image_size: int = _SIZE
    expected: dict[tuple[int, tuple[str, ...]], str] = field(default_factory=dict)

    @classmethod
    def made(cls, folder: Path) -> Place:
        for name in ("out", "partial", "temporary", "user"):
            (folder / name).mkdir(parents=True)
        library = SupportLibrary.create(folder / "library", "Balls")
        for seed in (11, 12):
            library.add(*subject(seed), modality="MR")
        for number in range(_IMAGES):
            write_volume(subject(number)[0], folder / f"{number}.nrrd")
        write_segmentation(subject(0)[1], folder / "drawn.seg.nrrd")
        return cls(folder)

    @property
    def output(self) -> Path:
        return self.folder / "out" / "out.seg.nrrd"

    @contextmanager
    def worker(self) -> Iterator[WorkerProcess]:
        """A worker whose temporary files and derived data lie here."""
        # Memory that was freed goes back to the system, so that a limit is felt (glibc).
        variables = {"MALLOC_MMAP_THRESHOLD_": "65536"} if self.image_size == _LARGE_SIZE else {}
        temporary = {name: str(self.folder / "temporary") for name in ("TMPDIR", "TEMP", "TMP")}
        with running(
            variables | temporary | {"RETRIEVALSAM_CACHE": str(self.folder / "user")},
            code=_WORKER.format(size=self.image_size),
        ) as process:
            yield process

    def wanted(self, image: int) -> dict[str, object]:
        """What is asked of a run; few slices where each takes long."""
        return {
            "roi": [0, 128, 0, 128, 0, 10] if self.image_size == _SIZE else [0, 128, 0, 128, 4, 5],
            "folder": str(self.folder / "library"),
            "image": str(self.folder / f"{image}.nrrd"),
            "output": str(self.output),
            "partial": str(self.folder / "partial"),
            "preset": "fast",
            "device": "cpu",
        }

    def run(self, worker: WorkerProcess, image: int) -> str | None:
        """Segment an image to the end: what is wrong, if anything."""
        events = worker.answer("run", "segment", **self.wanted(image))
        return self.after(events, image)

    def after(self, events: list[Event], image: int) -> str | None:
        """What is wrong after a run that ended with a result or was stopped; its files are read and deleted."""
        last = events[-1]
        if isinstance(last, Fault):
            return f"{last.code}: {last.message}"
        told = [Path(event.file) for event in events if isinstance(event, Partial)]
        if isinstance(last, Result):
            told += [Path(file) for file in last.result["files"]]
            found = read_segmentation(self.output)
            self.output.unlink()
            alike = image, tuple(last.result["report"]["less_memory"])
            if self.expected.setdefault(alike, found.content_hash()) != found.content_hash():
                return "another result than the first time"
            if not all(found.mask(n).any() for n in range(len(_SEGMENTS))):
                return "a segment was not found"
        for file in told:
            file.unlink()
        left = self.left()
        return f"left behind: {left}" if left else None

    def left(self) -> list[str]:
        """Files that nobody has use for any more."""
        found = [path for name in ("out", "partial", "temporary") for path in (self.folder / name).rglob("*")]
        # An empty folder that PyTorch makes where it is imported.
        found = [path for path in found if not path.name.startswith("torchinductor_")]
        states = [path for path in (self.folder / "user").rglob("*") if path.is_file()]
        found += [path for path in states if not path.name.endswith((".state", ".results.json", ".kept", "lock"))]
        found += [path for path in (self.folder / "library").rglob("*") if path.name in (".writer.json", ".staging")]
        return sorted(str(path.relative_to(self.folder)) for path in found)


def _handles(worker: WorkerProcess) -> int:
    process = psutil.Process(worker.process.pid)
    return process.num_handles() if os.name == "nt" else process.num_fds()


def _runs(place: Place, count: int) -> Rows:
    """Many runs in one worker; a look at the process after each that comes after the warm-up."""
    warm = max(2, count // 10)
    resident: list[int] = []
    handles: list[int] = []
    threads: list[int] = []

    def outcomes() -> Iterator[str | None]:
        with place.worker() as worker:
            process = psutil.Process(worker.process.pid)
            for number in range(count):
                yield place.run(worker, number % _IMAGES)
                if number >= warm:
                    resident.append(process.memory_info().rss)
                    handles.append(_handles(worker))
                    threads.append(process.num_threads())

    def memory() -> Iterator[str | None]:
        few = max(1, len(resident) // 10)
        first, last = statistics.mean(resident[:few]), statistics.mean(resident[-few:])
        print(f"resident {first / 1e6:.0f} MB, at the end {last / 1e6:.0f} MB", file=sys.stderr)
        yield None if last <= first * _LARGEST_GROWTH else f"memory grew from {first:.0f} to {last:.0f} bytes"

    def held() -> Iterator[str | None]:
        for name, counts in (("files", handles), ("threads", threads)):
            yield None if max(counts) <= counts[0] else f"{name}: {counts}"

    yield "runs in one worker give the same voxels again and leave no temporary file", outcomes()
    yield f"its memory grows by less than 5 % after the first {warm}", memory()
    yield "it holds no more files open and no more threads at the end", held()


def _cancels(place: Place, count: int) -> Rows:
    """Cancelled, and every fifth time killed, at a random moment of a run; then begun again."""
    chance = random.Random(7)

    def outcomes() -> Iterator[str | None]:
        done = 0
        while done < count:
            with place.worker() as worker:
                wrong = place.run(worker, 0)
                began = time.monotonic()
                yield wrong or place.run(worker, 0)
                usual = time.monotonic() - began
                for _ in range(min(count - done, 4)):
                    done += 1
                    yield cancelled(worker, chance.uniform(0.0, usual))
                if done < count:
                    done += 1
                    yield killed(worker, chance.uniform(0.0, usual))

    def cancelled(worker: WorkerProcess, after: float) -> str | None:
        worker.ask("run", "segment", **place.wanted(0))
        time.sleep(after)
        worker.ask("cancel", "cancel", of="run")
        events: list[Event] = []
        # Both answer, in either order.
        while {getattr(event, "id", None) for event in events if isinstance(event, (Result, Stopped, Fault))} != {
            "run",
            "cancel",
        }:
            events += worker.until(Result, Stopped, Fault)
        of_run = [event for event in events if getattr(event, "id", None) == "run"]
        wrong = place.after(of_run, 0)
        if worker.result("ping") != {}:
            return "it does not answer"
        return wrong

    def killed(worker: WorkerProcess, after: float) -> str | None:
        worker.ask("run", "segment", **place.wanted(0))
        time.sleep(after)
        worker.process.kill()
        worker.ended()
        if place.output.exists() and read_segmentation(place.output).content_hash() not in place.expected.values():
            return "a half result after a kill"
        # What a killed process was writing lies there until the system or, after a day, the next run clears it.
        for path in (place.folder / "user").rglob("*.part"):
            path.unlink()
        for name in ("out", "partial", "temporary"):
            for path in sorted((place.folder / name).rglob("*"), reverse=True):
                path.unlink() if path.is_file() else path.rmdir()
        damaged = SupportLibrary.open(place.folder / "library").verify()
        return f"the library is damaged: {damaged}" if damaged else None

    yield "a run that is cancelled at any moment leaves nothing, and the next gives the same voxels", outcomes()


def _requests(place: Place, count: int) -> Rows:
    """Every kind of bad request, in random order, to one worker that segments now and then."""
    chance = random.Random(3)

    def outcomes() -> Iterator[str | None]:
        with place.worker() as worker:
            yield place.run(worker, 0)
            kinds = [*BAD_LINES, *WRONG]
            before = 0
            for round_number in range(count):
                for kind in chance.sample(kinds, len(kinds)):
                    yield refused(worker, kind)
                if round_number == 0:
                    before = _handles(worker)
            yield None if _handles(worker) <= before else "files are held open"
            yield place.run(worker, 0)

    def refused(worker: WorkerProcess, kind: str) -> str | None:
        if kind in BAD_LINES:
            worker.write(BAD_LINES[kind][0] + b"\n")
            fault = worker.until(Fault, Result)[-1]
            code = "request"
        else:
            folder = place.folder / "nothing"
            events = worker.answer("bad", "segment", **(place.wanted(0) | changed(kind, folder)))
            fault, code = events[-1], WRONG[kind][1]
        if not isinstance(fault, Fault) or fault.code != code:
            return f"{kind}: answered with {type(fault).__name__}"
        return f"{kind}: left behind {place.left()}" if place.left() else None

    yield "a worker outlives bad lines and requests, says what is wrong, and goes on", outcomes()


def _memory(place: Place, count: int) -> Rows:
    """A run of a larger image with a little more memory than the worker has, and then without the limit again.

    Half of the limits are spread evenly; the others lie around the one that just sufficed, where less memory helps.
    """
    place.image_size = _LARGE_SIZE
    chance = random.Random(5)
    told: list[str] = []
    sufficed = _MOST_MORE

    def more_memory(number: int) -> float:
        if number <= count // 2:
            return _MOST_MORE * (number - chance.random()) / (count // 2)
        return max(0.0, sufficed + chance.uniform(-_AROUND, _AROUND / 3))

    def outcomes() -> Iterator[str | None]:
        nonlocal sufficed
        done = 0
        while done < count:
            with place.worker() as worker:
                yield place.run(worker, 0)
                while done < count and worker.process.poll() is None:
                    done += 1
                    more = more_memory(done)
                    yield limited(worker, more)
                    if told[-1] == "result":
                        sufficed = min(sufficed, more)
        print(f"ends under a limit: { {end: told.count(end) for end in sorted(set(told))} }", file=sys.stderr)

    def limited(worker: WorkerProcess, more: float) -> str | None:
        process = psutil.Process(worker.process.pid)
        had = process.rlimit(psutil.RLIMIT_DATA)
        process.rlimit(psutil.RLIMIT_DATA, (_data_bytes(worker.process.pid) + int(more), had[1]))
        worker.ask("run", "segment", **place.wanted(0))
        events: list[Event] = []
        while not events or not isinstance(events[-1], (Result, Fault)):
            event = worker.next()
            if event is None:
                told.append("died")
                return f"the worker died: {worker.ended()[1][-500:]}"
            events.append(event)
        process.rlimit(psutil.RLIMIT_DATA, had)
        last = events[-1]
        if isinstance(last, Fault):
            told.append(f"{last.code}")
            if last.code != "memory":
                return f"{last.code}: {last.message} {last.details[-1500:]}"
            if "region of interest" not in last.remedy:
                return f"no smaller settings are proposed: {last.remedy}"
            for event in events:
                if isinstance(event, Partial):
                    Path(event.file).unlink()
        else:
            assert isinstance(last, Result)
            less = last.result["report"]["less_memory"]
            told.append(f"result, {less[-1]}" if less else "result")
            wrong = place.after(events, 0)
            if wrong is not None:
                return wrong
        return place.run(worker, 0)

    if sys.platform == "linux":
        yield (
            "where memory runs out, a run goes on with less or ends in words; the next is as ever",
            outcomes(),
        )


def _data_bytes(pid: int) -> int:
    """What counts against RLIMIT_DATA."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmData:")) << 10


# By promise: what tries it, and how often, at length and in short.
PROMISES: dict[str, tuple[Callable[[Place, int], Rows], int, int]] = {
    "runs": (_runs, 500, 6),
    "cancels": (_cancels, 200, 5),
    "requests": (_requests, 20, 1),
    "memory": (_memory, 60, 3),
}


def main(arguments: list[str] | None = None) -> int:
    """Run the campaigns that were named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("promises", nargs="*", metavar="PROMISE", help=f"some of: {', '.join(PROMISES)}")
    parser.add_argument("--short", action="store_true", help="a sample of each")
    parser.add_argument("--times", type=int, help="how often, in place of the usual number")
    given = parser.parse_args(arguments)
    if unknown := set(given.promises) - set(PROMISES):
        parser.error(f"there is no promise {', '.join(sorted(unknown))}")
    logging.disable(logging.WARNING)
    all_hold = True
    for promise in given.promises or PROMISES:
        tries, long, short = PROMISES[promise]
        count = given.times or (short if given.short else long)
        command = f"python -m Testing.campaigns.long_runs {promise} --times {count}"
        with tempfile.TemporaryDirectory() as work:
            all_hold &= print_rows(tries(Place.made(Path(work) / promise), count), command)
    return int(not all_hold)


if __name__ == "__main__":
    sys.exit(main())
