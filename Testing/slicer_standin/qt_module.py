"""Builds the flat module `qt` that Slicer's Python code imports."""

from __future__ import annotations

import types
from typing import Any

from PySide6 import QtCore

from . import qt_dialogs, qt_objects
from .qt_uiloader import QUiLoader

# In PySide6 but not in PythonQt; signals and properties of Python classes are unsafe there.
_ABSENT = {"QtMsgType", "QtInfoMsg", "QEnum", "QFlag", "QPyTextObject", "QT_TR_NOOP", "QT_TRANSLATE_NOOP"}


def build() -> types.ModuleType:
    """Patches PySide6 and returns the module `qt`."""
    qt_objects.patch_qt()
    qt_dialogs.patch_dialogs()
    module: Any = types.ModuleType("qt", "PythonQt's flat Qt module, stood in for by PySide6.")
    for source in qt_objects.QT_MODULES:
        for name in dir(source):
            if (name.startswith("Q") or name == "Qt") and name not in _ABSENT:
                setattr(module, name, getattr(source, name))
    qt_objects.register_native(QUiLoader)
    module.QUiLoader = QUiLoader
    module.Qt = QtCore.Qt
    return module
