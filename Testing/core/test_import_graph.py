"""Which file imports which: nowhere in a circle, and within `segmentation` only downwards."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SEGMENTATION = "RetrievalSAMLib.segmentation"

# Folders from which imports of product code start, with the packages in them.
PRODUCT = {ROOT: ("RetrievalSAMLib",), ROOT / "RetrievalSAM": ("RetrievalSAMModule",)}
MOST_FILES = 15

# The sub-packages of `segmentation` from the ground up: each imports only those before it. What lies in
# `segmentation` itself stands on top, and none of them imports it.
FLOORS = (
    "settings",
    "engines",
    "sam2",
    "sam3",
    "memory",
    "spatial_prior",
    "supports",
    "confidence",
    "propagation",
    "output",
    "run_state",
    "prompts",
    "published",
    "steps",
    "corrections",
    "cleaning",
    "first_case",
    "desk",
)


def modules_below(root: Path, package: str) -> dict[str, Path]:
    """The files of a package by their dotted names; a folder's `__init__.py` has the folder's."""
    found = {}
    for path in sorted((root / package).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports_among(modules: Mapping[str, Path]) -> dict[str, set[str]]:
    """By module, those of the others that it imports anywhere: at its top, in a function, or for types alone."""
    graph: dict[str, set[str]] = {}
    for name, path in modules.items():
        package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
        seen = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                seen.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                above = package[: len(package) - node.level + 1] if node.level else []
                base = ".".join([*above, *([node.module] if node.module else [])])
                # `from a import b`: b is a module of its own, or something that a holds.
                seen.update(full if (full := f"{base}.{alias.name}") in modules else base for alias in node.names)
        graph[name] = {other for other in seen if other in modules and other != name}
    return graph


def circle_in(graph: Mapping[str, set[str]]) -> list[str]:
    """Names that import one another in a circle, or none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


@pytest.fixture(scope="module")
def product() -> dict[str, Path]:
    return {
        name: path
        for root, packages in PRODUCT.items()
        for package in packages
        for name, path in modules_below(root, package).items()
    }


@pytest.mark.parametrize(
    "back",
    [
        "from .one import One",
        "from . import one",
        "import made.below.one",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .one import One",
        "def late():\n    from made.below.one import One",
    ],
)
def test_a_circle_is_found_however_its_imports_are_written(back: str, tmp_path: Path) -> None:
    folder = tmp_path / "made" / "below"
    folder.mkdir(parents=True)
    for place in (folder.parent, folder):
        (place / "__init__.py").write_text("")
    (folder / "one.py").write_text("from ..below.two import Two\n")
    (folder / "two.py").write_text("import ast\n")
    modules = modules_below(tmp_path, "made")
    assert not circle_in(imports_among(modules))
    (folder / "two.py").write_text(f"{back}\n")
    assert {"made.below.one", "made.below.two"} <= set(circle_in(imports_among(modules)))


def test_no_files_import_each_other_in_a_circle(product: dict[str, Path]) -> None:
    assert not circle_in(imports_among(product))


def test_in_segmentation_every_import_points_down(product: dict[str, Path]) -> None:
    def floor_of(name: str) -> int:
        """On top of all, for what lies in `segmentation` itself."""
        inner = name.removeprefix(f"{SEGMENTATION}.").split(".")[0]
        return FLOORS.index(inner) if inner in FLOORS else len(FLOORS)

    parts = {name: path for name, path in product.items() if name.startswith(f"{SEGMENTATION}.")}
    wrong = [
        f"{name} imports {other}"
        for name, others in imports_among(parts).items()
        for other in sorted(others)
        if floor_of(other) > floor_of(name)
    ]
    assert not wrong


def test_every_sub_package_of_segmentation_has_its_floor() -> None:
    folder = ROOT / "RetrievalSAMLib" / "segmentation"
    assert {path.parent.name for path in folder.glob("*/__init__.py")} == set(FLOORS)


def test_no_folder_of_product_code_is_crowded(product: dict[str, Path]) -> None:
    folders: dict[str, int] = {}
    for path in product.values():
        folder = path.parent.relative_to(ROOT).as_posix()
        folders[folder] = folders.get(folder, 0) + 1
    assert not {folder: files for folder, files in folders.items() if files > MOST_FILES}
