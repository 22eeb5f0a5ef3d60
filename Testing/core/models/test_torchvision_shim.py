"""The set-up's shim, in interpreters of their own; whether this environment needs it or not."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

SETUP = Path(__file__).resolve().parents[3] / "setup"
SHIM = SETUP / "torchvision_cpu_shim"


def run(code: str, path: Path = SHIM) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(path)!r})\n{code}"]
    return subprocess.run(command, capture_output=True, text=True)


def test_torchvision_and_timm_can_be_imported() -> None:
    result = run("import torchvision, timm")
    assert (result.returncode, result.stderr) == (0, "")


def test_the_shim_does_not_load_pytorch_at_start_up() -> None:
    code = "import _torchvision_on_cpu_torch\nassert 'torch' not in sys.modules"
    assert run(code).returncode == 0


def test_the_start_up_line_is_one_import() -> None:
    lines = (SHIM / "_torchvision_on_cpu_torch.pth").read_text(encoding="utf-8").splitlines()
    assert lines == ["import _torchvision_on_cpu_torch"]


def test_a_torchvision_that_has_its_operators_is_left_alone() -> None:
    """Stands for a build that fits: its operators are there before the shim looks."""
    code = """
import torch
library = torch.library.Library("torchvision", "DEF")
library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
import _torchvision_on_cpu_torch, torchvision
assert not _torchvision_on_cpu_torch._declarations
"""
    result = run(code)
    if "single TORCH_LIBRARY" in result.stderr:
        pytest.skip("this torchvision declares its operators itself")
    assert result.returncode == 0, result.stderr


def test_without_torchvision_the_error_is_the_usual_one(tmp_path: Path) -> None:
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text("from . import _meta_registrations\n", encoding="utf-8")
    code = f"import _torchvision_on_cpu_torch\nsys.path.insert(0, {str(tmp_path)!r})\nimport torchvision"
    result = run(code)
    assert result.returncode == 1
    assert "cannot import name '_meta_registrations'" in result.stderr


def install(python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    return subprocess.run([python, str(SETUP / "install_torchvision_shim.py")], capture_output=True, text=True)


def test_installing_where_torchvision_works_changes_nothing() -> None:
    result = install()
    assert (result.returncode, result.stdout) == (0, "torchvision can be imported; nothing to do.\n")


@pytest.fixture
def bare_environment(tmp_path: Path) -> tuple[str, Path]:
    """An empty virtual environment: its Python and its site-packages."""
    venv.create(tmp_path / "env", with_pip=False)
    folder = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin")
    python = str(folder / ("python.exe" if os.name == "nt" else "python"))
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site_packages = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    return python, Path(site_packages)


def test_installing_where_it_is_needed_makes_the_import_work(bare_environment: tuple[str, Path]) -> None:
    """The environment sees this one's packages, but not its start-up lines: the shim is not active in it."""
    python, site_packages = bare_environment
    (site_packages / "packages.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    result = install(python)
    if "nothing to do" in result.stdout:
        pytest.skip("this torchvision needs no shim")
    assert (result.returncode, result.stderr) == (0, "")
    assert "its operators are declared now" in result.stdout
    assert {path.name for path in SHIM.glob("_torchvision*")} <= {path.name for path in site_packages.iterdir()}
    assert subprocess.run([python, "-c", "import torchvision"], capture_output=True).returncode == 0


def test_installing_where_torchvision_is_missing_says_so_and_writes_nothing(
    bare_environment: tuple[str, Path],
) -> None:
    python, site_packages = bare_environment
    result = install(python)
    assert result.returncode == 1
    assert "No module named 'torchvision'" in result.stderr
    assert list(site_packages.iterdir()) == []
