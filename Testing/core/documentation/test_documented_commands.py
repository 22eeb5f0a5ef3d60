"""What README and pages tell a reader to type works as it stands there, on the demo's library (coarser, two organs)."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import tomllib
import typer.main
from documented_commands import PAGES, ROOT, SHELL, Command, blocks_of, commands_in, named_commands, typed_commands
from typer.core import TyperGroup

from RetrievalSAMLib.cli.main import app, main
from RetrievalSAMLib.demo.cohort import make_subject
from RetrievalSAMLib.demo.run import IMAGE_FILE, LIBRARY_FOLDER, REFERENCE_FILE
from RetrievalSAMLib.library import SupportLibrary
from RetrievalSAMLib.volumes import Geometry, Segmentation, Volume, write_segmentation, write_volume

# By how a command begins: why no test runs it as typed. What it names is looked up all the same (below).
NOT_RUN = {
    "python3 setup/run.py demo": "the first thing that continuous integration types (.ci/run)",
    "python3 setup/run.py test": "continuous integration types it, and this test is part of it",
    ".venv/bin/pip install": "installs packages",
    ".venv/bin/mkdocs serve": "serves until it is stopped; the site is built by a test",
    ".venv/bin/python -m pytest": "runs tests",
    ".venv/bin/python Testing/show_module.py": "opens a window; Testing/module has its test",
    ".venv/bin/python Testing/make_screenshots.py": "takes many minutes; test_pictures looks at what it left",
    ".venv/bin/python -m training.": "measures or trains for hours on volumes that are not in the repository",
    "python -m training.": "the same",
    "retrievalsam models download": "downloads",
    "retrievalsam models import": "needs official weights",
    "retrievalsam segment retrievalsam-demo/library retrievalsam-demo/image.nrrd -o new.seg.nrrd --model sam2.1-tiny": (
        "needs official weights"
    ),
    "retrievalsam segment retrievalsam-demo/library retrievalsam-demo/image.nrrd -o new.seg.nrrd --model sam3": (
        "needs official weights"
    ),
    "sha256sum ": "another program",
    "curl ": "another program; Testing/core/server runs the recipe as it stands",
    "server=": "the same",
    "retrievalsam segment liver new.nii.gz": "needs a server; Testing/core/server has its tests",
    "retrievalsam batch my-library --dicomweb": "needs a DICOMweb server; Testing/core/server has its tests",
    "retrievalsam serve": "serves until it is stopped; Testing/core/server has its tests",
    "retrievalsam library learn retrievalsam-demo/library --minutes": "takes minutes; Testing/core/learning tests it",
    "retrievalsam library tune retrievalsam-demo/library --model sam2.1-tiny": (
        "needs weights of SAM 2.1 and three patients; Testing/core/tuning tests it"
    ),
    "retrievalsam benchmark": "takes minutes; Testing/core/benchmark and cli have its tests",
    "retrievalsam batch my-library scans -o study --scheduler": "needs a scheduler",
    "dask ": "needs other computers",
    "openssl ": "another program",
}
# Lines that a shell understands and a test need not.
_ALIAS = "alias retrievalsam="
_TOOLS = {"mkdir", "cp"}
_ORGANS = ("Liver", "Spleen")


def reason_not_to_run(command: Command) -> str | None:
    return next((reason for start, reason in NOT_RUN.items() if " ".join(command.words).startswith(start)), None)


def coarser(image: Volume, segmentation: Segmentation) -> tuple[Volume, Segmentation]:
    """Every second voxel of a subject along each axis, and its first organs."""
    grid = image.geometry
    voxels = image.voxels[::2, ::2, ::2]
    geometry = Geometry(voxels.shape, tuple(2 * mm for mm in grid.spacing_mm), grid.origin_mm, grid.direction)
    wanted = [(n, s) for n, s in enumerate(segmentation.segments) if s.name in _ORGANS]
    masks = [segmentation.mask(n)[::2, ::2, ::2] for n, _ in wanted]
    return Volume(voxels, geometry), Segmentation.from_masks([s for _, s in wanted], masks, geometry)


@pytest.fixture(scope="module")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the demo leaves, made small: a library of three subjects, one more volume and its own segmentation."""
    folder = tmp_path_factory.mktemp("documented") / "retrievalsam-demo"
    library = SupportLibrary.create(folder / LIBRARY_FOLDER, "RetrievalSAM demo (synthetic)")
    *supports, target = (make_subject(number) for number in (1, 2, 4, 5))
    for subject in supports:
        library.add(*coarser(subject.image, subject.segmentation), name=subject.name, modality="CT")
    image, reference = coarser(target.image, target.segmentation)
    write_volume(image, folder / IMAGE_FILE)
    write_segmentation(reference, folder / REFERENCE_FILE)
    return folder


def run_as_typed(command: Command) -> None:
    if command.text.startswith(_ALIAS):
        return
    if command.program == "retrievalsam":
        assert main(list(command.words[1:])) == 0, command.text
    else:
        assert command.program in _TOOLS, f"{command.page}: say in NOT_RUN why no test runs: {command.text}"
        subprocess.run(command.words, check=True)


def pages_that_run() -> list[str]:
    return [page for page in PAGES if any(reason_not_to_run(command) is None for command in typed_commands(page))]


@pytest.mark.parametrize("page", pages_that_run())
def test_commands_of_a_page_run_from_top_to_bottom(
    page: str, demo_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(demo_folder, tmp_path / "retrievalsam-demo")
    monkeypatch.chdir(tmp_path)
    for block in blocks_of(page):
        if block.title:
            Path(block.title).write_text(block.text, encoding="utf-8")
        if block.language in SHELL:
            for command in commands_in(page, block):
                if reason_not_to_run(command) is None:
                    run_as_typed(command)


def test_nothing_is_excused_that_no_page_names() -> None:
    typed = [" ".join(command.words) for page in PAGES for command in typed_commands(page)]
    assert [start for start in NOT_RUN if not any(text.startswith(start) for text in typed)] == []


def fault_of(command: Command) -> str | None:
    """What a command names that is not there; None where all of it is."""
    program, words = command.program, list(command.words[1:])
    if program == "retrievalsam":
        return _fault_of_retrievalsam(words, command.options)
    if program == "pip":
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
            "optional-dependencies"
        ]
        named = {extra for word in words for extra in re.findall(r"\[([\w,]+)\]", word)}
        return next((f"no extra {extra}" for one in named for extra in one.split(",") if extra not in extras), None)
    if program in ("python", "python3") and words[:2] == ["-m", "pytest"]:
        program, words = "pytest", words[2:]
    if program == "pytest":
        paths = [word.partition("::")[0] for word in words if "/" in word]
        return next((f"no {path}" for path in paths if not (ROOT / path).exists()), None)
    if words[:2] == ["setup/run.py", "demo"]:  # what it does not know itself it passes on
        return _fault_of_retrievalsam(["demo"], command.options - {"--gpu"})
    if program in ("python", "python3"):
        return _fault_of_script(words, command.options)
    return None


def _fault_of_retrievalsam(words: list[str], options: set[str]) -> str | None:
    found = typer.main.get_command(app)
    while isinstance(found, TyperGroup) and words and not words[0].startswith("-"):
        word = words.pop(0)
        if word.isupper():  # `retrievalsam COMMAND --help`
            return None
        if word not in found.commands:
            return f"no command {word}"
        found = found.commands[word]
    known = {name for parameter in found.params for name in parameter.opts} | {"--help"}
    return next((f"no option {option}" for option in sorted(options - known)), None)


def _fault_of_script(words: list[str], options: set[str]) -> str | None:
    """The file must be there, and each option stand in a file of its folder: parsers share their common options."""
    if words[0] == "-m":
        file = ROOT / Path(*words[1].split(".")).with_suffix(".py")
        if not file.is_file():
            file = file.with_suffix("") / "__main__.py"
    elif words[0].endswith(".py"):
        file = ROOT / words[0]
    else:
        return None
    if not file.is_file():
        return f"no {words[0]} {words[1] if words[0] == '-m' else ''}"
    source = "\n".join(path.read_text(encoding="utf-8") for path in sorted(file.parent.glob("*.py")))
    return next((f"no option {option}" for option in sorted(options) if f'"{option}"' not in source), None)


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_tells_to_type_is_there(page: str) -> None:
    commands = typed_commands(page) + named_commands(page)
    faults = {command.text: fault_of(command) for command in commands}
    assert {text: fault for text, fault in faults.items() if fault} == {}


@pytest.mark.parametrize(
    "text",
    [
        "retrievalsam libary list my-library",
        "retrievalsam segment my-library a.nii.gz -o b.nii.gz --presets fast",
        "python -m training.no_such_file --data DATA",
        "python -m training.judge --no-such-option",
        "pytest Testing/core/no_such_test.py",
        '.venv/bin/pip install "retrievalsam[none]"',
    ],
)
def test_a_wrong_command_is_noticed(text: str) -> None:
    assert fault_of(Command.of("README.md", text)) is not None


def test_a_command_that_fails_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AssertionError):
        run_as_typed(Command.of("README.md", "retrievalsam library list no-library"))
