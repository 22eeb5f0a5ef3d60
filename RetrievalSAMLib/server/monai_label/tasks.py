"""What goes on in the background for MONAI Label's clients: one training and one batch at a time, and how each is."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from ...worker.protocol import Fault, Result
from ..messages import ErrorBody
from ..problems import Problem, body_of
from ..work.engine import Answer
from ..work.run import Errand
from ..work.runs import Runs

Status = Literal["RUNNING", "DONE", "ERROR", "STOPPED"]
_MOST = 100
"""Ended tasks that are told of."""


@dataclass(eq=False)
class BackgroundTask:
    """One task.

    Attributes:
        model: Of whom it is.
        owner: Who asked for it, and alone may stop it.
        id: For clients.
        status: As MONAI Label calls it.
        began: Seconds since 1970.
        ended: Likewise.
        errand: What the worker does for it.
        error: Why it has failed.
        result: What it gave.
        work: The coroutine that does it.
    """

    model: str
    owner: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: Status = "RUNNING"
    began: int = field(default_factory=lambda: int(time.time()))
    ended: int | None = None
    errand: Errand | None = None
    error: ErrorBody | None = None
    result: dict[str, Any] | None = None
    work: asyncio.Task[None] | None = None

    def described(self) -> dict[str, Any]:
        """As MONAI Label tells of a task; nothing of any image."""
        details = []
        if self.errand is not None and self.errand.progress is not None:
            now = self.errand.progress
            details.append(f"{now.stage}: {now.done} of {now.total}")
        if self.error is not None:
            details.append(self.error.message)
        if not details:  # 3D Slicer's module takes the last one of a task that it has stopped
            details.append(self.status.lower())
        told: dict[str, Any] = {
            "id": self.id,
            "model": self.model,
            "status": self.status,
            "start_ts": self.began,
            "details": details,
        }
        if self.ended is not None:
            told |= {"end_ts": self.ended, "result": self.result}
        return told


class BackgroundTasks:
    """Of one kind, one at a time.

    Args:
        what: For messages.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._all: list[BackgroundTask] = []

    @property
    def running(self) -> BackgroundTask | None:
        """The one that runs."""
        return next((task for task in reversed(self._all) if task.status == "RUNNING"), None)

    def all(self) -> list[BackgroundTask]:
        """Those that are remembered, in their order."""
        return list(self._all)

    def begin(self, task: BackgroundTask, work: Coroutine[Any, Any, None]) -> None:
        """Start one; check with `check_free` before."""
        self._all = [*self._all[-_MOST:], task]
        task.work = asyncio.create_task(work)

    def check_free(self) -> None:
        """Refuse a second one.

        Raises:
            Problem: One runs.
        """
        if self.running is not None:
            fact, remedy = f"{self._what} is under way", "Wait for its end, or stop it."
            raise Problem(429, "busy", "server", fact, remedy, {"Retry-After": "10"})

    async def stop(self, owner: str, runs: Runs) -> BackgroundTask:
        """End the one that runs.

        Raises:
            Problem: None runs, or it is another's.
        """
        task = self.running
        if task is None or task.owner != owner:
            raise Problem(404, "missing", self._what, "none of this token's is under way", "Start one.")
        task.status, task.ended = "STOPPED", int(time.time())
        if task.errand is not None:
            await runs.recall(task.errand)
        return task

    async def close(self) -> None:
        """End all, when the server ends."""
        for task in self._all:
            if task.work is not None:
                task.work.cancel()
                with suppress(asyncio.CancelledError):
                    await task.work


async def do_errand(task: BackgroundTask, errand: Errand) -> None:
    """Wait for an errand that is in the queue, and note its end."""
    task.errand = errand
    end_with(task, await errand.answer)


def end_with(task: BackgroundTask, answer: Answer) -> None:
    """Note how a task has ended; one that was stopped stays so."""
    if task.status != "RUNNING":
        return
    task.ended = int(time.time())
    if isinstance(answer, Result):
        task.status, task.result = "DONE", dict(answer.result)
    elif isinstance(answer, Fault):
        task.status, task.error = "ERROR", body_of(answer, {})
    else:
        task.status = "STOPPED"
