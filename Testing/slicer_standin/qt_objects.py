"""Makes PySide6's classes behave as PythonQt's wrappers: properties are attributes, and no others can be set."""

from __future__ import annotations

import enum
import types
from typing import Any

import shiboken6
from PySide6 import QtCore, QtGui, QtNetwork, QtUiTools, QtWidgets

from . import qt_signals

QT_MODULES = (QtCore, QtGui, QtWidgets, QtNetwork, QtUiTools)
_read_property = QtCore.QObject.property
_write_property = QtCore.QObject.setProperty
_SignalInstance = QtCore.SignalInstance
_raw_invoke = QtCore.QMetaObject.invokeMethod


def _delete_later(self: QtCore.QObject) -> None:
    # PySide's own would keep the object alive until then whoever lets go of it; PythonQt does not.
    _raw_invoke(self, "deleteLater", QtCore.Qt.DirectConnection)


_METHODS = {"connect": qt_signals.connect, "disconnect": qt_signals.disconnect, "deleteLater": _delete_later}
# PySide has these, PythonQt has not: there it is widget.clicked.emit(...).
_ABSENT = {"emit"}
_OF_CLASS = {(QtCore.QTimer, "singleShot"): qt_signals.single_shot}
_native: set[type] = set()
loading_ui: list[bool] = []
"""Not empty while a .ui file is being loaded."""
_reading: set[tuple[int, str]] = set()


def register_native(kind: type) -> type:
    """Marks a class as one that is C++ in Slicer, so that its instances take no new attributes.

    Names with a leading underscore stay free for the stand-in's own state.
    """
    _native.add(kind)
    return kind


class QtProperty:
    """A property of the meta-object as an attribute.

    On the class itself it gives what Qt has under the name: QTimer.singleShot is a function there.
    """

    def __init__(self, name: str, writable: bool, of_class: Any) -> None:
        self._name, self._writable, self._of_class = name, writable, of_class

    def __get__(self, instance: QtCore.QObject | None, owner: type) -> Any:
        if instance is None:
            return self._of_class
        key = (id(instance), self._name)
        if key in _reading:
            # Shiboken asks for a Python override of virtual getters such as sizeHint: there is none.
            return None
        _reading.add(key)
        try:
            value = _read_property(instance, self._name)
        finally:
            _reading.discard(key)
        return from_variant(value)

    def __set__(self, instance: QtCore.QObject, value: Any) -> None:
        if not self._writable:
            raise AttributeError(f"Property '{self._name}' of {type(instance).__name__} object is not writable")
        assign_property(instance, self._name, value)


def from_variant(value: Any) -> Any:
    """What PythonQt makes of a QVariant: lists come back as tuples, also those within."""
    if isinstance(value, (list, tuple)):
        return tuple(from_variant(one) for one in value)
    if isinstance(value, dict):
        return {key: from_variant(one) for key, one in value.items()}
    return value


# Methods that give a QVariant back.
_VARIANT_GETTERS = (
    (QtWidgets.QTableWidgetItem, "data"),
    (QtWidgets.QListWidgetItem, "data"),
    (QtWidgets.QTreeWidgetItem, "data"),
    (QtWidgets.QComboBox, "itemData"),
    (QtGui.QAction, "data"),
    (QtCore.QModelIndex, "data"),
    (QtCore.QSettings, "value"),
)


def _as_from_variant(original: Any) -> Any:
    def read(self: Any, *arguments: Any) -> Any:
        return from_variant(original(self, *arguments))

    return read


def as_tool_tip(text: str) -> str:
    """What becomes of a widget's tool tip: Slicer makes a paragraph of a plain text, so that long ones are wrapped."""
    if not text or QtGui.Qt.mightBeRichText(text):
        return text
    return str(QtGui.Qt.convertFromPlainText(text, QtGui.Qt.WhiteSpaceNormal))


def assign_property(target: QtCore.QObject, name: str, value: Any) -> None:
    """Sets a property of the meta-object.

    Raises:
        AttributeError: the property does not take a value of this type.
    """
    meta = target.metaObject().property(target.metaObject().indexOfProperty(name))
    text_expected = meta.typeName() == "QString"
    if name == "toolTip" and isinstance(value, str) and isinstance(target, QtWidgets.QWidget):
        value = as_tool_tip(value)
    refused = text_expected != isinstance(value, str) and (text_expected or meta.typeName() in _PLAIN)
    if refused or value is None or not _write_property(target, name, value):
        raise AttributeError(
            f"Property '{name}' of type '{meta.typeName()}' of {type(target).__name__} does not accept an object "
            f"of type {type(value).__name__} ({value!r})"
        )


_PLAIN = {"bool", "int", "double"}


def _find(kind: type, name: str) -> Any:
    for base in kind.__mro__:
        if name in vars(base):
            return vars(base)[name]
    return None


def _set_attribute(self: QtCore.QObject, name: str, value: Any) -> None:
    kind = type(self)
    known = _find(kind, name)
    if isinstance(known, QtCore.Property):
        assign_property(self, name, value)
        return
    if hasattr(type(known), "__set__"):
        known.__set__(self, value)
        return
    native = kind in _native
    if type(value) is _SignalInstance:
        # PySide keeps the signals of objects that C++ made in this way.
        self.__dict__[name] = value
        return
    private = name.startswith("_") and any(base in _native and base not in _QT_CLASSES for base in kind.__mro__)
    if private or name.startswith("__"):
        self.__dict__[name] = value
        return
    if loading_ui and isinstance(value, QtCore.QObject):
        # PySide's loader hangs the children on the root as attributes; PythonQt's does not.
        return
    if known is not None and not any(name in vars(base) for base in kind.__mro__ if base not in _native):
        raise AttributeError(f"Slot '{name}' can not be overwritten on {kind.__name__} object")
    if native:
        raise AttributeError(
            f"Attribute '{name}' does not exist and creation of new attributes on C++ objects is not allowed "
            f"({kind.__name__})"
        )
    self.__dict__[name] = value


def _wrap_getattribute(original: Any) -> Any:
    def read_attribute(self: QtCore.QObject, name: str) -> Any:
        method = _METHODS.get(name)
        if method is not None:
            return types.MethodType(method, self)
        if name in _ABSENT:
            raise AttributeError(f"{type(self).__name__} has no attribute named {name!r} in PythonQt")
        value = original(self, name)
        if type(value) is _SignalInstance:
            return qt_signals.Signal(self, name)
        return value

    return read_attribute


def _without_keywords(original: Any) -> Any:
    def construct(self: QtCore.QObject, *arguments: Any, **keywords: Any) -> None:
        if keywords:
            raise TypeError(f"{type(self).__name__}() takes no keyword arguments in PythonQt: {', '.join(keywords)}")
        original(self, *arguments)

    return construct


def _int_like(kind: type[enum.Enum]) -> None:
    """Lets an enumeration compare equal to its number, as PythonQt's, which are integers, do."""

    def equal(self: enum.Enum, other: object) -> bool:
        if isinstance(other, int) and not isinstance(other, bool):
            return bool(self.value == other)
        return self is other or (type(self) is type(other) and bool(self.value == other.value))  # type: ignore[attr-defined]

    kind.__eq__ = equal  # type: ignore[method-assign, assignment]
    kind.__hash__ = lambda self: hash(self.value)  # type: ignore[method-assign, assignment]
    kind.__int__ = kind.__index__ = lambda self: self.value  # type: ignore[attr-defined]


_QT_CLASSES: set[Any] = set()


def _delete(self: QtCore.QObject) -> None:
    shiboken6.delete(self)


def patch_qt() -> None:
    """Patches every Qt class, once in a process."""
    if _QT_CLASSES:
        return
    for module in QT_MODULES:
        for name in dir(module):
            kind: Any = getattr(module, name)
            if not isinstance(kind, type):
                continue
            for inner in vars(kind).values():
                if isinstance(inner, type) and issubclass(inner, enum.Enum) and not issubclass(inner, int):
                    _int_like(inner)
            if issubclass(kind, QtCore.QObject):
                _QT_CLASSES.add(kind)
    _native.update(_QT_CLASSES)
    originals = {kind: kind.__getattribute__ for kind in _QT_CLASSES}
    for kind in _QT_CLASSES:
        meta = kind.staticMetaObject
        for index in range(meta.propertyCount()):
            entry = meta.property(index)
            # A subclass that overrides the getter (QTableWidget.sizeHint) has it as a method of its own.
            if index >= meta.propertyOffset() or entry.name() in vars(kind):
                of_class = _OF_CLASS.get((kind, entry.name())) or getattr(kind, entry.name(), None)
                setattr(kind, entry.name(), QtProperty(entry.name(), entry.isWritable(), of_class))
    for kind, original in originals.items():
        kind.__getattribute__ = _wrap_getattribute(original)
        kind.__setattr__ = _set_attribute
        kind.__init__ = _without_keywords(kind.__init__)
    for kind, name in _VARIANT_GETTERS:
        setattr(kind, name, _as_from_variant(getattr(kind, name)))
    set_tool_tip = QtWidgets.QWidget.setToolTip
    QtWidgets.QWidget.setToolTip = lambda self, text: set_tool_tip(self, as_tool_tip(text))
    QtCore.QObject.name = QtProperty("objectName", True, None)
    QtCore.QObject.className = lambda self: self.metaObject().className()
    QtCore.QObject.delete = _delete
