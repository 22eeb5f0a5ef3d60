"""What waits in the queue: runs, and errands that the worker does in their turn."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..messages import ErrorBody, Progress, RunRequest, State
from .engine import Answer
from .so_far import SoFar
from .uploads import Upload


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
        device: On which it is computed, or was.
        progress: The last that the worker said.
        so_far: What it has found so far; None where that was not asked for, or it does not run.
        error: Of one that failed.
        listeners: Connections that follow its events.
        heard: When one last did, or asked for what there is so far, as `time.monotonic` has it.
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
    device: str | None = None
    progress: Progress | None = None
    so_far: SoFar | None = None
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

    def hear(self) -> None:
        """Somebody has asked for it just now."""
        self.heard = time.monotonic()

    def touch(self) -> None:
        """Wake whoever follows it."""
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()


@dataclass(eq=False)
class Errand:
    """Something else that the worker does, in its turn: learning, or a look at volumes.

    Attributes:
        verb: Of the worker's protocol.
        parameters: What it takes.
        gives_way: Whether runs go first: it is stopped for them and asked again, and goes on where it was.
        progress: The last that the worker said.
        wanted: Whether nobody has asked for its end.
        answer: The end.
    """

    verb: str
    parameters: Mapping[str, Any]
    gives_way: bool = False
    progress: Progress | None = None
    wanted: bool = True
    answer: asyncio.Future[Answer] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def end(self, answer: Answer) -> None:
        """Tell whoever waits for it; what comes later is not heard."""
        if not self.answer.done():
            self.answer.set_result(answer)
