"""Several seats at one server: `python -m Testing.campaigns.seats [--minutes 10] [--clients 8] [--rounds 5]`.

Rows as those of the other campaigns, and one with the cost of the server beside a worker on this computer.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.library import SupportLibrary
from RetrievalSAMLib.server.client import RunStopped, ServerClient
from RetrievalSAMLib.server.connection import ServerError
from RetrievalSAMLib.volumes import Geometry, Segmentation, read_segmentation, write_segmentation, write_volume

from ..core.server.server_process import TOKENS, RunningServer, serving, wait_until
from ..core.server.server_volumes import GRID, subject
from ..core.worker.worker_process import WorkerProcess, running
from .rows import print_rows

_IMAGES = 4
_PRESETS = ("fast", "default")
_CORRECTED = 3
_BUSY = 429
_LARGE = Geometry((256, 256, 60), (0.8, 0.8, 3.0), GRID.origin_mm, GRID.direction)
_WARM_PART = 0.3
_LOOKS = 7
"""At the server's memory, besides the one after the warm-up: whether it goes on growing."""
_LARGEST_GROWTH = 1.10
_MORE_HANDLES = 8  # connections that clients keep open


@dataclass
class Seats:
    """One campaign.

    Attributes:
        folder: For files.
        server: That is asked.
        expected: By what is asked, the hash of what a worker on this computer makes of it.
        until: When it ends, as `time.monotonic` has it.
        outcomes: What is wrong with each result, None for nothing.
        counts: How often what was done.
    """

    folder: Path
    server: RunningServer
    expected: dict[tuple[Any, ...], str]
    until: float = 0.0
    outcomes: list[str | None] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def all_sit(self, clients: int, minutes: float) -> None:
        """So many clients at once, until nothing waits any more."""
        self.until = time.monotonic() + minutes * 60
        threads = [threading.Thread(target=self.sit, args=(number,)) for number in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait_until(lambda: self.server.client().health()["queue_length"] == 0)

    def sit(self, number: int) -> None:
        """What one client does."""
        chance, client = random.Random(number), self.server.client(TOKENS[number % len(TOKENS)])
        output = self.folder / f"client{number}.seg.nrrd"
        acts = (self._segment, self._segment, self._refine, self._cancel, self._leave, self._ask_nonsense)
        while time.monotonic() < self.until:
            act = chance.choice(acts)
            try:
                self.outcomes.append(act(client, chance, output))
                self.counts[act.__name__.strip("_")] += 1
            except ServerError as error:
                if error.status == _BUSY:
                    self.counts["told that the queue is full"] += 1
                    time.sleep(chance.uniform(0.2, 2.0))
                else:
                    self.outcomes.append(f"{act.__name__}: {error}")
            except InputError as error:
                self.outcomes.append(f"{act.__name__}: {error}")

    def _image(self, image: int) -> Path:
        return self.folder / f"{image}.nrrd"

    def _segment(self, client: ServerClient, chance: random.Random, output: Path) -> str | None:
        image, preset = chance.randrange(_IMAGES), chance.choice(_PRESETS)
        client.segment("balls", self._image(image), output, {"preset": preset})
        return self._compared(output, "segment", image, preset)

    def _refine(self, client: ServerClient, chance: random.Random, output: Path) -> str | None:
        image = chance.randrange(_IMAGES)
        client.segment("balls", self._image(image), output, {"preset": "fast"})
        drawn = output.with_name(f"drawn-{output.name}")
        correct(output, drawn)
        report = client.refine("balls", self._image(image), drawn, [_CORRECTED], output, {"preset": "fast"})
        if not report["refinement"]["reused"]:
            return "what a correction stands on was gone"
        return self._compared(output, "refine", image, "fast")

    def _cancel(self, client: ServerClient, chance: random.Random, output: Path) -> str | None:
        moment = time.monotonic() + chance.uniform(0, 5)
        image = chance.randrange(_IMAGES)
        try:
            client.segment(
                "balls", self._image(image), output, {"preset": "default"}, stopping=lambda: time.monotonic() > moment
            )
        except RunStopped:
            return None
        return self._compared(output, "segment", image, "default")

    def _leave(self, _client: ServerClient, chance: random.Random, _output: Path) -> str | None:
        """Hang up in the middle of a run, and look later what has become of it."""
        connection = self.server.connection(TOKENS[0])
        client = ServerClient(connection)
        volume = client._send_volume(subject(chance.randrange(_IMAGES))[0], lambda *_told: None)
        request = {"library": "balls", "volume": volume}
        run = connection.ask("POST", "/v1/runs", json=request).json()["id"]
        events = connection.events(f"/v1/runs/{run}/events")
        next(events)
        events.close()
        if chance.random() < 0.5:
            return None  # never seen again
        last = [event["event"] for event in connection.events(f"/v1/runs/{run}/events")][-1]
        return None if last in ("result", "stopped") else f"a run that was left ended with {last}"

    def _ask_nonsense(self, client: ServerClient, chance: random.Random, output: Path) -> str | None:
        connection = self.server.connection(chance.choice((*TOKENS, "a-token-of-nobody-at-all")))
        asked = chance.choice(
            (
                ("PUT", f"/v1/volumes/{'0' * 64}", {"data": chance.randbytes(5000)}),
                ("POST", "/v1/runs", {"data": chance.randbytes(100)}),
                ("POST", "/v1/runs", {"json": {"library": "../balls", "volume": "0" * 64}}),
                ("GET", f"/v1/runs/{'0' * 32}/events", {}),
            )
        )
        try:
            connection.ask(asked[0], asked[1], **asked[2])
        except ServerError as error:
            return None if error.status in (401, 404, 422) else f"nonsense: {error.status} {error}"
        return "nonsense was accepted"

    def _compared(self, output: Path, *key: Any) -> str | None:
        return None if digest(output) == self.expected[key] else f"other voxels than here: {key}"


def digest(path: Path) -> str:
    """Of a result's voxels, grid and names."""
    result = read_segmentation(path, allow_empty=True)
    whole = hashlib.sha256(repr((result.names, result.geometry)).encode())
    for name in result.names:
        whole.update(result.mask(name).tobytes())
    return whole.hexdigest()


def correct(result: Path, output: Path) -> None:
    """One slice drawn otherwise, always in the same way."""
    drawn = read_segmentation(result)
    masks = [drawn.mask(name) for name in drawn.names]
    masks[0][4:20, 6:12, _CORRECTED] = True
    masks[1] &= ~masks[0]
    write_segmentation(Segmentation.from_masks(drawn.segments, masks, drawn.geometry), output)


def expected_results(worker: WorkerProcess, folder: Path, library: Path) -> dict[tuple[Any, ...], str]:
    """What a worker on this computer makes of everything that clients ask."""
    output, drawn, expected = folder / "expected.seg.nrrd", folder / "drawn.seg.nrrd", {}
    for image in range(_IMAGES):
        given = {"folder": str(library), "image": str(folder / f"{image}.nrrd"), "output": str(output)}
        for preset in reversed(_PRESETS):
            worker.result("segment", **given, preset=preset)
            expected["segment", image, preset] = digest(output)
        correct(output, drawn)
        worker.result("refine", **given, preset="fast", segmentation=str(drawn), corrected=[_CORRECTED])
        expected["refine", image, "fast"] = digest(output)
    return expected


def held(server: RunningServer) -> dict[str, int]:
    """Memory in MB, handles and threads of the server and its worker."""
    found = {}
    main = psutil.Process(server.process.pid)
    for name, process in (("server", main), *(("worker", child) for child in main.children())):
        found[f"{name} MB"] = process.memory_info().rss >> 20
        found[f"{name} handles"] = process.num_handles() if os.name == "nt" else process.num_fds()
        found[f"{name} threads"] = process.num_threads()
    return found


def leaks(before: dict[str, int], after: dict[str, int]) -> Iterator[str | None]:
    """What has grown by more than it may."""
    for name, count in after.items():
        most = before[name] * _LARGEST_GROWTH if name.endswith("MB") else before[name] + _MORE_HANDLES
        yield None if count <= most else f"{name}: {before[name]}, at the end {count}"


def sit_together(folder: Path, minutes: float, clients: int) -> Iterator[tuple[str, Iterator[str | None]]]:
    """Many clients for some minutes."""
    libraries = folder / "libraries"
    library = SupportLibrary.create(libraries / "balls", "Balls")
    for seed in (11, 12):
        library.add(*subject(seed), modality="MR")
    for number in range(_IMAGES):
        write_volume(subject(number)[0], folder / f"{number}.nrrd")
    with running({"RETRIEVALSAM_CACHE": str(folder / "here")}) as worker:
        expected = expected_results(worker, folder, library.path)
    options = ("--queue", "5", "--keep-minutes", "1", "--patience-seconds", "3", "--device", "cpu")
    with serving(folder, libraries, *options, secure=True) as server:
        seats = Seats(folder, server, expected)
        seats.all_sit(clients, minutes * _WARM_PART)
        before = held(server)
        memory = [before["server MB"]]
        for _ in range(_LOOKS):
            seats.all_sit(clients, minutes * (1 - _WARM_PART) / _LOOKS)
            memory.append(held(server)["server MB"])
        yield f"{clients} clients get the results of this computer, or a refusal in words", iter(seats.outcomes)
        after = held(server)
        yield "neither memory nor handles nor threads grow", leaks(before, after)
        told = {"done": seats.counts, "before": before, "after": after, "server MB on the way": memory}
        print(json.dumps(told), flush=True)
    left = [path.name for path in (server.cache / "serve").iterdir() if path.name != ".lock"]
    yield "a server that has ended leaves nothing on the disk", iter([f"left: {left}" if left else None])


def cost(folder: Path, rounds: int) -> dict[str, Any]:
    """Seconds of a run on a new volume of 60 slices, over the server and by a worker here, one after the other."""
    libraries = folder / "libraries"
    library = SupportLibrary.create(libraries / "balls", "Balls")
    for seed in (11, 12, 13):
        library.add(*subject(seed, _LARGE), modality="MR")
    output, image = folder / "out.seg.nrrd", folder / "image.nrrd"
    seconds: dict[str, list[float]] = {"here": [], "server": [], "here processor": [], "server processor": []}
    with (
        running({"RETRIEVALSAM_CACHE": str(folder / "here")}) as worker,
        serving(folder, libraries, "--device", "cpu", secure=True) as server,
    ):
        client = server.client(TOKENS[0])
        given = {"folder": str(library.path), "image": str(image), "output": str(output), "device": "cpu"}
        remote = psutil.Process(server.process.pid)
        for number in range(rounds + 1):  # the first warms both
            write_volume(subject(number, _LARGE)[0], image)
            began = time.perf_counter(), _worked(psutil.Process(worker.process.pid))
            worker.result("segment", **given)
            here = time.perf_counter() - began[0], _worked(psutil.Process(worker.process.pid)) - began[1]
            expected = digest(output)
            everybody = (psutil.Process(), remote, *remote.children())
            began = time.perf_counter(), sum(map(_worked, everybody))
            client.segment("balls", image, output, {})
            there = time.perf_counter() - began[0], sum(map(_worked, everybody)) - began[1]
            assert digest(output) == expected
            if number:
                for name, value in zip(seconds, (here[0], there[0], here[1], there[1]), strict=True):
                    seconds[name].append(round(value, 2))
    ratios = {
        "clock": _ratios(seconds["here"], seconds["server"]),
        "processor": _ratios(seconds["here processor"], seconds["server processor"]),
    }
    return {"seconds": seconds, **{name: (statistics.median(all_), all_) for name, all_ in ratios.items()}}


def _worked(process: psutil.Process) -> float:
    """Seconds that processors worked for it."""
    times = process.cpu_times()
    return float(times.user + times.system)


def _ratios(here: list[float], there: list[float]) -> list[float]:
    return [round(b / a, 3) for a, b in zip(here, there, strict=True)]


def main() -> int:
    """Print rows; 0 where nothing failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5, help="of the comparison with a worker here; 0 for none")
    options = parser.parse_args()
    command = f"python -m Testing.campaigns.seats --minutes {options.minutes:g} --clients {options.clients}"
    holds = True
    if options.minutes > 0:
        with tempfile.TemporaryDirectory() as folder:
            holds = print_rows(sit_together(Path(folder), options.minutes, options.clients), command)
    if options.rounds:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps({"overhead": cost(Path(folder), options.rounds)}), flush=True)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
