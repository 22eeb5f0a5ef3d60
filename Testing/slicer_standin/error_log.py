"""slicer.app.errorLogModel(): what VTK, Qt and Python report, as Slicer's error log lists it.

Slicer shows a red icon as soon as one entry is an error, so ordinary use must write none.
"""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from typing import Any

import vtk
from PySide6 import QtCore

LEVEL_COLUMN, DESCRIPTION_COLUMN = 2, 4
_QT_LEVELS = {
    QtCore.QtMsgType.QtDebugMsg: "Debug",
    QtCore.QtMsgType.QtInfoMsg: "Info",
    QtCore.QtMsgType.QtWarningMsg: "Warning",
    QtCore.QtMsgType.QtCriticalMsg: "Critical",
    QtCore.QtMsgType.QtFatalMsg: "Fatal",
}


@dataclass(frozen=True)
class _Entry:
    """One message: its level in CTK's words, who wrote it, and what."""

    level: str
    origin: str
    text: str


class ctkErrorLogModel(QtCore.QAbstractTableModel):  # noqa: N801 - CTK's name
    """The list, with CTK's columns: time, thread, level, origin, description."""

    def __init__(self) -> None:
        super().__init__()
        self._entries: list[_Entry] = []

    def add(self, level: str, origin: str, text: str) -> None:
        """Notes a message (the stand-in's own)."""
        self._entries.append(_Entry(level, origin, text.strip()))

    def logEntryCount(self) -> int:
        """Returns the number of messages."""
        return len(self._entries)

    def logEntryDescription(self, row: int) -> str:
        """Returns the text of a message."""
        return self._entries[row].text

    def clear(self) -> None:
        """Forgets all messages."""
        self._entries.clear()

    def rowCount(self, parent: Any = None) -> int:
        """Returns the number of messages."""
        return len(self._entries)

    def columnCount(self, parent: Any = None) -> int:
        """Returns the number of columns."""
        return DESCRIPTION_COLUMN + 1

    def data(self, index: Any, role: Any = QtCore.Qt.DisplayRole) -> str | None:
        """Returns a cell's text."""
        if role != QtCore.Qt.DisplayRole:
            return None
        entry = self._entries[index.row()]
        return ("", "", entry.level, entry.origin, entry.text)[index.column()]


class _PythonHandler(logging.Handler):
    """Messages of Python's logging."""

    def __init__(self, model: ctkErrorLogModel) -> None:
        super().__init__(logging.WARNING)
        self._model = model

    def emit(self, record: logging.LogRecord) -> None:
        """Notes a message."""
        self._model.add("Error" if record.levelno >= logging.ERROR else "Warning", "Python", record.getMessage())


def watch() -> ctkErrorLogModel:
    """Returns a list that grows with every message of this process from now on."""
    model = ctkErrorLogModel()

    def from_vtk(_window: Any, event: str, text: str) -> None:
        model.add("Error" if event == "ErrorEvent" else "Warning", "VTK", text)

    from_vtk.CallDataType = vtk.VTK_STRING  # type: ignore[attr-defined]
    for event in ("ErrorEvent", "WarningEvent"):
        vtk.vtkOutputWindow.GetInstance().AddObserver(event, from_vtk)

    def from_qt(kind: Any, _context: Any, text: str) -> None:
        model.add(_QT_LEVELS[kind], "Qt", text)
        print(text, file=sys.stderr)

    QtCore.qInstallMessageHandler(from_qt)
    logging.getLogger().addHandler(_PythonHandler(model))
    return model
