"""The queue: runs of all clients, one after the other, first come first served."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import shutil
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..out_of_memory import give_back_freed
from ..tracebacks import told_without_data
from ..worker.faults import fault_of
from ..worker.protocol import Fault, Result, Stopped
from ..worker.protocol import Progress as WorkerProgress
from .engine import Answer, Engine
from .messages import ErrorBody, Event, Progress, RunRequest, RunState, State
from .problems import Problem, body_of
from .uploads import UNUSED_SECONDS, Upload, Uploads

_TICK_SECONDS = 1.0
_MOST_RESULTS = 1000
IMAGE_DIGITS = 24
"""With so many of its hash the names of what is kept of an image begin (`state_stem` in segmentation/state.py)."""
_LOG = logging.getLogger(__name__)


@dataclass(eq=False)
class Run:
    """One run, from its request until its result is deleted.

    Attributes:
        id: Given by the server.
        owner: Who asked; nobody else hears of it.
        request: What was asked.
        library: Its folder.
        volume: The image.
        segmentation: What is refined, or a part of it; None for a new run.
        refines: The run that `segmentation` is a part of the result of.
        folder: For its files.
        state: waiting, running, done, failed or stopped.
        progress: The last that the worker said.
        error: Of one that failed.
        listeners: Connections that follow its events.
        heard: When one last did, as `time.monotonic` has it.
        ended: When it ended.
        wanted: Whether nobody has asked for its end.
        changed: Set, and replaced, whenever there is something to tell.
    """

    id: str
    owner: str
    request: RunRequest
    library: Path
    volume: Upload
    segmentation: Upload | None
    refines: Run | None
    folder: Path
    state: State = "waiting"
    progress: Progress | None = None
    error: ErrorBody | None = None
    listeners: int = 0
    heard: float = field(default_factory=time.monotonic)
    ended: float | None = None
    wanted: bool = True
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def result(self) -> Path:
        """The segmentation, once it is done."""
        return self.folder / "result.seg.nrrd"

    @property
    def report(self) -> dict[str, Any]:
        """Of a run that is done. It lies on the disk: there may be a thousand."""
        report: dict[str, Any] = json.loads(self.report_file.read_bytes())
        return report

    @property
    def report_file(self) -> Path:
        """Where it lies."""
        return self.folder / "report.json"

    @property
    def uploads(self) -> list[Upload]:
        """What it needs."""
        return [self.volume] if self.segmentation is None else [self.volume, self.segmentation]

    def touch(self) -> None:
        """Wake whoever follows it."""
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()


class Runs:
    """All runs.

    Args:
        folder: For their files.
        engine: Computes.
        uploads: What they work on.
        states: Where the engine keeps what corrections stand on.
        queue: How many may wait.
        keep_seconds: How long results stay.
        patience_seconds: How long a run goes on that nobody listens to.
        device: Where to compute.
    """

    def __init__(
        self,
        folder: Path,
        engine: Engine,
        uploads: Uploads,
        *,
        states: Path,
        queue: int,
        keep_seconds: float,
        patience_seconds: float,
        device: str,
    ) -> None:
        folder.mkdir(mode=0o700)
        self._folder, self._engine, self._uploads, self._states = folder, engine, uploads, states
        self._limit, self._keep, self._patience, self._device = queue, keep_seconds, patience_seconds, device
        self._known: dict[str, Run] = {}
        self._waiting: deque[Run] = deque()
        self._current: Run | None = None
        self._some = asyncio.Event()
        self._last_seconds = 10.0

    @property
    def length(self) -> int:
        """Runs that wait or compute."""
        return len(self._waiting) + (self._current is not None)

    def add(
        self,
        owner: str,
        request: RunRequest,
        library: Path,
        volume: Upload,
        segmentation: Upload | None,
        refines: Run | None,
    ) -> Run:
        """Put a run at the end of the queue.

        Raises:
            Problem: As many wait as may.
        """
        if len(self._waiting) >= self._limit:
            seconds = max(1, round(self._last_seconds))
            raise Problem(
                429,
                "busy",
                "server",
                f"{len(self._waiting)} runs are waiting, and no more may",
                f"Try again in {seconds} s.",
                {"Retry-After": str(seconds)},
            )
        run_id = uuid.uuid4().hex
        run = Run(run_id, owner, request, library, volume, segmentation, refines, self._folder / run_id)
        for upload in run.uploads:
            upload.users += 1
        self._known[run.id] = run
        self._waiting.append(run)
        self._some.set()
        return run

    def find(self, owner: str, run_id: str) -> Run | None:
        """A run of this owner's."""
        run = self._known.get(run_id)
        return run if run is not None and run.owner == owner else None

    def state_of(self, run: Run) -> RunState:
        """Where it is."""
        place = self._waiting.index(run) + 1 if run.state == "waiting" else None
        return RunState(id=run.id, state=run.state, place=place, progress=run.progress, error=run.error)

    async def follow(self, run: Run) -> AsyncIterator[Event]:
        """What happens to a run, from where it is now to its end."""
        run.listeners += 1
        try:
            while True:
                changed = run.changed
                yield self._event(run)
                if run.ended is not None:
                    return
                await changed.wait()
        finally:
            run.listeners -= 1
            run.heard = time.monotonic()

    async def cancel(self, run: Run) -> None:
        """End a run; of one that has ended, delete the result."""
        if run.ended is not None:
            self._forget(run)
        elif run.state == "waiting":
            self._waiting.remove(run)
            self._end(run, Stopped(run.id))
            self._tell_places()
        elif run.wanted:
            run.wanted = False
            await self._engine.cancel()

    def close(self) -> None:
        """Say to all who wait that nothing more comes, since the server ends."""
        fact, remedy = "it was shut down", "Start the run again when it is back."
        for run in [run for run in self._known.values() if run.ended is None]:
            self._end(run, Fault(run.id, "internal", "server", fact, remedy, f"server: {fact}. {remedy}"))

    async def work(self) -> None:
        """Take one run after the other, for ever."""
        await self._engine.answer("environment", {}, lambda _progress: None)
        while True:
            while not self._waiting:
                self._some.clear()
                await self._some.wait()
            run = self._current = self._waiting.popleft()
            run.state = "running"
            run.touch()
            self._tell_places()
            began = time.monotonic()
            self._end(run, await self._answer(run))
            self._last_seconds = time.monotonic() - began
            self._current = None
            self.sweep()
            give_back_freed()

    async def tend(self) -> None:
        """Stop what nobody follows and delete what nobody needs, for ever."""
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            now = time.monotonic()
            for run in [run for run in self._known.values() if run.ended is None and not run.listeners]:
                if now - run.heard > self._patience:
                    await self.cancel(run)
            self.sweep()

    def sweep(self) -> None:
        """Delete what is no longer needed."""
        now = time.monotonic()
        ended = [run for run in self._known.values() if run.ended is not None]
        old = [run for run in ended if now - (run.ended or now) > max(self._keep, UNUSED_SECONDS)]
        for run in {*old, *ended[: max(0, len(ended) - _MOST_RESULTS)]}:
            self._forget(run)
        self._uploads.sweep()
        if self._current is None and self._states.is_dir():  # else the worker may be reading there
            kept = {image[:IMAGE_DIGITS] for image in self._uploads.images()}
            for path in self._states.iterdir():
                if path.name[:IMAGE_DIGITS] not in kept:
                    with contextlib.suppress(OSError):  # the next sweep deletes it
                        path.unlink()

    def _tell_places(self) -> None:
        for run in self._waiting:
            run.touch()

    async def _answer(self, run: Run) -> Answer:
        try:
            answer = await self._asked(run)
            if isinstance(answer, Result):
                report = answer.result["report"]
                run.report_file.write_text(json.dumps(report), encoding="utf-8")
                run.volume.image = report["target"]["sha256"]
            return answer
        except Exception as error:  # the queue goes on whatever one run meets
            if not isinstance(error, InputError):
                _LOG.error("a run has failed in the server:\n%s", told_without_data(error))
            return fault_of(error, run.id)

    async def _asked(self, run: Run) -> Answer:
        run.folder.mkdir(mode=0o700)
        parameters = _parameters(run, self._device)
        if run.segmentation is None and not run.refines:
            return await self._engine.answer("segment", parameters, lambda told: _tell(run, told))
        before = await asyncio.to_thread(_written_before, run)
        parameters |= {"segmentation": str(before), "corrected": run.request.corrected}
        if not run.wanted:
            return Stopped(run.id)
        return await self._engine.answer("refine", parameters, lambda told: _tell(run, told))

    def _end(self, run: Run, answer: Answer) -> None:
        if run.ended is not None:  # when the server ends
            return
        if isinstance(answer, Result):
            run.state = "done"
        elif isinstance(answer, Fault):
            run.state, run.error = "failed", body_of(answer, self._words(run))
        else:
            run.state = "stopped"
        run.ended, run.refines = time.monotonic(), None
        for upload in run.uploads:
            upload.users -= 1
            upload.used, upload.has_served = run.ended, True
        run.touch()

    def _words(self, run: Run) -> dict[str, str]:
        """What a client knows the files of a run as."""
        words = {str(run.volume.path): "the volume", str(run.library): run.request.library, str(run.folder): "the run"}
        if run.segmentation is not None:
            words[str(run.segmentation.path)] = "the segmentation"
        return words | {str(run.folder / "before.seg.nrrd"): "the segmentation", str(self._folder.parent): "the server"}

    def _event(self, run: Run) -> Event:
        if run.state == "done":
            return Event(event="result", id=run.id, report=run.report)
        if run.state == "failed":
            return Event(event="error", id=run.id, error=run.error)
        if run.state == "stopped":
            return Event(event="stopped", id=run.id)
        if run.state == "waiting":
            return Event(event="waiting", id=run.id, place=self._waiting.index(run) + 1)
        return Event(event="progress", id=run.id, progress=run.progress)

    def _forget(self, run: Run) -> None:
        shutil.rmtree(run.folder, ignore_errors=True)
        del self._known[run.id]


def _tell(run: Run, told: WorkerProgress) -> None:
    run.progress = Progress(stage=told.stage, done=told.done, total=told.total, seconds_left=told.seconds_left)
    run.touch()


def _parameters(run: Run, device: str) -> dict[str, Any]:
    """What the worker's `segment` and `refine` have in common."""
    given = run.request.model_dump(include={"preset", "model", "segments", "plane", "roi", "seed", "points", "boxes"})
    files = {"folder": str(run.library), "image": str(run.volume.path), "output": str(run.result)}
    return {**given, **files, "device": device}


def _written_before(run: Run) -> Path:
    """The segmentation that is refined: as it was sent, or an earlier result with what was sent put into it.

    Raises:
        InputError: They do not go together, or the earlier result is gone.
    """
    from ..volumes import read_segmentation, write_segmentation
    from .pasting import pasted

    if run.refines is None:
        assert run.segmentation is not None
        return run.segmentation.path
    if not run.refines.result.is_file():
        raise InputError("the earlier run", "its result was deleted meanwhile", "Send the whole segmentation.")
    if run.segmentation is None:
        return run.refines.result
    whole = pasted(read_segmentation(run.refines.result), read_segmentation(run.segmentation.path))
    path = run.folder / "before.seg.nrrd"
    write_segmentation(whole, path)
    return path
