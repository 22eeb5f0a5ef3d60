"""QUiLoader that makes the same classes that `qt`, `ctk` and `slicer` offer, and carries out `<connections>`."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from PySide6 import QtCore, QtUiTools, QtWidgets

from . import translations
from .qt_objects import loading_ui

custom_widgets: dict[str, type] = {}
"""Classes that .ui files may name besides Qt's own: the stand-ins for ctk and qMRML widgets."""


class QUiLoader(QtUiTools.QUiLoader):
    """Loads .ui files; a custom widget that is not registered is an error, never a plain QWidget."""

    def createWidget(self, class_name: str, parent: QtWidgets.QWidget | None = None, name: str = "") -> object:
        """Makes a widget of the stand-in's class, or of Qt's."""
        kind = custom_widgets.get(class_name)
        if kind is None:
            kind = getattr(QtWidgets, class_name, None)
        if kind is None:
            # The loader knows a few names that are no classes, such as "Line".
            return super().createWidget(class_name, parent, name)
        widget = kind(parent)
        widget.setObjectName(name)
        self._made.append(widget)
        return widget

    def load(self, device: QtCore.QIODevice, parent: QtWidgets.QWidget | None = None) -> QtWidgets.QWidget | None:
        """Loads from an open device, as slicer.util.loadUI does.

        Raises:
            RuntimeError: the file is no .ui file, or names a class that is not known.
        """
        root = ET.fromstring(bytes(device.readAll().data()))
        for entry in root.iter("customwidget"):
            name = entry.findtext("class")
            if name not in custom_widgets:
                raise RuntimeError(f"QUiLoader: no class {name!r}, neither in Qt nor in the stand-in")
        for entry in root.iter("string"):
            if entry.text and entry.get("notr") != "true":
                entry.text = translations.translated(entry.text)
        connections = root.find("connections")
        if connections is not None:
            root.remove(connections)
        # The loader owns nothing: Python must hold the widgets until their parents do.
        self.__dict__["_made"] = []
        buffer = QtCore.QBuffer()
        buffer.setData(ET.tostring(root))
        buffer.open(QtCore.QIODevice.ReadOnly)
        loading_ui.append(True)
        try:
            widget = super().load(buffer, parent)
        finally:
            loading_ui.pop()
        if widget is None:
            raise RuntimeError(self.errorString())
        for entry in connections if connections is not None else ():
            _connect(widget, entry)
        return widget


def _connect(root: QtWidgets.QWidget, entry: ET.Element) -> None:
    def named(tag: str) -> QtCore.QObject:
        name = entry.findtext(tag) or ""
        found = root if root.objectName == name else root.findChild(QtCore.QObject, name)
        if found is None:
            raise RuntimeError(f"QUiLoader: a connection names {name!r}, which is not in the file")
        return found

    signal, slot = entry.findtext("signal") or "", entry.findtext("slot") or ""
    named("sender").connect(signal, named("receiver"), slot)


def register(*kinds: type) -> None:
    """Makes classes known to .ui files by their names."""
    for kind in kinds:
        custom_widgets[kind.__name__] = kind
