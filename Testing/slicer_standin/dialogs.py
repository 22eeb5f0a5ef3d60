"""Dialogs without a user: every one is recorded and gets the answer that the test prepared."""

from __future__ import annotations

import sys
from collections import deque
from dataclasses import dataclass
from typing import Any

from . import failures


class UnexpectedDialog(AssertionError):
    """A dialog wanted an answer, and the test had prepared none."""


@dataclass(frozen=True)
class Shown:
    """One dialog that the user would have seen.

    Attributes:
        kind: "error", "warning", "info", "confirm", "message", "file", "input", "menu" or "dialog".
        text: the message, or the caption of a file dialog.
        title: title of the window, or "".
        details: the text behind "Show details", or "".
    """

    kind: str
    text: str
    title: str = ""
    details: str = ""


class Dialogs:
    """Records dialogs and answers them.

    Every dialog takes the next prepared answer. What an answer is depends on the dialog: True or False for a
    confirmation; a path, or "" for cancel, for a file dialog; a button for a message box; the text of an action, or
    None, for a menu; a number, or a function of the dialog that returns one, for a QDialog; anything for a mere
    message.
    """

    def __init__(self) -> None:
        self.interactive = False
        self.shown: list[Shown] = []
        self.unexpected: list[Shown] = []
        self._answers: deque[Any] = deque()

    def answers(self, *answers: Any) -> None:
        """Prepares answers for the next dialogs, in their order."""
        self._answers.extend(answers)

    @property
    def unanswered(self) -> tuple[Any, ...]:
        """The prepared answers that no dialog has taken."""
        return tuple(self._answers)

    def clear(self) -> None:
        """Forgets records and answers."""
        self.shown.clear()
        self.unexpected.clear()
        self._answers.clear()

    def message(self, kind: str, text: str, title: str = "", details: str = "") -> None:
        """Records a dialog that only informs; without a prepared answer it is also listed as unexpected."""
        entry = Shown(kind, text, title, details)
        self.shown.append(entry)
        error = sys.exc_info()[1]
        if error is not None:
            failures.mark_displayed(error)
        if self._answers:
            self._answers.popleft()
        else:
            self.unexpected.append(entry)

    def ask(self, kind: str, text: str, title: str = "", details: str = "") -> Any:
        """Records a dialog and returns the prepared answer.

        Raises:
            UnexpectedDialog: no answer is left.
        """
        entry = Shown(kind, text, title, details)
        self.shown.append(entry)
        if not self._answers:
            self.unexpected.append(entry)
            raise UnexpectedDialog(f"unexpected {kind} dialog: {title} {text}".strip())
        return self._answers.popleft()


dialogs = Dialogs()
