"""How parameters of each type are written into a parameter node, so that a scene keeps them."""

from __future__ import annotations

import enum
import types
import typing
from dataclasses import dataclass
from pathlib import Path, PosixPath, PurePath, WindowsPath
from typing import Annotated, Any

import slicer


@dataclass(frozen=True)
class Default:
    """Annotation: the value that a parameter has at first."""

    value: Any


@dataclass(frozen=True)
class Choice:
    """Annotation: the values that a parameter may take."""

    choices: Any


@dataclass(frozen=True)
class WithinRange:
    """Annotation: least and greatest value."""

    minimum: float
    maximum: float


@dataclass(frozen=True)
class Minimum:
    """Annotation: least value."""

    minimum: float


@dataclass(frozen=True)
class Maximum:
    """Annotation: greatest value."""

    maximum: float


@dataclass(frozen=True)
class Decimals:
    """Annotation: digits that a widget shows."""

    value: int


@dataclass(frozen=True)
class SingleStep:
    """Annotation: a widget's step."""

    value: float


def split_annotated(declared: Any) -> tuple[Any, tuple[Any, ...]]:
    """Returns a declared type without its annotations, and these."""
    if typing.get_origin(declared) is Annotated:
        kind, *notes = typing.get_args(declared)
        return kind, tuple(notes)
    return declared, ()


def is_node(kind: Any) -> bool:
    """Tells whether a type is a class of MRML nodes."""
    return isinstance(kind, type) and issubclass(kind, slicer.vtkMRMLNode)


def _without_none(kind: Any) -> tuple[Any, bool]:
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        members = [member for member in typing.get_args(kind) if member is not type(None)]
        if len(members) == 1:
            return members[0], True
    return kind, False


class ParameterType:
    """Writes, reads and checks one parameter.

    Args:
        declared: the type in the class, with annotations.
        default: the value given in the class, or `ParameterType.MISSING`.

    Raises:
        TypeError: parameters of this type cannot be kept in a parameter node.
    """

    MISSING = object()

    def __init__(self, declared: Any, default: Any = MISSING) -> None:
        kind, self.notes = split_annotated(declared)
        self.kind, self.optional = _without_none(kind)
        self.item: ParameterType | None = None
        if typing.get_origin(self.kind) is list:
            (item,) = typing.get_args(self.kind)
            self.item = ParameterType(item)
            self.kind = list
        elif not self._known():
            raise TypeError(f"no serializer for parameters of type {self.kind!r}")
        self.default = self._first_value(default)
        self.check(self.default)

    def _known(self) -> bool:
        if self.kind in (str, int, float, bool) or is_node(self.kind):
            return True
        return isinstance(self.kind, type) and issubclass(self.kind, (enum.Enum, PurePath))

    def _first_value(self, default: Any) -> Any:
        if default is not self.MISSING:
            return default
        for note in self.notes:
            if isinstance(note, Default):
                return note.value
        for note in self.notes:
            if isinstance(note, Choice):
                return list(note.choices)[0]
        if self.optional or is_node(self.kind):
            return None
        if issubclass(self.kind, enum.Enum):
            return list(self.kind)[0]
        if self.kind in (Path, PosixPath, WindowsPath):
            return Path()
        for note in self.notes:
            if isinstance(note, (WithinRange, Minimum)):
                return self.kind(note.minimum)
        return self.kind()

    def check(self, value: Any) -> None:
        """Refuses a value that the declared type does not take.

        Raises:
            TypeError: wrong type.
            ValueError: outside the annotated range or choices.
        """
        if value is None:
            if self.optional or is_node(self.kind):
                return
            raise TypeError(f"a parameter of type {self.kind.__name__} cannot be None")
        wanted: Any = (int, float) if self.kind is float else self.kind
        if self.kind is list:
            wanted = (list, tuple, ObservedList)
        if not isinstance(value, wanted) or (self.kind in (int, float) and isinstance(value, bool)):
            raise TypeError(f"a parameter of type {self.kind.__name__} was given {value!r}")
        if self.item is not None:
            for entry in value:
                self.item.check(entry)
        for note in self.notes:
            self._check_note(note, value)

    def _check_note(self, note: Any, value: Any) -> None:
        if isinstance(note, Choice) and value not in list(note.choices):
            raise ValueError(f"{value!r} is not one of {list(note.choices)}")
        if isinstance(note, (WithinRange, Minimum)) and value < note.minimum:
            raise ValueError(f"{value!r} is below {note.minimum}")
        if isinstance(note, (WithinRange, Maximum)) and value > note.maximum:
            raise ValueError(f"{value!r} is above {note.maximum}")

    def is_in(self, node: Any, name: str) -> bool:
        """Tells whether the node holds this parameter."""
        if is_node(self.kind):
            return name in (node.GetNthNodeReferenceRole(i) for i in range(node.GetNumberOfNodeReferenceRoles()))
        return name in node.GetParameterNamesAsCommaSeparatedList().split(",") or bool(
            node.GetParameterNamesAsCommaSeparatedList() and self.item and f"{name}_len" in self._names(node)
        )

    @staticmethod
    def _names(node: Any) -> list[str]:
        return str(node.GetParameterNamesAsCommaSeparatedList()).split(",")

    def write(self, node: Any, name: str, value: Any) -> None:
        """Keeps a checked value in the node."""
        if is_node(self.kind):
            node.SetNodeReferenceID(name, value.GetID() if value is not None else None)
        elif self.item is not None:
            before = int(node.GetParameter(f"{name}_len") or 0)
            for index in range(len(value), before):
                node.UnsetParameter(f"{name}_{index}")
            for index, entry in enumerate(value):
                self.item.write(node, f"{name}_{index}", entry)
            node.SetParameter(f"{name}_len", str(len(value)))
        elif value is None:
            node.SetParameter(name, "None")
        elif isinstance(value, enum.Enum):
            node.SetParameter(name, value.name)
        else:
            node.SetParameter(name, str(self.kind(value)))

    def read(self, node: Any, name: str) -> Any:
        """Returns the value that the node holds."""
        if is_node(self.kind):
            return node.GetNodeReference(name)
        if self.item is not None:
            count = int(node.GetParameter(f"{name}_len") or 0)
            values = [self.item.read(node, f"{name}_{index}") for index in range(count)]
            return ObservedList(values, lambda changed: self.write(node, name, changed))
        text = node.GetParameter(name)
        if self.optional and text == "None":
            return None
        if self.kind is bool:
            return text == "True"
        if issubclass(self.kind, enum.Enum):
            return self.kind[text]
        return self.kind(text)


class ObservedList(list):
    """A list parameter: changing it in place changes the node, as in Slicer."""

    def __init__(self, values: Any, changed: Any) -> None:
        super().__init__(values)
        self._changed = changed


def _follow(name: str) -> Any:
    original = getattr(list, name)

    def method(self: ObservedList, *arguments: Any, **keywords: Any) -> Any:
        result = original(self, *arguments, **keywords)
        self._changed(self)
        return result

    return method


for _name in ("append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse", "__setitem__", "__delitem__"):
    setattr(ObservedList, _name, _follow(_name))
