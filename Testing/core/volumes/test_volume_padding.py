"""NaN and infinity are padding: told, never an intensity, and NaN again in a file that is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_up_case import MadeUpCase, saved

from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.segmentation.settings.region import Region
from RetrievalSAMLib.volumes import Segmentation, intensity_window, read_segmentation, read_volume, write_volume

CASE = MadeUpCase.make()


def with_holes() -> np.ndarray:
    image = CASE.image.astype(np.float32)
    image[0] = np.nan  # a whole slice
    image[:, :2] = np.nan
    image[5, 9, 9], image[5, 9, 10] = np.inf, -np.inf
    return image


@pytest.mark.parametrize("ending", [".nii.gz", ".nrrd", ".mha"])
def test_they_are_told_and_left_out_of_the_intensities(tmp_path: Path, ending: str) -> None:
    holes = with_holes()
    volume = read_volume(saved(tmp_path / f"a{ending}", holes))
    finite = np.isfinite(holes)
    count = int((~finite).sum())
    assert volume.notes == (
        f"{count} of its {holes.size} voxels are NaN or infinite; they count as padding, not as intensities",
    )
    assert np.array_equal(volume.padding, ~finite.T)
    assert np.array_equal(volume.voxels[finite.T], holes.T[finite.T])
    assert (volume.voxels[~finite.T] == holes[finite].min()).all()
    assert intensity_window(volume) == intensity_window(holes[finite])
    box = Region.of(volume.geometry, (2, 12, 0, 16, 0, 6)).crop(volume)
    assert np.array_equal(box.padding, ~finite.T[2:12, :, :6])


def test_few_of_them_do_not_shift_the_window_either(tmp_path: Path) -> None:
    few = CASE.image.astype(np.float32)
    few[:, 0, :8] = np.nan
    assert np.isnan(few).mean() < 0.1
    volume = read_volume(saved(tmp_path / "a.nii.gz", few))
    assert intensity_window(volume) == intensity_window(few[np.isfinite(few)]) != intensity_window(volume.voxels)


def test_a_library_keeps_them(tmp_path: Path) -> None:
    volume = read_volume(saved(tmp_path / "a.nii.gz", with_holes()))
    labels = read_segmentation(saved(tmp_path / "l.nii.gz", CASE.labels))
    case = SupportLibrary.create(tmp_path / "L").add(volume, labels)
    stored = case.load_image()
    assert np.array_equal(stored.padding, volume.padding) and np.array_equal(stored.voxels, volume.voxels)
    assert stored.content_hash() == volume.content_hash() == case.image_hash
    write_volume(volume, tmp_path / "again.mha")
    assert intensity_window(read_volume(tmp_path / "again.mha")) == intensity_window(volume)


def test_without_them_there_is_no_padding(tmp_path: Path) -> None:
    volume = read_volume(saved(tmp_path / "a.nii.gz", CASE.image.astype(np.float32)))
    assert volume.padding is None and volume.notes == ()
    assert Segmentation.from_labelmap(CASE.labels.T, volume.geometry).notes == ()
