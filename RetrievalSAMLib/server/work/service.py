"""Everything of one server, put together, from its start to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ..settings import Settings
from .devices import devices_of
from .engine import Engine
from .libraries import LibraryFolder
from .private_folder import private_folder
from .runs import Runs
from .uploads import Uploads


@dataclass(frozen=True)
class Service:
    """What the routes use; all that is kept lies in `folder`."""

    libraries: LibraryFolder
    uploads: Uploads
    runs: Runs
    folder: Path


@asynccontextmanager
async def service_of(settings: Settings) -> AsyncIterator[Service]:
    """A service that works; at the end the workers are gone and so is everything that was kept."""
    with private_folder() as folder:
        engines = [Engine(device, folder / "cache") for device in devices_of(settings.devices)]
        uploads = Uploads(folder / "uploads", settings.max_upload_bytes, settings.keep_bytes, settings.keep_seconds)
        runs = Runs(
            folder / "runs",
            engines,
            uploads,
            states=folder / "cache" / "runs",
            queue=settings.queue,
            keep_seconds=settings.keep_seconds,
            patience_seconds=settings.patience_seconds,
        )
        tasks = [asyncio.create_task(work) for work in (*map(runs.work, runs.lanes), runs.tend())]
        try:
            yield Service(LibraryFolder(settings.libraries), uploads, runs, folder)
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await asyncio.gather(*(engine.stop() for engine in engines))
