"""What the open library has learned from its cases, the settings fitted to a model on them, and such work under way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from ..clients.library_client import LibraryClient
from ..parameters import RetrievalSAMParameters
from ..texts import wording
from .background import Background
from .library_work import LibraryWork

_BEHIND = "behind"


class Learning(LibraryWork):
    """Lets the library learn, and keeps what it says of what it has learned.

    Attributes:
        known: What `library.learned` told (docs/worker.md); None where nothing is known.
    """

    verb = "library.learn"
    rank = 3  # whoever waits for a review or for suggestions goes first

    def __init__(
        self, library: LibraryClient, background: Background, settings: Callable[[], RetrievalSAMParameters]
    ) -> None:
        self.known: dict[str, Any] | None = None
        super().__init__(library, background, settings)

    @property
    def offered(self) -> bool:
        """Whether there are cases that it has not learned from, although it has learned once."""
        return self.known is not None and self.known["state"] == _BEHIND and not self.running

    def too_few(self) -> str:
        """What is learned is tried on a case that it does not know."""
        return _("Learning needs at least two cases.")

    def begins_anew(self) -> str:
        """Cases were added, corrected or removed."""
        return _("The library has changed: learning goes on with the cases as they are now.")

    def stopped(self) -> str:
        """Nothing is lost."""
        return _("Stopped. Learning continues where it stopped the next time.")

    def has_failed(self) -> str:
        """Nothing is lost."""
        return _("Learning failed. The library is as it was; the next time continues where it stopped.")

    def forget(self) -> None:
        """Nothing is known."""
        self.known = None

    def read_known(self) -> None:
        """Ask what was learned; no network is loaded for it."""
        folder = self._library.folder
        if folder:
            self._library.ask("library.learned", {}, lambda told: self._told(folder, told), self._library.failed.emit)

    def take(self, result: dict[str, Any]) -> None:
        """It says how things stand now."""
        self.known = result["state"]

    def _told(self, folder: str, told: dict[str, Any]) -> None:
        if folder == self._library.folder:
            self.known = told
            self.changed.emit()


class Tuning(LibraryWork):
    """Fits the settings of the chosen model and preset, and keeps what it says of it.

    Attributes:
        known: What `library.tuned` told (docs/worker.md), by model and preset.
        outcome: What the last fitting gave, in words; empty where there was none since the library was opened.
    """

    verb = "library.tune"
    rank = 3  # as learning: what was begun first ends first
    fewest = 3  # of fewer patients nothing can be proven

    def __init__(
        self, library: LibraryClient, background: Background, settings: Callable[[], RetrievalSAMParameters]
    ) -> None:
        self.known: list[dict[str, Any]] = []
        self.outcome = ""
        super().__init__(library, background, settings)

    def asked(self, settings: RetrievalSAMParameters) -> dict[str, Any]:
        """What is fitted is used with this preset alone."""
        return {**super().asked(settings), "preset": settings.preset}

    def too_few(self) -> str:
        """A value is believed where it is better on patients that were left out."""
        return _("Fitting the settings needs cases of at least three patients.")

    def begins_anew(self) -> str:
        """Cases were added, corrected or removed."""
        return _("The library has changed: fitting goes on with the cases as they are now.")

    def stopped(self) -> str:
        """Nothing is lost."""
        return _("Stopped. Fitting continues where it stopped the next time.")

    def has_failed(self) -> str:
        """Nothing is lost."""
        return _("Fitting failed. The settings are as they were; the next time continues where it stopped.")

    def forget(self) -> None:
        """Nothing is known."""
        self.known, self.outcome = [], ""

    def read_known(self) -> None:
        """Ask what was fitted; no network is loaded for it."""
        folder = self._library.folder
        if folder:
            self._library.ask("library.tuned", {}, lambda told: self._told(folder, told), self._library.failed.emit)

    def take(self, result: dict[str, Any]) -> None:
        """It says how things stand now."""
        self.known, self.outcome = result["tuned"], wording.fitting(result)

    def _told(self, folder: str, told: dict[str, Any]) -> None:
        if folder == self._library.folder:
            self.known = told["tuned"]
            self.changed.emit()
