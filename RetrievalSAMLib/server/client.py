"""Runs on a server, as the worker does them on this computer: `segment` and `refine` of docs/worker.md."""

from __future__ import annotations

import hashlib
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..volumes import (
    GridChoice,
    ReadingChoices,
    Segmentation,
    Volume,
    fit_to_grid,
    read_segmentation,
    write_segmentation,
    write_staged,
    write_volume,
)
from .connection import Connection, ServerError
from .pasting import changed_part

Told = Callable[[str, int, int, float | None], None]
"""Told the stage, how much is done, of how much, seconds left or None."""
Noted = Callable[[Path, Sequence[str]], None]
"""Told a file, and what the user should know of how it was read."""
Grown = Callable[[Segmentation, int, int], None]
"""Given what a run has found so far, on the grid of its volume, and how many of how many slices it stands for."""
_LOOK_SECONDS = 0.2
_RETRY_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0)
_MISSING = 404
_NOTHING_MORE = (303, 404, 409, 410)
"""Answers to who asks what a run has found so far and comes too late."""


class RunStopped(Exception):
    """A run has ended without a result, because that was asked for."""


@dataclass(frozen=True)
class _Last:
    """The last result, of which the server has the same."""

    run: str
    volume: str
    segmentation: Segmentation
    axis: int


class ServerClient:
    """A server's libraries and runs. Only voxels and grid of a volume leave this computer, and each volume once.

    Args:
        connection: To it.

    Attributes:
        sent_bytes: What was uploaded so far.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._last: _Last | None = None
        self.sent_bytes = 0

    def health(self) -> dict[str, Any]:
        """`version`, `model_ready`, `queue_length`. Raises ServerError."""
        health: dict[str, Any] = self._connection.ask("GET", "/health").json()
        return health

    def libraries(self) -> list[dict[str, Any]]:
        """Each has `name`, `segments`, `cases`. Raises ServerError."""
        found: list[dict[str, Any]] = self._connection.ask("GET", "/v1/libraries").json()["libraries"]
        return found

    def segment(
        self,
        library: str,
        image: Path,
        output: Path,
        choices: dict[str, Any],
        told: Told = lambda *_progress: None,
        stopping: Callable[[], bool] = lambda: False,
        reading: ReadingChoices | None = None,
        noted: Noted = lambda *_notes: None,
        grown: Grown | None = None,
    ) -> dict[str, Any]:
        """Segment a volume.

        Args:
            library: Its name on the server.
            image: The volume, of any format that can be read.
            output: Where the result goes, .seg.nrrd.
            choices: preset, model, segments, plane, roi, seed, points, boxes: as the worker's `segment` has them.
            told: Told how far it is; the place in the server's queue too.
            stopping: Whether the run shall end; asked often.
            reading: How the volume is to be read, here.
            noted: Told what the user should know of how it was read.
            grown: Given what there is so far, now and then; the run has no result yet.

        Returns:
            The report.

        Raises:
            RunStopped: It was stopped.
            InputError: It cannot be read, or the server refuses; ServerError where the server cannot be used.
        """
        volume = (reading or ReadingChoices()).read(image)
        noted(image, volume.notes)
        return self.segment_volume(library, volume, output, choices, told, stopping, grown)

    def segment_volume(
        self,
        library: str,
        volume: Volume,
        output: Path,
        choices: dict[str, Any],
        told: Told = lambda *_progress: None,
        stopping: Callable[[], bool] = lambda: False,
        grown: Grown | None = None,
    ) -> dict[str, Any]:
        """Segment a volume that was read already; else as `segment`, which see."""
        sent = self._send_volume(volume, told)
        return self._run({**choices, "library": library, "volume": sent}, output, told, stopping, grown)

    def refine(
        self,
        library: str,
        image: Path,
        segmentation: Path,
        corrected: list[int],
        output: Path,
        choices: dict[str, Any],
        told: Told = lambda *_progress: None,
        stopping: Callable[[], bool] = lambda: False,
        reading: ReadingChoices | None = None,
        grid: GridChoice = "own",
        noted: Noted = lambda *_notes: None,
        grown: Grown | None = None,
    ) -> dict[str, Any]:
        """Carry corrections on; as `segment`, which see. Only slices that changed are sent.

        Args:
            library: Its name on the server.
            image: The volume.
            segmentation: The corrected result.
            corrected: Slices that are right as they are now.
            output: Where the result goes.
            choices: As for `segment`.
            told: As for `segment`.
            stopping: As for `segment`.
            reading: As for `segment`.
            grid: `of-image` lays a segmentation that lost its place on the image, voxel on voxel.
            noted: As for `segment`; of the segmentation too.
            grown: As for `segment`.
        """
        volume = (reading or ReadingChoices()).read(image)
        drawn = read_segmentation(segmentation, grid=volume.geometry)
        now = fit_to_grid(drawn, str(segmentation), volume.geometry, str(image), grid)
        for file, notes in ((image, volume.notes), (segmentation, now.notes)):
            noted(file, notes)
        sent = self._send_volume(volume, told)
        request = {**choices, "library": library, "volume": sent, "corrected": sorted(corrected)}
        last = self._last if self._last is not None and self._last.volume == sent else None
        part = None if last is None else changed_part(last.segmentation, now, corrected, last.axis)
        if last is not None and part is not None:
            try:
                given = {"refines": last.run, "segmentation": self._send_segmentation(part, told)}
                return self._run({**request, **given}, output, told, stopping, grown)
            except ServerError as error:
                if error.status != _MISSING:
                    raise
        request["segmentation"] = self._send_segmentation(now, told)
        return self._run(request, output, told, stopping, grown)

    def _send_volume(self, volume: Volume, told: Told) -> str:
        return self._send("volume.nrrd", lambda file: write_volume(volume, file), told)

    def _send_segmentation(self, segmentation: Segmentation, told: Told) -> str:
        return self._send("segmentation.seg.nrrd", lambda file: write_segmentation(segmentation, file), told)

    def _send(self, name: str, write: Callable[[Path], None], told: Told) -> str:
        """Upload what the server has not; gives its SHA-256."""
        with tempfile.TemporaryDirectory(prefix="retrievalsam-") as folder:
            file = Path(folder) / name
            write(file)
            content = file.read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        path = f"/v1/volumes/{sha256}"
        if self._connection.ask("HEAD", path, accept=(_MISSING,)).status_code == _MISSING:
            self._connection.ask("PUT", path, data=_Upload(content, told))
            self.sent_bytes += len(content)
        return sha256

    def _run(
        self,
        request: dict[str, Any],
        output: Path,
        told: Told,
        stopping: Callable[[], bool],
        grown: Grown | None,
    ) -> dict[str, Any]:
        if stopping():
            raise RunStopped
        request = {**request, "partial": grown is not None}
        run: str = self._connection.ask("POST", "/v1/runs", json=request).json()["id"]
        path = f"/v1/runs/{run}"
        try:
            with self._ended_with(path, stopping):
                report = self._followed(path, told, grown)
            content = self._connection.ask("GET", f"{path}/segmentation").content
        except ServerError as error:
            if error.status == _MISSING and stopping():  # it had just ended, and cancelling deleted its result
                raise RunStopped from error
            raise
        write_staged(output, lambda staged: _write(staged, content))
        self._last = _Last(run, request["volume"], read_segmentation(output, allow_empty=True), report["plane_axis"])
        return report

    @contextmanager
    def _ended_with(self, path: str, stopping: Callable[[], bool]) -> Iterator[None]:
        """Cancels the run as soon as it shall end, and where this side fails."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(_LOOK_SECONDS):
                if stopping():
                    self._cancel(path)
                    return

        watching = threading.Thread(target=watch, name="cancel", daemon=True)
        watching.start()
        try:
            yield
        except BaseException as error:
            if not isinstance(error, (RunStopped, InputError)):
                self._cancel(path)
            raise
        finally:
            over.set()
            watching.join()

    def _cancel(self, path: str) -> None:
        try:
            self._connection.ask("DELETE", path, accept=(_MISSING,))
        except ServerError:
            return  # out of reach: the server sees by itself that nobody listens

    def _followed(self, path: str, told: Told, grown: Grown | None) -> dict[str, Any]:
        """The report, once it is there. A connection that breaks off is made again."""
        known = 0
        for seconds in (*_RETRY_SECONDS, None):
            try:
                for event in self._connection.events(f"{path}/events"):
                    if event["event"] == "result":
                        report: dict[str, Any] = event["report"]
                        return report
                    error = event["error"]
                    if error is not None:  # it has failed, or was stopped for a reason of the server's
                        raise InputError(error["thing"], error["fact"], error["remedy"])
                    if event["event"] == "stopped":
                        raise RunStopped
                    if event["event"] == "waiting":
                        told(f"waiting on the server, place {event['place']} in its queue", 0, 1, None)
                    elif event["progress"] is not None:
                        now = event["progress"]
                        told(now["stage"], now["done"], now["total"], now["seconds_left"])
                    so_far = event["partial"]
                    if grown is not None and so_far is not None and so_far["number"] > known:
                        known = so_far["number"]
                        self._fetch_so_far(path, grown)
            except ServerError as error:
                if error.status or seconds is None:
                    raise
                time.sleep(seconds)
        raise ServerError(
            self._connection.address, "the connection breaks off again and again", "Check the network and try again."
        )

    def _fetch_so_far(self, path: str, grown: Grown) -> None:
        answer = self._connection.ask("GET", f"{path}/partial", accept=_NOTHING_MORE)
        if answer.status_code in _NOTHING_MORE:  # the run's events tell the rest
            return
        done, _, total = answer.headers["RetrievalSAM-Unfinished"].partition("/")
        with tempfile.TemporaryDirectory(prefix="retrievalsam-") as folder:
            file = Path(folder) / "unfinished.seg.nrrd"
            file.write_bytes(answer.content)
            found = read_segmentation(file, allow_empty=True)
        grown(found, int(done), int(total))


class _Upload:
    """A body of known length that tells how much of it was read."""

    def __init__(self, content: bytes, told: Told) -> None:
        self._content, self._told, self._at = memoryview(content), told, 0

    def __len__(self) -> int:
        return len(self._content)

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        piece = bytes(self._content[self._at : None if size < 0 else self._at + size])
        self._at += len(piece)
        self._told("sending to the server", self._at, len(self._content), None)
        return piece


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
