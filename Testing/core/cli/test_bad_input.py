"""Wrong input of every kind: exit code 2, a message that names the thing and the remedy, nothing half-written."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from cli_volumes import GEOMETRY, blob

from RetrievalSAMLib.cli.main import main
from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.volumes import Segment, Segmentation, Volume, write_segmentation, write_volume


@dataclass(frozen=True)
class Place:
    """Where a trial happens: a library, a good volume with its segmentation, and a folder of its own."""

    library: Path
    image: Path
    drawn: Path
    folder: Path

    @property
    def output(self) -> Path:
        """What must not be there afterwards."""
        return self.folder / "out" / "result.seg.nrrd"

    def segment(self, image: Path | None = None, *more: str) -> list[str]:
        return ["segment", str(self.library), str(image or self.image), "-o", str(self.output), *more]

    def add(self, image: Path, drawn: Path, *more: str) -> list[str]:
        return [
            "library",
            "add",
            str(self.library),
            "--image",
            str(image),
            "--segmentation",
            str(drawn),
            *more,
        ]

    def save(self, name: str, array: np.ndarray) -> Path:
        """An array in SimpleITK's order as an image file."""
        path = self.folder / name
        sitk.WriteImage(sitk.GetImageFromArray(array), str(path))
        return path


def _text_file(place: Place) -> list[str]:
    path = place.folder / "notes.nii.gz"
    path.write_text("no image")
    return place.segment(path)


def _truncated(place: Place) -> list[str]:
    path = place.folder / "cut.nii.gz"
    path.write_bytes(place.image.read_bytes()[:600])
    return place.segment(path)


def _series_4d(place: Place) -> list[str]:
    return place.segment(place.save("4d.nii.gz", np.ones((2, 4, 5, 6), np.float32)))


def _picture_2d(place: Place) -> list[str]:
    return place.segment(place.save("2d.nii.gz", np.arange(30, dtype=np.float32).reshape(5, 6)))


def _nan(place: Place) -> list[str]:
    return place.segment(place.save("nan.nrrd", np.full((4, 5, 6), np.nan, np.float32)))


def _nameless_labels(place: Place) -> list[str]:
    main(["library", "create", str(place.folder / "empty")])
    labels = place.save("nameless.nii.gz", np.arange(8 * 24 * 20, dtype=np.int16).reshape(8, 24, 20) % 3)
    image = place.save("grid.nii.gz", np.arange(8 * 24 * 20, dtype=np.int16).reshape(8, 24, 20))
    return ["library", "add", str(place.folder / "empty"), "--image", str(image), "--segmentation", str(labels)]


def _pictures_without_spacing(place: Place) -> list[str]:
    return place.segment(place.save("slice.png", np.arange(30, dtype=np.uint16).reshape(5, 6)))


def _colour(place: Place) -> list[str]:
    path = place.folder / "rgb.nrrd"
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((4, 5, 6, 3), np.uint8), isVector=True), str(path))
    return place.segment(path)


def _constant(place: Place) -> list[str]:
    return place.segment(place.save("flat.mha", np.full((4, 5, 6), 7, np.int16)))


def _empty_folder(place: Place) -> list[str]:
    (place.folder / "series").mkdir()
    return place.segment(place.folder / "series")


def _other_grid(place: Place) -> list[str]:
    _, drawn = blob(1)
    moved = replace(drawn, geometry=replace(GEOMETRY, origin_mm=(0.0, 0.0, 0.0)))
    write_segmentation(moved, place.folder / "moved.seg.nrrd")
    return place.add(place.image, place.folder / "moved.seg.nrrd")


def _nothing_labelled(place: Place) -> list[str]:
    return place.add(place.image, place.save("empty.nii.gz", np.zeros((8, 24, 20), np.uint8)))


def _negative_labels(place: Place) -> list[str]:
    return place.add(place.image, place.save("negative.nii.gz", np.full((8, 24, 20), -1, np.int16)))


def _image_as_segmentation(place: Place) -> list[str]:
    noise = np.random.default_rng(0).random((8, 24, 20)).astype(np.float32)
    return place.add(place.image, place.save("noise.nii.gz", noise))


def _other_name_for_a_value(place: Place) -> list[str]:
    image, drawn = blob(2)
    renamed = replace(drawn, segments=(Segment("Liver", 1), Segment("Right half", 2)))
    write_segmentation(renamed, place.folder / "renamed.nii.gz")
    return place.add(place.image, place.folder / "renamed.nii.gz", "--segment", "1=Liver", "--segment", "2=Right half")


def _unknown_value(place: Place) -> list[str]:
    return place.add(place.image, place.drawn, "--segment", "9=Liver")


def _taken_name(place: Place) -> list[str]:
    return place.add(place.image, place.drawn, "--name", "CASE-001")


def _slice_outside(place: Place) -> list[str]:
    return place.add(place.image, place.drawn, "--annotated-slices", "3,99")


def _wrong_checkpoint(place: Place) -> list[str]:
    path = place.folder / "weights.pt"
    path.write_bytes(b"no weights")
    return place.segment(None, "--checkpoint", str(path))


def _damaged_library(place: Place) -> list[str]:
    copy = place.folder / "damaged"
    shutil.copytree(place.library, copy)
    (copy / "library.json").write_text("{}")
    return ["segment", str(copy), str(place.image), "-o", str(place.output)]


def _empty_library(place: Place) -> list[str]:
    main(["library", "create", str(place.folder / "new")])
    return ["segment", str(place.folder / "new"), str(place.image), "-o", str(place.output)]


def _evaluate_other_grid(place: Place) -> list[str]:
    small = Segmentation.from_masks((Segment("a", 1),), [np.ones((3, 3, 3))], replace(GEOMETRY, size=(3, 3, 3)))
    write_segmentation(small, place.folder / "small.nrrd")
    return ["evaluate", str(place.folder / "small.nrrd"), str(place.drawn)]


def _library_in_a_full_folder(place: Place) -> list[str]:
    write_volume(
        Volume(np.arange(60, dtype=np.int16).reshape(3, 4, 5), replace(GEOMETRY, size=(3, 4, 5))),
        place.folder / "x.nrrd",
    )
    return ["library", "create", str(place.folder)]


TRIALS: dict[str, tuple[Callable[[Place], list[str]], str]] = {
    "missing file": (lambda p: p.segment(p.folder / "nowhere.nii.gz"), "nowhere.nii.gz"),
    "text as image": (_text_file, "notes.nii.gz"),
    "truncated file": (_truncated, "cut.nii.gz"),
    "unknown format": (lambda p: p.segment(p.folder / "scan.xyz"), "scan.xyz"),
    "four dimensions": (_series_4d, "4d.nii.gz"),
    "two dimensions": (_picture_2d, "2d.nii.gz"),
    "NaN": (_nan, "nan.nrrd"),
    "a label map that names nothing": (_nameless_labels, "--segment 1=NAME"),
    "pictures without spacing": (_pictures_without_spacing, "--spacing"),
    "no spacing": (lambda p: p.segment(None, "--spacing", "1,2"), "--spacing"),
    "no choice of a grid": (lambda p: p.add(p.image, p.drawn, "--grid", "mine"), "--grid"),
    "no name to rename to": (
        lambda p: ["library", "rename", str(p.library), "case-001", "--segment", "Liver"],
        "--segment",
    ),
    "no value to rename": (
        lambda p: ["library", "rename", str(p.library), "case-001", "--segment", "7=Liver"],
        "no segment with the value 7",
    ),
    "a name that another segment has": (
        lambda p: ["library", "rename", str(p.library), "case-001", "--segment", "1=right HALF"],
        "two of its segments would be named",
    ),
    "colour image": (_colour, "rgb.nrrd"),
    "constant image": (_constant, "flat.mha"),
    "folder without DICOM": (_empty_folder, "series"),
    "image and segmentation on two grids": (_other_grid, "moved.seg.nrrd"),
    "nothing labelled": (_nothing_labelled, "empty.nii.gz"),
    "negative labels": (_negative_labels, "negative.nii.gz"),
    "an image given as segmentation": (_image_as_segmentation, "noise.nii.gz"),
    "one value with two names": (_other_name_for_a_value, "the value 1 is"),
    "a name for a value that is not there": (_unknown_value, "9"),
    "a case name that is taken": (_taken_name, "CASE-001"),
    "an annotated slice that does not exist": (_slice_outside, "99"),
    "no library": (lambda p: ["segment", str(p.folder), str(p.image), "-o", str(p.output)], "library"),
    "damaged library": (_damaged_library, "library.json"),
    "empty library": (_empty_library, "no case"),
    "output format": (
        lambda p: ["segment", str(p.library), str(p.image), "-o", str(p.folder / "r.png")],
        "r.png",
    ),
    "output folder missing": (
        lambda p: ["segment", str(p.library), str(p.image), "-o", str(p.folder / "no" / "r.nrrd")],
        "r.nrrd",
    ),
    "unknown preset": (lambda p: p.segment(None, "--preset", "best"), "best"),
    "unknown model": (lambda p: p.segment(None, "--model", "sam9"), "sam9"),
    "unknown encoder": (lambda p: p.segment(None, "--encoder", "resnet"), "resnet"),
    "unknown plane": (lambda p: p.segment(None, "--plane", "diagonal"), "diagonal"),
    "unknown segment": (lambda p: p.segment(None, "--segments", "Heart"), "Heart"),
    "unknown device": (lambda p: p.segment(None, "--device", "abacus"), "abacus"),
    "no support slices": (lambda p: p.segment(None, "--supports", "0"), "--supports"),
    "image size": (lambda p: p.segment(None, "--image-size", "100"), "100"),
    "region outside": (lambda p: p.segment(None, "--roi", "0,99,0,10,0,4"), "--roi"),
    "region without numbers": (lambda p: p.segment(None, "--roi", "a,b"), "--roi"),
    "no memory": (lambda p: p.segment(None, "--max-memory", "0"), "--max-memory"),
    "no amount of disk": (lambda p: p.segment(None, "--memory-cache-gb", "-1"), "--memory-cache-gb"),
    "checkpoint that is none": (_wrong_checkpoint, "weights.pt"),
    "weights not installed": (lambda p: p.segment(None, "--model", "sam2.1-large"), "sam2.1-large"),
    "case that does not exist": (lambda p: ["library", "show", str(p.library), "case-999"], "case-999"),
    "library in a full folder": (_library_in_a_full_folder, ""),
    "two grids to evaluate": (_evaluate_other_grid, "small.nrrd"),
    "missing option": (lambda p: ["segment", str(p.library), str(p.image)], "output"),
    "unknown command": (lambda p: ["segmentate"], "segmentate"),
}


@pytest.mark.parametrize("kind", TRIALS)
def test_wrong_input_is_told_and_leaves_nothing_behind(
    kind: str,
    library: Path,
    image: Path,
    drawn: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RETRIEVALSAM_MODELS", str(tmp_path / "models"))
    place = Place(library, image, drawn, tmp_path)
    place.output.parent.mkdir()
    arguments, named = TRIALS[kind][0](place), TRIALS[kind][1]
    before = sorted(str(p) for p in library.rglob("*") if "cache" not in p.parts)
    capsys.readouterr()
    assert main(arguments) == 2
    message = capsys.readouterr().err
    assert named in message
    assert "Traceback" not in message and len(message) > 40
    assert list(place.output.parent.iterdir()) == []
    assert sorted(str(p) for p in library.rglob("*") if "cache" not in p.parts) == before


def test_a_lack_of_memory_is_told_in_words(
    library: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_much(*_arguments: object) -> None:
        raise MemoryError

    monkeypatch.setattr(SupportLibrary, "open", too_much)
    assert main(["library", "list", str(library)]) == 1
    message = capsys.readouterr().err
    assert "memory" in message and "region of interest" in message and "unexpected" not in message
