"""A window of the target lands where it lies in an aligned slice of a case."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from RetrievalSAMLib.models.window import MovedWindow, Window

SIZE = 16
SHAPE, SPACING_MM = (20, 30), (2.0, 1.5)
EYE, NOWHERE = np.eye(2), np.zeros(2)


def image(*bright: tuple[int, int]) -> torch.Tensor:
    slices = torch.zeros(1, *SHAPE)
    for row, column in bright:
        slices[0, row, column] = 1
    return slices


def brightest(seen: torch.Tensor) -> tuple[int, int]:
    row, column = np.unravel_index(int(seen[0].argmax()), seen[0].shape)
    return int(row), int(column)


def by_hand(seen: MovedWindow, bright: tuple[int, int]) -> np.ndarray:
    """What bilinear sampling gives of a slice with one bright pixel, worked out pixel by pixel."""
    expected = np.zeros((SIZE, SIZE))
    for i in range(SIZE):
        for j in range(SIZE):
            row = seen.window.centre_mm[0] + ((i + 0.5) / SIZE - 0.5) * seen.window.side_mm[0]
            column = seen.window.centre_mm[1] + ((j + 0.5) / SIZE - 0.5) * seen.window.side_mm[1]
            there = (
                seen.matrix[0, 0] * row + seen.matrix[0, 1] * column + seen.offset_mm[0],
                seen.matrix[1, 0] * row + seen.matrix[1, 1] * column + seen.offset_mm[1],
            )
            away = [abs(there[a] / SPACING_MM[a] - 0.5 - bright[a]) for a in (0, 1)]
            expected[i, j] = max(0.0, 1 - away[0]) * max(0.0, 1 - away[1])
    return expected


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(5, 40),
    width=st.integers(5, 40),
    spacing=st.tuples(st.floats(0.3, 4.0), st.floats(0.3, 4.0)),
    sides=st.tuples(st.floats(5.0, 150.0), st.floats(5.0, 150.0)),
    centre=st.tuples(st.floats(-10.0, 60.0), st.floats(-10.0, 60.0)),
)
def test_a_window_that_was_not_moved_shows_what_it_always_did(
    height: int,
    width: int,
    spacing: tuple[float, float],
    sides: tuple[float, float],
    centre: tuple[float, float],
) -> None:
    window = Window(centre, sides)
    slices = torch.rand(2, height, width, generator=torch.Generator().manual_seed(height * 41 + width))
    expected = window.to_input(slices, spacing, 24)
    found = MovedWindow(window, EYE, NOWHERE).to_input(slices, spacing, 24)
    # Coordinates in float32 are off by a hundredth of a pixel at most, and neighbours differ by 1 at most.
    assert torch.allclose(found, expected, atol=2e-3)
    assert found.shape == (2, 24, 24)


def test_a_window_that_was_not_moved_is_the_same_to_the_last_digits() -> None:
    slices = torch.rand(3, *SHAPE, generator=torch.Generator().manual_seed(0))
    for window in (
        Window((20.0, 22.5), (45.0, 45.0)),
        Window((11.0, 30.0), (14.0, 19.0)),
        Window((9.0, 3.0), (90, 80)),
    ):
        found = MovedWindow(window, EYE, NOWHERE).to_input(slices, SPACING_MM, SIZE)
        assert torch.allclose(found, window.to_input(slices, SPACING_MM, SIZE), atol=1e-5)


def test_a_shift_moves_the_picture_against_it() -> None:
    # One mm a pixel; pixel (8, 8) of the input lies at (20.5, 20.5) in the target, (25, 17.25) in the case: the
    # middle of pixel (12, 11).
    window = Window((20.0, 20.0), (16.0, 16.0))
    seen = MovedWindow(window, EYE, np.array([4.5, -3.25])).to_input(image((12, 11)), SPACING_MM, SIZE)
    assert brightest(seen) == (8, 8) and float(seen[0, 8, 8]) == pytest.approx(1.0, abs=1e-5)


def test_a_larger_case_is_shown_at_the_target_s_size() -> None:
    # Everything in the case is twice as far from its corner: (10.5, 12.5) in the target is (21, 24.75 + 0.25).
    window = Window((10.0, 12.0), (8.0, 8.0))
    seen = MovedWindow(window, 2 * EYE, np.array([0.0, -0.25])).to_input(image((10, 16)), SPACING_MM, SIZE)
    # Half a mm a pixel: (10.5 - 6) / 0.5 = 9 is the border between pixels 8 and 9, and so along the columns. These
    # lie 0.5 mm to either side in the case: a quarter of its rows, a third of its columns.
    assert seen[0, 8:10, 8:10].numpy() == pytest.approx(np.full((2, 2), 3 / 4 * 2 / 3), abs=1e-5)
    assert float(seen.max()) == pytest.approx(0.5, abs=1e-5)


def test_a_quarter_turn_turns_the_picture() -> None:
    # Rows of the target run along the columns of the case, columns of the target against its rows.
    turn, offset = np.array([[0.0, -1.0], [1.0, 0.0]]), np.array([16.0, 0.0])
    window = Window((8.0, 8.0), (16.0, 16.0))
    slices = torch.rand(1, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    seen = MovedWindow(window, turn, offset).to_input(slices, (1.0, 1.0), SIZE)
    assert torch.allclose(seen[0], torch.rot90(slices[0], -1), atol=1e-5)
    assert not torch.allclose(seen[0], torch.rot90(slices[0], 1), atol=0.1)
    lone = torch.zeros(1, SIZE, SIZE)
    lone[0, 2, 11] = 1
    # Target (11.5, 13.5) is case (16 - 13.5, 11.5) = (2.5, 11.5): the middle of pixel (2, 11).
    assert brightest(MovedWindow(window, turn, offset).to_input(lone, (1.0, 1.0), SIZE)) == (11, 13)


@pytest.mark.parametrize(
    ("matrix", "offset"),
    [
        (EYE, (3.3, -2.1)),
        (np.diag([0.8, 0.6]), (5.0, 9.0)),
        (np.array([[0.0, -0.9], [1.0, 0.0]]), (38.0, 4.0)),
        (np.array([[0.9, 0.2], [-0.1, 0.8]]), (1.0, 6.0)),
    ],
    ids=["shift", "scale", "turn", "shear"],
)
@pytest.mark.parametrize("bright", [(9, 13), (12, 10), (7, 16)])
def test_every_pixel_is_where_it_was_worked_out_by_hand(
    matrix: np.ndarray, offset: tuple[float, float], bright: tuple[int, int]
) -> None:
    # Less than a pixel of the case a pixel of the input: nothing is smoothed.
    seen = MovedWindow(Window((19.0, 20.0), (22.0, 20.0)), matrix, np.array(offset))
    expected = by_hand(seen, bright)
    assert expected.max() > 0.3
    assert seen.to_input(image(bright), SPACING_MM, SIZE)[0].numpy() == pytest.approx(expected, abs=1e-4)


def test_outside_the_case_is_nothing() -> None:
    seen = MovedWindow(Window((20.0, 20.0), (16.0, 16.0)), EYE, np.array([400.0, 0.0]))
    assert float(seen.to_input(torch.ones(1, *SHAPE), SPACING_MM, SIZE).abs().max()) == 0
    half = MovedWindow(Window((0.0, 20.0), (16.0, 16.0)), EYE, NOWHERE)
    shown = half.to_input(torch.ones(1, *SHAPE), SPACING_MM, SIZE)[0]
    assert float(shown[:6].max()) == 0 and float(shown[10:].min()) == pytest.approx(1, abs=1e-5)


def test_what_is_made_smaller_is_smoothed_first() -> None:
    stripes = torch.zeros(1, 128, 128)
    stripes[:, ::2] = 1
    window = Window((16.0, 16.0), (32.0, 32.0))
    shown = MovedWindow(window, 4 * EYE, NOWHERE).to_input(stripes, (1.0, 1.0), SIZE)[0]
    assert float((shown[2:-2] - 0.5).abs().max()) < 0.05
