"""Long work on the open library as a whole: one request at a time, begun anew where the cases change under it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from ..clients.library_client import LibraryClient
from ..clients.worker_client import WorkerFault
from ..parameters import RetrievalSAMParameters
from ..signal import Signal
from ..texts import wording
from .background import Background, Job


class LibraryWork(ABC):
    """Starts it, stops it, and knows how far it is; what kind of work it is, subclasses say.

    Attributes:
        verb: Of the protocol; takes the library's folder, a model and a device.
        rank: In the queue of the background.
        fewest: Cases that it needs.
        progress: What is done, and of how much; None while that is not known.
        told: A sentence on how it stands, or an empty text.
        changed: Told after every change of these.
        failed: Told the `WorkerFault` of work that ended without a result.
    """

    verb: str
    rank: int
    fewest: int = 2

    def __init__(
        self, library: LibraryClient, background: Background, settings: Callable[[], RetrievalSAMParameters]
    ) -> None:
        self._library = library
        self._background = background
        self._settings = settings
        self._job: Job | None = None
        self._folder = ""
        self._content_then: tuple[Any, ...] = ()
        self.progress: tuple[int, int] | None = None
        self.told = ""
        self.changed = Signal()
        self.failed = Signal()
        library.changed.connect(self._library_changed)

    @property
    def running(self) -> bool:
        """Whether it is under way, or waits for a run."""
        return self._job is not None

    def missing(self) -> str:
        """Why it cannot be begun, or an empty text."""
        state = self._library.state
        if state is None:
            return _("Open or create a library first.")
        return self.too_few() if len(state.cases) < self.fewest else ""

    def asked(self, settings: RetrievalSAMParameters) -> dict[str, Any]:
        """What the worker is sent."""
        return {"folder": self._library.folder, "model": settings.model, "device": settings.device}

    def start(self) -> None:
        """Begin it, or go on where it was stopped."""
        if self.running or self.missing():
            return
        self._content_then = self._content()
        self.progress = None
        self._job = Job(
            self.verb,
            self.asked(self._settings()),
            self.rank,
            on_result=self._done,
            on_fault=self._fault,
            on_progress=self._progressed,
            on_stopped=self._stopped,
            on_waiting=self._waiting,
        )
        self._tell(_("Starting..."))
        self._background.start(self._job)

    def cancel(self) -> None:
        """Stop; what is finished is kept."""
        if self._job is not None:
            self._tell(_("Stopping..."))
            self._background.cancel(self._job)

    @abstractmethod
    def too_few(self) -> str:
        """Said of a library with too few cases."""

    @abstractmethod
    def begins_anew(self) -> str:
        """Said where the cases have changed under it."""

    @abstractmethod
    def stopped(self) -> str:
        """Said after a stop."""

    @abstractmethod
    def has_failed(self) -> str:
        """Said after a failure."""

    @abstractmethod
    def forget(self) -> None:
        """Another library is open: nothing is known of it so far."""

    @abstractmethod
    def read_known(self) -> None:
        """Ask what the library keeps of such work."""

    @abstractmethod
    def take(self, result: dict[str, Any]) -> None:
        """Use the result."""

    def _library_changed(self) -> None:
        folder = self._library.folder
        if folder != self._folder:
            self._folder = folder
            self.forget()
            self._drop()
            self._tell("")
        elif self.running and self._content() != self._content_then:
            self._drop()
            self.start()
            self._tell(self.begins_anew() if self.running else self.missing())
        self.read_known()
        self.changed.emit()

    def _drop(self) -> None:
        """Stop work on cases that are no more what they were, without a word."""
        job, self._job = self._job, None
        if job is not None:
            job.on_stopped = job.on_waiting = lambda: None
            job.on_progress = lambda *_told: None
            self._background.cancel(job)

    def _content(self) -> tuple[Any, ...]:
        state = self._library.state
        return () if state is None else tuple((case.id, case.name, case.versions) for case in state.cases)

    def _progressed(self, stage: str, done: int, total: int, seconds_left: float | None) -> None:
        self.progress = (done, total)
        self._tell(wording.progress(stage, done, total, seconds_left))

    def _waiting(self) -> None:
        self.progress = None
        self._tell(_("Waits for other work; continues where it stopped."))

    def _done(self, result: dict[str, Any]) -> None:
        self._job = None
        self.take(result)
        self._tell("")
        self.read_known()

    def _stopped(self) -> None:
        self._job = None
        self._tell(self.stopped())

    def _fault(self, fault: WorkerFault) -> None:
        self._job = None
        self._tell(self.has_failed())
        self.failed.emit(fault)

    def _tell(self, text: str) -> None:
        self.told = text
        self.changed.emit()
