"""The extension as Slicer's Extensions Index takes it: packaged files, catalogue entry, what the Index checks."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "RetrievalSAM"
CORE = ROOT / "RetrievalSAMLib"
CATALOGUE_KEYS = {
    "$schema", "build_dependencies", "build_subdirectory", "category", "enabled",
    "scm_revision", "scm_type", "scm_url", "tier",
}  # fmt: skip
MOST_BYTES = 100_000_000


def cmake_variables(file: Path) -> dict[str, list[str]]:
    """What every set() of a CMakeLists.txt says, quoted texts as one word."""
    text = re.sub(r"#.*", "", file.read_text(encoding="utf-8"))
    found = {}
    for name, words in re.findall(r"\bset\(\s*(\w+)\s+(.*?)\)\s*\n", text, flags=re.DOTALL):
        found[name] = [quoted or plain for quoted, plain in re.findall(r'"([^"]*)"|(\S+)', words)]
    return found


def files_below(folder: Path, base: Path) -> set[str]:
    return {
        file.relative_to(base).as_posix()
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


def tracked_files() -> Iterator[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    yield from (ROOT / name for name in listed.decode().split("\0") if name)


def test_the_module_s_lists_name_every_file_of_the_module_and_no_other() -> None:
    lists = cmake_variables(MODULE / "CMakeLists.txt")
    package = files_below(MODULE / "RetrievalSAMModule", MODULE) | {"RetrievalSAM.py"}
    assert set(lists["MODULE_PYTHON_SCRIPTS"]) == package
    assert set(lists["MODULE_PYTHON_RESOURCES"]) == files_below(MODULE / "Resources", MODULE)


def test_the_core_s_lists_name_every_file_of_the_core_with_the_bundled_model() -> None:
    lists = cmake_variables(MODULE / "CorePackage.cmake")
    files = files_below(CORE, ROOT)
    assert set(lists["CORE_PYTHON_SCRIPTS"]) == {file for file in files if file.endswith(".py")}
    assert set(lists["CORE_RESOURCES"]) == {file for file in files if not file.endswith(".py")}
    assert "RetrievalSAMLib/models/bundled/segmenter.pt" in lists["CORE_RESOURCES"]


@pytest.mark.parametrize("file", [ROOT / "CMakeLists.txt", MODULE / "CMakeLists.txt", MODULE / "CorePackage.cmake"])
def test_no_list_names_a_file_twice(file: Path) -> None:
    for name, words in cmake_variables(file).items():
        if name != "EXTENSION_SCREENSHOTURLS":
            assert len(words) == len(set(words)), name


def test_the_extension_says_what_the_index_shows() -> None:
    said = cmake_variables(ROOT / "CMakeLists.txt")
    for name in ("HOMEPAGE", "CATEGORY", "CONTRIBUTORS", "DESCRIPTION", "ICONURL", "SCREENSHOTURLS", "DEPENDS"):
        assert said[f"EXTENSION_{name}"] and said[f"EXTENSION_{name}"][0], name
    assert said["EXTENSION_DEPENDS"] == ["PyTorch"]
    # An address without spaces that points into the repository must be a file that is there.
    start = "https://raw.githubusercontent.com/RetrievalSAM/SlicerRetrievalSAM/main/"
    addresses = " ".join(said["EXTENSION_ICONURL"] + said["EXTENSION_SCREENSHOTURLS"]).split()
    assert len(addresses) >= 2
    for address in addresses:
        assert address.startswith(start)
        with Image.open(ROOT / address.removeprefix(start)) as picture:
            assert picture.format == "PNG"


def test_icons_are_128_and_square_and_transparent() -> None:
    with Image.open(ROOT / "Resources" / "Icons" / "RetrievalSAM.png") as icon:
        assert icon.size == (128, 128) and icon.mode == "RGBA"
    with Image.open(MODULE / "Resources" / "Icons" / "RetrievalSAM.png") as icon:
        assert icon.size[0] == icon.size[1] and icon.mode == "RGBA"


def test_the_catalogue_entry_has_the_schema_s_fields_and_no_other() -> None:
    entry = json.loads((ROOT / "Resources" / "RetrievalSAM.json").read_text(encoding="utf-8"))
    assert set(entry) <= CATALOGUE_KEYS
    assert entry["$schema"].endswith("slicer-extension-catalog-entry-schema-v1.0.2.json#")
    said = cmake_variables(ROOT / "CMakeLists.txt")
    assert [entry["category"]] == said["EXTENSION_CATEGORY"]
    assert entry["build_dependencies"] == said["EXTENSION_DEPENDS"]
    assert entry["scm_url"].removesuffix(".git") == said["EXTENSION_HOMEPAGE"][0]


def test_there_is_a_licence_in_the_root_and_everything_stays_under_100_mb() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert sum(file.stat().st_size for file in tracked_files() if file.is_file()) < MOST_BYTES


def test_text_files_end_their_lines_as_unix_does() -> None:
    endings = {".py", ".ui", ".txt", ".md", ".json", ".toml", ".yaml", ".cmake"}
    texts = [file for file in tracked_files() if file.suffix in endings and file.is_file()]
    assert not [file.name for file in texts if b"\r" in file.read_bytes()]


def test_the_readme_has_what_the_index_asks_for() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for wanted in ("## Tutorial", "RetrievalSAMHippocampus", "arXiv 2501.09138", "Resources/Screenshots/module-"):
        assert wanted in text, wanted
    for picture in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text):
        assert (ROOT / picture).is_file(), picture
    assert "docs/tutorial.md" in text and (ROOT / "docs" / "tutorial.md").is_file()
