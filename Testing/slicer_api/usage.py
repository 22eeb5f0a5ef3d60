"""Finds every name of Slicer, CTK, VTK and Qt that a scripted module uses, by reading its Python and `.ui` files.

Types are followed as far as annotations, constructors and `.ui` files tell them; where they do not, a use has no owner
and is held against all classes together.
"""

from __future__ import annotations

import ast
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

FOREIGN = ("slicer", "qt", "ctk", "vtk", "SampleData")
_CONNECTING = {"connect", "disconnect"}


@dataclass(frozen=True)
class Use:
    """One use of a foreign name.

    Attributes:
        place: `file:line`.
        owner: The class (`QTableWidget`) or module (`slicer.util`) that the name belongs to; empty where unknown.
        name: The attribute, the class that is constructed, or the signature of a signal.
        kind: `attribute`, `call`, `class`, `signal` or `property`.
        positional: Number of positional arguments of a call; None where there is `*`.
        keywords: Keyword arguments of a call.
    """

    place: str
    owner: str
    name: str
    kind: str
    positional: int | None = 0
    keywords: tuple[str, ...] = ()


@dataclass
class Module:
    """What the files of a module say of types.

    Attributes:
        trees: By file.
        widgets: Class by the name of each widget of the `.ui` files.
        results: Class that a function or property of the module returns, by its name, where all agree.
        attributes: Class of an attribute of the module's objects, by its name, where all agree.
        own: Names that the module itself defines.
    """

    trees: dict[str, ast.Module]
    ui_files: dict[str, ET.Element]
    widgets: dict[str, str] = field(default_factory=dict)
    results: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)
    own: set[str] = field(default_factory=set)


def read_module(folder: Path) -> Module:
    """All Python files of a module's folder but its tests, and its `.ui` files."""
    files = [file for file in sorted(folder.rglob("*.py")) if "Testing" not in file.relative_to(folder).parts]
    trees = {str(file.relative_to(folder)): ast.parse(file.read_text(encoding="utf-8")) for file in files}
    ui_files = {str(file.relative_to(folder)): ET.parse(file).getroot() for file in sorted(folder.rglob("*.ui"))}
    return described(trees, ui_files)


def described(trees: dict[str, ast.Module], ui_files: dict[str, ET.Element]) -> Module:
    """What the files of a module, parsed, say of types."""
    module = Module(trees, ui_files)
    for root in ui_files.values():
        module.widgets |= {w.get("name", ""): w.get("class", "") for w in root.iter("widget")}
    module.own |= module.widgets.keys()
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                module.own.add(node.name)
            if isinstance(node, ast.FunctionDef):
                _agree(module.results, node.name, _annotated(node.returns))
            elif isinstance(node, (ast.AnnAssign, ast.Assign)):
                targets = [node.target] if isinstance(node, ast.AnnAssign) else node.targets
                kind = _annotated(node.annotation) if isinstance(node, ast.AnnAssign) else _constructed(node.value)
                for target in targets:
                    if isinstance(target, ast.Attribute):
                        module.own.add(target.attr)
                        _agree(module.attributes, target.attr, kind)
                    elif isinstance(target, ast.Name):
                        module.own.add(target.id)
                        if isinstance(node, ast.AnnAssign):
                            _agree(module.attributes, target.id, kind)
    return module


def _agree(known: dict[str, str], name: str, kind: str) -> None:
    known[name] = kind if known.get(name, kind) == kind else ""


def _dotted(node: ast.AST) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def _class_of(dotted: str) -> str:
    """`QLabel` of `qt.QLabel`; nothing of other names."""
    module, _, name = dotted.partition(".")
    return name if module in FOREIGN and re.fullmatch(r"Qt|(Q|q|vtk|ctk)[A-Z]\w*", name) else ""


def _annotated(node: ast.AST | None) -> str:
    """The foreign class of an annotation: `qt.QLabel`, `slicer.vtkMRMLNode | None`; else an empty text."""
    if isinstance(node, ast.BinOp):
        return _annotated(node.left) or _annotated(node.right)
    return _class_of(_dotted(node)) if node is not None else ""


def _constructed(node: ast.AST) -> str:
    return _class_of(_dotted(node.func)) if isinstance(node, ast.Call) else ""


class _Scope(ast.NodeVisitor):
    """Walks one file."""

    def __init__(self, module: Module, file: str, returned: Callable[[str, str], str]) -> None:
        self.uses: list[Use] = []
        self._module, self._file, self._returned = module, file, returned
        self._names: list[dict[str, str]] = [{}]
        self._imported: set[str] = set()

    def visit_Import(self, node: ast.Import) -> None:  # noqa: N802 - ast's name
        self._imported |= {(one.asname or one.name).partition(".")[0] for one in node.names}

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:  # noqa: N802
        self._imported |= {one.asname or one.name for one in node.names}

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:  # noqa: N802 - ast's name
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        self._names.append({one.arg: _annotated(one.annotation) for one in arguments})
        self.generic_visit(node)
        self._names.pop()

    def visit_Assign(self, node: ast.Assign) -> None:  # noqa: N802
        self.generic_visit(node)
        for target in node.targets:
            if isinstance(target, ast.Name):
                self._names[-1][target.id] = self._type(node.value)
            elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                for one, value in zip(target.elts, node.value.elts, strict=False):
                    if isinstance(one, ast.Name):
                        self._names[-1][one.id] = self._type(value)

    def visit_Call(self, node: ast.Call) -> None:  # noqa: N802
        positional = None if any(isinstance(one, ast.Starred) for one in node.args) else len(node.args)
        keywords = tuple(keyword.arg or "**" for keyword in node.keywords)
        if isinstance(node.func, ast.Attribute):
            self._use(node.func, "call", positional, keywords)
            self.visit(node.func.value)
            signature = node.args[0] if node.args else None
            if node.func.attr in _CONNECTING and isinstance(signature, ast.Constant):
                owner = self._type(node.func.value)
                self.uses.append(Use(self._place(node), owner, str(signature.value), "signal"))
        else:
            self.visit(node.func)
        for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
            self.visit(argument)

    def visit_Attribute(self, node: ast.Attribute) -> None:  # noqa: N802
        self._use(node, "attribute")
        self.visit(node.value)

    def _use(self, node: ast.Attribute, kind: str, positional: int | None = 0, keywords: tuple[str, ...] = ()) -> None:
        dotted = _dotted(node)
        if _class_of(dotted):
            self.uses.append(Use(self._place(node), dotted.partition(".")[0], node.attr, "class"))
            return
        owner = self._type(node.value) or self._foreign_module(node.value)
        of_python = dotted.partition(".")[0] in self._imported and not owner
        if not of_python:
            self.uses.append(Use(self._place(node), owner, node.attr, kind, positional, keywords))

    @staticmethod
    def _foreign_module(node: ast.AST) -> str:
        dotted = _dotted(node)
        return dotted if dotted.partition(".")[0] in FOREIGN else ""

    def _type(self, node: ast.AST) -> str:
        """The foreign class of an expression; an empty text where it cannot be told."""
        dotted = _dotted(node)
        if dotted in ("slicer.app", "slicer.mrmlScene"):
            return {"slicer.app": "qSlicerApplication", "slicer.mrmlScene": "vtkMRMLScene"}[dotted]
        if _class_of(dotted):
            return _class_of(dotted)
        if isinstance(node, ast.Name):
            return next((names[node.id] for names in reversed(self._names) if node.id in names), "")
        if isinstance(node, ast.Attribute):
            if isinstance(node.value, ast.Attribute) and node.value.attr == "ui":
                return self._module.widgets.get(node.attr, "")
            if isinstance(node.value, ast.Name) and node.value.id == "ui":
                return self._module.widgets.get(node.attr, "")
            owner = self._type(node.value)
            if owner:
                return self._returned(owner, node.attr)
            return self._module.attributes.get(node.attr, "") or self._module.results.get(node.attr, "")
        if isinstance(node, ast.Call):
            return self._type_of_call(node)
        if isinstance(node, ast.IfExp):
            return self._type(node.body) or self._type(node.orelse)
        return ""

    def _type_of_call(self, node: ast.Call) -> str:
        if isinstance(node.func, ast.Name):
            return self._module.results.get(node.func.id, "")
        if not isinstance(node.func, ast.Attribute):
            return ""
        if constructed := _constructed(node):
            return constructed
        first = node.args[0] if node.args else None
        if node.func.attr in ("AddNewNodeByClass", "GetSingletonNode"):
            texts = [one.value for one in node.args if isinstance(one, ast.Constant)]
            return next((str(one) for one in texts if str(one).startswith("vtkMRML")), "")
        if node.func.attr == "AddNode" and first is not None:
            return self._type(first)
        owner = self._type(node.func.value) or self._foreign_module(node.func.value)
        return self._returned(owner, node.func.attr) if owner else self._module.results.get(node.func.attr, "")

    def _place(self, node: ast.AST) -> str:
        return f"{self._file}:{getattr(node, 'lineno', 0)}"


def uses_of(module: Module, returned: Callable[[str, str], str]) -> Iterator[Use]:
    """Every use of a foreign name, and of one whose owner cannot be told.

    Args:
        module: The module.
        returned: The class that a method or property of a class (first) gives back, by its name (second), or "".
    """
    for file, tree in module.trees.items():
        scope = _Scope(module, file, returned)
        scope.visit(tree)
        yield from scope.uses
    for file, root in module.ui_files.items():
        yield from _uses_of_ui(file, root)


def _uses_of_ui(file: str, root: ET.Element) -> Iterable[Use]:
    classes = {widget.get("name", ""): widget.get("class", "") for widget in root.iter("widget")}
    for name, kind in classes.items():
        yield Use(f"{file}:{name}", "", kind, "class")
    for widget in root.iter("widget"):
        for entry in widget.findall("property"):
            if entry.get("stdset") != "0" and entry.get("name") != "SlicerParameterName":
                yield Use(f"{file}:{widget.get('name')}", widget.get("class", ""), entry.get("name", ""), "property")
    for entry in root.iter("connection"):
        sender = classes.get(entry.findtext("sender") or "", "")
        yield Use(f"{file}:connections", sender, entry.findtext("signal") or "", "signal")
