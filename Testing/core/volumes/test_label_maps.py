"""Label maps as people have them: mended where that needs no guess, told, and never laid where they do not belong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from grids import SIGNED_PERMUTATIONS
from made_up_case import ORIGIN_MM, SPACING_MM, MadeUpCase, as_image, saved

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.evaluation.metrics import evaluate
from RetrievalSAMLib.volumes import Geometry, Segmentation, fit_to_grid, read_segmentation, read_volume
from RetrievalSAMLib.volumes.fitting import misplaced
from RetrievalSAMLib.volumes.labels import found_labels

CASE = MadeUpCase.make()


def image_grid(folder: Path) -> Geometry:
    return read_volume(saved(folder / "image.nii.gz", CASE.image)).geometry


def values_of(path: Path, array: np.ndarray) -> Segmentation:
    return read_segmentation(saved(path, array))


@pytest.mark.parametrize("axes", ["PIR", "RAI", "SAL", "IPL", "ARS"])
def test_another_axis_order_at_the_same_place_is_turned_without_loss(tmp_path: Path, axes: str) -> None:
    grid = image_grid(tmp_path)
    path = tmp_path / "label.nii.gz"
    sitk.WriteImage(sitk.DICOMOrient(as_image(CASE.labels), axes), str(path))
    read = read_segmentation(path)
    assert read.geometry.orientation != grid.orientation
    assert misplaced(read.geometry, grid) is None
    fitted = fit_to_grid(read, "label", grid, "image")
    assert fitted.geometry == grid and np.array_equal(fitted.labelmap(), CASE.labels.T)
    whole = Segmentation.from_labelmap(CASE.labels.T, grid)
    assert [score.dice for score in evaluate(read, whole)] == [1.0, 1.0]
    assert [score.dice for score in evaluate(whole, read)] == [1.0, 1.0]


@pytest.mark.parametrize("direction", SIGNED_PERMUTATIONS[::7])
def test_turning_the_axes_of_a_grid_keeps_every_voxel_in_its_place(direction: np.ndarray) -> None:
    grid = Geometry((3, 4, 5), (0.7, 1.1, 2.0), (10.0, -4.0, 7.0), tuple(direction.ravel()))
    wanted = Geometry((9, 9, 9), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), tuple(SIGNED_PERMUTATIONS[11].ravel()))
    axes = grid.axes_like(wanted)
    turned = grid.reordered(axes)
    assert turned.orientation == wanted.orientation
    places = grid.index_to_lps(np.stack(np.indices(grid.size), axis=-1))
    moved = np.stack([axes.of_array(places[..., side]) for side in range(3)], axis=-1)
    np.testing.assert_allclose(turned.index_to_lps(np.stack(np.indices(turned.size), axis=-1)), moved, atol=1e-12)


def test_the_image_s_size_whole_voxels_off_is_refused_or_laid_on_the_image_when_asked_for(tmp_path: Path) -> None:
    grid = image_grid(tmp_path)
    moved = tuple(o + 3 * s for o, s in zip(ORIGIN_MM, SPACING_MM, strict=True))
    sitk.WriteImage(as_image(CASE.labels, moved), str(tmp_path / "moved.nii.gz"))
    read = read_segmentation(tmp_path / "moved.nii.gz")
    assert "not on the grid" in str(misplaced(read.geometry, grid))
    with pytest.raises(InputError, match=r"whole voxels off \(3 x 3 x 3\).*shifted by.*--grid of-image") as caught:
        fit_to_grid(read, "label", grid, "image")
    assert "crop" not in str(caught.value)
    taken = fit_to_grid(read, "label", grid, "image", "of-image")
    assert taken.geometry == grid and np.array_equal(taken.labelmap(), CASE.labels.T)
    assert len(taken.notes) == 1 and "laid on those of the image" in taken.notes[0]


def test_a_smaller_part_of_the_image_s_voxels_is_still_put_back_in_its_place(tmp_path: Path) -> None:
    grid = image_grid(tmp_path)
    whole = Segmentation.from_labelmap(CASE.labels.T, grid)
    x, y, z = grid.index_to_lps(np.array([1, 2, 1])).tolist()
    part = replace(grid, size=(18, 12, 7), origin_mm=(x, y, z))
    cropped = Segmentation.from_labelmap(CASE.labels.T[1:19, 2:14, 1:8], part)
    assert np.array_equal(fit_to_grid(cropped, "label", grid, "image").labelmap(), whole.labelmap())
    with pytest.raises(InputError, match="not on the grid"):
        evaluate(cropped, whole)
    with pytest.raises(InputError, match="not on the grid"):
        fit_to_grid(cropped, "label", replace(grid, spacing_mm=(1.4, 1.5, 3.0)), "image", "of-image")


def test_a_label_by_the_other_place_of_its_image_is_told_so(tmp_path: Path) -> None:
    affine = np.diag([-1.5, -1.5, 3.0, 1.0])
    affine[:3, 3] = [30, 26, 12]
    other = affine.copy()
    other[:3, 3] += 9
    image = nibabel.Nifti1Image(CASE.image.T, affine)
    nibabel.save(nibabel.Nifti1Image(CASE.labels.T.astype(np.uint8), other), tmp_path / "label.nii.gz")
    label = read_segmentation(tmp_path / "label.nii.gz")
    for codes in ((1, 1), (1, 2), (2, 4), (4, 1)):
        image.set_qform(other, codes[0])
        image.set_sform(affine, codes[1])
        nibabel.save(image, tmp_path / "image.nii.gz")
        volume = read_volume(tmp_path / "image.nii.gz")
        assert volume.geometry.origin_mm == (-30.0, -26.0, 12.0), codes
        assert len(volume.notes) == 1 and "15.6 mm apart" in volume.notes[0] and "sform is used" in volume.notes[0]
        with pytest.raises(InputError, match=r"The cause: the image has a qform and a sform that disagree; it-lies"):
            fit_to_grid(label, "it-lies", volume.geometry, "the image")
    image.set_qform(affine, 1)
    nibabel.save(image, tmp_path / "image.nii.gz")
    assert read_volume(tmp_path / "image.nii.gz").notes == ()


def test_scaled_integers_are_rounded_and_told(tmp_path: Path) -> None:
    scaled = np.where(CASE.labels > 0, CASE.labels + 0.004, 0).astype(np.float32)
    found = values_of(tmp_path / "a.nii.gz", scaled)
    assert np.array_equal(found.labelmap(), CASE.labels.T)
    assert len(found.notes) == 1 and "1.004 to 1" in found.notes[0] and "2.004 to 2" in found.notes[0]
    # Eight bits for 0 to 40: a step of 40/255, so that values are off by up to half of it.
    labels = np.arange(41.0).reshape(1, 1, 41)
    steps = np.rint(labels / 40 * 255) * (40 / 255)
    assert np.abs(steps - labels).max() > 0.05
    assert np.array_equal(found_labels(steps, "a").voxels, labels)


@pytest.mark.parametrize(
    "values",
    [
        np.linspace(0, 2, 60),
        np.array([0, 0.004, 1, 2] * 15),
        np.array([0, 1.004, 0.996, 2] * 15),
        np.array([0, 0.5, 1, 1.5] * 15),
    ],
    ids=["an image", "almost background", "two values for one label", "halves"],
)
def test_what_is_no_label_map_is_not_rounded(values: np.ndarray) -> None:
    with pytest.raises(InputError, match="not whole numbers"):
        found_labels(values.reshape(3, 4, 5), "a")


def test_values_above_65535_are_renumbered_and_told(tmp_path: Path) -> None:
    large = np.choose(CASE.labels, [0, 614454277, 997]).astype(np.uint32)
    found = values_of(tmp_path / "a.nii.gz", large)
    assert [(s.name, s.value, s.value_in_file) for s in found.segments] == [
        ("segment_614454277", 1, 614454277),
        ("segment_997", 997, 997),
    ]
    assert np.array_equal(found.labelmap(), np.choose(CASE.labels.T, [0, 1, 997]))
    assert len(found.notes) == 1 and "614454277 became 1" in found.notes[0] and "997" in found.notes[0]


def test_negative_values_and_nan_are_background_and_told(tmp_path: Path) -> None:
    unknown = np.where(CASE.labels == 2, np.int16(-1), CASE.labels)
    assert unknown.min() == -1
    for path, array in (("a.nii.gz", unknown), ("b.nrrd", unknown.astype(np.int8)), ("c.mha", unknown * 1.0)):
        found = values_of(tmp_path / path, array)
        assert np.array_equal(found.labelmap(), (CASE.labels.T == 1) * 1), path
        count = np.count_nonzero(CASE.labels == 2)
        assert found.notes == (f"{count} voxels are negative (-1); they count as background",)
    holes = CASE.labels.astype(np.float32)
    holes[0] = np.nan
    holes[1, 0, 0] = np.inf
    found = values_of(tmp_path / "d.nii.gz", holes)
    assert np.array_equal(found.labelmap(), CASE.labels.T) and "321 voxels are NaN or infinite" in found.notes[0]


def test_a_plain_label_map_has_no_notes(tmp_path: Path) -> None:
    assert values_of(tmp_path / "a.nii.gz", CASE.labels).notes == ()
    assert values_of(tmp_path / "b.nii.gz", CASE.labels.astype(np.float64)).notes == ()
