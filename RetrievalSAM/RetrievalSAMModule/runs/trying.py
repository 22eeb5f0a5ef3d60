"""The example in one go: made-up volumes, a library of two of them, and the third is segmented."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer
import slicer.util
from slicer.i18n import tr as _

from ..clients.library_client import LibraryClient
from ..clients.worker_client import WorkerClient, WorkerFault
from ..signal import Signal
from ..texts import wording

_FOLDER, _LIBRARY = "RetrievalSAM example", "Example library"


class Trying:
    """Does one step after the other.

    Attributes:
        told: Told a sentence about the step that is under way; an empty one at the end.
        failed: Told the `WorkerFault` of the step that failed.
        ready: Told the volume that is in the scene, when the library is open.
    """

    def __init__(self, worker: WorkerClient, library: LibraryClient) -> None:
        self._worker = worker
        self._library = library
        self._then: Callable[[], None] | None = None
        self.running = False
        self.told = Signal()
        self.failed = Signal()
        self.ready = Signal()
        library.changed.connect(self._library_changed)

    def start(self) -> None:
        """Begin; what an earlier try has left is made anew, but for the library, which is kept."""
        if self.running:
            return
        self.running = True
        folder = Path(slicer.mrmlScene.GetCacheManager().GetRemoteCacheDirectory()) / _FOLDER
        self.told.emit(_("Making the example..."))
        self._worker.request(
            "example",
            {"folder": str(folder)},
            on_result=lambda made: self._open(folder / _LIBRARY, made),
            on_fault=self._fail,
            on_progress=lambda stage, done, total, left: self.told.emit(wording.progress(stage, done, total, left)),
        )

    def _open(self, folder: Path, made: dict[str, Any]) -> None:
        if (folder / "library.json").is_file():
            self._then = lambda: self._load(made)
            self._library.open(str(folder), self._fail)
            return
        folder.mkdir(parents=True, exist_ok=True)
        self._then = lambda: self._add(made)
        self._library.create(str(folder), self._fail)

    def _library_changed(self) -> None:
        then, self._then = self._then, None
        if then is not None and self._library.state is not None:
            then()

    def _add(self, made: dict[str, Any]) -> None:
        self.told.emit(_("Making the library of the example..."))
        self._library.add_files(
            made["pairs"],
            "CT",
            [],
            on_done=lambda _added: self._wait_for_cases(made),
            on_fault=self._fail,
            on_progress=lambda stage, done, total, left: self.told.emit(wording.progress(stage, done, total, left)),
            on_stopped=lambda: self._fail(WorkerFault(_("Stopped."))),
        )

    def _wait_for_cases(self, made: dict[str, Any]) -> None:
        """The library is read again after every change; what was added is known then."""
        self._then = lambda: self._load(made)

    def _load(self, made: dict[str, Any]) -> None:
        self.running = False
        self.told.emit("")
        volume = None
        with slicer.util.tryWithErrorDisplay(_("The example could not be loaded.")):
            volume = slicer.util.loadVolume(made["volume"], {"name": _("Example")})
        if volume is not None:
            self.ready.emit(volume)

    def _fail(self, fault: WorkerFault) -> None:
        self.running, self._then = False, None
        self.told.emit("")
        self.failed.emit(fault)
