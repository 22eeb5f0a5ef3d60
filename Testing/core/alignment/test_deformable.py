"""A body that is bent is laid on the straight one, voxel on voxel."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import phantom
import pytest
import torch

from RetrievalSAMLib.alignment import Alignment, Deformation, SmallImage, deform
from RetrievalSAMLib.volumes import SliceStack

HERE = Alignment(np.eye(3), np.zeros(3), float("nan"))
LOW, HIGH = np.array([12.0, 16.0, 16.0]), np.array([88.0, 108.0, 124.0])
THICK = (10, 60, 70), (10.0, 2.0, 2.0)

Bend = Callable[[np.ndarray], np.ndarray]


def bend(across: float = 6.0) -> Bend:
    """A smooth displacement in mm, (..., 3) at points (..., 3); across the slices by so much at most."""

    def moved(points: np.ndarray) -> np.ndarray:
        depth, row, column = np.moveaxis(points / phantom.EXTENT_MM, -1, 0)
        parts = [
            across * np.sin(2 * np.pi * column),
            7 * np.cos(2 * np.pi * depth) * np.sin(np.pi * row),
            -8 * np.sin(2 * np.pi * row),
        ]
        return np.stack(parts, axis=-1)

    return moved


def bent(moved: Bend, textured: Callable[[np.ndarray], np.ndarray] = phantom.body) -> phantom.Body:
    """The body as its case shows it: what the target has at a point lies in the case where that point is moved to."""

    def image(points: np.ndarray) -> np.ndarray:
        back = points
        for _ in range(20):
            back = points - moved(back)
        return textured(back)

    return image


def found_at(found: Deformation, points: np.ndarray) -> np.ndarray:
    """Where points (n, 3) of the target lie in the case."""
    return np.stack([found.on_grid([np.array([x]) for x in point]).numpy()[:, 0, 0, 0] for point in points])


def organs(seed: int = 0, count: int = 60) -> np.ndarray:
    """Places in and around the organs, where images tell what lies where; float (n, 3) in mm."""
    random = np.random.default_rng(seed)
    chosen = random.integers(len(phantom.ORGANS), size=count)
    radii = np.array([radius for _, radius, _ in phantom.ORGANS])
    places: np.ndarray = phantom.CENTRES_MM[chosen] + random.normal(0, 0.7, (count, 3)) * radii[chosen, None]
    return places


@functools.cache
def target() -> SmallImage:
    return SmallImage.of(phantom.stack())


def mean_error(found: Deformation, truth: Bend) -> float:
    points = organs()
    return float(np.linalg.norm(found_at(found, points) - (points + truth(points)), axis=-1).mean())


def not_found(truth: Bend) -> float:
    return float(np.linalg.norm(truth(organs()), axis=-1).mean())


def test_a_bent_body_is_found() -> None:
    truth = bend()
    found = deform(target(), SmallImage.of(phantom.stack(of=bent(truth))), HERE, LOW, HIGH)
    assert not_found(truth) > 6
    assert mean_error(found, truth) < 2
    assert found.similarity_in(LOW, HIGH) > 0.95


def test_it_is_found_in_another_contrast() -> None:
    truth = bend()
    other = bent(truth, lambda points: 1.2 * (1 - np.abs(phantom.body(points) - 0.1)))
    found = deform(target(), SmallImage.of(phantom.stack(of=other)), HERE, LOW, HIGH)
    assert mean_error(found, truth) < not_found(truth) / 2


def test_it_begins_from_an_alignment() -> None:
    truth, known = bend(), phantom.about_centre(phantom.turn((1, 0, 0), 90) * 1.2, (5, -8, 10))
    found = deform(target(), SmallImage.of(phantom.stack(known, of=bent(truth))), known, LOW, HIGH)
    points = organs()
    expected = known.to_case(points + truth(points))
    assert np.linalg.norm(found_at(found, points) - expected, axis=-1).mean() < 3
    assert found.affine is known


def test_thick_slices_move_within_and_not_across() -> None:
    truth = bend(across=0)
    fixed = SmallImage.of(phantom.stack(None, *THICK))
    found = deform(fixed, SmallImage.of(phantom.stack(None, *THICK, of=bent(truth))), HERE, LOW, HIGH)
    assert (found.displacement_mm[0] == 0).all()
    assert mean_error(found, truth) < not_found(truth) / 2


def test_the_same_image_stays_where_it_is() -> None:
    found = deform(target(), target(), HERE, LOW, HIGH)
    assert float(found.reach_mm.max()) < 1  # half a voxel


@pytest.mark.parametrize("shape", [(25, 60, 70), (1, 60, 70), (3, 5, 4)])
def test_a_uniform_image_says_nothing(shape: tuple[int, int, int]) -> None:
    def uniform(points: np.ndarray) -> np.ndarray:
        return np.full(points.shape[:-1], 0.5)

    spacing = tuple(float(x) for x in phantom.EXTENT_MM / shape)
    stack = phantom.stack(None, shape, spacing, of=uniform)  # type: ignore[arg-type]
    found = deform(SmallImage.of(stack), SmallImage.of(stack), HERE, LOW, HIGH)
    assert np.isfinite(found.displacement_mm).all() and float(found.reach_mm.max()) < 0.5
    assert found.similarity_in(LOW, HIGH) == 0


def test_a_case_that_lies_beside_the_target_does_not_break_it() -> None:
    away = Alignment(np.eye(3), np.array([500.0, 0.0, 0.0]), float("nan"))
    found = deform(target(), SmallImage.of(phantom.stack()), away, LOW, HIGH)
    assert np.isfinite(found.displacement_mm).all()


def test_fine_images_are_bent_once_more_at_finer_voxels() -> None:
    truth, longest = bend(), float(((HIGH - LOW) * 1.3).max())

    def found_in(shape: tuple[int, int, int], spacing_mm: tuple[float, float, float]) -> Deformation:
        case = phantom.stack(None, shape, spacing_mm, of=bent(truth))
        return deform(SmallImage.of(phantom.stack(None, shape, spacing_mm)), SmallImage.of(case), HERE, LOW, HIGH)

    fine, coarse = found_in((50, 124, 140), (2.0, 1.0, 1.0)), found_in((25, 62, 70), (4.0, 2.0, 2.0))
    assert coarse.spacing_mm.min() > 1.9 and fine.spacing_mm.min() < 1.2 * longest / 96
    assert mean_error(fine, truth) < 2.2 and fine.similarity_in(LOW, HIGH) > 0.95


def test_it_is_the_same_every_time_and_in_inference_mode() -> None:
    case = SmallImage.of(phantom.stack(of=bent(bend())))
    first = deform(target(), case, HERE, LOW, HIGH)
    with torch.inference_mode():
        second = deform(target(), case, HERE, LOW, HIGH)
    assert np.array_equal(first.displacement_mm, second.displacement_mm)


def flipped(stack: SliceStack, axis: int) -> SmallImage:
    return SmallImage.of(stack).reversed((axis,))


@pytest.mark.parametrize("axis", range(3))
def test_flipped_images_are_bent_the_flipped_way(axis: int) -> None:
    truth = bend()
    mirror = np.eye(3)
    mirror[axis, axis] = -1
    edge = np.where(np.arange(3) == axis, phantom.EXTENT_MM, 0.0)
    low, high = np.sort(np.stack([mirror @ LOW + edge, mirror @ HIGH + edge]), axis=0)
    case = phantom.stack(of=bent(truth))
    found = deform(flipped(phantom.stack(), axis), flipped(case, axis), HERE, low, high)
    points = organs()
    there = found_at(found, points @ mirror + edge)
    assert np.linalg.norm(there - ((points + truth(points)) @ mirror + edge), axis=-1).mean() < 2
