"""Holds what a module uses against what each supported version of Slicer has."""

from __future__ import annotations

import builtins
import collections
import contextlib
import csv
import datetime
import io
import pathlib
import tarfile
import unittest
from collections.abc import Iterator
from typing import Any

import numpy as np
import SimpleITK

from .facts import SUPPORTED, Facts, Function, returned
from .usage import Module, Use, uses_of

# Attributes of the modules `slicer`, `vtk` and `SampleData` that are no classes.
# `vtk.reference` is how Python takes what VTK gives back by an argument.
_OF_MODULES = {
    "app",
    "mrmlScene",
    "modules",
    "util",
    "packaging",
    "reference",
    "VTK_UNSIGNED_CHAR",
    "SampleDataLogic",
}
# Gone in Qt 6, or named otherwise there.
_GONE = {"exec_": "exec", "QRegExp": "QRegularExpression"}
# What Slicer's parameter node wrapper, other extensions and the sample data give besides.
_OF_OTHERS = {
    "connectGui",
    "disconnectGui",
    "parameterNode",
    "installTorch",
    "PyTorchUtilsLogic",
    "uris",
    "fileNames",
    "checksums",
    "failures",
    "errors",
}
_PYTHON = (
    *(kind for kind in vars(builtins).values() if isinstance(kind, type)),
    collections.deque,
    contextlib.ExitStack,
    datetime.datetime,
    io.StringIO,
    pathlib.Path,
    pathlib.PurePosixPath,
    tarfile.TarFile,
    tarfile.TarInfo,
    np.dtype,
    np.ndarray,
    SimpleITK.Image,
    unittest.TestCase,
    unittest.TestLoader,
    unittest.TestResult,
    type(csv.writer(io.StringIO())),
)


class Checker:
    """Compares uses with facts.

    Args:
        facts: Of all versions.
        slicer: The module `slicer` of the tests, whose MRML is that of main.
        vtk: The module `vtk`.
    """

    def __init__(self, facts: Facts, slicer: Any, vtk: Any) -> None:
        self._facts, self._slicer, self._vtk = facts, slicer, vtk
        self._python = {name for kind in _PYTHON for name in dir(kind)}
        self._vtk_names = {
            name for kind in vars(slicer).values() if isinstance(kind, type) for name in dir(kind)
        }.union(*(dir(kind) for kind in (vtk.vtkImageData, vtk.vtkPointData)))

    def problems(self, module: Module, known: frozenset[str] = frozenset()) -> list[str]:
        """What the module uses and a supported version lacks, in words.

        Args:
            module: The module.
            known: Names that its own other packages define.
        """
        own = module.own | known
        return [
            f"{use.place}: {told}" for use in uses_of(module, returned) for told in dict.fromkeys(self._told(use, own))
        ]

    def _told(self, use: Use, own: set[str] | frozenset[str]) -> Iterator[str]:
        if use.name in _GONE and not (use.owner == "" and use.name in own):
            yield f"{use.name} does not exist in Qt 6; write {_GONE[use.name]}"
        elif use.kind == "class":
            yield from self._class(use)
        elif use.kind == "signal":
            yield from self._signal(use)
        elif use.owner == "":
            yield from self._unowned(use, own)
        elif "." in use.owner or use.owner in ("slicer", "qt", "ctk", "vtk", "SampleData"):
            yield from self._of_module(use)
        else:
            yield from self._of_class(use)

    def _class(self, use: Use) -> Iterator[str]:
        name = use.name
        if name.startswith("vtk"):
            if not hasattr(self._vtk, name) and not hasattr(self._slicer, name):
                yield f"there is no class {name}"
            for version in SUPPORTED:
                if self._facts.mrml_lacks_class(name, version):
                    yield f"Slicer {version} has no class {name}"
        elif name not in self._facts.classes and name not in ("Line", "Spacer"):
            yield f"the facts know no class {name}"

    def _signal(self, use: Use) -> Iterator[str]:
        if "(" not in use.name:
            return  # Python's own
        for version in SUPPORTED:
            there = (
                self._facts.has_signal(use.owner, use.name, version)
                if use.owner
                else self._facts.any_has(use.name, version)
            )
            if not there:
                yield f"Slicer {version}: {use.owner or 'no class'} has no signal {use.name}"

    def _unowned(self, use: Use, own: set[str] | frozenset[str]) -> Iterator[str]:
        name = use.name
        if name.startswith("_") or name in own | self._python | _OF_OTHERS or name in self._vtk_names:
            return
        functions = {dotted.rpartition(".")[2] for dotted in self._facts.functions}
        for version in SUPPORTED:
            if not self._facts.any_has(name, version) and name not in functions:
                yield f"Slicer {version}: nothing that the facts know is called {name}"

    def _of_module(self, use: Use) -> Iterator[str]:
        dotted = f"{use.owner}.{use.name}"
        if use.name in _OF_MODULES or use.owner == "slicer.modules":
            return
        module, _, kind = use.owner.partition(".")
        if kind.startswith("vtk"):
            yield from self._of_class(Use(use.place, kind, use.name, use.kind))
            return
        if module in ("qt", "ctk") and kind:
            yield from self._of_class(Use(use.place, kind, use.name, use.kind))
            return
        known = self._facts.functions.get(dotted)
        if known is None:
            yield f"the facts know no {dotted}"
            return
        for version in SUPPORTED:
            if version not in known:
                yield f"Slicer {version} has no {dotted}"
            elif use.kind == "call":
                yield from (f"Slicer {version}: {dotted} {what}" for what in _misfits(use, known[version]))

    def _of_class(self, use: Use) -> Iterator[str]:
        if use.owner.startswith("vtk"):
            kind = getattr(self._slicer, use.owner, None) or getattr(self._vtk, use.owner, None)
            if kind is None or not hasattr(kind, use.name):
                yield f"{use.owner} has no {use.name}"
                return
            if use.name[:1].islower():
                yield f"{use.owner}.{use.name}: older VTK has no such properties"
            for version in SUPPORTED:
                if self._facts.mrml_lacks(kind, use.name, version):
                    yield f"Slicer {version}: {use.owner} has no {use.name}"
            return
        if use.owner not in self._facts.classes or use.name in ("connect", "disconnect", "delete", "name"):
            return
        for version in SUPPORTED:
            if not self._facts.has_name(use.owner, use.name, version):
                yield f"Slicer {version}: {use.owner} has no {use.name}"


def _misfits(use: Use, function: Function) -> Iterator[str]:
    """In what way a call does not fit a function."""
    for name in use.keywords:
        if name != "**" and name not in function.named and not function.any_named:
            yield f"takes no {name!r}"
    if use.positional is None:
        return
    if use.positional > len(function.positional) and not function.any_positional:
        yield f"takes {len(function.positional)} arguments by position, not {use.positional}"
    given = {*function.positional[: use.positional], *use.keywords}
    if "**" not in use.keywords and function.required - given:
        yield f"needs {', '.join(sorted(function.required - given))}"
