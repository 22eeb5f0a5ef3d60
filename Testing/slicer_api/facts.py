"""What each version of Slicer has: as the files in `facts/` say, and the MRML of the tests, which is main's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomllib

FOLDER = Path(__file__).resolve().parent / "facts"
VERSIONS = ("5.8.1", "5.10.0", "5.12.3", "main")
SUPPORTED = ("5.10.0", "5.12.3", "main")

# What a method gives back, where a use of that matters.
RETURNS = {
    ("QTableWidget", "item"): "QTableWidgetItem",
    ("QTableWidget", "horizontalHeader"): "QHeaderView",
    ("QTableWidget", "verticalHeader"): "QHeaderView",
    ("QTableWidget", "selectionModel"): "QItemSelectionModel",
    ("QListWidget", "item"): "QListWidgetItem",
    ("QListWidget", "takeItem"): "QListWidgetItem",
    ("QListWidget", "currentItem"): "QListWidgetItem",
    ("QApplication", "clipboard"): "QClipboard",
    ("QApplication", "palette"): "QPalette",
    ("QPalette", "color"): "QColor",
    ("QProcessEnvironment", "systemEnvironment"): "QProcessEnvironment",
    ("qSlicerApplication", "userSettings"): "QSettings",
    ("qSlicerApplication", "applicationLogic"): "vtkMRMLApplicationLogic",
    ("vtkMRMLApplicationLogic", "GetSelectionNode"): "vtkMRMLSelectionNode",
    ("vtkMRMLApplicationLogic", "GetInteractionNode"): "vtkMRMLInteractionNode",
    ("vtkMRMLScene", "GetCacheManager"): "vtkCacheManager",
    ("vtkMRMLSegmentationNode", "GetSegmentation"): "vtkSegmentation",
    ("vtkMRMLSegmentationNode", "GetDisplayNode"): "vtkMRMLSegmentationDisplayNode",
    ("vtkMRMLMarkupsFiducialNode", "GetDisplayNode"): "vtkMRMLMarkupsDisplayNode",
    ("vtkMRMLScalarVolumeNode", "GetImageData"): "vtkImageData",
    ("vtkMRMLScalarVolumeNode", "GetParentTransformNode"): "vtkMRMLTransformNode",
    ("vtkMRMLSegmentationNode", "GetParentTransformNode"): "vtkMRMLTransformNode",
    ("vtkSegmentation", "GetSegment"): "vtkSegment",
    ("vtkSegmentation", "GetNthSegment"): "vtkSegment",
    ("slicer.util", "loadVolume"): "vtkMRMLScalarVolumeNode",
    ("slicer.util", "loadLabelVolume"): "vtkMRMLLabelMapVolumeNode",
    ("slicer.util", "loadSegmentation"): "vtkMRMLSegmentationNode",
}


def returned(owner: str, name: str) -> str:
    """The class that a method of a class gives back; an empty text where nobody asked for it yet."""
    return RETURNS.get((owner, name), "")


@dataclass(frozen=True)
class Function:
    """The arguments of a Python function.

    Attributes:
        positional: Names that may be given by position.
        named: All names that may be given by name.
        required: Names without a default.
        any_positional: Whether it takes `*`.
        any_named: Whether it takes `**`.
    """

    positional: tuple[str, ...]
    named: frozenset[str]
    required: frozenset[str]
    any_positional: bool
    any_named: bool


def _function(text: str) -> Function:
    positional: list[str] = []
    named, required = set(), set()
    by_name_alone = any_positional = any_named = False
    for word in text.split():
        if word == "**":
            any_named = True
        elif word in ("*", "/"):
            by_name_alone, any_positional = True, any_positional or word == "*"
        else:
            name = word.rstrip("=")
            named.add(name)
            if not word.endswith("="):
                required.add(name)
            if not by_name_alone:
                positional.append(name)
    return Function(tuple(positional), frozenset(named), frozenset(required), any_positional, any_named)


@dataclass(frozen=True)
class ClassFacts:
    """A C++ class: its base, and its own names and signals by the first version that has them."""

    base: str
    since: str
    names: dict[str, str]
    signals: dict[str, str]


class Facts:
    """All facts.

    Attributes:
        functions: By dotted name and version.
        classes: Qt's, Slicer's and CTK's classes.
    """

    def __init__(self) -> None:
        self.functions: dict[str, dict[str, Function]] = {}
        for name, told in _read("python")["functions"].items():
            texts = dict.fromkeys(VERSIONS, told) if isinstance(told, str) else told
            self.functions[name] = {version: _function(text) for version, text in texts.items()}
        self.classes: dict[str, ClassFacts] = {}
        for file in ("qt", "widgets"):
            for name, entry in _read(file).items():
                since = entry.get("since", VERSIONS[0])
                words = [word for key in ("names", "properties", "methods") for word in entry.get(key, "").split()]
                self.classes[name] = ClassFacts(
                    entry.get("base", ""), since, _dated(words, since), _dated(entry.get("signals", "").split(), since)
                )
        self._missing = {
            version: {name: set(words.split()) for name, words in entry.items()}
            for version, entry in _read("mrml")["missing"].items()
        }

    def has_name(self, kind: str, name: str, version: str) -> bool:
        """Whether a class of Qt, Slicer or CTK has a property, method or enumerator."""
        return any(_is_there(one.names, name, version) for one in self._line(kind))

    def has_signal(self, kind: str, signature: str, version: str) -> bool:
        """Whether it has a signal of this signature."""
        return any(_is_there(one.signals, normalized(signature), version) for one in self._line(kind))

    def any_has(self, name: str, version: str) -> bool:
        """Whether any class has this name, or emits this signal."""
        what = normalized(name) if "(" in name else name
        return any(_is_there(one.signals if "(" in name else one.names, what, version) for one in self.classes.values())

    def mrml_lacks(self, kind: type, name: str, version: str) -> bool:
        """Whether a version lacks a method of a VTK class that main has."""
        missing = self._missing.get(version, {})
        owner = next((base.__name__ for base in kind.__mro__ if name in vars(base)), "")
        return name in missing.get(owner, ())

    def mrml_lacks_class(self, name: str, version: str) -> bool:
        """Whether a version lacks a VTK class that main has."""
        return name in self._missing.get(version, {}).get("classes", ())

    def _line(self, kind: str) -> list[ClassFacts]:
        line = []
        while kind in self.classes:
            line.append(self.classes[kind])
            kind = self.classes[kind].base
        return line


def normalized(signature: str) -> str:
    """A signature as the facts have it: without spaces, and without const and references."""
    return signature.replace("const ", "").replace("&", "").replace(" ", "")


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def _dated(words: list[str], since: str) -> dict[str, str]:
    dated = {}
    for word in words:
        name, _, version = word.partition("@")
        dated[name.replace("_", "") if "(" in name else name] = version or since
    return dated


def _is_there(dated: dict[str, str], name: str, version: str) -> bool:
    return name in dated and VERSIONS.index(dated[name]) <= VERSIONS.index(version)
