"""Long requests that give way to a run: they share the computing worker, which has the networks loaded already.

The librarian would be deaf for as long as they take, and a third process would load the networks once more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..clients.worker_client import Request, WorkerClient, WorkerFault
from .segmenting import RUNNING, Segmenting


@dataclass(eq=False)
class Job:
    """A request, and who is told of it.

    Attributes:
        verb: Of the protocol.
        parameters: What the verb takes.
        rank: The lower goes first; one that is under way is put off for a lower one.
        on_result: Told the result.
        on_fault: Told why it failed.
        on_progress: Told the stage, how much is done, of how much, seconds left or None.
        on_stopped: Told that it ended without a result, as the user wanted.
        on_waiting: Told that something else goes first; it begins by itself afterwards, from the start as far as
            the worker has kept nothing.
    """

    verb: str
    parameters: dict[str, Any]
    rank: int
    on_result: Callable[[dict[str, Any]], None]
    on_fault: Callable[[WorkerFault], None]
    on_progress: Callable[[str, int, int, float | None], None]
    on_stopped: Callable[[], None]
    on_waiting: Callable[[], None]


class Background:
    """Does one job at a time, and none while a volume is segmented."""

    def __init__(self, worker: WorkerClient, segmenting: Segmenting) -> None:
        self._worker = worker
        self._segmenting = segmenting
        self._jobs: list[Job] = []
        self._current: Job | None = None
        self._request: Request | None = None
        self._gives_way = False
        segmenting.state_changed.connect(self._run_changed)

    def start(self, job: Job) -> None:
        """Do a job as soon as nothing else goes first."""
        self._jobs.append(job)
        if self._current is not None and job.rank < self._current.rank:
            self._give_way()
        self._next()
        if self._current is not job:
            job.on_waiting()

    def cancel(self, job: Job) -> None:
        """Stop a job, or forget one that waits."""
        if job not in self._jobs:
            return
        self._jobs.remove(job)
        if job is self._current and self._request is not None:
            self._worker.cancel(self._request)
        else:
            job.on_stopped()

    def cleanup(self) -> None:
        """Begin nothing more."""
        self._jobs.clear()

    def _run_changed(self) -> None:
        if self._segmenting.state == RUNNING:
            self._give_way()
        else:
            self._next()

    def _give_way(self) -> None:
        if self._request is not None and self._current in self._jobs:
            self._gives_way = True
            self._worker.cancel(self._request)

    def _next(self) -> None:
        if self._current is not None or not self._jobs or self._segmenting.state == RUNNING:
            return
        job = self._current = min(self._jobs, key=lambda one: one.rank)
        self._gives_way = False
        self._request = self._worker.request(
            job.verb,
            job.parameters,
            on_result=lambda result: self._ended(lambda: job.on_result(result)),
            on_fault=lambda fault: self._ended(lambda: job.on_fault(fault)),
            on_progress=job.on_progress,
            on_stopped=self._stopped,
        )

    def _stopped(self) -> None:
        job = self._current
        if self._gives_way and job in self._jobs:
            self._current = self._request = None
            job.on_waiting()
            self._next()
        elif job is not None:
            self._ended(job.on_stopped)

    def _ended(self, tell: Callable[[], None]) -> None:
        if self._current in self._jobs:
            self._jobs.remove(self._current)
        self._current = self._request = None
        tell()
        self._next()
