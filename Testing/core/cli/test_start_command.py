"""`start` as a person uses it who has no case yet."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from RetrievalSAMLib.cli.main import main
from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.volumes import Segmentation, read_segmentation, read_volume, write_segmentation


@pytest.fixture(scope="module")
def slices(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The middle slice of the truth alone."""
    truth = read_segmentation(drawn)
    masks = [truth.mask(place) & (np.arange(truth.geometry.size[2]) == 4) for place in range(2)]
    path = tmp_path_factory.mktemp("slices") / "slices.seg.nrrd"
    write_segmentation(Segmentation.from_masks(truth.segments, masks, truth.geometry), path)
    return path


def test_one_drawn_slice_becomes_a_result_and_the_first_case_of_a_library(
    image: Path, drawn: Path, slices: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, report, library = tmp_path / "out.seg.nrrd", tmp_path / "out.json", tmp_path / "new" / "library"
    arguments = ["start", str(image), "--slices", str(slices), "-o", str(output), "--report", str(report)]
    assert main([*arguments, "--into", str(library), "--modality", "MR"]) == 0
    said = capsys.readouterr().out
    assert f"wrote {output}" in said and f"added case-001 to {library}" in said and "not a medical device" in said
    found, given, truth = read_segmentation(output), read_segmentation(slices), read_segmentation(drawn)
    assert found.geometry == read_volume(image).geometry and found.names == given.names
    for name in found.names:
        assert np.array_equal(found.mask(name)[:, :, 4], given.mask(name)[:, :, 4])
    both = [np.logical_or(*(one.mask(name) for name in one.names)) for one in (found, truth)]
    beyond = both[0].any(axis=(0, 1))
    assert beyond[3] and beyond[5]
    assert 2 * (both[0] & both[1]).sum() / (both[0].sum() + both[1].sum()) > 0.6
    told = json.loads(report.read_text())
    assert told["refinement"]["corrected"] == [4] and not told["calibrated"] and len(told["slices"]) == 8
    assert {s["name"] for s in told["segments"]} == set(found.names)
    case = SupportLibrary.open(library).get("case-001")
    assert case.modality == "MR" and all(s.annotated_slices is None for s in case.segments)
    assert (case.provenance.origin, case.provenance.corrected_slices) == ("corrected", (4,))
    assert case.provenance.model == told["model"]["name"]
    # A second volume goes into the library that is there now.
    assert main([*arguments, "--into", str(library), "--name", "again"]) == 0
    assert len(SupportLibrary.open(library).cases()) == 2
    # What the first case is for: the next volume is segmented by it.
    assert main(["segment", str(library), str(image), "-o", str(tmp_path / "next.seg.nrrd"), "--preset", "fast"]) == 0


def test_what_is_cleaned_is_chosen_as_for_a_segmentation(
    image: Path, slices: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["start", str(image), "--slices", str(slices)]
    told = []
    for number, chosen in enumerate(([], ["--clean", "none"])):
        output, report = tmp_path / f"{number}.seg.nrrd", tmp_path / f"{number}.json"
        assert main([*arguments, "-o", str(output), "--report", str(report), *chosen]) == 0
        told.append((json.loads(report.read_text()), "cleaned Ball: " in capsys.readouterr().out))
    (usual, said), (none, said_none) = told
    assert usual["settings"]["cleaning"] == {"islands": True, "holes": True, "smooth": True}
    assert ("Ball" in usual["cleaned"]) == said
    assert not any(none["settings"]["cleaning"].values()) and none["cleaned"] == {} and not said_none
    assert main([*arguments, "-o", str(tmp_path / "x.seg.nrrd"), "--clean", "polish"]) == 2
    assert "there is no step 'polish'" in capsys.readouterr().err


def test_a_named_empty_slice_ends_a_structure(image: Path, slices: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.seg.nrrd"
    arguments = ["start", str(image), "--slices", str(slices), "-o", str(output), "--quiet"]
    assert main([*arguments, "--drawn", "4,5"]) == 0
    found = read_segmentation(output)
    assert not any(found.mask(place)[:, :, 5:].any() for place in range(2))
    assert any(found.mask(place)[:, :, 3].any() for place in range(2))


def test_a_click_is_enough_to_start(image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    geometry = read_volume(image).geometry
    place = [float(mm) for mm in geometry.index_to_lps(np.array([11, 12, 4]))]
    points = tmp_path / "points.json"
    said = {"segment": "Ball", "position_mm": place, "positive": True}
    points.write_text(json.dumps({"coordinate_system": "LPS", "points": [said]}))
    output = tmp_path / "out.seg.nrrd"
    assert main(["start", str(image), "--points", str(points), "-o", str(output), "--report", "-"]) == 0
    captured = capsys.readouterr()
    told = json.loads(captured.out)
    assert told["refinement"]["prompted"] == {"Ball": [4]} and f"wrote {output}" in captured.err
    found = read_segmentation(output)
    assert found.names == ("Ball",) and found.mask("Ball")[11, 12, 4]


def test_what_is_wrong_is_told_before_anything_is_written(
    image: Path, slices: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.seg.nrrd"
    truth = read_segmentation(slices)
    empty = tmp_path / "empty.seg.nrrd"
    nothing = [np.zeros(truth.geometry.size, dtype=bool)] * 2
    write_segmentation(Segmentation.from_masks(truth.segments, nothing, truth.geometry), empty)
    points = tmp_path / "points.json"
    far = {"segment": "Ball", "position_mm": [900, 0, 0], "positive": True}
    points.write_text(json.dumps({"coordinate_system": "LPS", "points": [far]}))
    library = tmp_path / "file"
    library.write_text("")
    before = sorted(tmp_path.iterdir())
    wrong = [
        ([], "neither drawn slices nor points"),
        (["--slices", str(slices), "--drawn", "x"], "not a list of slice numbers"),
        (["--slices", str(slices), "--drawn", "40"], "no axial slice 40"),
        (["--slices", str(slices), "--drawn", "2"], "drawn on none of the slices"),
        (["--points", str(points)], "point 1 (Ball): it lies outside the volume"),
        (["--slices", str(slices), "--name", "a"], "--into"),
        (["--slices", str(slices), "--into", str(library)], "not a folder"),
        (["--slices", str(empty)], "no"),
    ]
    for more, message in wrong:
        assert main(["start", str(image), "-o", str(output), *more]) == 2, message
        assert message in capsys.readouterr().err
        assert sorted(tmp_path.iterdir()) == before
