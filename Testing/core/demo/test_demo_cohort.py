from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from RetrievalSAMLib.demo.cohort import SEGMENTS, make_cohort, make_subject
from RetrievalSAMLib.demo.subject import Subject
from RetrievalSAMLib.volumes import Plane, SliceFrame, choose_plane
from RetrievalSAMLib.volumes.overlap import dice

# Least and most ml that an organ may have.
VOLUMES_ML = {
    "Liver": (600, 1900),
    "Spleen": (40, 300),
    "Right kidney": (60, 260),
    "Left kidney": (60, 260),
    "Aorta": (35, 120),
    "Spine": (220, 520),
}


def slices_with(subject: Subject, name: str) -> np.ndarray:
    """Numbers of the axial slices, from the bottom up, that show a segment."""
    frame = SliceFrame(subject.image.geometry, Plane.AXIAL)
    return np.flatnonzero(frame.to_slices(subject.segmentation.mask(name)).any(axis=(1, 2)))


def centre_lps(subject: Subject, name: str) -> np.ndarray:
    indices = np.argwhere(subject.segmentation.mask(name)).mean(axis=0)
    return subject.image.geometry.index_to_lps(indices)


def test_one_seed_gives_the_same_subjects_however_many_are_made(cohort: list[Subject]) -> None:
    again = make_subject(2)
    assert again.name == cohort[1].name == "subject-02"
    assert again.image.content_hash() == cohort[1].image.content_hash()
    assert again.segmentation.content_hash() == cohort[1].segmentation.content_hash()


def test_another_seed_gives_other_subjects(cohort: list[Subject]) -> None:
    other = make_subject(1, seed=7)
    assert other.image.content_hash() != cohort[0].image.content_hash()


def test_the_number_of_slices_and_the_grid_are_those_of_a_thick_slice_ct(cohort: list[Subject]) -> None:
    for subject in cohort:
        geometry = subject.image.geometry
        assert subject.segmentation.geometry == geometry
        assert geometry.spacing_mm[0] == geometry.spacing_mm[1] < geometry.spacing_mm[2] / 2
        assert choose_plane(geometry) == Plane.AXIAL
        assert 24 <= geometry.size[2] <= 34
        assert min(geometry.size[:2]) >= 70 and max(geometry.size[:2]) <= 150
        assert subject.image.voxels.dtype == np.int16
        assert subject.image.voxels.min() == -200 and subject.image.voxels.max() == 300


def test_the_axes_run_every_way_that_scanners_write_them_and_one_grid_is_oblique(
    cohort: list[Subject],
) -> None:
    assert {subject.image.geometry.orientation for subject in cohort} == {"LPS", "RAS", "LPI"}
    oblique = [np.abs(s.image.geometry.direction_matrix).max(axis=0).min() < 0.999 for s in cohort]
    assert oblique == [False, False, True, False, False]


def test_every_subject_has_every_organ_with_its_name_value_color_and_code(cohort: list[Subject]) -> None:
    for subject in cohort:
        assert subject.segmentation.segments == SEGMENTS
        assert not subject.segmentation.overlapping
    assert [segment.value for segment in SEGMENTS] == [1, 2, 3, 4, 5, 6]
    assert set(VOLUMES_ML) == {segment.name for segment in SEGMENTS}
    assert all(segment.color for segment in SEGMENTS)
    keys = [segment.key for segment in SEGMENTS]
    assert len(set(keys)) == len(keys) and all(key.startswith("code:SCT^123037004~SCT^") for key in keys)


def test_every_organ_is_one_piece_of_a_believable_size(cohort: list[Subject]) -> None:
    for subject in cohort:
        for name, (least, most) in VOLUMES_ML.items():
            mask = subject.segmentation.mask(name)
            assert ndimage.label(mask)[1] == 1, (subject.name, name)
            volume_ml = mask.sum() * subject.image.geometry.voxel_volume_mm3 / 1000
            assert least < volume_ml < most, (subject.name, name, volume_ml)


def test_organs_lie_where_they_belong_in_the_patient(cohort: list[Subject]) -> None:
    for subject in cohort:
        at = {name: centre_lps(subject, name) for name in VOLUMES_ML}
        left, posterior, superior = 0, 1, 2
        assert at["Liver"][left] < at["Spine"][left] < at["Spleen"][left]
        assert at["Right kidney"][left] < at["Spine"][left] < at["Left kidney"][left]
        assert at["Aorta"][posterior] < at["Spine"][posterior]
        assert at["Liver"][posterior] < at["Right kidney"][posterior]
        assert at["Left kidney"][superior] < at["Spleen"][superior]
        assert at["Right kidney"][superior] < at["Liver"][superior]


def test_organs_appear_and_vanish_along_the_slices(cohort: list[Subject]) -> None:
    for subject in cohort:
        count = subject.image.geometry.size[2]
        for name in ("Liver", "Spleen", "Right kidney", "Left kidney"):
            shown = slices_with(subject, name)
            assert 6 <= len(shown) < count, (subject.name, name)
            assert (np.diff(shown) == 1).all()
        assert slices_with(subject, "Spleen").min() > 5
        assert slices_with(subject, "Left kidney").max() < count - 5


def test_organs_can_be_told_apart_by_brightness(cohort: list[Subject]) -> None:
    for subject in cohort:
        voxels = subject.image.voxels
        inside = {name: float(voxels[subject.segmentation.mask(name)].mean()) for name in VOLUMES_ML}
        assert inside["Aorta"] > inside["Liver"] > 20
        assert inside["Right kidney"] > inside["Liver"]
        assert inside["Spine"] > inside["Spleen"]


def test_the_image_has_noise(cohort: list[Subject]) -> None:
    for subject in cohort:
        core = ndimage.binary_erosion(subject.segmentation.mask("Liver"), iterations=2)
        assert 5 < subject.image.voxels[core].std() < 40


def test_subjects_differ_so_that_pasting_one_into_another_is_a_poor_answer(cohort: list[Subject]) -> None:
    target = cohort[4]
    frame = SliceFrame(target.image.geometry, Plane.AXIAL)
    for other in cohort[:4]:
        found = SliceFrame(other.image.geometry, Plane.AXIAL)
        for name in ("Spleen", "Right kidney", "Aorta"):
            pasted = fitted(found.to_slices(other.segmentation.mask(name)), frame.shape)
            assert dice(pasted, frame.to_slices(target.segmentation.mask(name))) < 0.85
    volumes = [subject.segmentation.mask("Liver").sum() for subject in cohort]
    assert len(set(volumes)) == len(volumes)


def fitted(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Cropped and padded about the middle to another shape."""
    result = np.zeros(shape, dtype=bool)
    take, put = [], []
    for have, want in zip(mask.shape, shape, strict=True):
        size = min(have, want)
        take.append(slice((have - size) // 2, (have - size) // 2 + size))
        put.append(slice((want - size) // 2, (want - size) // 2 + size))
    result[tuple(put)] = mask[tuple(take)]
    return result


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_seed_gives_whole_organs(seed: int) -> None:
    for subject in make_cohort(1, seed=seed):
        for segment in SEGMENTS:
            mask = subject.segmentation.mask(segment)
            assert ndimage.label(mask)[1] == 1
            volume_ml = mask.sum() * subject.image.geometry.voxel_volume_mm3 / 1000
            least, most = VOLUMES_ML[segment.name]
            assert 0.6 * least < volume_ml < 1.5 * most, (seed, subject.name, segment.name, volume_ml)


def test_progress_is_told_of_every_subject() -> None:
    told: list[tuple[str, int, int]] = []
    make_cohort(1, progress=lambda *what: told.append(what))
    assert told == [("making subjects", 1, 1)]
