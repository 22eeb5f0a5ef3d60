"""What is seen in files reaches whoever types the command, and options say how files are to be read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cli_volumes import GEOMETRY, blob
from PIL import Image

from RetrievalSAMLib.cli.main import main
from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.volumes import Segmentation, Volume, read_volume, write_segmentation, write_volume

NAMES = ("--segment", "1=Left half", "--segment", "2=Right half")


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A library without a case."""
    assert main(["library", "create", str(tmp_path / "L")]) == 0
    return tmp_path / "L"


def add(library: Path, image: Path, labels: Path, *more: str) -> int:
    return main(["library", "add", str(library), "--image", str(image), "--segmentation", str(labels), *more])


def bare(folder: Path, name: str = "bare.nii.gz") -> Path:
    """A label map that names nothing."""
    write_segmentation(blob(1)[1], folder / name)
    return folder / name


def test_values_are_asked_for_once_and_later_cases_take_the_names(
    empty: Path, image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = bare(tmp_path)
    assert add(empty, image, labels) == 2
    assert "does not name its values" in capsys.readouterr().err and SupportLibrary.open(empty).cases() == []
    assert add(empty, image, labels, "--segment", "1=Left half") == 2
    assert "(2)" in capsys.readouterr().err
    assert add(empty, image, labels, *NAMES) == 0
    assert add(empty, image, labels) == 0
    cases = SupportLibrary.open(empty).cases()
    assert [[s.name for s in case.segments] for case in cases] == [["Left half", "Right half"]] * 2


def test_renaming_changes_every_case_and_can_be_told_from_before(
    empty: Path, image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = bare(tmp_path)
    for _ in range(2):
        assert add(empty, image, labels, *NAMES) == 0
    before = [case.load_segmentation().labelmap() for case in SupportLibrary.open(empty).cases()]
    capsys.readouterr()
    assert main(["library", "rename", str(empty), "case-001", "--segment", "1=Liver"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "case-001: 1 Liver, 2 Right half",
        "case-002: 1 Liver, 2 Right half",
    ]
    library = SupportLibrary.open(empty)
    assert [s.name for s in library.segments()] == ["Liver", "Right half"] and library.verify() == []
    for case, labelmap in zip(library.cases(), before, strict=True):
        assert len(case.versions) == 2 and np.array_equal(case.load_segmentation().labelmap(), labelmap)
        assert case.load_segmentation(case.versions[0]).names == ("Left half", "Right half")
    assert main(["library", "rename", str(empty), "case-001", "--segment", "1=Liver"]) == 0
    assert "nothing changes" in capsys.readouterr().out and len(library.get("case-001").versions) == 2
    assert main(["library", "rename", str(empty), "case-001", "--segment", "1=Spleen", "--segment", "2=Liver"]) == 0
    assert [s.name for s in library.segments()] == ["Spleen", "Liver"]


def test_what_is_seen_in_files_is_told(empty: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    volume, drawn = blob(1)
    holes = volume.voxels.astype(np.float32)
    holes[0, 0, :3] = 50
    padding = np.zeros(holes.shape, dtype=bool)
    padding[0, 0, :3] = True
    write_volume(Volume(holes, GEOMETRY, padding), tmp_path / "holes.nii.gz")
    large = np.choose(drawn.labelmap(), [0, 99_999, 7]).astype(np.int32)
    write_volume(Volume(large, GEOMETRY), tmp_path / "large.nrrd")
    named = ("--segment", "99999=Left half", "--segment", "7=Right half")
    assert add(empty, tmp_path / "holes.nii.gz", tmp_path / "large.nrrd", *named) == 0
    told = capsys.readouterr().err
    assert "holes.nii.gz: 3 of its 3840 voxels are NaN" in told
    assert "large.nrrd: values above 65535 were renumbered: 99999 became 1; kept are 7" in told
    (case,) = SupportLibrary.open(empty).cases()
    assert np.array_equal(case.load_segmentation().mask("Left half"), drawn.mask("Left half"))
    # Where the library numbers the structures otherwise, a number that says nothing gives way.
    assert add(empty, tmp_path / "holes.nii.gz", tmp_path / "large.nrrd", *named) == 0
    assert len(SupportLibrary.open(empty).segments()) == 2


def test_a_label_map_that_lost_its_place_is_laid_on_the_image_when_asked_for(
    empty: Path, image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = blob(1)[1]
    write_segmentation(replace(drawn, geometry=replace(GEOMETRY, origin_mm=(0.0, 0.0, 0.0))), tmp_path / "lost.nii.gz")
    assert add(empty, image, tmp_path / "lost.nii.gz", *NAMES) == 2
    assert "--grid of-image" in capsys.readouterr().err
    assert add(empty, image, tmp_path / "lost.nii.gz", *NAMES, "--grid", "of-image") == 0
    assert "laid on those of the image" in capsys.readouterr().err
    (case,) = SupportLibrary.open(empty).cases()
    assert np.array_equal(case.load_segmentation().labelmap(), drawn.labelmap())
    write_segmentation(drawn, tmp_path / "right.nii.gz")
    pair = [str(tmp_path / "lost.nii.gz"), str(tmp_path / "right.nii.gz")]
    assert main(["evaluate", *pair]) == 2
    assert main(["evaluate", *pair, "--grid", "of-image"]) == 0
    assert "1.000" in capsys.readouterr().out


def test_pictures_are_a_case_with_their_spacing(empty: Path, tmp_path: Path) -> None:
    volume, drawn = blob(1)
    for name, array in (("scan", volume.voxels.astype(np.uint16)), ("labels", drawn.labelmap().astype(np.uint8))):
        (tmp_path / name).mkdir()
        for number in range(array.shape[2]):
            picture = Image.fromarray(np.ascontiguousarray(array[:, :, number].T))
            picture.save(tmp_path / name / f"{number}.png")
    assert add(empty, tmp_path / "scan", tmp_path / "labels", *NAMES, "--spacing", "0.01,0.01,0.03") == 0
    (case,) = SupportLibrary.open(empty).cases()
    stored = case.load_image()
    assert stored.geometry.spacing_mm == (0.01, 0.01, 0.03) and np.array_equal(stored.voxels, volume.voxels)
    assert np.array_equal(case.load_segmentation().labelmap(), drawn.labelmap())


def test_a_log_folder_that_cannot_be_made_hides_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import platformdirs

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(tmp_path / "home"))

    monkeypatch.setattr(SupportLibrary, "open", broken)
    monkeypatch.setattr(platformdirs, "user_log_path", refuse)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    assert main(["library", "list", str(tmp_path)]) == 1
    (log,) = tmp_path.glob("error-*.log")
    told = capsys.readouterr().err
    assert "RuntimeError" in told and str(log) in told and "Permission" not in told and "a bug" in log.read_text()
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "missing"))
    assert main(["library", "list", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert "in broken" in told and "RuntimeError" in told and "No log could be written" in told


def test_what_pynrrd_puts_into_every_header_is_no_patient_s(
    tmp_path: Path, image: Path, empty: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import nrrd

    volume = read_volume(image)
    nrrd.write(str(tmp_path / "a.nrrd"), volume.voxels, {"space": "left-posterior-superior",
        "space directions": volume.geometry.affine[:3, :3].T, "space origin": volume.geometry.origin_mm})  # fmt: skip
    assert b"generated by pynrrd" in (tmp_path / "a.nrrd").read_bytes()
    assert add(empty, tmp_path / "a.nrrd", bare(tmp_path), *NAMES) == 0
    assert "tells of the patient" not in capsys.readouterr().err
    nrrd.write(str(tmp_path / "b.nrrd"), volume.voxels, {"space": "left-posterior-superior", "content": "Doe^Jane",
        "space directions": volume.geometry.affine[:3, :3].T, "space origin": volume.geometry.origin_mm})  # fmt: skip
    assert add(empty, tmp_path / "b.nrrd", bare(tmp_path), *NAMES) == 0
    assert "tells of the patient" in capsys.readouterr().err


def test_a_segmentation_in_another_axis_order_is_evaluated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawn = blob(1)[1]
    turned = GEOMETRY.reordered(GEOMETRY.axes_like(replace(GEOMETRY, direction=(0, 0, 1, -1, 0, 0, 0, -1, 0))))
    axes = GEOMETRY.axes_like(turned)
    assert not axes.changes_nothing
    layers = tuple(np.asfortranarray(axes.of_array(layer)) for layer in drawn.layers)
    other = Segmentation(drawn.segments, layers, drawn.layer_of, drawn.label_of, turned)
    for name, one in (("a.nii.gz", other), ("b.seg.nrrd", drawn)):
        write_segmentation(one, tmp_path / name)
    assert main(["evaluate", str(tmp_path / "b.seg.nrrd"), str(tmp_path / "a.nii.gz")]) == 0
    assert "not on the grid" not in capsys.readouterr().err
