"""A deformation says where points lie, and which affine map is nearest to it in a box."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from RetrievalSAMLib.alignment import Alignment, Deformation, Field

CORNER_MM, SPACING_MM, SHAPE = np.array([10.0, 20.0, -4.0]), np.array([5.0, 2.0, 1.0]), (6, 20, 30)
TILTED = Alignment(np.array([[0.9, 0.1, 0.0], [-0.1, 1.1, 0.2], [0.0, -0.2, 0.8]]), np.array([3.0, -7.0, 4.0]), 0.6)


def middles() -> np.ndarray:
    """Of the grid's voxels, (d, h, w, 3) in mm."""
    index = np.stack(np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij"), axis=-1)
    places: np.ndarray = CORNER_MM + (index + 0.5) * SPACING_MM
    return places


def deformation(displacement: np.ndarray, seed: int = 0, noise: float = 0.0) -> Deformation:
    random = np.random.default_rng(seed)
    fixed = random.random(SHAPE, dtype=np.float32)
    moved = fixed + noise * random.standard_normal(SHAPE).astype(np.float32)
    return Deformation(TILTED, np.moveaxis(displacement, -1, 0).astype(np.float32), CORNER_MM, SPACING_MM, fixed, moved)


def sides(low: np.ndarray, high: np.ndarray, counts: tuple[int, int, int]) -> list[np.ndarray]:
    return [np.linspace(a, b, n) for a, b, n in zip(low, high, counts, strict=True)]


def test_points_are_displaced_in_the_target_and_then_mapped() -> None:
    slope = np.array([[0.0, 0.1, 0.02], [0.05, 0.0, -0.1], [0.02, 0.0, 0.1]])
    found = deformation(middles() @ slope.T)
    places = sides(CORNER_MM + SPACING_MM, CORNER_MM + SPACING_MM * (np.array(SHAPE) - 1), (4, 5, 6))
    points = np.stack(np.meshgrid(*places, indexing="ij"), axis=-1)
    expected = TILTED.to_case(points + points @ slope.T)
    assert np.moveaxis(found.on_grid(places).numpy(), 0, -1) == pytest.approx(expected, abs=1e-3)


def test_beyond_its_grid_points_move_as_at_its_edge() -> None:
    found = deformation(middles() * 0.1)
    edge = CORNER_MM + SPACING_MM / 2
    beyond = found.displacement.on_grid([np.array([x]) for x in edge - 50]).numpy().ravel()
    assert beyond == pytest.approx(edge * 0.1, abs=1e-4)


def test_its_reach_is_the_longest_displacement() -> None:
    moves = np.zeros((*SHAPE, 3))
    moves[2, 3, 4] = (1.0, -6.0, 0.5)
    assert deformation(moves).reach_mm == pytest.approx([1.0, 6.0, 0.5])


def test_the_nearest_affine_map_follows_a_shift_and_most_of_a_scale() -> None:
    low, high = CORNER_MM + SPACING_MM, CORNER_MM + SPACING_MM * (np.array(SHAPE) - 1)
    middle = (low + high) / 2
    moves = np.array([1.0, -2.0, 3.0]) + (middles() - middle) * np.array([0.0, 0.2, 0.0])
    near = deformation(moves).near(low, high)
    assert near.to_case(middle) == pytest.approx(TILTED.to_case(middle + [1.0, -2.0, 3.0]), abs=1e-3)
    change = np.linalg.inv(TILTED.matrix) @ near.matrix
    assert 1.15 < change[1, 1] < 1.2 and change[2, 2] == pytest.approx(1.0, abs=1e-3)
    assert change - np.diag(np.diag(change)) == pytest.approx(0, abs=1e-3)


def test_a_box_of_no_depth_is_no_reason_to_change_shape_across_it() -> None:
    low = CORNER_MM + SPACING_MM * (2, 4, 4)
    near = deformation(middles() * 0.05).near(low, low + (0.0, 20.0, 15.0))
    change = np.linalg.inv(TILTED.matrix) @ near.matrix
    assert np.isfinite(change).all() and change[0, 0] == pytest.approx(1.0)


def test_likeness_is_that_of_the_box() -> None:
    found = deformation(np.zeros((*SHAPE, 3)))
    noisy = deformation(np.zeros((*SHAPE, 3)), noise=0.3)
    moved = noisy.moved.copy()
    moved[:3] = noisy.fixed[:3]
    half = Deformation(TILTED, found.displacement_mm, CORNER_MM, SPACING_MM, noisy.fixed, moved)
    top = CORNER_MM + SPACING_MM * SHAPE
    assert found.similarity_in(CORNER_MM, top) == pytest.approx(1)
    assert half.similarity_in(CORNER_MM, top - (15, 0, 0)) == pytest.approx(1)
    assert half.similarity_in(CORNER_MM + (15, 0, 0), top) < 0.9
    assert found.near(CORNER_MM, top).similarity == pytest.approx(1)


def test_fields_are_linear_between_voxels_and_end_as_they_end() -> None:
    slope = np.array([2.0, -1.0, 0.5])
    field = deformation((middles() @ slope)[..., None].repeat(3, axis=-1)).displacement
    top = CORNER_MM + SPACING_MM * SHAPE
    places = sides(CORNER_MM - 3, top + 3, (7, 5, 9))
    held = [
        np.clip(one, a + mm / 2, b - mm / 2) for one, a, b, mm in zip(places, CORNER_MM, top, SPACING_MM, strict=True)
    ]
    expected = np.stack(np.meshgrid(*held, indexing="ij"), axis=-1) @ slope
    found = field.on_grid(places).numpy()
    assert found.shape == (3, 7, 5, 9)
    assert found[1] == pytest.approx(expected, abs=1e-3)


def test_a_field_of_one_plane_is_the_same_everywhere_across_it() -> None:
    plane = Field(torch.arange(6, dtype=torch.float32).reshape(1, 1, 2, 3), np.zeros(3), np.ones(3))
    found = plane.on_grid([np.array([-5.0, 0.5, 9.0]), np.array([0.5, 1.5]), np.array([0.5, 1.5, 2.5])]).numpy()
    assert np.array_equal(found[0], np.broadcast_to(np.arange(6).reshape(2, 3), (3, 2, 3)))


def test_likeness_around_a_place_is_that_of_its_neighbours() -> None:
    shape = (24, 20, 30)
    random = np.random.default_rng(0)
    fixed = random.standard_normal(shape).astype(np.float32)
    moved = 3 * fixed + 2
    moved[:, :, 15:] = random.standard_normal((24, 20, 15))
    fixed[12:], moved[12:] = 0.7, 0.7
    nothing = np.zeros((3, *shape), dtype=np.float32)
    found = Deformation(TILTED, nothing, CORNER_MM, np.ones(3), fixed, moved).likeness
    assert (found.corner_mm == CORNER_MM).all() and found.values.shape == (1, *shape)
    likeness = found.values[0].numpy()
    assert likeness[:8, :, :11] == pytest.approx(1, abs=0.02)
    assert abs(likeness[:8, :, 20:]).max() < 0.4
    assert likeness[17:] == pytest.approx(0, abs=1e-3)


def test_the_window_of_likeness_is_as_long_along_all_axes() -> None:
    """Slices of five voxels' thickness are compared one by one."""
    moved_slice = deformation(np.zeros((*SHAPE, 3)))
    moved = moved_slice.moved.copy()
    moved[3] = np.random.default_rng(1).random(SHAPE[1:])
    likeness = Deformation(
        TILTED, moved_slice.displacement_mm, CORNER_MM, SPACING_MM, moved_slice.fixed, moved
    ).likeness.values[0].numpy()  # fmt: skip
    assert likeness[[1, 5]] == pytest.approx(1, abs=0.02) and likeness[3].max() < 0.9


def test_a_box_outside_is_like_nothing() -> None:
    found = deformation(np.zeros((*SHAPE, 3)))
    assert found.similarity_in(CORNER_MM - 30, CORNER_MM - 20) == 0
