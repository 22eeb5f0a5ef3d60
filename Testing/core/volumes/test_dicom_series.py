"""Folders as archives give them: which series is read, which must be chosen, and stacks that are not straight."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dicom_series import COLUMNS, ROWS, SLICES, SPACING, hounsfield, write_series
from pydicom.dataset import FileDataset
from pydicom.uid import BasicTextSRStorage, SecondaryCaptureImageStorage

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.volumes import read_volume
from RetrievalSAMLib.volumes.formats.dicom.reading import list_series


def described(text: str):
    def change(k: int, slice_: FileDataset) -> None:
        slice_.SeriesDescription = text

    return change


def screenshot(k: int, slice_: FileDataset) -> None:
    slice_.SOPClassUID = slice_.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage


def report(k: int, slice_: FileDataset) -> None:
    slice_.SOPClassUID = slice_.file_meta.MediaStorageSOPClassUID = BasicTextSRStorage
    for keyword in ("PixelData", "Rows", "Columns", "BitsAllocated"):
        delattr(slice_, keyword)


@pytest.fixture
def disc(tmp_path: Path) -> Path:
    """A localiser, a series, a screenshot and a report in folders of their own, and files that are no DICOM."""
    write_series(tmp_path / "disc" / "IMAGES" / "A", keep=lambda k: k < 2, number=1, change=described("Scout"))
    write_series(tmp_path / "disc" / "IMAGES" / "B", number=2, change=described("Axial  soft"))
    write_series(tmp_path / "disc" / "IMAGES" / "C", keep=lambda k: k == 0, number=3, change=screenshot)
    write_series(tmp_path / "disc" / "IMAGES" / "D", keep=lambda k: k == 0, number=4, change=report, modality="SR")
    (tmp_path / "disc" / "DICOMDIR").write_bytes(b"\0" * 200)
    (tmp_path / "disc" / "autorun.inf").write_text("[autorun]")
    return tmp_path / "disc"


def test_the_only_image_stack_is_taken_and_named(disc: Path):
    volume = read_volume(disc)
    assert np.array_equal(volume.voxels, hounsfield())
    (told,) = volume.notes
    assert "series 2: CT, 6 slices of 4 x 5 is read" in told and "series 1" in told
    assert np.array_equal(read_volume(disc / "DICOMDIR").voxels, hounsfield())


@pytest.mark.parametrize(
    ("wanted", "slices"), [("1", 2), ("2", SLICES), ("3", 1), ("axial soft", SLICES), ("Scout", 2)]
)
def test_every_series_can_be_chosen(disc: Path, wanted: str, slices: int):
    assert read_volume(disc, series=wanted).geometry.size == (COLUMNS, ROWS, slices)


def test_a_series_can_be_chosen_by_its_uid(disc: Path):
    (scout,) = (stack for stack, _ in list_series(disc, "disc") if stack.label == "1")
    assert read_volume(disc, series=scout.series.uid).geometry.size[2] == 2


def test_an_unknown_series_lists_the_others(disc: Path):
    with pytest.raises(InputError, match="no series is 'Coronal'") as caught:
        read_volume(disc, series="Coronal")
    assert "series 2 'Axial soft': CT, 6 slices of 4 x 5" in str(caught.value) and "--series 1" in str(caught.value)


def test_two_series_ask_for_a_choice(disc: Path):
    write_series(disc / "E", number=7, change=described("Lung"))
    with pytest.raises(InputError, match="2 series that could be meant") as caught:
        read_volume(disc)
    assert "series 7 'Lung': CT, 6 slices of 4 x 5" in caught.value.fact and "and besides" in caught.value.fact
    assert "Doe" not in str(caught.value) and "--series 2" in caught.value.remedy
    assert read_volume(disc, series="7").geometry.size[2] == SLICES
    assert [chosen for _, chosen in list_series(disc, "disc")] == [False] * 4


def test_two_series_with_one_number_have_labels_of_their_own(tmp_path: Path):
    write_series(tmp_path / "a", number=5)
    write_series(tmp_path / "b", number=5, keep=lambda k: k < 5)
    assert [stack.label for stack, _ in list_series(tmp_path, "both")] == ["5.1", "5.2"]
    assert read_volume(tmp_path, series="5.2").geometry.size[2] == 5


def test_time_points_are_told_apart(tmp_path: Path):
    def time(point: int):
        def change(k: int, slice_: FileDataset) -> None:
            slice_.TemporalPositionIdentifier, slice_.SeriesInstanceUID = point, "1.2.3"

        return change

    write_series(tmp_path / "4d", prefix="A", change=time(1))
    write_series(tmp_path / "4d", prefix="B", change=time(2), modality="CT")
    with pytest.raises(InputError, match="time point 2"):
        read_volume(tmp_path / "4d")
    assert np.array_equal(read_volume(tmp_path / "4d", series="3.2").voxels, hounsfield())


def test_positions_rounded_to_a_tenth_of_a_millimetre_lie_on_a_line(tmp_path: Path):
    exact = [100.0 + k * 1.25 for k in range(SLICES)]

    def rounded(k: int, slice_: FileDataset) -> None:
        slice_.ImagePositionPatient = [-12.5, 30.2, round(exact[k], 1)]

    write_series(tmp_path / "ct", change=rounded)
    assert read_volume(tmp_path / "ct").geometry.spacing_mm[2] == pytest.approx(1.25, abs=0.02)


def test_a_tilted_stack_is_straightened_when_asked_for(tmp_path: Path):
    tilt = SPACING[2] * np.tan(np.radians(20))
    write_series(tmp_path / "ct", shift=lambda k: np.array([0, k * tilt, 0]))
    with pytest.raises(InputError, match="20 degrees.*--straighten"):
        read_volume(tmp_path / "ct")
    volume = read_volume(tmp_path / "ct", straighten=True)
    assert "20 degrees" in volume.notes[-1]
    rows = volume.geometry.size[1]
    assert volume.geometry.size == (COLUMNS, rows, SLICES) and rows > ROWS
    assert volume.geometry.origin_mm == pytest.approx((-12.5, 30.25, 100.0))
    # A voxel in the middle lies where it lay: rows rise by 3 * 4 HU, so that linear resampling is exact there.
    k = 3
    positions = 30.25 + np.arange(rows) * SPACING[1]
    own = (positions - 30.25 - k * tilt) / SPACING[1]
    inside = (own >= 0) & (own <= ROWS - 1)
    expected = np.interp(own[inside], np.arange(ROWS), hounsfield()[1, :, k])
    assert inside.sum() >= 3 and np.abs(volume.voxels[1, inside, k] - expected).max() <= 0.5
    assert (volume.voxels[:, ~inside, k] <= hounsfield()[:, :, k].max()).all()


def test_uneven_distances_are_resampled_when_asked_for(tmp_path: Path):
    write_series(tmp_path / "ct", shift=lambda k: np.array([0, 0, 1.0 * (k == 5)]))
    with pytest.raises(InputError, match="not equally spaced.*--straighten"):
        read_volume(tmp_path / "ct")
    volume = read_volume(tmp_path / "ct", straighten=True)
    step = volume.geometry.spacing_mm[2]
    assert step * (volume.geometry.size[2] - 1) == pytest.approx(5 * SPACING[2] + 1) and "mm apart" in volume.notes[-1]
    along = np.array([0, 2.5, 5, 7.5, 10, 13.5])
    for k in range(volume.geometry.size[2]):
        expected = np.interp(k * step, along, hounsfield()[2, 3])
        assert abs(volume.voxels[2, 3, k] - expected) <= 0.5


def test_what_is_no_dicom_has_no_series(tmp_path: Path):
    from RetrievalSAMLib.volumes import Geometry, Volume, write_volume

    grid = Geometry((2, 2, 2), (1, 1, 1), (0, 0, 0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    write_volume(Volume(np.arange(8).reshape(2, 2, 2), grid), tmp_path / "a.nrrd")
    with pytest.raises(InputError, match="no DICOM"):
        read_volume(tmp_path / "a.nrrd", series="1")
