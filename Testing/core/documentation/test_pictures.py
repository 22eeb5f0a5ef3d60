"""The pictures of the module: all in the list, all shown somewhere, and those that are out of date are named."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from types import ModuleType

import pytest
from documented_commands import PAGES

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def pictures(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module Testing/pictures.py, imported from its folder as the command does."""
    monkeypatch.syspath_prepend(str(ROOT / "Testing"))
    import pictures as module

    return module


@pytest.fixture
def copy(pictures: ModuleType, tmp_path: Path) -> Path:
    """The pictures, the list and what they were made of, to be changed."""
    for folder in (pictures.FOLDER, "RetrievalSAM/Resources/UI", "RetrievalSAM/RetrievalSAMModule"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "RetrievalSAMLib/demo").mkdir(parents=True)
    shutil.copy(ROOT / "RetrievalSAMLib/demo/contact_sheet.py", tmp_path / "RetrievalSAMLib/demo")
    pictures.record(set(pictures.PICTURES), tmp_path)
    return tmp_path


def test_the_list_names_every_picture_as_it_is_and_no_other(pictures: ModuleType) -> None:
    folder, known = ROOT / pictures.FOLDER, pictures.read_list()
    there = {path.name for path in folder.glob("*.png")}
    assert there == set(known) == set(pictures.PICTURES), f"run: {pictures.COMMAND}"
    assert [name for name in known if known[name]["sha256"] != pictures.sha256_of(folder / name)] == []


def test_pictures_that_are_out_of_date_are_named(pictures: ModuleType) -> None:
    """As a warning: panels change in many branches at once, and pictures are made anew before a release."""
    old = pictures.out_of_date()
    if old:
        told = "; ".join(f"{name} (changed: {', '.join(files)})" for name, files in old.items())
        warnings.warn(f"pictures out of date: {told}. Make them anew: {pictures.COMMAND}", stacklevel=1)
    assert set(old) <= set(pictures.PICTURES)


def test_every_picture_is_shown_somewhere(pictures: ModuleType) -> None:
    texts = [(ROOT / page).read_text(encoding="utf-8") for page in (*PAGES, "CMakeLists.txt")]
    shown = {name for text in texts for name in re.findall(r"Resources/Screenshots/([\w-]+\.png)", text)}
    assert shown == set(pictures.PICTURES)


def test_what_a_picture_is_made_of_is_its_panel_with_its_form(pictures: ModuleType) -> None:
    for name, picture in pictures.PICTURES.items():
        endings = {Path(file).suffix for file in pictures.sources_of(picture)}
        assert endings == ({".ui", ".py"} if picture.ui else {".py"}), name
        assert "gone" not in pictures.sources_of(picture).values(), name


@pytest.mark.parametrize(
    "changed", ["RetrievalSAM/Resources/UI/BatchWindow.ui", "Resources/Screenshots/module-batch.png"]
)
def test_a_change_makes_a_picture_out_of_date(pictures: ModuleType, copy: Path, changed: str) -> None:
    assert pictures.out_of_date(copy) == {}
    (copy / changed).unlink()
    assert pictures.out_of_date(copy) == {"module-batch.png": [changed]}


def test_a_panel_that_loads_the_form_counts_whatever_its_name(pictures: ModuleType, copy: Path) -> None:
    package = copy / "RetrievalSAM" / "RetrievalSAMModule"
    (package / "another_panel.py").write_text('FORM = "SuggestWindow.ui"\n', encoding="utf-8")
    assert pictures.out_of_date(copy) == {"module-suggest.png": ["RetrievalSAM/RetrievalSAMModule/another_panel.py"]}


def test_the_command_says_what_is_out_of_date_and_makes_nothing(pictures: ModuleType) -> None:
    command = [sys.executable, "Testing/make_screenshots.py", "--check"]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == (1 if pictures.out_of_date() else 0), process.stderr
    assert all(name in process.stdout for name in pictures.out_of_date())
