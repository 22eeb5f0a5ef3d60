"""Which files of a folder belong together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.library.adding.pairs import find_pairs
from RetrievalSAMLib.volumes import Segment, Segmentation, write_segmentation, write_volume


@pytest.fixture
def make(tmp_path, make_pair):
    """Write images and segmentations under names; returns what `find_pairs` makes of them, by relative paths."""
    image, drawn = make_pair()

    def write(*names: str) -> Path:
        for name in names:
            path = tmp_path / "data" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            label = any(word in name.lower() for word in ("label", "seg", "mask", "gt"))
            (write_segmentation if label else write_volume)(drawn if label else image, path)
        return tmp_path / "data"

    return write


def shown(folder: Path):
    found = find_pairs(folder)
    name = lambda path: path.relative_to(folder).as_posix()  # noqa: E731
    return [(name(p.image), name(p.segmentation)) for p in found.pairs], [name(path) for path in found.unpaired]


@pytest.mark.parametrize(
    ("image", "label"),
    [
        ("X.nii.gz", "X.seg.nrrd"),
        ("X.nrrd", "X.seg.nrrd"),
        ("X.nii.gz", "X_seg.nii.gz"),
        ("X.nii.gz", "X_seg.seg.nrrd"),
        ("X.nii", "X-label.nrrd"),
        ("X.mha", "X_label.nii"),
        ("x.nii.gz", "X_Mask.nii.gz"),
        ("X.nii.gz", "X_segmentation.nii.gz"),
        ("X.nii.gz", "X-segmentation.seg.nrrd"),
        ("X_image.nii.gz", "X_label.nii.gz"),
        ("X_img.nii.gz", "X_gt.nii.gz"),
        ("image.nii.gz", "label.nii.gz"),
        ("p1/image.nii.gz", "p1/segmentation.nii.gz"),
        ("X_0000.nii.gz", "X.seg.nrrd"),
        ("imagesTr/X_0000.nii.gz", "labelsTr/X.nii.gz"),
        ("set/imagesTs/X_0000.nii.gz", "set/labelsTs/X.nii.gz"),
        ("images/X.nii.gz", "labels/X.nii.gz"),
        ("images/X.nii.gz", "masks/X.nrrd"),
        ("Images/X.nii.gz", "Segmentations/X.seg.nrrd"),
        ("images/X_image.nii.gz", "labels/X_label.nii.gz"),
        ("images/X_0001.nii.gz", "labels/X_0001.nii.gz"),
        ("images/X_image.nii.gz", "labels/X_image.nii.gz"),
        ("scans/X.nii.gz", "scans/X_seg.nii.gz"),
        ("CTChest.nrrd", "Segmentation.seg.nrrd"),
    ],
)
def test_a_pair_is_found_by_its_names(make, image, label):
    folder = make(image, label)
    assert shown(folder) == ([(image, label)], [])
    (pair,) = find_pairs(folder).pairs
    assert pair.problem is None and pair.name == "case-001"


@pytest.mark.parametrize(
    ("image", "label"),
    [
        ("imagesTr/X_0000.nii.gz", "labelsTs/X.nii.gz"),
        ("a/X.nii.gz", "b/X.seg.nrrd"),
        ("images/X.nii.gz", "labels/Y.nii.gz"),
    ],
)
def test_files_of_other_places_or_names_do_not_pair(make, image, label):
    assert shown(make(image, label)) == ([], sorted([image, label]))


def test_what_is_left_over_is_listed_and_hidden_or_other_files_are_not(make):
    folder = make("a.nii.gz", "a_seg.nii.gz", "b.nii.gz", "c_label.nrrd", ".d.nii.gz", ".hidden/e.nii.gz")
    (folder / "notes.txt").write_text("a")
    assert shown(folder) == ([("a.nii.gz", "a_seg.nii.gz")], ["b.nii.gz", "c_label.nrrd"])


def test_cases_are_numbered_in_the_order_of_people_and_never_named_after_files(make):
    names = [f"Doe^Jane {number}" for number in (10, 2, 1)]
    found = find_pairs(make(*(f"{name}{end}" for name in names for end in (".nrrd", ".seg.nrrd"))))
    assert [(p.name, p.image.name) for p in found.pairs] == [
        ("case-001", "Doe^Jane 1.nrrd"),
        ("case-002", "Doe^Jane 2.nrrd"),
        ("case-003", "Doe^Jane 10.nrrd"),
    ]


def test_two_segmentations_of_one_image_are_shown_with_the_problem(make):
    found = find_pairs(make("X.nii.gz", "X_seg.nii.gz", "X_mask.nii.gz"))
    assert len(found.pairs) == 2 and found.unpaired == []
    for pair in found.pairs:
        assert "2 segmentations fit the image: " in pair.problem and "X_seg.nii.gz" in pair.problem


def test_two_images_of_one_segmentation_are_shown_with_the_problem(make):
    folder = make("imagesTr/X_0000.nii.gz", "imagesTr/X_0001.nii.gz", "labelsTr/X.nii.gz")
    (pair,) = find_pairs(folder).pairs
    assert pair.problem == "2 images fit the segmentation: X_0000.nii.gz, X_0001.nii.gz"
    assert find_pairs(folder).unpaired == [folder / "imagesTr" / "X_0001.nii.gz"]


def test_grids_are_compared_by_headers_alone(make, make_pair, tmp_path):
    folder = make("a.nii.gz", "b.nii.gz", "c.nii.gz", "c.seg.nrrd")
    image, drawn = make_pair()
    turned = replace(image.geometry, spacing_mm=(1.0, 1.5, 4.0))
    write_segmentation(replace(drawn, geometry=turned), folder / "a.seg.nrrd")
    smaller = make_pair(size=(12, 10, 5))[1]
    far = replace(smaller, geometry=replace(smaller.geometry, origin_mm=(-11.25, 7.5, 403.0)))
    write_segmentation(far, folder / "b.seg.nrrd")
    data = (folder / "c.nii.gz").read_bytes()
    (folder / "c.nii.gz").write_bytes(data[: len(data) * 3 // 4])  # the voxels end early; the header does not
    problems = [pair.problem for pair in find_pairs(folder).pairs]
    assert problems[0].startswith("the segmentation is not on the grid of the image: its spacing is")
    assert problems[1] == "the segmentation lies outside the image"
    assert problems[2] is None


def test_a_segmentation_that_slicer_cropped_is_no_problem(make, make_pair):
    folder = make("X.nrrd")
    image, drawn = make_pair()
    part = drawn.labelmap()[2:7, 1:8, 1:5]
    origin = image.geometry.index_to_lps(np.array([2.0, 1.0, 1.0]))
    grid = replace(image.geometry, size=part.shape, origin_mm=tuple(origin))
    write_segmentation(Segmentation.from_labelmap(part, grid), folder / "X.seg.nrrd")
    assert find_pairs(folder).pairs[0].problem is None


def test_a_segmentation_in_several_layers_is_compared_too(make, make_pair):
    folder = make("X.nrrd")
    image, drawn = make_pair()
    mask = drawn.mask(0)
    layered = Segmentation.from_masks((Segment("a", 1), Segment("b", 2)), (mask, mask), drawn.geometry)
    write_segmentation(layered, folder / "X.seg.nrrd")
    assert find_pairs(folder).pairs[0].problem is None
    moved = replace(layered, geometry=replace(drawn.geometry, origin_mm=(0.0, 7.5, 3.0)))
    write_segmentation(moved, folder / "X.seg.nrrd")
    assert "not on the grid" in find_pairs(folder).pairs[0].problem


def test_a_missing_folder_and_too_many_files_are_said(make, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="no such folder"):
        find_pairs(tmp_path / "none")
    folder = make("a.nii.gz", "b.nii.gz", "c.nii.gz")
    monkeypatch.setattr("RetrievalSAMLib.library.adding.pairs._MOST_FILES", 2)
    with pytest.raises(InputError, match="more than 2 volumes"):
        find_pairs(folder)


def test_an_empty_folder_has_nothing(tmp_path):
    found = find_pairs(tmp_path)
    assert found.pairs == [] and found.unpaired == []
