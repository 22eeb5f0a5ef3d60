"""Everything of one server, put together, from its start to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ..settings import Settings
from .engine import Engine
from .libraries import LibraryFolder
from .private_folder import private_folder
from .runs import Runs
from .uploads import Uploads


@dataclass(frozen=True)
class Service:
    """What the routes use; all that is kept lies in `folder`."""

    engine: Engine
    libraries: LibraryFolder
    uploads: Uploads
    runs: Runs
    folder: Path


@asynccontextmanager
async def service_of(settings: Settings) -> AsyncIterator[Service]:
    """A service that works; at the end the worker is gone and so is everything that was kept."""
    with private_folder() as folder:
        engine = Engine(folder / "cache")
        uploads = Uploads(folder / "uploads", settings.max_upload_bytes, settings.keep_bytes, settings.keep_seconds)
        runs = Runs(
            folder / "runs",
            engine,
            uploads,
            states=folder / "cache" / "runs",
            queue=settings.queue,
            keep_seconds=settings.keep_seconds,
            patience_seconds=settings.patience_seconds,
            device=settings.device,
        )
        tasks = [asyncio.create_task(runs.work()), asyncio.create_task(runs.tend())]
        try:
            yield Service(engine, LibraryFolder(settings.libraries), uploads, runs, folder)
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await engine.stop()
