"""Helpers for writing the stand-ins of C++ widget classes."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore

from .qt_objects import register_native
from .qt_uiloader import register


def native_widget(kind: type) -> type:
    """Decorates a class that is C++ in Slicer: known to .ui files, and no new attributes on its instances."""
    register(kind)
    return register_native(kind)


def plain_property(kind: Any, name: str, default: Any, changed: str = "") -> Any:
    """Returns a Qt property that only holds a value, and calls the method `changed` when it is set."""

    def read(self: Any) -> Any:
        return self.__dict__.get(f"_{name}", default)

    def write(self: Any, value: Any) -> None:
        self.__dict__[f"_{name}"] = value
        if changed:
            getattr(self, changed)()

    return QtCore.Property(kind, read, write)


def delegated_property(kind: Any, inner: str, name: str) -> Any:
    """Returns a Qt property that is the property `name` of the inner widget in the attribute `inner`."""

    def read(self: Any) -> Any:
        return getattr(self.__dict__[inner], name)

    def write(self: Any, value: Any) -> None:
        setattr(self.__dict__[inner], name, value)

    return QtCore.Property(kind, read, write)
