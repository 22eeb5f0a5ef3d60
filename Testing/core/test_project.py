"""pyproject.toml, constraints.txt, the licence and the wheel agree with each other and with the code."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import tomllib
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PIN = re.compile(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.]*")
OWN_MODULES = {"RetrievalSAMLib", "RetrievalSAM", "RetrievalSAMModule", "Testing", "slicer_standin", "training"}
SLICER_MODULES = {"qt", "ctk", "SampleData"}  # in Slicer, or made by the stand-in


def lines_of(name: str) -> list[str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def pins() -> dict[str, str]:
    pairs = [line.split("==", 1) for line in lines_of("constraints.txt")]
    return {canonicalize_name(name): version for name, version in pairs}


def requirements(*extras: str) -> list[Requirement]:
    texts = list(PROJECT["dependencies"])
    for extra in extras:
        texts += PROJECT["optional-dependencies"][extra]
    return [Requirement(text) for text in texts]


def names_of(*extras: str) -> set[str]:
    return {canonicalize_name(requirement.name) for requirement in requirements(*extras)}


def all_that_is_installed_with(names: set[str]) -> set[str]:
    """The distributions and all that they require here, down to the last; without extras."""
    found: set[str] = set()
    waiting = set(names)
    while waiting:
        name = waiting.pop()
        found.add(name)
        for text in importlib.metadata.requires(name) or []:
            requirement = Requirement(text)
            required = canonicalize_name(requirement.name)
            needed_here = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
            if needed_here and required not in found:
                waiting.add(required)
    return found


def distributions_imported_in(folder: str) -> set[str]:
    """The third-party distributions that the Python files of a folder import."""
    by_module = importlib.metadata.packages_distributions()
    files = list((ROOT / folder).rglob("*.py"))
    # The pictures are taken with the phantoms of the panel's tests.
    own = [*files, *(ROOT / "RetrievalSAM" / "Testing").rglob("*.py")]
    packages = {path.parent for path in own if path.stem == "__init__"}
    outermost = {folder.name for folder in packages if folder.parent not in packages}
    local = OWN_MODULES | {path.stem for path in own} | outermost
    modules = set()
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules.update(alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module.split(".")[0])
    third_party = modules - sys.stdlib_module_names - local - SLICER_MODULES
    return {canonicalize_name(by_module[module][0]) for module in third_party}


def test_constraints_are_exact_versions_without_addresses() -> None:
    assert not [line for line in lines_of("constraints.txt") if not PIN.fullmatch(line)]


def test_every_package_that_gets_installed_is_pinned() -> None:
    cuda_packages = re.compile(r"nvidia-|cuda-|triton$")  # they come with torch, which pins them itself
    installed = all_that_is_installed_with(names_of("test", "training", "cohort", "server", "dicomweb", "docs"))
    assert not {name for name in installed - set(pins()) if not cuda_packages.match(name)}


def test_the_pins_lie_within_what_the_package_asks_for() -> None:
    wrong = [
        str(requirement)
        for requirement in requirements("test", "training", "cohort", "server", "dicomweb", "docs")
        if not requirement.specifier.contains(pins()[canonicalize_name(requirement.name)])
    ]
    assert not wrong


def test_sam2_is_one_file_known_by_its_hash() -> None:
    (line,) = lines_of("requirements-sam2.txt")
    assert re.fullmatch(rf"sam2=={re.escape(pins()['sam2'])} --hash=sha256:[0-9a-f]{{64}}", line)


def test_monai_label_s_clients_are_one_file_known_by_its_hash() -> None:
    (line,) = lines_of("requirements-monai-label.txt")
    assert re.fullmatch(r"monailabel==[0-9.]+ --hash=sha256:[0-9a-f]{64}", line)


def test_what_tests_of_sam3_need_is_pinned() -> None:
    needed = {"transformers", "tokenizers", "regex"}
    assert {re.fullmatch(r"([a-z]+)==[0-9.]+", line)[1] for line in lines_of("requirements-sam3.txt")} == needed  # type: ignore[index]


def test_what_the_core_imports_is_what_it_requires() -> None:
    # With TLS, Dask makes its keys by cryptography; Starlette reads forms by python-multipart.
    used = distributions_imported_in("RetrievalSAMLib") | {"cryptography", "python-multipart"}
    assert used == names_of("cohort", "server", "dicomweb")


@pytest.mark.parametrize(("folder", "extras"), [("Testing", ["test", "cohort"]), ("training", ["training"])])
def test_what_the_folders_around_the_core_import_is_required_by_their_extras(folder: str, extras: list[str]) -> None:
    # They come with another one: pytest, timm, PySide6-Essentials and slicer-core.
    shared = {"packaging", "torchvision", "shiboken6", "vtk"}
    assert distributions_imported_in(folder) - shared <= names_of(*extras)


def test_the_licence_is_apache_2() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert PROJECT["license"] == "Apache-2.0"
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel of a copy of the project, so that no build folder is left in the repository."""
    copy = tmp_path_factory.mktemp("project")
    for name in ("RetrievalSAMLib", "Testing"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", "wheels"]
    command = [sys.executable, "-m", "pip", "wheel", *options, "."]
    process = subprocess.run(command, cwd=copy, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    return zipfile.ZipFile(next((copy / "wheels").glob("retrievalsam-*.whl")))


def test_the_wheel_holds_all_of_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    files = [path for path in (ROOT / "RetrievalSAMLib").rglob("*") if path.is_file()]
    wanted = {path.relative_to(ROOT).as_posix() for path in files if "__pycache__" not in path.parts}
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert held == wanted


def test_the_wheel_brings_the_command_and_the_licence(wheel: zipfile.ZipFile) -> None:
    files = {name.partition(".dist-info/")[2]: name for name in wheel.namelist() if ".dist-info/" in name}
    assert "retrievalsam = RetrievalSAMLib.cli.main:main" in wheel.read(files["entry_points.txt"]).decode()
    assert wheel.read(files["licenses/LICENSE"]) == (ROOT / "LICENSE").read_bytes()
