"""The review of the open library: the one that is known, and the one under way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from ..clients.library_client import LibraryClient
from ..parameters import RetrievalSAMParameters
from ..texts.review_view import Row, rows_of
from .background import Background
from .library_work import LibraryWork


class Reviewing(LibraryWork):
    """Starts reviews, and keeps what is known of the library.

    Attributes:
        rows: Of the review that is known, without cases that are gone.
        finished: When it was finished (ISO 8601, UTC), or an empty text where none is known.
        current: Whether no case has changed since.
    """

    verb = "library.review"
    rank = 2

    def __init__(
        self, library: LibraryClient, background: Background, settings: Callable[[], RetrievalSAMParameters]
    ) -> None:
        self._all_rows: list[Row] = []
        self._watched = False
        self.finished = ""
        self.current = False
        super().__init__(library, background, settings)

    @property
    def rows(self) -> list[Row]:
        """Worst first."""
        there = {case.id for case in self._library.state.cases} if self._library.state is not None else set()
        return [row for row in self._all_rows if row.case_id in there]

    def watch(self) -> None:
        """Read the review that the library keeps, now and whenever the library changes."""
        self._watched = True
        self.read_known()

    def too_few(self) -> str:
        """A case alone has nothing to be compared with."""
        return _("A review compares every case with the others: add at least two cases.")

    def begins_anew(self) -> str:
        """Cases were added, corrected or removed."""
        return _("The library has changed: the review begins anew.")

    def stopped(self) -> str:
        """Nothing is lost."""
        return _("Stopped. The next review continues where it stopped.")

    def has_failed(self) -> str:
        """Nothing is lost."""
        return _("The review failed. The next one continues where it stopped.")

    def forget(self) -> None:
        """No review is known."""
        self._all_rows, self.finished, self.current = [], "", False

    def read_known(self) -> None:
        """Ask for the last review, where anybody looks at it."""
        folder = self._library.folder
        if folder and self._watched:
            self._library.ask(
                "library.last_review", {}, lambda told: self._known(folder, told), self._library.failed.emit
            )

    def take(self, result: dict[str, Any]) -> None:
        """Show what was found."""
        self._all_rows = rows_of(result)

    def _known(self, folder: str, told: dict[str, Any]) -> None:
        if folder == self._library.folder:
            self._all_rows = rows_of(told["review"]) if told["review"] is not None else []
            self.finished, self.current = told["finished"] or "", told["current"]
            self.changed.emit()
