"""`segment --so-far`: a file that shows what is found while the run goes on, and is gone at its end."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from RetrievalSAMLib.cli import so_far
from RetrievalSAMLib.cli.main import main
from RetrievalSAMLib.segmentation.output import partial_results
from RetrievalSAMLib.volumes import read_segmentation


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """After every slice, which else is done every two seconds at most."""
    monkeypatch.setattr(partial_results, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(partial_results, "LARGEST_SHARE", 1.0)


def test_the_file_grows_is_marked_and_goes_and_the_result_is_as_without_it(
    library: Path, image: Path, tmp_path: Path, often: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = tmp_path / "so-far.seg.nrrd"
    marks: list[str] = []

    def noted(done: int, total: int) -> str:
        if marks:  # what was written before
            assert marks[-1].encode() in watched.read_bytes().partition(b"\n\n")[0]
        marks.append(f"UNFINISHED: {done} of {total} slices")
        return marks[-1]

    monkeypatch.setattr(so_far, "unfinished", noted)
    given = ["segment", str(library), str(image), "--preset", "fast", "-o"]
    assert main([*given, str(tmp_path / "a.seg.nrrd"), "--so-far", str(watched)]) == 0
    assert len(marks) > 1 and not watched.exists()
    assert main([*given, str(tmp_path / "b.seg.nrrd")]) == 0
    with_it, without = (read_segmentation(tmp_path / f"{name}.seg.nrrd") for name in "ab")
    np.testing.assert_array_equal(with_it.labelmap(), without.labelmap())


def test_a_file_that_cannot_be_written_costs_the_sight_of_it_not_the_run(
    library: Path, image: Path, tmp_path: Path, often: None, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    with so_far.unfinished_file(folder / "so-far.nii.gz") as write:
        shutil.rmtree(folder)
        assert write is not None
        drawn = read_segmentation(library.parent / "drawn1.seg.nrrd")
        write(drawn, 1, 2)
        write(drawn, 2, 2)
    told = capsys.readouterr().err
    assert told.count("the run goes on without --so-far") == 1 and "its folder does not exist" in told


@pytest.mark.parametrize(
    ("name", "words"),
    [("there.seg.nrrd", "it is there already"), ("x.dcm", "cannot be written"), ("a/b.nrrd", "folder")],
)
def test_a_file_that_would_be_lost_or_cannot_be_is_refused_before_the_run(
    library: Path, image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, words: str
) -> None:
    (tmp_path / "there.seg.nrrd").write_bytes(b"of somebody")
    output = tmp_path / "out.seg.nrrd"
    assert main(["segment", str(library), str(image), "-o", str(output), "--so-far", str(tmp_path / name)]) == 2
    assert words in capsys.readouterr().err and not output.exists()
    assert (tmp_path / "there.seg.nrrd").read_bytes() == b"of somebody"
