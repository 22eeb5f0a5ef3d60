"""A body that was moved, turned, scaled, or imaged on another grid is found again."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import phantom
import pytest
import SimpleITK as sitk

from RetrievalSAMLib.alignment import Alignment, SmallImage, affine, align, align_from, refine, stack_extent_mm
from RetrievalSAMLib.volumes import Geometry, Plane, SliceStack, Volume

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Moved:
    """How a case lies to the target, and on which grid it was imaged."""

    known: Alignment
    shape: tuple[int, int, int] = phantom.SHAPE
    spacing_mm: Triple = phantom.SPACING_MM
    stated_mm: Triple | None = None

    @property
    def stack(self) -> SliceStack:
        return phantom.stack(self.known, self.shape, self.spacing_mm, stated_mm=self.stated_mm)

    @property
    def stated_spacing_mm(self) -> np.ndarray:
        return np.array(self.stated_mm or self.spacing_mm)

    @property
    def truth(self) -> Alignment:
        return phantom.stated(self.known, self.spacing_mm, self.stated_mm or self.spacing_mm)


AS_IT_IS = np.eye(3)
CASES = {
    "shifted": Moved(phantom.about_centre(AS_IT_IS, (8, -9, 12))),
    "scaled": Moved(phantom.about_centre(np.diag([1.2, 0.85, 1.1]), (3, 4, -5)), (32, 60, 80)),
    "turned": Moved(phantom.about_centre(phantom.turn((1, 0, 0), 8), (2, 3, -4))),
    "tilted": Moved(phantom.about_centre(phantom.turn((0.6, 0.64, 0.48), 8), (2, 3, -4))),
    "on another grid": Moved(phantom.about_centre(AS_IT_IS, (4, 3, -5)), (50, 40, 100), (2.0, 3.0, 1.4)),
    "without its spacing": Moved(phantom.about_centre(AS_IT_IS, (4, 3, -5)), stated_mm=(1.0, 1.0, 1.0)),
    "in 8 thick slices": Moved(phantom.about_centre(AS_IT_IS, (3, 3, -5)), (8, 60, 70), (12.5, 2.0, 2.0)),
    "in 8 slices of a part": Moved(phantom.about_centre(AS_IT_IS, (-22, 3, -5)), (8, 60, 70), (6.0, 2.0, 2.0)),
}


@functools.cache
def target() -> SmallImage:
    return SmallImage.of(phantom.stack())


@functools.cache
def aligned(name: str) -> tuple[SmallImage, Alignment]:
    small = SmallImage.of(CASES[name].stack)
    return small, align(target(), small)


def voxels_off(found: Alignment, moved: Moved, points_mm: np.ndarray) -> float:
    """Longest distance from the truth along any axis, in voxels of the case."""
    return float((np.abs(found.to_case(points_mm) - moved.truth.to_case(points_mm)) / moved.stated_spacing_mm).max())


def same(one: Alignment, other: Alignment) -> bool:
    return (
        np.array_equal(one.matrix, other.matrix)
        and np.array_equal(one.offset_mm, other.offset_mm)
        and one.similarity == other.similarity
    )


@pytest.mark.parametrize("name", CASES)
def test_a_moved_case_is_found(name: str) -> None:
    small, found = aligned(name)
    assert voxels_off(found, CASES[name], phantom.CENTRES_MM) < 2.5
    assert 0.8 < found.similarity <= 1
    # Where a segment lies, it is found to a voxel.
    centre, radius, _ = phantom.ORGANS[1]
    low, high = np.array(centre) - 1.5 * radius, np.array(centre) + 1.5 * radius
    closer = refine(found, target(), small, low, high)
    assert voxels_off(closer, CASES[name], np.array([centre, low * 0.5 + high * 0.5, low, high])) < 1


def test_the_same_images_give_the_same_result() -> None:
    small, found = aligned("shifted")
    assert same(align(target(), small), found)
    low, high = np.array([40.0, 40.0, 60.0]), np.array([70.0, 80.0, 100.0])
    assert same(refine(found, target(), small, low, high), refine(found, target(), small, low, high))


def test_how_the_voxels_are_stored_does_not_matter() -> None:
    plain = phantom.volume(CASES["shifted"].known)
    geometry = plain.geometry
    # Array axes become -slices, columns, -rows.
    columns = geometry.direction_matrix[:, [2, 0, 1]] * np.array([-1.0, 1.0, -1.0])
    count = np.array(geometry.size) - 1
    origin = geometry.index_to_lps(np.array([0, count[1], count[2]]))
    a, b, c = (tuple(values[i] for i in (2, 0, 1)) for values in (geometry.size, geometry.spacing_mm, origin))
    voxels = np.flip(plain.voxels.transpose(2, 0, 1), (0, 2))
    stored = Volume(np.ascontiguousarray(voxels), Geometry(a, b, c, tuple(columns.ravel())))  # type: ignore[arg-type]
    assert stored.geometry.orientation != geometry.orientation
    assert same(align(target(), SmallImage.of(SliceStack.of(stored, Plane.AXIAL))), aligned("shifted")[1])


def test_refining_follows_a_part_that_moved_by_itself() -> None:
    centre, radius, _ = phantom.ORGANS[0]
    away = np.array([0.0, 6.0, -5.0])

    def with_one_organ_moved(points_mm: np.ndarray) -> np.ndarray:
        near = np.exp(-((points_mm - np.array(centre) - away) ** 2).sum(-1) / 2 / (1.6 * radius) ** 2)
        return phantom.body(points_mm - near[..., None] * away)

    small = SmallImage.of(phantom.stack(of=with_one_organ_moved))
    whole = align(target(), small)
    closer = refine(whole, target(), small, np.array(centre) - radius, np.array(centre) + radius)
    wanted = np.array(centre) + away
    before = np.linalg.norm(whole.to_case(np.array(centre)) - wanted)
    after = np.linalg.norm(closer.to_case(np.array(centre)) - wanted)
    assert before > 3 and after < before / 2
    assert 0.9 < closer.similarity <= 1 + 1e-6


@pytest.mark.parametrize("axis", [(1, 0, 0), (0.6, 0.64, 0.48)])
@pytest.mark.parametrize("degrees", [25, -35])
def test_from_a_start_that_is_some_degrees_off_a_turn_is_found_and_no_shear(axis: Triple, degrees: float) -> None:
    moved = Moved(phantom.about_centre(phantom.turn(axis, degrees), (2, 3, -4)))
    start = Alignment(phantom.turn((1, 0, 0), 5), np.array([0.0, 4.0, -8.0]), float("nan"))
    found = align_from(start, target(), SmallImage.of(moved.stack))
    assert voxels_off(found, moved, phantom.CENTRES_MM) < 2.5
    assert found.stretch < 0.1 and found.similarity > 0.9


def test_a_stack_of_few_slices_is_turned_within_them_alone() -> None:
    moved = Moved(phantom.about_centre(phantom.turn((1, 0, 0), 25), (3, 3, -5)), (8, 60, 70), (12.5, 2.0, 2.0))
    start = Alignment.centred(target().extent_mm, stack_extent_mm(moved.stack))
    found = align_from(start, target(), SmallImage.of(moved.stack))
    assert voxels_off(found, moved, phantom.CENTRES_MM) < 2.5
    assert found.matrix[0] == pytest.approx([1, 0, 0]) and found.matrix[1:, 0] == pytest.approx([0, 0])


def test_what_is_lengthened_in_one_direction_is_stretched_and_what_is_turned_is_not() -> None:
    turn = phantom.turn((0.6, 0.64, 0.48), 50)
    for matrix, wanted in ((turn, 1.0), (2 * turn, 1.0), (turn @ np.diag([1.0, 1.5, 0.75]), 2.0)):
        one = Alignment(matrix, np.array([3.0, 4.0, 5.0]), 1.0)
        assert one.stretch == pytest.approx(np.log(wanted), abs=1e-9)
        point = np.array([10.0, -20.0, 30.0])
        straight = one.straightened(point)
        assert straight.stretch == pytest.approx(0, abs=1e-9)
        assert straight.to_case(point) == pytest.approx(one.to_case(point))
        assert np.linalg.det(straight.matrix) == pytest.approx(np.linalg.det(matrix))


def test_where_there_is_nothing_to_see_refining_changes_nothing() -> None:
    tilted = phantom.about_centre(phantom.turn((0.6, 0.64, 0.48), 20), (2, 30, -4))
    fixed, moving = flat_image(7, (25, 60, 70)), flat_image(7, (25, 60, 70))
    part = np.array([20.0, 10, 30]), np.array([40.0, 40, 90])
    for kept in (refine(tilted, fixed, moving, *part), align_from(tilted, fixed, moving)):
        assert kept.matrix == pytest.approx(tilted.matrix) and kept.offset_mm == pytest.approx(tilted.offset_mm)


def flat_image(value: int, shape: tuple[int, int, int]) -> SmallImage:
    return small_image(np.full(shape, value, dtype=np.int16))


def small_image(slices: np.ndarray) -> SmallImage:
    geometry = Geometry(slices.shape[::-1], (2.0, 2.0, 4.0), (0, 0, 0), (1, 0, 0, 0, 1, 0, 0, 0, 1))  # type: ignore[arg-type]
    return SmallImage.of(SliceStack.of(Volume(slices.transpose(2, 1, 0), geometry), Plane.AXIAL))


def noise(seed: int, shape: tuple[int, int, int]) -> SmallImage:
    return small_image(np.random.default_rng(seed).normal(100, 20, shape).astype(np.int16))


@functools.cache
def one_slice() -> SmallImage:
    return small_image(phantom.stack().voxels[12:13].copy())


HOPELESS = {
    "uniform case": (target, lambda: flat_image(7, (10, 30, 30))),
    "uniform target": (lambda: flat_image(7, (10, 30, 30)), target),
    "both empty": (lambda: flat_image(0, (10, 30, 30)), lambda: flat_image(0, (5, 20, 30))),
    "noise for a case": (target, lambda: noise(0, (14, 30, 40))),
    "both noise": (lambda: noise(0, (12, 30, 24)), lambda: noise(1, (14, 24, 30))),
    "single slice to a stack": (one_slice, target),
    "stack to a single slice": (target, one_slice),
    "two single slices": (one_slice, lambda: small_image(np.roll(phantom.stack().voxels[12:13], 3, 2).copy())),
    "single voxel": (target, lambda: flat_image(5, (1, 1, 1))),
}


@functools.cache
def hopeless(name: str) -> tuple[SmallImage, SmallImage, Alignment]:
    fixed, moving = (make() for make in HOPELESS[name])
    return fixed, moving, align(fixed, moving)


@pytest.mark.parametrize("name", HOPELESS)
def test_what_cannot_be_aligned_stays_sane(name: str) -> None:
    fixed, moving, found = hopeless(name)
    closer = refine(found, fixed, moving, 0.4 * fixed.extent_mm, 0.6 * fixed.extent_mm)
    for alignment in (found, closer):
        assert np.isfinite(alignment.matrix).all() and np.isfinite(alignment.offset_mm).all()
        assert np.linalg.det(alignment.matrix) > 0
        assert -1 <= alignment.similarity <= 1 + 1e-6
        # Its centre lies in the case.
        centre = alignment.to_case(fixed.extent_mm / 2)
        assert (centre >= -1e-6).all() and (centre <= moving.extent_mm + 1e-6).all()


@pytest.mark.parametrize("name", ["uniform case", "uniform target", "both empty", "single voxel"])
def test_where_there_is_nothing_to_see_centre_lies_on_centre(name: str) -> None:
    fixed, moving, found = hopeless(name)
    assert found.to_case(fixed.extent_mm / 2) == pytest.approx(moving.extent_mm / 2)
    assert found.matrix == pytest.approx(np.diag(np.diag(found.matrix)))


def test_a_case_that_fits_is_more_similar_than_one_that_does_not() -> None:
    assert aligned("tilted")[1].similarity > hopeless("noise for a case")[2].similarity + 0.2


def test_slices_of_one_image_are_found_within_their_plane() -> None:
    moved = small_image(np.roll(phantom.stack().voxels[12:13], 3, 2).copy())
    found = align(one_slice(), moved)
    point = np.array([2.0, 60.0, 70.0])
    assert found.to_case(point) == pytest.approx(point + (0, 0, 6), abs=0.5)


@contextmanager
def global_threads(count: int) -> Iterator[None]:
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(count)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)


def test_simpleitk_gets_its_threads_back(monkeypatch: pytest.MonkeyPatch) -> None:
    during = []

    class Stopped(Exception):
        pass

    def stop(*arguments: object) -> None:
        during.append(sitk.ProcessObject.GetGlobalDefaultNumberOfThreads())
        raise Stopped

    fixed, moving = flat_image(1, (4, 8, 8)), flat_image(1, (4, 8, 8))
    corners = np.zeros(3), fixed.extent_mm
    with global_threads(3):
        found = align(fixed, moving)
        refine(found, fixed, moving, *corners)
        assert sitk.ProcessObject.GetGlobalDefaultNumberOfThreads() == 3
        monkeypatch.setattr(affine, "_optimised", stop)
        with pytest.raises(Stopped):
            align(fixed, moving)
        assert sitk.ProcessObject.GetGlobalDefaultNumberOfThreads() == 3
        with pytest.raises(Stopped):
            refine(replace(found, similarity=0.5), fixed, moving, *corners)
        assert sitk.ProcessObject.GetGlobalDefaultNumberOfThreads() == 3
    assert during == [1, 1]
