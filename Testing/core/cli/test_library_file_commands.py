"""`library export` and `library import` as a person uses them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from RetrievalSAMLib.cli.main import main
from RetrievalSAMLib.library import SupportLibrary


def test_a_library_travels_as_one_file(library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, told = tmp_path / "all.rslib", tmp_path / "told.json"
    assert main(["library", "export", str(library), str(file), "--json", str(told)]) == 0
    assert "exported 3 case(s)" in capsys.readouterr().out
    assert json.loads(told.read_text()) == {"cases": 3, "bytes": file.stat().st_size}
    other = tmp_path / "new" / "library"
    assert main(["library", "import", str(other), str(file)]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == ["added case-001", "added case-002", "added case-003"] and said.err == ""
    assert main(["library", "verify", str(other)]) == 0
    capsys.readouterr()
    assert main(["library", "import", str(other), str(file), "--json", str(told)]) == 0
    assert "skipped case-002: its content is in the library already" in capsys.readouterr().out
    answer = json.loads(told.read_text())
    assert answer["added"] == [] and [case["name"] for case in answer["skipped"]][:1] == ["case-001"]
    assert str(tmp_path).encode() not in file.read_bytes()


def pair_of(library: Path, seed: int) -> list[str]:
    """The options that name the files of one case."""
    image, drawn = library.parent / f"image{seed}.nii.gz", library.parent / f"drawn{seed}.seg.nrrd"
    return ["--image", str(image), "--segmentation", str(drawn)]


def test_a_study_that_is_there_already_is_added_with_a_warning(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = tmp_path / "library"
    pair, other = pair_of(library, 1), pair_of(library, 2)
    assert main(["library", "create", str(made)]) == 0
    for given in (pair, other):
        assert main(["library", "add", str(made), *given]) == 0
    capsys.readouterr()
    assert main(["library", "add", str(made), *pair]) == 0
    said = capsys.readouterr()
    assert "added case-003" in said.out
    assert "warning: `case-001` holds the same image with the same segmentation" in said.err


def test_only_the_slices_that_were_drawn_in_can_be_taken_as_annotated(library: Path, tmp_path: Path) -> None:
    made = tmp_path / "library"
    pair = pair_of(library, 0)
    assert main(["library", "create", str(made)]) == 0
    assert main(["library", "add", str(made), *pair, "--annotated-slices", "drawn"]) == 0
    (case,) = SupportLibrary.open(made).cases()
    drawn = case.load_segmentation()
    expected = tuple(k for k in range(8) if drawn.mask(0)[:, :, k].any() or drawn.mask(1)[:, :, k].any())
    assert 0 < len(expected) < 8 and {s.annotated_slices for s in case.segments} == {expected}
    assert main(["library", "add", str(made), *pair, "--annotated-slices", "some"]) == 2


def test_chosen_cases_are_exported(library: Path, tmp_path: Path) -> None:
    file = tmp_path / "some.rslib"
    command = ["library", "export", str(library), str(file), "--case", "case-003", "--case", "case-001"]
    assert main(command) == 0
    assert main(["library", "import", str(tmp_path / "other"), str(file)]) == 0
    assert [case.name for case in SupportLibrary.open(tmp_path / "other").cases()] == ["case-001", "case-003"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["export", "LIB", "OUT/a.zip"], "cannot be written"),
        (["export", "LIB", "OUT/none/a.rslib"], "folder does not exist"),
        (["export", "LIB", "OUT/a.rslib", "--case", "case-009"], "no such case"),
        (["import", "LIB", "OUT/none.rslib"], "no such file"),
        (["import", "LIB", "OUT/text.rslib"], "no exported library"),
        (["import", "OUT/new", "OUT/text.rslib"], "no exported library"),
    ],
)
def test_wrong_input_ends_with_2_and_says_what_to_do(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    (tmp_path / "text.rslib").write_text("not an archive, and long enough to look at\n" * 3)
    given = [word.replace("LIB", str(library)).replace("OUT", str(tmp_path)) for word in arguments]
    assert main(["library", *given]) == 2
    assert message in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["text.rslib"]


def test_a_case_that_cannot_be_read_is_named_and_the_others_are_used(
    library: Path, image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied, out = tmp_path / "library", tmp_path / "found.nii.gz"
    shutil.copytree(library, copied)
    case = SupportLibrary.open(copied).get("case-001")
    (case.folder / "case.json").write_bytes(b"{}")
    command = [sys.executable, "-m", "RetrievalSAMLib.cli.main", "library", "list", str(copied)]
    listed = subprocess.run(
        command, cwd=Path(__file__).resolve().parents[3], capture_output=True, text=True, check=True
    )
    assert [line.split()[0] for line in listed.stdout.splitlines()[1:]] == ["case-002", "case-003"]
    assert f"warning: a damaged case is left out: cases/{case.id}/case.json" in listed.stderr
    assert main(["segment", str(copied), str(image), "-o", str(out), "--preset", "fast"]) == 0 and out.is_file()
    capsys.readouterr()
    assert main(["library", "export", str(copied), str(tmp_path / "all.rslib")]) == 2
    assert "name the cases to export without it" in capsys.readouterr().err
    assert main(["library", "export", str(copied), str(tmp_path / "some.rslib"), "--case", "case-002"]) == 0
    assert main(["library", "verify", str(copied), "--repair"]) == 0
    assert main(["library", "export", str(copied), str(tmp_path / "all.rslib")]) == 0
