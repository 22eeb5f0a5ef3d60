"""Qt's modal dialogs: off-screen nobody can click them, so the prepared answers do (see dialogs.py)."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets

from .dialogs import dialogs

opened_urls: list[str] = []
"""What QDesktopServices.openUrl was asked to open, as text."""


def _file_question(name: str, several: bool) -> None:
    original = getattr(QtWidgets.QFileDialog, name)

    def ask(parent: Any = None, caption: str = "", folder: str = "", *rest: Any) -> Any:
        if dialogs.interactive:
            chosen = original(parent, caption, str(folder), *rest)
            # PySide returns the name and the filter; PythonQt returns the name.
            return chosen[0] if isinstance(chosen, tuple) else chosen
        answer = dialogs.ask("file", caption)
        return tuple(answer) if several else answer

    setattr(QtWidgets.QFileDialog, name, staticmethod(ask))


def _message_question(name: str) -> None:
    original = getattr(QtWidgets.QMessageBox, name)

    def ask(parent: Any, title: str, text: str, *rest: Any) -> Any:
        if dialogs.interactive:
            return original(parent, title, text, *rest)
        return dialogs.ask("message", text, title)

    setattr(QtWidgets.QMessageBox, name, staticmethod(ask))


def _input_question(name: str) -> None:
    original = getattr(QtWidgets.QInputDialog, name)

    def ask(parent: Any, title: str, label: str, *rest: Any) -> Any:
        if dialogs.interactive:
            value, accepted = original(parent, title, label, *rest)
            return value if accepted else ""
        return dialogs.ask("input", label, title)

    setattr(QtWidgets.QInputDialog, name, staticmethod(ask))


def _execute_dialog(kind: type) -> None:
    original = kind.exec  # type: ignore[attr-defined]

    def execute(self: QtWidgets.QDialog) -> Any:
        if dialogs.interactive:
            return original(self)
        is_box = isinstance(self, QtWidgets.QMessageBox)
        text, details = (self.text, self.detailedText) if is_box else ("", "")
        self.show()
        try:
            answer = dialogs.ask("message" if is_box else "dialog", text, self.windowTitle, details)
            return answer(self) if callable(answer) else answer
        finally:
            self.hide()

    kind.exec = kind.exec_ = execute  # type: ignore[attr-defined]


def _execute_menu() -> None:
    original = QtWidgets.QMenu.exec

    def execute(self: QtWidgets.QMenu, *arguments: Any) -> Any:
        if dialogs.interactive:
            return original(self, *arguments)
        actions = [action for action in self.actions() if not action.isSeparator()]
        answer = dialogs.ask("menu", ", ".join(action.text for action in actions))
        if answer is None:
            return None
        (chosen,) = [action for action in actions if action.text == answer]
        chosen.trigger()
        return chosen

    QtWidgets.QMenu.exec = QtWidgets.QMenu.exec_ = execute  # type: ignore[method-assign, attr-defined]


def _open_url(url: QtCore.QUrl | str) -> bool:
    opened_urls.append(url if isinstance(url, str) else url.toString())
    if dialogs.interactive:
        return bool(_really_open_url(QtCore.QUrl(url)))
    return True


_really_open_url = QtGui.QDesktopServices.openUrl


def patch_dialogs() -> None:
    """Puts the prepared answers behind every modal dialog of Qt."""
    for name in ("getOpenFileName", "getSaveFileName", "getExistingDirectory"):
        _file_question(name, several=False)
    _file_question("getOpenFileNames", several=True)
    for name in ("question", "information", "warning", "critical"):
        _message_question(name)
    for name in ("getText", "getItem", "getInt", "getDouble"):
        _input_question(name)
    for kind in (QtWidgets.QDialog, QtWidgets.QMessageBox, QtWidgets.QFileDialog, QtWidgets.QProgressDialog):
        _execute_dialog(kind)
    _execute_menu()
    for kind in (QtCore.QEventLoop, QtCore.QCoreApplication, QtWidgets.QApplication):
        kind.exec_ = kind.exec  # type: ignore[attr-defined, union-attr]
    QtGui.QDesktopServices.openUrl = staticmethod(_open_url)  # type: ignore[method-assign, assignment]
