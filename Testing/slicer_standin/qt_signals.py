"""PythonQt's `connect` and `disconnect`: by signature, surplus arguments dropped, wrong names refused."""

from __future__ import annotations

import types
import weakref
from collections.abc import Callable
from typing import Any

import shiboken6
from PySide6 import QtCore

from . import failures

_raw_connect = QtCore.QObject.connect
_raw_disconnect = QtCore.QObject.disconnect
_raw_single_shot = QtCore.QTimer.singleShot
_raw_getattribute = object.__getattribute__
_CONNECTIONS = "_standin_connections"

# Signals that Qt 6 has and Slicer's Qt 5.15 has not: code that uses them would be silent in Slicer.
_ONLY_IN_QT6 = {"checkStateChanged(Qt::CheckState)"}


class NoSuchSignal(ValueError):
    """A signal of that signature does not exist; PythonQt only prints this, and the slot is never called."""


def accepted_arguments(slot: Callable) -> int | None:
    """Returns how many signal arguments PythonQt hands to a callable; None for all of them.

    Only plain functions and their bound methods are cut to what they take; partials, built-in functions and
    objects with `__call__` get every argument, as does a function with `*args`.
    """
    bound = isinstance(slot, types.MethodType)
    function = slot.__func__ if isinstance(slot, types.MethodType) else slot
    if not isinstance(function, types.FunctionType):
        return None
    code = function.__code__
    if code.co_flags & 0x04:
        return None
    return code.co_argcount - (1 if bound else 0)


class DeletedInItsOwnSignal(RuntimeError):
    """An object was deleted while one of its signals was being delivered: Slicer dies of that (SIGSEGV)."""


class _Connection:
    """One connected Python callable; calling it is what Qt does when the signal is emitted.

    The sender is watched weakly: whoever held it would keep it alive where PythonQt lets it go.
    """

    def __init__(self, signature: str, count: int, slot: Callable, sender: QtCore.QObject | None = None) -> None:
        self.signature, self.count, self.slot = signature, count, slot
        self.accepted = accepted_arguments(slot)
        self._sender = weakref.ref(sender) if sender is not None else None
        self._sender_class = type(sender).__name__

    def __call__(self, *arguments: Any) -> None:
        given = arguments[: self.count]
        if self.accepted is not None:
            given = given[: self.accepted]
        try:
            self.slot(*given)
        except Exception as error:
            failures.record(error)
        if self._sender is not None and self.signature != "destroyed(QObject*)":
            sender = self._sender()
            if sender is None or not shiboken6.isValid(sender):
                told = f"a {self._sender_class} was deleted within its own {self.signature}"
                failures.record(DeletedInItsOwnSignal(told))


def single_shot(milliseconds: int, *target: Any) -> None:
    """`QTimer.singleShot(0, callable)`, or with a receiver and the name of its slot."""
    if len(target) == 1 and callable(target[0]):
        connection = _Connection("timeout()", 0, target[0])
        _raw_single_shot(milliseconds, lambda: connection())
    else:
        _raw_single_shot(milliseconds, *target)


def _normalized(signature: str) -> str:
    return bytes(QtCore.QMetaObject.normalizedSignature(signature).data()).decode()


def _argument_count(signature: str) -> int:
    inside = signature[signature.index("(") + 1 : signature.rindex(")")]
    return len(inside.split(",")) if inside else 0


def _declared(sender: QtCore.QObject, signature: str) -> str | None:
    """Returns the name of the Python signal behind a C++ signature of a stand-in class (vtkMRMLNode* and such)."""
    for kind in type(sender).__mro__:
        name = vars(kind).get("native_signals", {}).get(signature)
        if name is not None:
            return str(name)
    return None


def _resolve(sender: QtCore.QObject, signature: str) -> tuple[str, str]:
    """Returns the normalized signature asked for, and the one that Qt's meta-object knows.

    Raises:
        NoSuchSignal: the class has no such signal.
    """
    if not isinstance(signature, str) or "(" not in signature:
        raise NoSuchSignal(f"{type(sender).__name__}: {signature!r} is not a signature; write it with its arguments")
    asked = _normalized(signature)
    meta = sender.metaObject()
    name = _declared(sender, asked)
    if name is not None:
        for index in range(meta.methodCount()):
            method = meta.method(index)
            known = bytes(method.methodSignature().data()).decode()
            if method.methodType() == QtCore.QMetaMethod.Signal and known.partition("(")[0] == name:
                return asked, known
    if asked not in _ONLY_IN_QT6 and meta.indexOfSignal(asked) >= 0:
        return asked, asked
    raise NoSuchSignal(f"QObject::connect: No such signal {meta.className()}::{asked}")


def _connections(sender: QtCore.QObject) -> list[tuple[str, Any, Any]]:
    return sender.__dict__.setdefault(_CONNECTIONS, [])


def connect(sender: QtCore.QObject, signature: Any, *target: Any) -> bool:
    """`sender.connect("clicked(bool)", callable)` or `sender.connect("clicked()", receiver, "slot()")`.

    Raises:
        NoSuchSignal: the sender has no such signal.
        TypeError: the target is no callable, or the receiver has no such slot.
    """
    if isinstance(signature, QtCore.QObject) or (isinstance(signature, str) and signature.startswith("2")):
        # PySide's own SignalInstance.connect comes back through the attribute `connect`.
        arguments = (signature, *target) if isinstance(signature, QtCore.QObject) else (sender, signature, *target)
        return bool(_raw_connect(*arguments))
    asked, known = _resolve(sender, signature)
    if len(target) == 2:
        receiver, slot_name = target
        slot = getattr(receiver, slot_name.partition("(")[0], None)
        key: Any = (receiver, slot_name)
    else:
        (slot,) = target
        key = slot
    if not callable(slot):
        raise TypeError(f"{sender.metaObject().className()}::{asked}: {target!r} cannot be called")
    connection = _Connection(asked, _argument_count(asked), slot, sender)

    def deliver(*arguments: Any) -> None:
        connection(*arguments)

    _raw_connect(sender, "2" + known, deliver)
    _connections(sender).append((asked, key, (known, deliver)))
    return True


def disconnect(sender: QtCore.QObject, signature: Any = None, *target: Any) -> bool:
    """Undoes `connect`; without a target all of the signal, without a signature all of the sender.

    Returns:
        False where nothing of the kind was connected.
    """
    if isinstance(signature, QtCore.QObject) or (isinstance(signature, str) and signature.startswith("2")):
        arguments = (signature, *target) if isinstance(signature, QtCore.QObject) else (sender, signature, *target)
        return bool(_raw_disconnect(*arguments))
    asked = None if signature is None else _resolve(sender, signature)[0]
    key: Any = None
    if target:
        key = target[0] if len(target) == 1 else target
    known_connections = _connections(sender)
    leaving = [
        entry
        for entry in known_connections
        if (asked is None or entry[0] == asked) and (key is None or entry[1] == key)
    ]
    for entry in leaving:
        known, deliver = entry[2]
        _raw_disconnect(sender, "2" + known, deliver)
        known_connections.remove(entry)
    return bool(leaving)


class Signal:
    """What `widget.clicked` is in PythonQt: it can be connected, disconnected, and called to emit."""

    def __init__(self, sender: QtCore.QObject, name: str) -> None:
        self._sender, self._name = sender, name
        meta = sender.metaObject()
        # PythonQt takes the first of several signatures of one name.
        self._signature = next(
            bytes(meta.method(index).methodSignature().data()).decode()
            for index in range(meta.methodCount())
            if meta.method(index).methodType() == QtCore.QMetaMethod.Signal
            and bytes(meta.method(index).name().data()).decode() == name
        )

    def connect(self, *target: Any) -> bool:
        """Connects a callable; see `connect`."""
        return connect(self._sender, self._signature, *target)

    def disconnect(self, *target: Any) -> bool:
        """Disconnects a callable; see `disconnect`."""
        return disconnect(self._sender, self._signature, *target)

    def emit(self, *arguments: Any) -> None:
        """Emits the signal."""
        signal = _raw_getattribute(self._sender, self._name)
        inside = self._signature[self._signature.index("(") + 1 : -1]
        overload = signal if inside in ("", "PyObject") else signal[inside]
        overload.emit(*arguments)

    def __call__(self, *arguments: Any) -> None:
        """Emits the signal, as PythonQt's do when they are called."""
        self.emit(*arguments)
