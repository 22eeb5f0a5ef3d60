"""Loads a scripted module as Slicer's module factory does, and plays what the application does to it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import slicer
from PySide6 import QtCore

from .scripted import qSlicerScriptedLoadableModule, qSlicerScriptedLoadableModuleWidget


class LoadedModule:
    """One scripted module with its panel.

    Args:
        file: the module's Python file; its class has the file's name, its panel's class the suffix "Widget".

    Attributes:
        module: the C++ object that Slicer hands to the module's class.
        panel: the C++ panel, a widget.
        widget: the module's own widget object (made anew by `reload`).
    """

    def __init__(self, file: Path) -> None:
        self.file, self.name = Path(file).resolve(), Path(file).stem
        folder = str(self.file.parent)
        if folder not in sys.path:
            sys.path.insert(0, folder)
        self._source = self._import()
        self.module = qSlicerScriptedLoadableModule()
        self.module.path = str(self.file)
        self.module.setObjectName(self.name)
        setattr(slicer.modules, self.name.lower(), self.module)
        self.instance = getattr(self._source, self.name)(self.module)
        setattr(slicer.modules, f"{self.name}Instance", self.instance)
        # Slicer runs what a module asked for with this signal once all modules are there.
        slicer.app.startupCompleted.emit()
        self.panel = qSlicerScriptedLoadableModuleWidget()
        self.panel._recreate = self._recreate
        self.module._widget = self.panel
        self.widget: Any = None
        self._recreate()
        self.panel.setMRMLScene(slicer.mrmlScene)

    def _import(self) -> Any:
        specification = importlib.util.spec_from_file_location(self.name, self.file)
        if specification is None or specification.loader is None:
            raise FileNotFoundError(self.file)
        source = importlib.util.module_from_spec(specification)
        sys.modules[self.name] = source
        specification.loader.exec_module(source)
        return source

    def _recreate(self) -> None:
        kind = getattr(sys.modules[self.name], f"{self.name}Widget")
        self.widget = kind(self.panel)
        self.panel._python = self.widget
        setattr(slicer.modules, f"{self.name}Widget", self.widget)
        # Slicer does not call enter() again after a reload: the module must ask parent.isEntered.
        self.widget.setup()

    def enter(self) -> None:
        """Shows the panel, as when the user picks the module."""
        self.panel.show()
        self.panel.enter()

    def exit(self) -> None:
        """Leaves the panel for another module."""
        self.panel.exit()
        self.panel.hide()

    def reload(self) -> None:
        """Loads the source again and makes the panel anew, as Slicer's Reload button does."""
        slicer.util.reloadScriptedModule(self.name)

    def close(self) -> None:
        """Ends the module as Slicer does when it quits: the module unloaded, then its widgets destroyed."""
        slicer.app.moduleManager().moduleAboutToBeUnloaded.emit(self.name)
        self.panel.setMRMLScene(None)
        self.panel.delete()
        for name in (self.name.lower(), f"{self.name}Instance", f"{self.name}Widget"):
            delattr(slicer.modules, name)
        process_events()


def process_events(milliseconds: int = 0) -> None:
    """Lets Qt work off what is waiting, and for so long what comes."""
    slicer.app.processEvents()
    if milliseconds:
        loop = QtCore.QEventLoop()
        QtCore.QTimer.singleShot(milliseconds, loop.quit)
        loop.exec()
    # Objects that were told deleteLater() go only when the event loop runs; do it as Slicer's would.
    QtCore.QCoreApplication.sendPostedEvents(None, QtCore.QEvent.DeferredDelete)


def wait_until(condition: Any, what: str, seconds: float = 600.0) -> None:
    """Runs the event loop until a condition holds.

    Raises:
        TimeoutError: it did not come to hold; the message says what was waited for.
    """
    if condition():
        return
    loop = QtCore.QEventLoop()
    late: list[bool] = []
    check, limit = QtCore.QTimer(), QtCore.QTimer()
    check.connect("timeout()", lambda: loop.quit() if condition() else None)
    limit.connect("timeout()", lambda: late.append(True))
    limit.connect("timeout()", loop.quit)
    limit.setSingleShot(True)
    check.start(10)
    limit.start(round(seconds * 1000))
    loop.exec()
    check.stop()
    limit.stop()
    if late and not condition():
        raise TimeoutError(f"waited {seconds:g} s for {what}")
