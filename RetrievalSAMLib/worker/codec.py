"""JSON values into dataclasses, strictly: nothing missing, nothing unknown, every value of its type."""

from __future__ import annotations

import dataclasses
import functools
import re
import sys
import types
import typing
from collections.abc import Hashable, Mapping
from typing import Any, TypeVar

Kind = TypeVar("Kind")

_LARGEST = sys.float_info.max
# Halves of surrogate pairs: no file name, and ITK ends the process over one.
_UNUSABLE = re.compile("[\0\ud800-\udfff]")
_WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", type(None): "null"}


class ProtocolError(ValueError):
    """A message that is not what the protocol says; the text says what is wrong, for whoever wrote the other side."""


def decode_as(kind: type[Kind], values: object, where: str) -> Kind:
    """An object of JSON as a dataclass.

    Args:
        kind: A dataclass, with fields of str, int, float, bool, None, Any, Literal, list, tuple, dict, dataclasses, and
            unions of these. A whole number is accepted as a float; a tuple is accepted where JSON would have a list.
        values: What JSON gave.
        where: What it is, for the message.

    Raises:
        ProtocolError: A field is missing, unknown or of another type, or a number is not finite.
    """
    if not isinstance(values, Mapping):
        raise ProtocolError(f"{where} is {_said(values)}, not an object")
    fields = {field.name: field for field in dataclasses.fields(typing.cast(Any, kind))}
    unknown = [name for name in values if name not in fields]
    if unknown:
        known = ", ".join(fields) or "none"
        raise ProtocolError(f"{where} has the unknown field {_said(unknown[0])}; there are: {known}")
    hints = _hints(typing.cast(Hashable, kind))
    given = {}
    for name, field in fields.items():
        if name in values:
            given[name] = _decode(hints[name], values[name], f"{name} of {where}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ProtocolError(f"{where} lacks the field '{name}'")
    try:
        return kind(**given)
    except ProtocolError:
        raise
    except ValueError as error:
        raise ProtocolError(f"{where}: {error}") from error


@functools.cache
def _hints(kind: Hashable) -> dict[str, Any]:
    return typing.get_type_hints(typing.cast(type, kind))


def _decode(hint: Any, value: Any, where: str) -> Any:
    if hint is Any:
        return value
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _decode_union(arguments, value, where)
    if origin is typing.Literal:
        if not isinstance(value, str) or value not in arguments:
            raise ProtocolError(f"{where} is {_said(value)}, not one of {', '.join(arguments)}")
        return value
    if origin is list:
        return [_decode(arguments[0], item, f"{where}, item {n}") for n, item in _items(value, where)]
    if origin is tuple:
        return _decode_tuple(arguments, value, where)
    if origin is dict:
        if not isinstance(value, Mapping):
            raise ProtocolError(f"{where} is {_said(value)}, not an object")
        return {key: _decode(arguments[1], item, f"{where}, {_said(key)}") for key, item in value.items()}
    if dataclasses.is_dataclass(hint):
        return decode_as(typing.cast(type, hint), value, where)
    return _plain(hint, value, where)


def _decode_union(choices: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in choices:
        return None
    (only,) = (choice for choice in choices if choice is not type(None))
    return _decode(only, value, where)


def _decode_tuple(arguments: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    items = _items(value, where)
    if arguments[-1] is not Ellipsis:
        if len(items) != len(arguments):
            raise ProtocolError(f"{where} has {len(items)} values, not {len(arguments)}")
        return tuple(_decode(arguments[n], item, f"{where}, item {n}") for n, item in items)
    return tuple(_decode(arguments[0], item, f"{where}, item {n}") for n, item in items)


def _items(value: Any, where: str) -> list[tuple[int, Any]]:
    if not isinstance(value, (list, tuple)):
        raise ProtocolError(f"{where} is {_said(value)}, not a list")
    return list(enumerate(value))


def _plain(kind: type, value: Any, where: str) -> Any:
    # In Python true is a whole number; in the protocol it is not.
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind is float and is_number:
        if not -_LARGEST <= value <= _LARGEST:
            raise ProtocolError(f"{where} is not a finite number")
        return float(value)
    if not isinstance(value, kind) or (kind is int and not is_number):
        raise ProtocolError(f"{where} is {_said(value)}, not {_WORDS[kind]}")
    if isinstance(value, str) and _UNUSABLE.search(value):
        raise ProtocolError(f"{where} holds a null character, or one that does not exist")
    return value


def _said(value: object) -> str:
    """What a value is, for a message: a whole text may hold a patient's name, so it is not repeated."""
    if isinstance(value, str):
        return f"'{value}'" if len(value) <= 40 and value.isascii() and value.isprintable() else "a text"
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, Mapping):
        return "an object"
    return _WORDS.get(type(value), type(value).__name__)
