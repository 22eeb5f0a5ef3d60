"""Which widget shows which type of parameter, and by which property and signal."""

from __future__ import annotations

import enum
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

from PySide6 import QtWidgets

from . import ctk_widgets, qmrml_widgets
from .parameter_types import Choice, Decimals, Maximum, Minimum, ParameterType, SingleStep, WithinRange, is_node


class Connector:
    """Reads, writes and follows one widget."""

    def __init__(self, widget: Any, signal: str, read: Callable[[], Any], write: Callable[[Any], None]) -> None:
        self._widget, self._signal = widget, signal
        self.read, self.write = read, write
        self._slot: Any = None

    def connect(self, changed: Callable[[], None]) -> None:
        """Calls `changed` whenever the user, or anybody, changes the widget."""
        self._slot = lambda: changed()
        self._widget.connect(self._signal, self._slot)

    def disconnect(self) -> None:
        """Stops following."""
        self._widget.disconnect(self._signal, self._slot)


def _by_property(widget: Any, name: str, signal: str, kind: type) -> Connector:
    return Connector(
        widget,
        signal,
        lambda: kind(getattr(widget, name)),
        lambda value: setattr(widget, name, str(value) if isinstance(value, PurePath) else value),
    )


_NUMBER_WIDGETS = (
    QtWidgets.QSpinBox,
    QtWidgets.QDoubleSpinBox,
    QtWidgets.QSlider,
    ctk_widgets.ctkSliderWidget,
)


def _number(widget: Any, declared: ParameterType) -> Connector:
    whole = type(widget) in (QtWidgets.QSpinBox, QtWidgets.QSlider)
    for note in declared.notes:
        if isinstance(note, (WithinRange, Minimum)):
            widget.minimum = note.minimum
        if isinstance(note, (WithinRange, Maximum)):
            widget.maximum = note.maximum
        if isinstance(note, SingleStep):
            widget.singleStep = note.value
        if isinstance(note, Decimals) and not whole:
            widget.decimals = note.value
    signal = "valueChanged(int)" if whole else "valueChanged(double)"
    return _by_property(widget, "value", signal, declared.kind)


def _choice(widget: Any, declared: ParameterType) -> Connector:
    kind = declared.kind
    if issubclass(kind, enum.Enum):
        widget.clear()
        widget.addItems([member.name for member in kind])
        return Connector(
            widget,
            "currentTextChanged(QString)",
            lambda: kind[widget.currentText] if widget.currentText else None,
            lambda value: widget.setCurrentText(value.name),
        )
    for note in declared.notes:
        if isinstance(note, Choice):
            widget.clear()
            widget.addItems([str(entry) for entry in note.choices])

    def read() -> Any:
        return kind(widget.currentText) if kind is str or widget.currentText else declared.default

    return Connector(widget, "currentTextChanged(QString)", read, lambda value: widget.setCurrentText(str(value)))


def _text(widget: Any, declared: ParameterType) -> Connector:
    if type(widget) is QtWidgets.QLineEdit:
        return _by_property(widget, "text", "textChanged(QString)", declared.kind)
    return Connector(widget, "textChanged()", lambda: widget.toPlainText(), widget.setPlainText)


def _nodes(widget: Any) -> Connector:
    return Connector(widget, "currentNodeChanged(vtkMRMLNode*)", widget.currentNode, widget.setCurrentNode)


def connector_for(widget: Any, declared: ParameterType) -> Connector:
    """Returns what keeps a widget and a parameter alike.

    As in Slicer the widget's class must be exactly one of those that are known, no subclass.

    Raises:
        ValueError: such a widget cannot show such a parameter.
    """
    shown, kind = type(widget), declared.kind
    if is_node(kind) and shown is qmrml_widgets.qMRMLNodeComboBox:
        return _nodes(widget)
    if kind is bool and shown in (QtWidgets.QCheckBox, QtWidgets.QPushButton, QtWidgets.QRadioButton):
        return _by_property(widget, "checked", "toggled(bool)", bool)
    if kind is bool and shown is ctk_widgets.ctkCollapsibleButton:
        return _by_property(widget, "checked", "toggled(bool)", bool)
    if kind in (int, float) and shown in _NUMBER_WIDGETS and not (kind is float and shown is QtWidgets.QSpinBox):
        return _number(widget, declared)
    if shown is QtWidgets.QComboBox and (kind in (str, int, float) or issubclass(kind, enum.Enum)):
        return _choice(widget, declared)
    if kind is str and shown in (QtWidgets.QLineEdit, QtWidgets.QTextEdit, QtWidgets.QPlainTextEdit):
        return _text(widget, declared)
    if shown is ctk_widgets.ctkPathLineEdit and (kind is str or issubclass(kind, PurePath)):
        return _by_property(widget, "currentPath", "currentPathChanged(QString)", kind)
    if shown is ctk_widgets.ctkDirectoryButton and (kind is str or issubclass(kind, PurePath)):
        return _by_property(widget, "directory", "directoryChanged(QString)", kind)
    raise ValueError(f"no connector between {shown.__name__} {widget.name!r} and a parameter of type {kind!r}")
