"""All that MONAI Label's routes use, from the server's start to its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request

from ... import NOTICE, __version__
from ..messages import Library
from ..problems import Problem
from ..settings import Settings
from ..work.service import Service
from .models import described_models
from .prompts import BACKGROUND
from .recent_lines import RecentLines
from .samples import ORIGINAL, Samples
from .tasks import BackgroundTasks

if TYPE_CHECKING:
    from ...dicomweb.archive import DicomArchive

RANDOM, SUGGEST = "random", "suggest"
_TICK_SECONDS = 1.0
_MINUTES = 10.0


@dataclass(frozen=True)
class Desk:
    """What the routes use.

    Attributes:
        service: The server's queue, uploads and libraries.
        samples: Images by id.
        trainings: Of libraries.
        batches: Of images.
        lines: Of the log.
        settings: Of the server.
    """

    service: Service
    samples: Samples
    trainings: BackgroundTasks
    batches: BackgroundTasks
    lines: RecentLines
    settings: Settings

    def check_changes(self) -> None:
        """Refuse what changes a library.

        Raises:
            Problem: The server was not started so.
        """
        if not self.settings.accept_labels:
            fact, remedy = "it does not change its libraries", "Have it started with --accept-labels."
            raise Problem(403, "access", "server", fact, remedy)

    def info(self, owner: str) -> dict[str, Any]:
        """What GET /info/ tells: models, labels, strategies, and how far this owner's images are."""
        libraries = self.service.libraries.described()
        samples = self.samples.of(owner)
        labels = dict.fromkeys(segment.name for library in libraries for segment in library.segments)
        trained = [task for task in self.trainings.all() if task.result is not None]
        return {
            "name": "RetrievalSAM",
            "description": NOTICE,
            "version": __version__,
            # Last, so that 3D Slicer's module numbers the others without it; it sends clicks of no other label.
            "labels": list({**labels, BACKGROUND: None}) if labels else [],
            "models": described_models(libraries),
            "trainers": self._trainers(libraries),
            "strategies": _strategies(libraries),
            "scoring": {},
            "train_stats": {
                task.model: {"best_metric": (task.result or {}).get("fused_dice") or 0} for task in trained
            },
            "datastore": {
                "total": len(samples),
                "completed": sum(sample.is_labelled for sample in samples),
                "label_tags": {ORIGINAL: sum(ORIGINAL in sample.labels for sample in samples)},
                "train": [],
            },
        }

    def _trainers(self, libraries: list[Library]) -> dict[str, Any]:
        if not self.settings.accept_labels:
            return {}
        words = "Let the library learn from its cases (`retrievalsam library learn`)."
        return {library.name: {"description": words, "config": {"minutes": _MINUTES}} for library in libraries}


def _strategies(libraries: list[Library]) -> dict[str, Any]:
    words = "What would teach the library {} most (`retrievalsam library suggest`)."
    if len(libraries) == 1:
        found = {SUGGEST: {"description": words.format(libraries[0].name)}}
    else:
        found = {f"{SUGGEST}:{one.name}": {"description": words.format(one.name)} for one in libraries}
    return {**found, RANDOM: {"description": "Any image that has no label yet."}}


def archive_of(settings: Settings) -> DicomArchive | None:
    """The DICOMweb server that images come from, None for none.

    Raises:
        InputError: Its address is none, or would send patients' data in the clear.
    """
    if settings.archive is None:
        return None
    from ...dicomweb.archive import DicomArchive

    return DicomArchive(settings.archive, settings.archive_secret, settings.archive_ca)


@asynccontextmanager
async def desk_of(service: Service, settings: Settings) -> AsyncIterator[Desk]:
    """A desk that works, and leaves nothing."""
    samples = Samples(service.folder / "labels", service.uploads, archive_of(settings))
    lines = RecentLines()
    desk = Desk(service, samples, BackgroundTasks("a training"), BackgroundTasks("a batch"), lines, settings)
    log = logging.getLogger("RetrievalSAMLib")
    log.addHandler(lines)
    tending = asyncio.create_task(_tend(samples))
    try:
        yield desk
    finally:
        log.removeHandler(lines)
        tending.cancel()
        with suppress(asyncio.CancelledError):
            await tending
        await desk.trainings.close()
        await desk.batches.close()


async def _tend(samples: Samples) -> None:
    while True:
        await asyncio.sleep(_TICK_SECONDS)
        samples.sweep()


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


DeskOf = Annotated[Desk, Depends(_desk)]
