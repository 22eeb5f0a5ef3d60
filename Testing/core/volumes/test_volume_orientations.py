"""Real volumes of differing axis orders: anatomy that is known must come out where it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from RetrievalSAMLib.volumes import (
    Plane,
    Segmentation,
    SliceFrame,
    Volume,
    choose_plane,
    read_segmentation,
    read_volume,
    write_segmentation,
)

CASES = {"verse014_ct": "PIR", "totalseg_ct": "RAS", "totalseg_mr": "LPS"}


@pytest.fixture
def folder(data_root: Path) -> Path:
    folder = data_root / "orientations"
    if not folder.is_dir():
        pytest.skip(f"needs the set 'orientations' in {data_root}")
    return folder


def load(folder: Path, case: str) -> tuple[Volume, Segmentation]:
    return read_volume(folder / f"{case}_image.nii.gz"), read_segmentation(folder / f"{case}_label.nii.gz")


def centre_mm(segmentation: Segmentation, value: int) -> np.ndarray:
    index = next(n for n, segment in enumerate(segmentation.segments) if segment.value == value)
    return segmentation.geometry.index_to_lps(np.argwhere(segmentation.mask(index)).mean(axis=0))


@pytest.mark.parametrize(("case", "orientation"), CASES.items())
def test_header_and_label_map_agree(folder: Path, case: str, orientation: str):
    image, segmentation = load(folder, case)
    assert image.geometry.orientation == orientation
    assert segmentation.geometry.difference(image.geometry) is None


def test_vertebrae_follow_each_other_downwards_in_the_patient(folder: Path):
    """VerSe numbers them from 1 (C1) downwards; the file's first axis is anterior-posterior (PIR)."""
    _, segmentation = load(folder, "verse014_ct")
    values = [segment.value for segment in segmentation.segments]
    heights = [centre_mm(segmentation, value)[2] for value in values]
    assert len(values) >= 3 and heights == sorted(heights, reverse=True)
    assert np.all(np.diff(heights) < -15)


@pytest.mark.parametrize("plane", list(Plane))
def test_vertebrae_follow_each_other_in_slices_too(folder: Path, plane: Plane):
    image, segmentation = load(folder, "verse014_ct")
    slices = SliceFrame(image.geometry, plane).to_slices(segmentation.labelmap())
    # The axis that runs up or down, and which way: slices of axial rise, rows of the other two fall.
    axis, sign = (0, +1) if plane is Plane.AXIAL else (1, -1)
    positions = [sign * np.argwhere(slices == s.value)[:, axis].mean() for s in segmentation.segments]
    assert positions == sorted(positions, reverse=True)


def test_the_spine_lies_behind_and_bone_is_bright(folder: Path):
    image, segmentation = load(folder, "verse014_ct")
    labels = segmentation.labelmap()
    assert image.voxels[labels > 0].mean() > image.voxels[labels == 0].mean() + 100


def test_the_liver_is_right_of_the_spleen_and_the_lungs_above_the_bladder(folder: Path):
    """TotalSegmentator's classes of version 2: 1 spleen, 5 liver; 2 and 3 the right and left kidney."""
    _, segmentation = load(folder, "totalseg_ct")
    values = {segment.value for segment in segmentation.segments}
    if not {1, 2, 3, 5} <= values:
        pytest.skip(f"spleen, kidneys or liver are not in this case: {sorted(values)}")
    left = {value: centre_mm(segmentation, value)[0] for value in (1, 2, 3, 5)}
    assert left[5] < left[1] - 50 and left[2] < left[3] - 50


@pytest.mark.parametrize("plane", list(Plane))
@pytest.mark.parametrize("case", CASES)
def test_slices_go_back_to_the_file_and_through_every_format(folder: Path, tmp_path: Path, case: str, plane: Plane):
    image, segmentation = load(folder, case)
    frame = SliceFrame(image.geometry, plane)
    slices = frame.to_slices(segmentation.labelmap()).copy()
    result = Segmentation.from_labelmap(frame.from_slices(slices), image.geometry)
    for ending in (".nii.gz", ".nrrd", ".mha", ".seg.nrrd"):
        write_segmentation(result, tmp_path / f"a{ending}")
        back = read_segmentation(tmp_path / f"a{ending}")
        assert back.geometry == image.geometry
        assert np.array_equal(back.labelmap(), segmentation.labelmap())


def test_the_planes_of_acquisition(folder: Path):
    planes = {case: choose_plane(load(folder, case)[0].geometry) for case in CASES}
    assert planes == {"verse014_ct": Plane.SAGITTAL, "totalseg_ct": Plane.AXIAL, "totalseg_mr": Plane.AXIAL}
