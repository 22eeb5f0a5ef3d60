"""Enhanced multi-frame files: the place and the values of every frame, and stacks told apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dicom_series import ROWS, SLICES, SPACING, hounsfield, item, stored, write_enhanced
from pydicom.dataset import Dataset

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.volumes import read_volume


def test_a_multi_frame_file_is_a_volume(tmp_path: Path):
    write_enhanced(tmp_path / "a.dcm", stored())
    for place in (tmp_path, tmp_path / "a.dcm"):
        volume = read_volume(place)
        assert np.array_equal(volume.voxels, hounsfield())
        assert volume.geometry.spacing_mm == pytest.approx(SPACING)
        assert volume.geometry.origin_mm == (-12.5, 30.25, 100.0)


def test_every_frame_is_rescaled_by_its_own_slope_and_sorted_by_its_place(tmp_path: Path):
    def change(k: int, frame: Dataset) -> None:
        frame.PixelValueTransformationSequence = [
            item(RescaleSlope=0.5 * (k + 1), RescaleIntercept=k, RescaleType="US")
        ]
        frame.PlanePositionSequence[0].ImagePositionPatient = [-12.5, 30.25, 100 - k * SPACING[2]]

    write_enhanced(tmp_path / "a.dcm", stored(), change)
    values = stored() * (0.5 * (np.arange(SLICES) + 1))[:, None, None] + np.arange(SLICES)[:, None, None]
    volume = read_volume(tmp_path / "a.dcm")
    assert np.allclose(volume.voxels.T, values[::-1]) and volume.geometry.origin_mm[2] == 100 - 5 * SPACING[2]


def test_stacks_of_one_file_are_chosen_between(tmp_path: Path):
    def change(k: int, frame: Dataset) -> None:
        frame.FrameContentSequence[0].StackID = str(k // SLICES + 1)

    write_enhanced(tmp_path / "a.dcm", np.concatenate([stored(), stored() + 9]), change)
    with pytest.raises(InputError, match="stack 2") as caught:
        read_volume(tmp_path / "a.dcm")
    assert "--series 4.1" in caught.value.remedy
    assert np.array_equal(read_volume(tmp_path / "a.dcm", series="4.2").voxels, hounsfield() + 9)


def test_time_points_of_one_file_are_chosen_between(tmp_path: Path):
    def change(k: int, frame: Dataset) -> None:
        frame.FrameContentSequence[0].TemporalPositionIndex = k // SLICES + 1

    write_enhanced(tmp_path / "a.dcm", np.concatenate([stored(), stored() + 9]), change)
    with pytest.raises(InputError, match="time point 2"):
        read_volume(tmp_path)
    assert np.array_equal(read_volume(tmp_path, series="4.2").voxels, hounsfield() + 9)


def test_a_multi_frame_file_cut_short_is_refused(tmp_path: Path):
    write_enhanced(tmp_path / "a.dcm", stored())
    data = (tmp_path / "a.dcm").read_bytes()
    (tmp_path / "a.dcm").write_bytes(data[:-ROWS])
    with pytest.raises(InputError, match="cut short"):
        read_volume(tmp_path / "a.dcm")
