"""The queue: runs of all clients, first come first served; every free device takes the next one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import math
import shutil
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path

from ...errors import InputError
from ...out_of_memory import give_back_freed
from ...tracebacks import told_without_data
from ...worker.faults import fault_of
from ...worker.protocol import Fault, Result, Stopped
from ..messages import DeviceState, ErrorBody, Event, RunRequest, RunState
from ..problems import Problem, body_of
from .asking import parameters_of, words_of, written_before
from .engine import Answer, Engine
from .lane import Lane
from .run import Errand, Run
from .so_far import SoFar
from .telling import event_of, note, state_of, tell, unheard
from .uploads import UNUSED_SECONDS, Upload, Uploads

_TICK_SECONDS = 1.0
_REST_SECONDS = 60.0
_LONGEST_REST = 16
"""How much longer a device is left alone in the end that is still of no use whenever it is looked at."""
_CLOCK_SECONDS = 2.0
"""So far the times of files may be behind the computer's."""
_MOST_RESULTS = 1000
_ENDED = {Result: "is done", Fault: "has failed", Stopped: "was stopped"}
IMAGE_DIGITS = 24
"""With so many of its hash the names of what is kept of an image begin (`state_file.state_stem` of segmentation)."""
_LOG = logging.getLogger(__name__)


class Runs:
    """All runs.

    Args:
        folder: For their files.
        engines: Compute, one a device.
        uploads: What they work on.
        states: Where the engines keep what corrections stand on.
        queue: How many may wait.
        keep_seconds: How long results stay.
        patience_seconds: How long a run goes on that nobody listens to.
        rest_seconds: How long a device is left alone that cannot be used, at first.
    """

    def __init__(
        self,
        folder: Path,
        engines: Sequence[Engine],
        uploads: Uploads,
        *,
        states: Path,
        queue: int,
        keep_seconds: float,
        patience_seconds: float,
        rest_seconds: float = _REST_SECONDS,
    ) -> None:
        folder.mkdir(mode=0o700)
        self._folder, self._uploads, self._states = folder, uploads, states
        self._limit, self._keep, self._patience, self._rest = queue, keep_seconds, patience_seconds, rest_seconds
        self._known: dict[str, Run] = {}
        self._waiting: deque[Run | Errand] = deque()
        self.lanes = tuple(Lane(engine) for engine in engines)
        self._some = asyncio.Event()
        self._making_way: set[asyncio.Task[None]] = set()  # else nothing would hold them
        self._last_seconds = 10.0

    @property
    def length(self) -> int:
        """Runs that wait or compute."""
        return len(self._waiting) + sum(lane.job is not None for lane in self.lanes)

    @property
    def is_ready(self) -> bool:
        """Whether a device can compute."""
        return any(lane.engine.ready for lane in self.lanes)

    @property
    def devices(self) -> list[DeviceState]:
        """What each does."""
        return [lane.state for lane in self.lanes]

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
            Problem: As many wait as may, or no device can be used.
        """
        self._check_room()
        run_id = uuid.uuid4().hex
        run = Run(run_id, owner, request, library, volume, segmentation, refines, self._folder / run_id)
        for upload in run.uploads:
            upload.users += 1
        self._known[run.id] = run
        self._queue(run)
        return run

    def send(self, errand: Errand) -> None:
        """Put an errand at the end of the queue.

        Raises:
            Problem: As for `add`.
        """
        self._check_room()
        self._queue(errand)

    async def recall(self, errand: Errand) -> None:
        """End an errand."""
        errand.wanted = False
        if errand in self._waiting:
            self._waiting.remove(errand)
            errand.end(Stopped(errand.verb))
            self._tell_places()
        else:
            await self._stop(errand)

    def find(self, owner: str, run_id: str) -> Run | None:
        """A run of this owner's."""
        run = self._known.get(run_id)
        return run if run is not None and run.owner == owner else None

    def of(self, owner: str) -> list[Run]:
        """All of this owner's, the first one first."""
        return [run for run in self._known.values() if run.owner == owner]

    def state_of(self, run: Run) -> RunState:
        """Where it is."""
        return state_of(run, self._place(run))

    async def follow(self, run: Run) -> AsyncIterator[Event]:
        """What happens to a run, from where it is now to its end."""
        run.listeners += 1
        try:
            while True:
                changed = run.changed
                yield event_of(run, self._place(run))
                if run.ended is not None:
                    return
                await changed.wait()
        finally:
            run.listeners -= 1
            run.hear()

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
            await self._stop(run)

    def close(self) -> None:
        """Say to all who wait that nothing more comes, since the server ends."""
        fact, remedy = "it was shut down", "Start the run again when it is back."
        for run in [run for run in self._known.values() if run.ended is None]:
            self._end(run, Fault(run.id, "internal", "server", fact, remedy, f"server: {fact}. {remedy}"))
        for errand in (job for job in (*self._waiting, *self._jobs()) if isinstance(job, Errand)):
            errand.end(Fault(errand.verb, "internal", "server", fact, remedy, f"server: {fact}. {remedy}"))

    async def work(self, lane: Lane) -> None:
        """Have a device do one thing after the other, for ever."""
        while True:
            await self._made_ready(lane)
            lane.is_free = True
            while not self._waiting:
                self._some.clear()
                await self._some.wait()
            job = self._next()
            lane.take(job)
            answer = await self._done(lane, job)
            is_broken = isinstance(answer, Fault) and answer.code == "internal"
            lane.failures = lane.failures + 1 if is_broken else 0
            if is_broken:  # of a card, whatever a process does after such a fault may fail too
                await lane.engine.end()
            lane.job = None
            self.sweep()
            give_back_freed()

    async def _made_ready(self, lane: Lane) -> None:
        """Start the worker of a device where it does not run; one that cannot be used is tried less and less often."""
        longer = 1
        while True:
            others = any(one.fault is None for one in self.lanes if one is not lane)
            if lane.needs_rest and others:
                lane.fault = f"{lane.failures} runs in a row have failed on it"
                lane.failures = 0
            else:
                lane.fault = None if lane.engine.ready else await lane.engine.fault()
            if lane.fault is None:
                return
            _LOG.error("%s: taken out for %g s: %s", lane.name, self._rest * longer, lane.fault)
            self._make_way()
            self._fail_waiting()
            await asyncio.sleep(self._rest * longer)
            longer = min(2 * longer, _LONGEST_REST)

    async def _done(self, lane: Lane, job: Run | Errand) -> Answer:
        """Do what a lane has taken."""
        engine, began = lane.engine, time.monotonic()
        # Neither whose nor of what: everybody who has a token can read these lines.
        what = job.verb if isinstance(job, Errand) else "a run"
        _LOG.info("%s: %s begins", lane.name, what)
        if isinstance(job, Errand):
            parameters = {**job.parameters, "device": engine.device.kind}
            answer = await engine.answer(job.verb, parameters, partial(note, job))
            if isinstance(answer, Stopped) and job.gives_way and job.wanted:
                self._waiting.append(job)
                self._some.set()
            else:
                job.end(answer)
        else:
            job.state, job.device = "running", lane.name
            job.touch()
            self._tell_places()
            answer = await self._answer(job, engine)
            self._end(job, answer)
            self._last_seconds = time.monotonic() - began
        _LOG.info("%s: %s %s after %.1f s", lane.name, what, _ENDED[type(answer)], time.monotonic() - began)
        return answer

    async def tend(self) -> None:
        """Stop what nobody follows and delete what nobody needs, for ever."""
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            now = time.monotonic()
            for run in [run for run in self._known.values() if run.ended is None and not run.listeners]:
                if now - run.heard > self._patience:
                    await self.cancel(run, unheard(self._patience))
            self.sweep()

    def sweep(self) -> None:
        """Delete what is no longer needed."""
        now = time.monotonic()
        ended = [run for run in self._known.values() if run.ended is not None]
        old = [run for run in ended if now - (run.ended or now) > max(self._keep, UNUSED_SECONDS)]
        for run in {*old, *ended[: max(0, len(ended) - _MOST_RESULTS)]}:
            self._forget(run)
        self._uploads.sweep()
        self._sweep_states()

    def _sweep_states(self) -> None:
        """Delete what corrections of volumes that are gone stood on."""
        if not self._states.is_dir():
            return
        kept = {image[:IMAGE_DIGITS] for image in self._uploads.images()}
        # A run on a volume that none has had before writes there what cannot be told yet whose it is.
        oldest = min((lane.began - _CLOCK_SECONDS for lane in self.lanes if lane.job is not None), default=math.inf)
        for path in self._states.iterdir():
            with contextlib.suppress(OSError):  # the next sweep deletes it
                if path.name[:IMAGE_DIGITS] not in kept and path.stat().st_mtime < oldest:
                    path.unlink()

    def _queue(self, job: Run | Errand) -> None:
        self._waiting.append(job)
        self._some.set()
        self._make_way()

    def _jobs(self) -> list[Run | Errand]:
        """What the devices do."""
        return [lane.job for lane in self.lanes if lane.job is not None]

    async def _stop(self, job: Run | Errand) -> None:
        """End what a device does."""
        for lane in self.lanes:
            if lane.job is job:
                await lane.engine.cancel()

    def _make_way(self) -> None:
        """Have as much learning stop as there is that waits and finds no free device."""
        free = sum(lane.is_free for lane in self.lanes)
        wanted = sum(not _gives_way(job) for job in self._waiting) - free
        for job in [job for job in self._jobs() if _gives_way(job)][: max(0, wanted)]:
            stopping = asyncio.create_task(self._stop(job))
            self._making_way.add(stopping)
            stopping.add_done_callback(self._making_way.discard)

    def _fail_waiting(self) -> None:
        """Where no device can be used, say so to all who wait."""
        fault = self._fault()
        if fault is None:
            return
        for job in list(self._waiting):
            self._waiting.remove(job)
            if isinstance(job, Run):
                self._end(job, fault)
            else:
                job.end(fault)

    def _fault(self) -> Fault | None:
        """Why nothing can be computed."""
        if any(lane.fault is None for lane in self.lanes):
            return None
        fact = "; ".join(f"{lane.name} cannot be used: {lane.fault}" for lane in self.lanes)
        remedy = "Have its administrator look at its log; devices are tried again from time to time."
        return Fault(None, "internal", "server", fact, remedy, f"server: {fact}. {remedy}")

    def _next(self) -> Run | Errand:
        """The first that waits; what gives way has its turn where nothing else waits."""
        job = next((job for job in self._waiting if not _gives_way(job)), self._waiting[0])
        self._waiting.remove(job)
        return job

    def _place(self, run: Run) -> int | None:
        """Of a run that waits: 1 for the next; None of others."""
        if run.state != "waiting":
            return None
        return [job for job in self._waiting if not _gives_way(job)].index(run) + 1

    def _tell_places(self) -> None:
        for job in self._waiting:
            if isinstance(job, Run):
                job.touch()

    def _check_room(self) -> None:
        fault = self._fault()
        if fault is not None:
            raise Problem(503, "busy", fault.thing, fault.fact, fault.remedy, {"Retry-After": f"{self._rest:.0f}"})
        if len(self._waiting) >= self._limit:
            seconds = max(1, round(self._last_seconds / len(self.lanes)))
            raise Problem(
                429,
                "busy",
                "server",
                f"{len(self._waiting)} runs are waiting, and no more may",
                f"Try again in {seconds} s.",
                {"Retry-After": str(seconds)},
            )

    async def _answer(self, run: Run, engine: Engine) -> Answer:
        try:
            answer = await self._asked(run, engine)
            if isinstance(answer, Result):
                report = answer.result["report"]
                run.report_file.write_text(json.dumps(report), encoding="utf-8")
                run.volume.image = report["target"]["sha256"]
            return answer
        except Exception as error:  # the queue goes on whatever one run meets
            if not isinstance(error, InputError):
                _LOG.error("a run has failed in the server:\n%s", told_without_data(error))
            return fault_of(error, run.id)

    async def _asked(self, run: Run, engine: Engine) -> Answer:
        run.folder.mkdir(mode=0o700)
        if run.request.partial:
            run.so_far = SoFar(run.volume.path, run.folder / "so-far")
        parameters = parameters_of(run, engine.device.kind)
        if run.segmentation is None and not run.refines:
            return await engine.answer("segment", parameters, partial(tell, run))
        before = await asyncio.to_thread(written_before, run)
        parameters |= {"segmentation": str(before), "corrected": run.request.corrected, "teach": run.request.teach}
        if not run.wanted:
            return Stopped(run.id)
        return await engine.answer("refine", parameters, partial(tell, run))

    def _end(self, run: Run, answer: Answer) -> None:
        if run.ended is not None:  # when the server ends
            return
        if isinstance(answer, Result):
            run.state = "done"
        elif isinstance(answer, Fault):
            run.state, run.error = "failed", body_of(answer, words_of(run))
        else:
            run.state = "stopped"
        run.ended, run.refines = time.monotonic(), None
        if run.so_far is not None:
            run.so_far.close()
            run.so_far = None
        for upload in run.uploads:
            upload.users -= 1
            upload.used, upload.has_served = run.ended, True
        run.touch()

    def _forget(self, run: Run) -> None:
        shutil.rmtree(run.folder, ignore_errors=True)
        del self._known[run.id]


def _gives_way(job: Run | Errand) -> bool:
    return isinstance(job, Errand) and job.gives_way
