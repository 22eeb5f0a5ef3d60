"""What may import what, and what must not stand in any file of the repository."""

from __future__ import annotations

import ast
import fnmatch
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "RetrievalSAMLib"
LONGEST_FILE = 500

# By package of the core: the packages that it may import besides itself. A new package gets a line here.
MAY_IMPORT = {
    "volumes": set(),
    "alignment": {"volumes"},
    "drawing": {"volumes"},
    "dicomweb": {"volumes"},
    "library": {"volumes", "drawing"},
    "models": {"volumes"},
    "retrieval": {"volumes", "library", "models", "alignment"},
    "segmentation": {"volumes", "library", "models", "alignment", "retrieval"},
    "evaluation": {"volumes", "library", "models", "alignment", "retrieval", "segmentation"},
    "learning": {"volumes", "library", "models", "alignment", "retrieval", "segmentation"},
    "tuning": {"volumes", "library", "models", "retrieval", "segmentation", "evaluation", "learning"},
    "worker": {"volumes", "library", "models", "retrieval", "segmentation", "evaluation", "learning", "tuning", "demo"},
    "demo": {"volumes", "library", "models", "retrieval", "segmentation", "evaluation", "drawing"},
    "benchmark": {"volumes", "models", "retrieval", "segmentation", "demo"},
    "server": {"volumes", "library", "segmentation", "worker", "dicomweb", "cohort"},
    "cohort": {"volumes", "library", "models", "segmentation", "evaluation", "learning", "tuning", "worker", "drawing"},
    "cli": {
        "volumes",
        "library",
        "models",
        "retrieval",
        "segmentation",
        "evaluation",
        "learning",
        "tuning",
        "worker",
        "demo",
        "benchmark",
        "cohort",
        "server",
        "dicomweb",
    },  # fmt: skip
}
GUI_MODULES = {"slicer", "qt", "ctk", "vtk", "PythonQt", "PySide6", "RetrievalSAM"}
HEAVY_MODULES = {"torch", "monai", "torchvision", "timm", "sam2", "faiss", "SimpleITK", "scipy", "matplotlib"}
LIGHT_MODULES = [
    "RetrievalSAMLib",
    "RetrievalSAMLib.errors",
    "RetrievalSAMLib.models.catalogue",
    "RetrievalSAMLib.cli.main",
]


def imported_modules(source: str, package: str) -> set[str]:
    """The dotted names of all that a module imports; `package` is the one that it lies in.

    `from a import b` gives both `a` and `a.b`, because b may be a module.
    """
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")
            base = parents[: len(parents) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names.add(module)
            names.update(f"{module}.{alias.name}" for alias in node.names)
    return names


def core_files() -> list[Path]:
    return sorted(CORE.rglob("*.py"))


def imports_of(path: Path) -> set[str]:
    return imported_modules(path.read_text(encoding="utf-8"), ".".join(path.relative_to(ROOT).parent.parts))


def core_package_of(path: Path) -> str | None:
    """`volumes` for RetrievalSAMLib/volumes/reading.py; None for a module in RetrievalSAMLib itself."""
    parts = path.relative_to(CORE).parts
    return parts[0] if len(parts) > 1 else None


def core_packages_among(modules: set[str]) -> set[str]:
    second_parts = {name.split(".")[1] for name in modules if name.startswith("RetrievalSAMLib.")}
    return second_parts & set(MAY_IMPORT)


def repository_files() -> Iterator[Path]:
    """All files but those that .gitignore names; works in an unpacked archive too, where there is no git."""
    patterns = [".git"]
    for line in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            patterns.append(line.strip().strip("/"))

    def ignored(name: str) -> bool:
        return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)

    for folder, subfolders, names in os.walk(ROOT):
        subfolders[:] = sorted(name for name in subfolders if not ignored(name))
        yield from (Path(folder, name) for name in sorted(names) if not ignored(name))


def lines_with(pattern: str) -> list[str]:
    found = []
    for path in repository_files():
        content = path.read_bytes()
        if b"\0" in content:
            continue
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), start=1):
            if re.search(pattern, line):
                found.append(f"{path.relative_to(ROOT).as_posix()}:{number}: {line.strip()[:120]}")
    return found


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import RetrievalSAMLib.cli.main", "cli"),
        ("from RetrievalSAMLib.cli import main", "cli"),
        ("from RetrievalSAMLib import cli", "cli"),
        ("from ..cli.main import run", "cli"),
        ("from .. import cli", "cli"),
        ("def late():\n    from ..cli import main", "cli"),
        ("from .geometry import Geometry", "volumes"),
        ("from . import geometry", "volumes"),
    ],
)
def test_every_way_to_write_an_import_is_seen(source: str, expected: str) -> None:
    assert core_packages_among(imported_modules(source, "RetrievalSAMLib.volumes")) == {expected}


def test_every_package_of_the_core_has_its_place_in_the_order() -> None:
    packages = {path.parent.name for path in CORE.glob("*/__init__.py")}
    assert packages <= set(MAY_IMPORT)


def test_dependencies_point_one_way() -> None:
    wrong = []
    for path in core_files():
        package = core_package_of(path)
        allowed = MAY_IMPORT[package] | {package} if package else set()
        wrong += [
            f"{path.relative_to(ROOT).as_posix()} imports {other}"
            for other in sorted(core_packages_among(imports_of(path)) - allowed)
        ]
    assert not wrong


def test_the_core_knows_neither_slicer_nor_qt_nor_the_code_around_it() -> None:
    forbidden = GUI_MODULES | {"training", "Testing"}
    wrong = [
        f"{path.relative_to(ROOT).as_posix()} imports {name}"
        for path in core_files()
        for name in sorted(imports_of(path))
        if name.split(".")[0] in forbidden
    ]
    assert not wrong


def test_only_the_benchmark_uses_the_video_predictor_of_sam2() -> None:
    users = [path for path in core_files() if any("sam2_video_predictor" in name for name in imports_of(path))]
    assert {core_package_of(path) for path in users} == {"benchmark"}


@pytest.mark.parametrize("module", LIGHT_MODULES)
def test_a_light_module_imports_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    assert not HEAVY_MODULES & set(process.stdout.split())


def test_no_file_does_too_many_jobs() -> None:
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in repository_files()
        if path.suffix == ".py"
    }
    assert not {name: length for name, length in lengths.items() if length > LONGEST_FILE}


def test_no_file_holds_a_path_of_the_machine_it_was_made_on() -> None:
    # The brackets keep this line from finding itself.
    assert not lines_with(r"(^|[^\w.])/(wor[k]|far[m]|roo[t]|op[t])/")


def test_no_file_names_the_host_of_a_package_index() -> None:
    hosts = [
        r"pypi[.]org",
        r"pythonhosted[.]org",
        r"download[.]pytorch[.]org",
        r"npmjs[.]",
        r"deb[.]debian[.]",
    ]
    assert not lines_with("|".join(hosts))


@pytest.mark.parametrize("suite", [("core", "training"), ("module",)], ids="+".join)
def test_no_two_modules_of_one_suite_have_the_same_name(suite: tuple[str, ...]) -> None:
    """Test folders without __init__.py all lie on one import path, where the second of two modules is never found."""
    paths = [path for folder in suite for path in (ROOT / "Testing" / folder).rglob("*.py")]
    paths += (ROOT / "Testing").glob("*.py")
    loose = Counter(path.stem for path in paths if not (path.parent / "__init__.py").exists())
    assert [name for name, count in loose.items() if count > 1 and name != "conftest"] == []
