from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from dicom_series import (
    COLUMNS,
    CORONAL,
    OBLIQUE,
    PATIENT,
    ROWS,
    SAGITTAL,
    SLICES,
    SPACING,
    hounsfield,
    write_series,
)
from pydicom.dataset import FileDataset
from pydicom.uid import SecondaryCaptureImageStorage

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.volumes import (
    Segmentation,
    Volume,
    read_segmentation,
    read_volume,
    write_segmentation,
    write_volume,
)


@pytest.mark.parametrize("matrix", [np.eye(3), OBLIQUE, CORONAL, SAGITTAL, np.diag([-1.0, -1.0, 1.0])])
def test_a_series_is_a_volume_in_hounsfield_units_sorted_by_position(tmp_path: Path, matrix: np.ndarray):
    affine = write_series(tmp_path / "ct", matrix)
    volume = read_volume(tmp_path / "ct")
    assert np.array_equal(volume.voxels, hounsfield())
    assert np.allclose(volume.geometry.affine, affine, atol=1e-6)


def test_it_is_the_grid_that_simpleitk_reads(tmp_path: Path):
    write_series(tmp_path / "ct", OBLIQUE)
    files = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(tmp_path / "ct"))
    image = sitk.ReadImage(files)
    geometry = read_volume(tmp_path / "ct").geometry
    assert geometry.origin_mm == image.GetOrigin()
    assert np.allclose(geometry.spacing_mm, image.GetSpacing(), rtol=1e-12, atol=0)
    assert np.allclose(geometry.direction, image.GetDirection(), rtol=0, atol=1e-9)


@pytest.mark.parametrize("ending", [".seg.nrrd", ".nrrd", ".mha", ".nii.gz"])
def test_a_result_lies_on_the_grid_of_the_series_and_tells_nothing_of_the_patient(tmp_path: Path, ending: str):
    write_series(tmp_path / "ct", OBLIQUE)
    volume = read_volume(tmp_path / "ct")
    labels = (volume.voxels > -900).astype(np.uint8)
    write_segmentation(Segmentation.from_labelmap(labels, volume.geometry), tmp_path / f"a{ending}")
    result = read_segmentation(tmp_path / f"a{ending}")
    assert np.array_equal(result.labelmap(), labels)
    assert volume.geometry.difference(result.geometry) is None
    assert ending == ".nii.gz" or result.geometry == volume.geometry
    write_volume(volume, tmp_path / "image.nrrd")
    for path in (tmp_path / f"a{ending}", tmp_path / "image.nrrd"):
        assert b"Doe" not in path.read_bytes() and b"12345" not in path.read_bytes()


def test_one_slice_is_a_volume(tmp_path: Path):
    write_series(tmp_path / "ct", keep=lambda k: k == 2)
    volume = read_volume(tmp_path / "ct")
    assert np.array_equal(volume.voxels, hounsfield()[:, :, 2:3])
    assert volume.geometry.spacing_mm[:2] == SPACING[:2]
    assert isinstance(volume, Volume)


def test_other_files_in_the_folder_do_no_harm(tmp_path: Path):
    write_series(tmp_path / "ct")
    (tmp_path / "ct" / "readme.txt").write_text("not DICOM")
    (tmp_path / "ct" / "empty").touch()
    (tmp_path / "ct" / "sub").mkdir()
    assert read_volume(tmp_path / "ct").geometry.size == (COLUMNS, ROWS, SLICES)


def refused(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_volume(folder)
    assert caught.value.thing == str(folder) and PATIENT not in str(caught.value)
    return str(caught.value)


def test_missing_slices_are_refused(tmp_path: Path):
    write_series(tmp_path / "ct", keep=lambda k: k != 3)
    message = refused(tmp_path / "ct")
    assert "slices are missing: 5 mm between slices 3 and 4" in message and "whole series" in message


def test_unequal_distances_are_refused(tmp_path: Path):
    write_series(tmp_path / "ct", shift=lambda k: np.array([0, 0, 0.4 * (k == 5)]))
    assert "not equally spaced" in refused(tmp_path / "ct")


def test_gantry_tilt_is_refused(tmp_path: Path):
    tilt = SPACING[2] * np.tan(np.radians(12))
    write_series(tmp_path / "ct", shift=lambda k: np.array([0, k * tilt, 0]))
    assert "sheared by 12 degrees (gantry tilt)" in refused(tmp_path / "ct")


def test_a_shift_within_the_series_is_refused(tmp_path: Path):
    write_series(tmp_path / "ct", shift=lambda k: np.array([5.0 * (k == 2), 0, 0]))
    assert "shifted" in refused(tmp_path / "ct")


def test_rounding_of_positions_is_allowed(tmp_path: Path):
    write_series(tmp_path / "ct", OBLIQUE, shift=lambda k: np.array([0.001, -0.001, 0.001]) * (-1) ** k)
    assert read_volume(tmp_path / "ct").geometry.size == (COLUMNS, ROWS, SLICES)


def test_time_points_are_refused(tmp_path: Path):
    write_series(tmp_path / "ct", shift=lambda k: np.array([0, 0, -SPACING[2] * (k % 2)]))
    assert "several slices at one position" in refused(tmp_path / "ct")


def test_slices_of_differing_size_are_refused(tmp_path: Path):
    def smaller(k: int, slice_: FileDataset) -> None:
        if k == 1:
            slice_.Rows = ROWS - 1
            slice_.PixelData = slice_.PixelData[: 2 * COLUMNS * (ROWS - 1)]

    write_series(tmp_path / "ct", change=smaller)
    assert "differ in size" in refused(tmp_path / "ct")


def test_slices_of_differing_pixel_spacing_are_refused(tmp_path: Path):
    def coarser(k: int, slice_: FileDataset) -> None:
        if k == 1:
            slice_.PixelSpacing = [1.5, 1.5]

    write_series(tmp_path / "ct", change=coarser)
    assert "differ in pixel spacing" in refused(tmp_path / "ct")


def test_slices_that_are_not_parallel_are_refused(tmp_path: Path):
    def turned(k: int, slice_: FileDataset) -> None:
        if k == 1:
            slice_.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]

    write_series(tmp_path / "ct", change=turned)
    assert "not parallel" in refused(tmp_path / "ct")


def test_slices_without_a_position_are_refused(tmp_path: Path):
    def nowhere(k: int, slice_: FileDataset) -> None:
        del slice_.ImagePositionPatient, slice_.ImageOrientationPatient
        slice_.SOPClassUID = slice_.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage

    write_series(tmp_path / "ct", change=nowhere)
    assert "position" in refused(tmp_path / "ct")


def test_a_film_is_refused(tmp_path: Path):
    def frames(k: int, slice_: FileDataset) -> None:
        slice_.NumberOfFrames = 2
        slice_.PixelData = slice_.PixelData * 2

    write_series(tmp_path / "ct", change=frames, keep=lambda k: k == 0)
    assert "does not say where each frame lies" in refused(tmp_path / "ct")


def test_colours_are_refused(tmp_path: Path):
    def colours(k: int, slice_: FileDataset) -> None:
        slice_.SamplesPerPixel, slice_.PhotometricInterpretation, slice_.PlanarConfiguration = 3, "RGB", 0
        slice_.BitsAllocated, slice_.BitsStored, slice_.HighBit = 8, 8, 7
        slice_.PixelData = b"\7" * (3 * ROWS * COLUMNS)

    write_series(tmp_path / "ct", change=colours)
    assert "colour" in refused(tmp_path / "ct")


def test_a_slice_cut_short_is_refused(tmp_path: Path):
    write_series(tmp_path / "ct")
    path = tmp_path / "ct" / "IM0003"
    path.write_bytes(path.read_bytes()[:-10])
    refused(tmp_path / "ct")


def test_a_folder_without_slices_is_refused(tmp_path: Path):
    (tmp_path / "none").mkdir()
    assert "no DICOM slices" in refused(tmp_path / "none")


def test_one_file_of_a_series_stands_for_the_series(tmp_path: Path):
    write_series(tmp_path / "ct")
    volume = read_volume(tmp_path / "ct" / "IM0001")
    assert np.array_equal(volume.voxels, hounsfield())
    (told,) = volume.notes
    assert "one slice of a series" in told and PATIENT not in told


def test_a_series_is_no_segmentation(tmp_path: Path):
    write_series(tmp_path / "ct")
    with pytest.raises(InputError, match="it is a folder with no DICOM SEG or RTSTRUCT"):
        read_segmentation(tmp_path / "ct")


def test_the_series_of_the_test_is_sound(tmp_path: Path):
    write_series(tmp_path / "ct")
    slice_ = pydicom.dcmread(tmp_path / "ct" / "IM0001")
    assert np.array_equal(slice_.pixel_array.astype(int) - 1024, hounsfield()[:, :, SLICES - 1].T)
