"""A body that lies otherwise than the cases do is found again, however it is turned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import phantom
import pytest

from RetrievalSAMLib.alignment import Alignment, Example, PoseSearch, SmallImage
from RetrievalSAMLib.volumes import SliceStack

STRAIGHT = np.eye(3)


def organ_masks(known: Alignment) -> dict[int, np.ndarray]:
    """Balls around the organs of the phantom, by value, on the usual grid."""
    index = np.stack(np.meshgrid(*(np.arange(n) for n in phantom.SHAPE), indexing="ij"), -1)
    places = known.to_target((index + 0.5) * np.array(phantom.SPACING_MM))
    return {
        value: np.linalg.norm(places - centre, axis=-1) < radius
        for value, (centre, radius, _) in enumerate(phantom.ORGANS, 1)
    }


def example(known: Alignment, directions: np.ndarray = STRAIGHT) -> Example:
    """A case that lies to the body as ``known`` says."""
    return Example(SmallImage.of(phantom.stack(known)), organ_masks(known), directions)


def turned(degrees: float, shift_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Alignment:
    return phantom.about_centre(phantom.turn((1, 0, 0), degrees), shift_mm)


CASES = (turned(0), turned(0, (3, -4, 5)), turned(0, (-4, 6, 2)))


@pytest.fixture(scope="module")
def search() -> PoseSearch:
    return PoseSearch([example(known) for known in CASES])


def furthest_mm(found: Alignment, target: Alignment, case: Alignment) -> float:
    """How far the worst of the organs' centres lies from where it belongs in the case."""
    there = found.to_case(target.to_case(phantom.CENTRES_MM))
    return float(np.linalg.norm(there - case.to_case(phantom.CENTRES_MM), axis=1).max())


def target_of(known: Alignment) -> SmallImage:
    return SmallImage.of(phantom.stack(known))


@pytest.mark.parametrize("degrees", [0, 45, 100, 180, 290])
def test_a_target_turned_within_its_slices_is_found(search: PoseSearch, degrees: float) -> None:
    known = turned(degrees, (4, 7, -6))
    image = target_of(known)
    pose = search.closer(image, search.search(image, STRAIGHT))[0]
    for found, case in zip(search.alignments(pose), CASES, strict=True):
        assert furthest_mm(found, known, case) < 10


def test_it_is_found_tilted_and_turned(search: PoseSearch) -> None:
    known = phantom.about_centre(phantom.turn((0, 1, 0), 25) @ phantom.turn((1, 0, 0), 80), (2, 3, -4))
    image = target_of(known)
    pose = search.closer(image, search.search(image, STRAIGHT))[0]
    for found, case in zip(search.alignments(pose), CASES, strict=True):
        assert furthest_mm(found, known, case) < 14


def test_cases_that_lie_otherwise_than_each_other_are_laid_alike() -> None:
    known = (turned(0), turned(60), turned(205))
    search = PoseSearch([example(one) for one in known])
    first = search.angles[0]
    found = [(angle - first + 180) % 360 - 180 for angle in search.angles]
    assert np.allclose(found, [0, 60, -155], atol=10)


def test_two_cases_with_none_of_the_segments_in_common_have_a_pose() -> None:
    one, other = example(turned(0)), example(turned(0))
    parts = (replace(one, masks={1: one.masks[1]}), replace(other, masks={2: other.masks[2]}))
    image = target_of(turned(90))
    search = PoseSearch(parts)
    poses = search.search(image, STRAIGHT)
    assert poses and all(np.isfinite(alignment.matrix).all() for alignment in search.alignments(poses[0]))


def test_headers_tell_how_a_target_lies_where_no_multiple_of_the_steps_does(search: PoseSearch) -> None:
    tilt = phantom.turn((0, 0.6, 0.8), 40)
    known = phantom.about_centre(tilt, (1, 2, 3))
    image = target_of(known)
    told = search.search(image, tilt.T)[0]
    assert told.by_header
    pose = search.closer(image, [told])[0]
    for found, case in zip(search.alignments(pose), CASES, strict=True):
        assert furthest_mm(found, known, case) < 10


def test_a_header_that_the_image_contradicts_is_not_followed(search: PoseSearch) -> None:
    image = target_of(turned(0))
    best = search.search(image, phantom.turn((1, 0, 0), 90))[0]
    assert not best.by_header and abs((best.degrees + 180) % 360 - 180) <= 15


def test_slices_that_run_the_other_way_fit_better_mirrored(search: PoseSearch) -> None:
    usual = phantom.volume(turned(0))
    upside_down = replace(usual, voxels=usual.voxels[:, :, ::-1].copy())
    for volume, is_mirrored in ((usual, False), (upside_down, True)):
        image = SmallImage.of(SliceStack.of(volume))
        pose = search.closer(image, search.search(image, STRAIGHT)[:1])[0]
        assert (search.mirrored(image, pose).score > pose.score + 0.05) == is_mirrored


def test_pictures_are_most_alike_where_the_cases_lie_as_they_should(search: PoseSearch) -> None:
    known = turned(90)
    image = target_of(known)
    right = {n: _composed(case, known) for n, case in enumerate(CASES)}
    wrong = {n: Alignment.centred(image.extent_mm, image.extent_mm) for n in range(len(CASES))}
    assert search.likeness(image, right) > 0.95
    assert search.likeness(image, wrong) < search.likeness(image, right) - 0.1
    pose = search.closer(image, search.search(image, STRAIGHT)[:1])[0]
    found = dict(enumerate(search.alignments(pose)))
    assert search.agree(found, right) and search.agree(right, {0: right[0]})
    assert not search.agree(found, wrong) and not search.agree(found, {})


def _composed(case: Alignment, target: Alignment) -> Alignment:
    matrix = case.matrix @ np.linalg.inv(target.matrix)
    return Alignment(matrix, case.offset_mm - matrix @ target.offset_mm, float("nan"))
