"""The set-up script, where it must decide: with real pip and real (half-made) environments."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def installer() -> ModuleType:
    """A fresh copy of setup/installer.py, so that a test may point it elsewhere."""
    specification = importlib.util.spec_from_file_location("installer", ROOT / "setup" / "installer.py")
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def no_packages_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))


def test_where_no_cpu_build_is_offered_nothing_is_installed(
    installer: ModuleType, no_packages_offered: None, tmp_path: Path
) -> None:
    installer.PYTHON = Path(sys.executable)
    installer.CONSTRAINTS = tmp_path / "constraints.txt"
    installer.CONSTRAINTS.write_text("", encoding="utf-8")
    assert installer.install_torch_for_cpu("99.0") is False


def test_a_failed_step_says_how_to_go_on(installer: ModuleType, no_packages_offered: None) -> None:
    installer.PYTHON = Path(sys.executable)
    with pytest.raises(installer.SetupError, match="run the same command again"):
        installer.pip_install("a-package-that-is-not-offered==1.0")


def test_a_user_without_rights_is_told_the_debian_package(
    installer: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    with pytest.raises(installer.SetupError, match=f"sudo apt-get install {package}"):
        installer.install_debian_venv_package()


def test_a_user_without_rights_is_told_the_packages_for_drawing_views(
    installer: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(installer, "can_render_offscreen", lambda: False)
    installer.ensure_offscreen_rendering()
    assert "sudo apt-get install libegl1 libgl1-mesa-dri" in capsys.readouterr().out


@pytest.mark.parametrize("place", ["lib64", "lib/x86_64-linux-gnu"])
def test_drawing_without_a_display_takes_the_library_and_a_driver(
    installer: ModuleType, tmp_path: Path, place: str
) -> None:
    folder = tmp_path / place
    (folder / "dri").mkdir(parents=True)
    assert not installer.can_render_offscreen(tmp_path)
    (folder / "libEGL.so.1").touch()
    assert not installer.can_render_offscreen(tmp_path)
    (folder / "dri" / "swrast_dri.so").touch()
    assert installer.can_render_offscreen(tmp_path)


def test_a_half_made_environment_is_made_anew(
    installer: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = tmp_path / "half made"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    installer.ENVIRONMENT = environment
    installer.PYTHON = environment / installer.PYTHON.relative_to(installer.ROOT / ".venv")
    assert not installer.environment_is_usable()
    installer.make_environment()
    assert installer.environment_is_usable()


def test_a_changed_constraint_changes_the_fingerprint(installer: ModuleType, tmp_path: Path) -> None:
    before = installer.requirements_fingerprint()
    assert installer.requirements_fingerprint() == before

    changed = tmp_path / "constraints.txt"
    shutil.copy(installer.CONSTRAINTS, changed)
    changed.write_text(changed.read_text(encoding="utf-8") + "one-more==1.0\n", encoding="utf-8")
    installer.CONSTRAINTS = changed
    assert installer.requirements_fingerprint() != before


def test_only_a_completed_setup_leaves_a_stamp(installer: ModuleType, tmp_path: Path) -> None:
    installer.STAMP = tmp_path / "stamp.json"
    assert installer.read_stamp() == {}
    installer.STAMP.write_text("{half", encoding="utf-8")
    assert installer.read_stamp() == {}
    installer.write_stamp({"extras": ["test"]})
    assert installer.read_stamp() == {"extras": ["test"]}


def test_every_suite_gets_the_arguments_unless_they_name_a_test_by_its_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "setup"))
    run = importlib.import_module("run")
    suites = run.test_suites(["-k", "geometry"])
    assert [suite[-2:] for suite in suites] == [["-k", "geometry"]] * len(run.SUITES)
    folders = [ROOT / folder for suite in run.SUITES for folder in suite]
    tests = [*(ROOT / "Testing").rglob("test_*.py"), *(ROOT / "RetrievalSAM" / "Testing").rglob("test_*.py")]
    assert all(any(test.is_relative_to(folder) for folder in folders) for test in tests)
    named = ["Testing/core/test_setup.py::test_it", "-x"]
    assert run.test_suites(named) == [named]
