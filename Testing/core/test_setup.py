"""The set-up script, where it must decide: with real pip and real (half-made) environments."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def installer(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A fresh copy of setup/installer.py, so that a test may point it elsewhere."""
    monkeypatch.syspath_prepend(str(ROOT / "setup"))
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


PINNED = "2.13.0"


def _write_wheel(folder: Path, name: str, version: str) -> None:
    """Leaves a wheel that holds nothing but its name and version."""
    described = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{described}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{described}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{described}/RECORD", f"{described}/METADATA,,\n{described}/WHEEL,,\n{described}/RECORD,,\n")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    return folder


@pytest.fixture
def company(
    installer: ModuleType, environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A computer whose pip is told one folder of wheels, one that is missing, and a constraint file; that file."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    for name, version in (("torch", PINNED), ("torch", "2.12.0"), ("torchvision", "0.28.0")):
        _write_wheel(wheels, name, version)
    constraints, settings = tmp_path / "company.txt", tmp_path / "pip.conf"
    constraints.write_text("", encoding="utf-8")
    places = f"{wheels.as_uri()}\n  {(tmp_path / 'missing').as_uri()}"
    settings.write_text(
        f"[global]\nno-index = true\nconstraint = {constraints}\nfind-links = {places}\n", encoding="utf-8"
    )
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(settings))
    installer.PYTHON = environment / installer.PYTHON.relative_to(installer.ENVIRONMENT)
    installer.CONSTRAINTS = tmp_path / "pinned.txt"
    installer.CONSTRAINTS.write_text(f"torch=={PINNED}\ntorchvision==0.28.0\n", encoding="utf-8")
    yield constraints
    subprocess.run([installer.PYTHON, "-m", "pip", "uninstall", "--yes", "--quiet", "torch", "torchvision"], check=True)


@pytest.mark.parametrize("cap", ["", f"torch<={PINNED}\n", "torch<=99\ntorchvision<=99\n"], ids=["none", "at", "above"])
def test_a_constraint_that_allows_the_pinned_torch_leaves_the_cpu_build_to_be_found(
    installer: ModuleType, company: Path, cap: str, capfd: pytest.CaptureFixture[str]
) -> None:
    company.write_text(cap, encoding="utf-8")
    _write_wheel(company.parent / "wheels", "torch", f"{PINNED}+cpu")
    installer.install_torch(gpu=False)
    assert installer.installed_version("torch") == f"{PINNED}+cpu"
    assert installer.installed_version("torchvision") == "0.28.0"
    assert "missing" not in capfd.readouterr().err


def test_the_ordinary_build_is_installed_where_no_cpu_build_is_offered(installer: ModuleType, company: Path) -> None:
    company.write_text(f"torch<={PINNED}\n", encoding="utf-8")
    installer.install_torch(gpu=False)
    assert installer.installed_version("torch") == PINNED


def test_a_constraint_that_forbids_the_pinned_torch_is_named_with_its_file_and_line(
    installer: ModuleType, company: Path
) -> None:
    nested = company.parent / "more.txt"
    nested.write_text("# what IT allows\nTorch < 2.13  # for now\n", encoding="utf-8")
    company.write_text("-c more.txt\nsomething-else==1\n", encoding="utf-8")
    _write_wheel(company.parent / "wheels", "torch", f"{PINNED}+cpu")
    with pytest.raises(installer.SetupError) as told:
        installer.install_torch(gpu=False)
    assert f"{nested}, line 2: Torch < 2.13 (this project is tested with torch=={PINNED})" in str(told.value)
    assert "something-else" not in str(told.value)
    assert f"PIP_CONSTRAINT to {os.devnull}" in str(told.value)
    assert installer.installed_version("torch") is None


def test_the_remedy_for_a_constraint_that_forbids_works(
    installer: ModuleType, company: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.write_text("torch<2.13\n", encoding="utf-8")
    monkeypatch.setenv("PIP_CONSTRAINT", os.devnull)
    installer.install_torch(gpu=False)
    assert installer.installed_version("torch") == PINNED


def test_a_cpu_build_that_is_offered_and_cannot_be_installed_is_no_reason_for_another_build(
    installer: ModuleType, company: Path
) -> None:
    _write_wheel(company.parent / "wheels", "torch", f"{PINNED}+cpu")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            installer, "pip_install_command", lambda *arguments: [str(installer.PYTHON), "-c", "raise OSError"]
        )
        with pytest.raises(installer.SetupError, match="could not be installed"):
            installer.install_torch(gpu=False)
    assert installer.installed_version("torch") is None


def test_pip_s_settings_are_told_without_passwords_where_a_step_fails(
    installer: ModuleType, company: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://user:secret@packages.invalid/simple")
    with pytest.raises(installer.SetupError) as told:
        installer.pip_install("a-package-that-is-not-offered==1.0")
    assert "https://packages.invalid/simple" in str(told.value) and str(company) in str(told.value)
    assert "secret" not in str(told.value)


def test_without_monai_label_s_clients_the_set_up_goes_on_and_says_what_is_skipped(
    installer: ModuleType, no_packages_offered: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    installer.PYTHON, installer.MONAI_LABEL = Path(sys.executable), tmp_path / "monai-label"
    installer.install_monai_label_clients()
    assert "are skipped" in capsys.readouterr().out


def test_without_transformers_the_set_up_goes_on_and_says_what_is_skipped(
    installer: ModuleType, no_packages_offered: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    installer.PYTHON, installer.SAM3 = Path(sys.executable), tmp_path / "sam3"
    installer.install_sam3()
    assert "are skipped" in capsys.readouterr().out


def test_an_environment_that_uv_made_is_left_as_it_is(installer: ModuleType, tmp_path: Path) -> None:
    environment = tmp_path / "by uv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    settings = environment / "pyvenv.cfg"
    settings.write_text(settings.read_text(encoding="utf-8") + "uv = 0.9.0\n", encoding="utf-8")
    installer.PYTHON = environment / installer.PYTHON.relative_to(installer.ENVIRONMENT)
    installer.ENVIRONMENT = environment
    with pytest.raises(installer.SetupError, match="uv pip install"):
        installer.prepare([])
    assert installer.PYTHON.exists()


def test_both_commands_install_what_batches_and_the_server_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "setup"))
    run = importlib.import_module("run")
    assert all({"cohort", "server"} <= set(extras) for extras in run.EXTRAS.values())


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
    folders = [ROOT / word for suite in run.SUITES for word in suite if not word.startswith("--")]
    tests = [*(ROOT / "Testing").rglob("test_*.py"), *(ROOT / "RetrievalSAM" / "Testing").rglob("test_*.py")]
    assert all(any(test.is_relative_to(folder) for folder in folders) for test in tests)
    named = ["Testing/core/test_setup.py::test_it", "-x"]
    assert run.test_suites(named) == [named]


# In Python's place: says with what it was called, and ends well where no file of the program's name is there. The
# core's tests end only when the panel's have begun.
PRETENDS = """#!{python}
import sys, time
from pathlib import Path
folder, words = Path(__file__).parent, sys.argv[2:]
print("told by", *words, flush=True)
if words == ["pytest", "panel"]:
    (folder / "the panel's began").touch()
while words == ["pytest", "core"] and not (folder / "the panel's began").exists():
    time.sleep(0.01)
failing = folder / f"{{words[0]}} fails"
sys.exit(int(failing.read_text()) if failing.exists() else 0)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="runs a script as a program, as POSIX can")
@pytest.mark.parametrize(("failing", "code"), [({}, 0), ({"mypy": 3, "bandit": 4}, 3), ({"pytest": 5}, 5)])
def test_what_is_slow_runs_beside_the_core_and_every_failure_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    failing: dict[str, int],
    code: int,
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "setup"))
    run = importlib.import_module("run")
    python = tmp_path / "python"
    python.write_text(PRETENDS.format(python=sys.executable), encoding="utf-8")
    python.chmod(0o755)
    monkeypatch.setattr(run.installer, "PYTHON", python)
    monkeypatch.setattr(run, "SUITES", (("core",), ("module",), ("panel",)))
    for name, ending in failing.items():
        (tmp_path / f"{name} fails").write_text(str(ending), encoding="utf-8")
    assert run.run_test([]) == code
    told = capfd.readouterr()
    lines = told.out.splitlines()
    commands = [line.removeprefix("$ ") for line in lines[::2]]
    assert lines[1::2] == [f"told by {command}" for command in commands]
    names = [command.split()[0] for command in commands]
    assert names == ["ruff", "ruff", "pytest", "mypy", "bandit", "pytest", "pytest"]
    assert told.err == (f"Failed: {', '.join(failing)}\n" if failing else "")
