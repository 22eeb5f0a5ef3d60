from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from grids import SIGNED_PERMUTATIONS, geometries
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from RetrievalSAMLib.volumes import Geometry


def grid(matrix: np.ndarray | None = None, **changes: object) -> Geometry:
    direction = tuple(np.ravel(np.eye(3) if matrix is None else matrix))
    return replace(Geometry((4, 5, 6), (0.5, 0.7, 3.0), (10.0, -20.0, 30.0), direction), **changes)


def test_the_affine_takes_voxels_to_lps_millimetres():
    assert np.allclose(grid().index_to_lps([1, 2, 3]), [10.5, -18.6, 39.0])
    assert np.allclose(grid().lps_to_index([10.5, -18.6, 39.0]), [1, 2, 3])


@given(geometries(max_size=9))
def test_positions_go_to_indices_and_back(geometry: Geometry):
    indices = np.array([[0, 0, 0], [1, 2, 3], [5, 0, 7]])
    assert np.allclose(geometry.lps_to_index(geometry.index_to_lps(indices)), indices, atol=1e-6)


def test_volume_and_extent_are_in_millimetres():
    assert grid().voxel_volume_mm3 == pytest.approx(0.5 * 0.7 * 3)
    assert grid().extent_mm == pytest.approx((2.0, 3.5, 18.0))


@pytest.mark.parametrize("matrix", SIGNED_PERMUTATIONS)
def test_every_axis_order_and_flip_is_recognised(matrix: np.ndarray):
    letters = "".join("LPS"[side] if value > 0 else "RAI"[side] for value, side in map(_entry, matrix.T))
    assert grid(matrix).orientation == letters


def _entry(column: np.ndarray) -> tuple[float, int]:
    side = int(np.argmax(np.abs(column)))
    return column[side], side


@given(st.integers(0, 47), st.floats(-40, 40), st.sampled_from(range(3)))
def test_a_turn_of_less_than_45_degrees_about_an_axis_keeps_the_assignment(number: int, turn: float, about: int):
    matrix = SIGNED_PERMUTATIONS[number]
    rotation = Rotation.from_rotvec(np.radians(turn) * np.eye(3)[about]).as_matrix()
    assert grid(rotation @ matrix).anatomical_axes == grid(matrix).anatomical_axes


@given(geometries())
def test_the_assignment_is_a_permutation_for_every_oblique_grid(geometry: Geometry):
    assert sorted(found.array_axis for found in geometry.anatomical_axes) == [0, 1, 2]
    assert geometry.anatomical_axis(1) == geometry.anatomical_axes[1]


@given(geometries())
def test_json_keeps_every_bit(geometry: Geometry):
    assert Geometry.from_dict(json.loads(json.dumps(geometry.to_dict()))) == geometry


def test_the_same_grid_has_no_difference_and_rounding_is_allowed():
    assert grid().difference(grid()) is None
    rounded = grid(origin_mm=(10.0 + 1e-6, -20.0, 30.0), spacing_mm=(0.5, float(np.float32(0.7)), 3.0))
    assert grid().difference(rounded) is None


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (grid(size=(4, 5, 7)), "size is 4 x 5 x 6, not 4 x 5 x 7"),
        (grid(spacing_mm=(0.5, 0.8, 3.0)), "spacing is 0.5 x 0.7 x 3 mm, not 0.5 x 0.8 x 3 mm"),
        (grid(origin_mm=(11.0, -20.0, 30.0)), "shifted by 1 mm"),
        (grid(np.diag([1.0, -1.0, 1.0])), "LPS, not LAS"),
        (grid(Rotation.from_rotvec([0, 0, np.radians(5)]).as_matrix()), "turned by 5 degrees"),
        (grid(size=(1, 1, 1), origin_mm=(0.0, 0.0, 0.0)), "size"),
    ],
)
def test_a_difference_is_told_in_words(other: Geometry, words: str):
    assert words in str(grid().difference(other))


def test_a_tiny_spacing_makes_a_small_shift_a_difference():
    tiny = grid(spacing_mm=(0.002, 0.002, 0.002), origin_mm=(0.0, 0.0, 0.0))
    assert tiny.difference(replace(tiny, origin_mm=(0.001, 0.0, 0.0))) is not None


@pytest.mark.parametrize(
    "change",
    [
        {"spacing_mm": (0.0, 1.0, 1.0)},
        {"spacing_mm": (-1.0, 1.0, 1.0)},
        {"spacing_mm": (float("nan"), 1.0, 1.0)},
        {"size": (0, 5, 6)},
        {"origin_mm": (float("inf"), 0.0, 0.0)},
        {"direction": (1.0, 0.1, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)},
        {"direction": (0.0,) * 9},
    ],
)
def test_an_impossible_grid_is_refused(change: dict):
    with pytest.raises(ValueError):
        grid(**change)
