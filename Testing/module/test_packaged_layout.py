"""The extension as CMake installs it is complete: the module loads from there and its panel works."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "Testing"))

import packaged_layout  # noqa: E402

TESTS = REPOSITORY / "RetrievalSAM" / "Testing" / "Python"


def test_the_panel_works_where_cmake_installs_it(standin: Any, tmp_path: Path) -> None:
    module = packaged_layout.install(tmp_path)
    assert not (module.parent / "Testing").exists()
    files = [str(TESTS / name) for name in ("test_panel_layout.py", "test_panel_packaged.py")]
    assert packaged_layout.run_panel_tests(module, ["-q", "-p", "no:cacheprovider", *files]) == 0


def test_a_file_that_is_not_listed_is_missed(standin: Any, tmp_path: Path) -> None:
    module = packaged_layout.install(tmp_path)
    (module.parent / "RetrievalSAMModule" / "signal.py").unlink()
    file = str(TESTS / "test_panel_layout.py")
    assert packaged_layout.run_panel_tests(module, ["-q", "-p", "no:cacheprovider", file]) != 0


def test_a_list_that_was_renamed_is_told(tmp_path: Path) -> None:
    file = tmp_path / "CMakeLists.txt"
    file.write_text("set(OTHER\n  a.py\n  )\n")
    with pytest.raises(ValueError, match="MODULE_PYTHON_SCRIPTS"):
        packaged_layout.listed(file, "MODULE_PYTHON_SCRIPTS")
