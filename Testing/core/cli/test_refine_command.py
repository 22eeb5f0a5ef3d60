"""`refine` as a person uses it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from RetrievalSAMLib.cli.main import main
from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.volumes import Segmentation, read_segmentation, read_volume, write_segmentation


@pytest.fixture(scope="module")
def own(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that no other test's run leaves anything in."""
    return Path(shutil.copytree(library, tmp_path_factory.mktemp("own") / "library"))


@pytest.fixture(scope="module")
def corrected(own: Path, image: Path) -> Path:
    """The result of a run, in which a person has drawn slice 4."""
    path = own.parent / "found.seg.nrrd"
    assert main(["segment", str(own), str(image), "-o", str(path), "--preset", "fast"]) == 0
    found = read_segmentation(path)
    left, right = found.mask("Left half").copy(), found.mask("Right half").copy()
    left[:, :, 4] = False
    left[5:9, 8:16, 4] = True
    right[:, :, 4] &= ~left[:, :, 4]
    path = own.parent / "corrected.seg.nrrd"
    write_segmentation(Segmentation.from_masks(found.segments, (left, right), found.geometry), path)
    return path


def refine(library: Path, image: Path, segmentation: Path, slices: str, output: Path, *more: str) -> int:
    paths = [str(library), str(image), "--segmentation", str(segmentation), "-o", str(output)]
    return main(["refine", *paths, "--corrected", slices, "--preset", "fast", *more])


def test_a_corrected_slice_is_kept_carried_on_and_remembered_by_the_library(
    own: Path, image: Path, corrected: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, report = tmp_path / "out.seg.nrrd", tmp_path / "out.json"
    assert refine(own, image, corrected, "4", output, "--report", str(report)) == 0
    said = capsys.readouterr()
    assert "not a medical device" in said.out and "not segmented before" not in said.out and said.err == ""
    content = json.loads(report.read_text())
    assert content["refinement"]["corrected"] == [4] and content["refinement"]["reused"] is True
    before, after = read_segmentation(corrected), read_segmentation(output)
    for name in before.names:
        assert np.array_equal(before.mask(name)[:, :, 4], after.mask(name)[:, :, 4])
    assert str(tmp_path) not in report.read_text() and image.name not in report.read_text()
    # Into the library, with where it comes from.
    arguments = ["library", "add", str(own), "--image", str(image), "--segmentation", str(output)]
    assert main([*arguments, "--name", "refined", "--report", str(report)]) == 0
    provenance = SupportLibrary.open(own).get("refined").version.provenance
    assert (provenance.origin, provenance.corrected_slices) == ("corrected", (4,))
    assert provenance.model == content["model"]["name"] and provenance.model_sha256 == content["model"]["sha256"]
    # With another case in the library, what the run left no longer holds.
    assert refine(own, image, corrected, "4", output) == 0
    assert "not segmented before" in capsys.readouterr().out


def points_file(folder: Path, image: Path, content: dict[str, object] | None = None) -> Path:
    """One positive point in slice 3, at voxel (9, 12, 3), in RAS."""
    x, y, z = read_volume(image).geometry.index_to_lps(np.array([9, 12, 3])).tolist()
    point = {"segment": "Left half", "position_mm": [-x, -y, z], "positive": True}
    path = folder / "points.json"
    path.write_text(json.dumps(content or {"points": [point], "coordinate_system": "RAS"}))
    return path


def test_points_are_carried_on_alone_or_beside_corrected_slices(
    own: Path, image: Path, corrected: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, report = tmp_path / "out.seg.nrrd", tmp_path / "out.json"
    points = points_file(tmp_path, image)
    paths = [str(own), str(image), "--segmentation", str(corrected), "-o", str(output), "--preset", "fast"]
    for more, slices in (([], []), (["--corrected", "4"], [4])):
        assert main(["refine", *paths, "--points", str(points), "--report", str(report), *more]) == 0
        refinement = json.loads(report.read_text())["refinement"]
        assert refinement["prompted"] == {"Left half": [3]} and refinement["corrected"] == slices
        assert read_segmentation(output).mask("Left half")[9, 12, 3]
    assert capsys.readouterr().err == ""
    # Neither where points lie nor where the file is goes into the report.
    assert str(tmp_path) not in report.read_text() and "position_mm" not in report.read_text()


def test_a_run_takes_points_at_once(own: Path, image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output, report = tmp_path / "out.seg.nrrd", tmp_path / "out.json"
    arguments = ["segment", str(own), str(image), "-o", str(output), "--preset", "fast", "--report", str(report)]
    assert main([*arguments, "--points", str(points_file(tmp_path, image))]) == 0
    assert read_segmentation(output).mask("Left half")[9, 12, 3]
    assert json.loads(report.read_text())["refinement"]["prompted"] == {"Left half": [3]}
    assert "not segmented before" not in capsys.readouterr().out


def test_what_is_wrong_with_points_is_told(
    library: Path, image: Path, drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.seg.nrrd"
    refine_it = ["refine", str(library), str(image), "--segmentation", str(drawn), "-o", str(output)]
    segment_it = ["segment", str(library), str(image), "-o", str(output)]
    assert main(refine_it) == 2 and "neither corrected slices nor points" in capsys.readouterr().err
    far = {
        "points": [{"segment": "Left half", "position_mm": [900, 0, 0], "positive": True}],
        "coordinate_system": "LPS",
    }
    other = far | {"points": [{"segment": "Liver", "position_mm": [0, 0, 0], "positive": True}]}
    for content, message in (
        (far, "point 1 (Left half): it lies outside the volume"),
        (other, "point 1 (Liver): there is no such segment"),
        ({"points": []}, "coordinate_system"),
    ):
        points = points_file(tmp_path, image, content)
        for command in (refine_it, segment_it):
            assert main([*command, "--points", str(points)]) == 2
            assert message in capsys.readouterr().err
    on_corrected = points_file(tmp_path, image)
    assert main([*refine_it, "--points", str(on_corrected), "--corrected", "3"]) == 2
    assert "slice 3 is named as corrected" in capsys.readouterr().err
    assert not output.exists()


def test_what_is_wrong_with_the_input_is_told(
    library: Path, image: Path, drawn: Path, corrected: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.seg.nrrd"
    wrong = [
        (["4,x"], drawn, "not a list of slice numbers"),
        (["40"], drawn, "has no axial slice 40"),
        (["4", "--preset", "fate-sam"], drawn, "knows no corrections"),
        (["4", "--segments", "Liver"], drawn, "no segment 'Liver'"),
        (["4"], tmp_path / "missing.seg.nrrd", "missing.seg.nrrd"),
        (["4"], library.parent / "image2.nii.gz", "it has no Left half or Right half"),
    ]
    for (slices, *more), segmentation, message in wrong:
        assert refine(library, image, segmentation, slices, output, *more) == 2, message
        assert message in capsys.readouterr().err
        assert list(tmp_path.iterdir()) == []


def test_a_report_on_another_volume_is_no_provenance(
    library: Path, image: Path, drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report.json"
    other = library.parent / "image2.nii.gz"
    arguments = ["segment", str(library), str(other), "-o", str(tmp_path / "o.seg.nrrd"), "--preset", "fast"]
    assert main([*arguments, "--report", str(report)]) == 0
    add = ["library", "add", str(library), "--image", str(image), "--segmentation", str(drawn), "--name", "new"]
    assert main([*add, "--report", str(report)]) == 2
    assert "another volume" in capsys.readouterr().err
    report.write_text("{}")
    assert main([*add, "--report", str(report)]) == 2
    assert "no report of a run" in capsys.readouterr().err
