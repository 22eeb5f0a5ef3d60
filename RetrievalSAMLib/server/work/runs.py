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
from functools import partial
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...out_of_memory import give_back_freed
from ...tracebacks import told_without_data
from ...worker.faults import fault_of
from ...worker.protocol import Fault, Result, Stopped
from ...worker.protocol import Progress as WorkerProgress
from ..messages import ErrorBody, Event, Progress, RunRequest, RunState
from ..problems import Problem, body_of
from .engine import Answer, Engine
from .run import Errand, Run
from .uploads import UNUSED_SECONDS, Upload, Uploads

_TICK_SECONDS = 1.0
_MOST_RESULTS = 1000
IMAGE_DIGITS = 24
"""With so many of its hash the names of what is kept of an image begin (`state_file.state_stem` of segmentation)."""
_LOG = logging.getLogger(__name__)


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
        self._waiting: deque[Run | Errand] = deque()
        self._current: Run | Errand | None = None
        self._some = asyncio.Event()
        self._making_way: asyncio.Task[None] | None = None  # else nothing would hold it
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
        self._check_room()
        run_id = uuid.uuid4().hex
        run = Run(run_id, owner, request, library, volume, segmentation, refines, self._folder / run_id)
        for upload in run.uploads:
            upload.users += 1
        self._known[run.id] = run
        self._waiting.append(run)
        self._some.set()
        if isinstance(self._current, Errand) and self._current.gives_way:
            self._making_way = asyncio.create_task(self._engine.cancel())
        return run

    def send(self, errand: Errand) -> None:
        """Put an errand at the end of the queue.

        Raises:
            Problem: As many wait as may.
        """
        self._check_room()
        self._waiting.append(errand)
        self._some.set()

    async def recall(self, errand: Errand) -> None:
        """End an errand."""
        errand.wanted = False
        if errand in self._waiting:
            self._waiting.remove(errand)
            errand.end(Stopped(errand.verb))
            self._tell_places()
        elif errand is self._current:
            await self._engine.cancel()

    def find(self, owner: str, run_id: str) -> Run | None:
        """A run of this owner's."""
        run = self._known.get(run_id)
        return run if run is not None and run.owner == owner else None

    def of(self, owner: str) -> list[Run]:
        """All of this owner's, the first one first."""
        return [run for run in self._known.values() if run.owner == owner]

    def state_of(self, run: Run) -> RunState:
        """Where it is."""
        place = self._place(run) if run.state == "waiting" else None
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

    async def cancel(self, run: Run, why: ErrorBody | None = None) -> None:
        """End a run; of one that has ended, delete the result.

        Args:
            run: The run.
            why: Where its client has not asked for it.
        """
        if run.ended is not None:
            self._forget(run)
            return
        run.error = run.error or why
        if run.state == "waiting":
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
        for errand in (job for job in (*self._waiting, self._current) if isinstance(job, Errand)):
            errand.end(Fault(errand.verb, "internal", "server", fact, remedy, f"server: {fact}. {remedy}"))

    async def work(self) -> None:
        """Take one run after the other, for ever."""
        await self._engine.answer("environment", {}, lambda _progress: None)
        while True:
            while not self._waiting:
                self._some.clear()
                await self._some.wait()
            job = self._current = self._next()
            began = time.monotonic()
            if isinstance(job, Errand):
                answer = await self._engine.answer(job.verb, job.parameters, partial(_note, job))
                if isinstance(answer, Stopped) and job.gives_way and job.wanted:
                    self._waiting.append(job)
                else:
                    job.end(answer)
            else:
                job.state = "running"
                job.touch()
                self._tell_places()
                self._end(job, await self._answer(job))
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
                    await self.cancel(run, _unheard(self._patience))
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

    def _next(self) -> Run | Errand:
        """The first that waits; what gives way has its turn where nothing else waits."""
        job = next((job for job in self._waiting if not _gives_way(job)), self._waiting[0])
        self._waiting.remove(job)
        return job

    def _place(self, run: Run) -> int:
        """Of a run that waits: 1 for the next."""
        return [job for job in self._waiting if not _gives_way(job)].index(run) + 1

    def _tell_places(self) -> None:
        for job in self._waiting:
            if isinstance(job, Run):
                job.touch()

    def _check_room(self) -> None:
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
            return Event(event="stopped", id=run.id, error=run.error)
        if run.state == "waiting":
            return Event(event="waiting", id=run.id, place=self._place(run))
        return Event(event="progress", id=run.id, progress=run.progress)

    def _forget(self, run: Run) -> None:
        shutil.rmtree(run.folder, ignore_errors=True)
        del self._known[run.id]


def _gives_way(job: Run | Errand) -> bool:
    return isinstance(job, Errand) and job.gives_way


def _tell(run: Run, told: WorkerProgress) -> None:
    _note(run, told)
    run.touch()


def _note(job: Run | Errand, told: WorkerProgress) -> None:
    job.progress = Progress(stage=told.stage, done=told.done, total=told.total, seconds_left=told.seconds_left)


def _unheard(seconds: float) -> ErrorBody:
    """Why a run is cancelled that nobody follows."""
    fact = f"nobody has followed it for {seconds:g} s, so the server has ended it"
    remedy = "Start it again, and follow its events until it has a result (GET /v1/runs/{id}/events)."
    return ErrorBody(code="unheard", thing="run", fact=fact, remedy=remedy, message=f"run: {fact}. {remedy}")


def _parameters(run: Run, device: str) -> dict[str, Any]:
    """What the worker's `segment` and `refine` have in common."""
    shared = {
        "preset",
        "model",
        "segments",
        "plane",
        "roi",
        "seed",
        "points",
        "boxes",
        "learned",
        "trust_header",
        "clean",
    }
    given = run.request.model_dump(include=shared)
    files = {"folder": str(run.library), "image": str(run.volume.path), "output": str(run.result)}
    return {**given, **files, "device": device}


def _written_before(run: Run) -> Path:
    """The segmentation that is refined: as it was sent, or an earlier result with what was sent put into it.

    Raises:
        InputError: They do not go together, or the earlier result is gone.
    """
    from ...volumes import read_segmentation, write_segmentation
    from ..pasting import pasted

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
