"""The review of the open library: the one that is known, and the one under way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from . import wording
from .background import Background, Job
from .library_client import LibraryClient
from .parameters import RetrievalSAMParameters
from .review_view import Row, rows_of
from .signal import Signal
from .worker_client import WorkerFault

_RANK = 2
_FEWEST = 2


class Reviewing:
    """Starts reviews, and keeps what is known of the library.

    Attributes:
        rows: Of the review that is known, without cases that are gone.
        finished: When it was finished (ISO 8601, UTC), or an empty text where none is known.
        current: Whether no case has changed since.
        progress: Cases that are done, and all, of the review under way; None while that is not known.
        told: A sentence on how it stands, or an empty text.
        changed: Told after every change of these.
        failed: Told the `WorkerFault` of a review that ended without a result.
    """

    def __init__(
        self, library: LibraryClient, background: Background, settings: Callable[[], RetrievalSAMParameters]
    ) -> None:
        self._library = library
        self._background = background
        self._settings = settings
        self._job: Job | None = None
        self._folder = ""
        self._reviewed: tuple[Any, ...] = ()
        self._all_rows: list[Row] = []
        self._watched = False
        self.finished = ""
        self.current = False
        self.progress: tuple[int, int] | None = None
        self.told = ""
        self.changed = Signal()
        self.failed = Signal()
        library.changed.connect(self._library_changed)

    @property
    def running(self) -> bool:
        """Whether a review is under way, or waits for a run."""
        return self._job is not None

    @property
    def rows(self) -> list[Row]:
        """Worst first."""
        there = {case.id for case in self._library.state.cases} if self._library.state is not None else set()
        return [row for row in self._all_rows if row.case_id in there]

    def missing(self) -> str:
        """Why no review can be begun, or an empty text."""
        state = self._library.state
        if state is None:
            return _("Open or create a library first.")
        if len(state.cases) < _FEWEST:
            return _("A review compares every case with the others: add at least two cases.")
        return ""

    def watch(self) -> None:
        """Read the review that the library keeps, now and whenever the library changes."""
        self._watched = True
        self._read_known()

    def start(self) -> None:
        """Begin a review, or go on with one that was stopped."""
        if self.running or self.missing():
            return
        settings = self._settings()
        self._reviewed = self._content()
        self.progress = None
        self._job = Job(
            "library.review",
            {"folder": self._library.folder, "model": settings.model, "device": settings.device},
            _RANK,
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

    def _library_changed(self) -> None:
        folder = self._library.folder
        if folder != self._folder:
            self._folder = folder
            self._all_rows, self.finished, self.current = [], "", False
            self._drop()
            self._tell("")
        elif self.running and self._content() != self._reviewed:
            self._drop()
            self.start()
            if self.running:
                self._tell(_("The library has changed: the review begins anew."))
            else:
                self._tell(self.missing())
        if self._watched:
            self._read_known()
        self.changed.emit()

    def _drop(self) -> None:
        """Stop a review of cases that are no more what they were, without a word."""
        job, self._job = self._job, None
        if job is not None:
            job.on_stopped = job.on_waiting = lambda: None
            job.on_progress = lambda *_told: None
            self._background.cancel(job)

    def _content(self) -> tuple[Any, ...]:
        state = self._library.state
        return () if state is None else tuple((case.id, case.name, case.versions) for case in state.cases)

    def _read_known(self) -> None:
        folder = self._library.folder
        if folder:
            self._library.ask(
                "library.last_review", {}, lambda told: self._known(folder, told), self._library.failed.emit
            )

    def _known(self, folder: str, told: dict[str, Any]) -> None:
        if folder == self._library.folder:
            self._all_rows = rows_of(told["review"]) if told["review"] is not None else []
            self.finished, self.current = told["finished"] or "", told["current"]
            self.changed.emit()

    def _progressed(self, stage: str, done: int, total: int, seconds_left: float | None) -> None:
        self.progress = (done, total)
        text = _("{stage}: {done} of {total}").format(stage=wording.stage(stage), done=done, total=total)
        if seconds_left is not None:
            text = _("{text}, {duration} left").format(text=text, duration=wording.duration(seconds_left))
        self._tell(text)

    def _waiting(self) -> None:
        self.progress = None
        self._tell(_("Waits for other work; continues where it stopped."))

    def _done(self, review: dict[str, Any]) -> None:
        self._job = None
        self._all_rows = rows_of(review)
        self._tell("")
        self._read_known()

    def _stopped(self) -> None:
        self._job = None
        self._tell(_("Stopped. The next review continues where it stopped."))

    def _fault(self, fault: WorkerFault) -> None:
        self._job = None
        self._tell(_("The review failed. The next one continues where it stopped."))
        self.failed.emit(fault)

    def _tell(self, text: str) -> None:
        self.told = text
        self.changed.emit()
