"""A slice seen through a window keeps its place: to the model and back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from RetrievalSAMLib.models.window import Window
from RetrievalSAMLib.segmentation.memory.support_memories import mask_to_input
from RetrievalSAMLib.volumes import Geometry, SliceStack, Volume


def stack_of(height: int, width: int, spacing: tuple[float, float]) -> SliceStack:
    """An axial stack of one slice whose rows and columns have the given spacing."""
    geometry = Geometry((width, height, 1), (spacing[1], spacing[0], 5.0), (0.0, 0.0, 0.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    return SliceStack.of(Volume(np.arange(height * width, dtype=np.float32).reshape(width, height, 1), geometry))


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(8, 60),
    width=st.integers(8, 60),
    rows=st.floats(0.3, 4.0),
    columns=st.floats(0.3, 4.0),
    margin=st.floats(1.0, 1.8),
)
def test_a_ramp_comes_back_at_its_own_pixels(
    height: int, width: int, rows: float, columns: float, margin: float
) -> None:
    stack = stack_of(height, width, (rows, columns))
    window = Window.around(stack, max(stack.extent_mm) * margin)
    size = 96
    place = (torch.arange(size) + 0.5) / size
    ramp = torch.stack([place[:, None].expand(size, size), place[None].expand(size, size)])
    back = window.to_slice(ramp, (height, width), (rows, columns), outside=-1.0)
    for axis, (count, spacing) in enumerate(((height, rows), (width, columns))):
        mm = (torch.arange(count) + 0.5) * spacing
        expected = (mm - window.centre_mm[axis]) / window.side_mm[axis] + 0.5
        found = back[axis].movedim(axis, 0)[:, 0]
        # Bilinear sampling holds the value half a cell before the border.
        assert torch.allclose(found, expected.float().clamp(0.5 / size, 1 - 0.5 / size), atol=1e-4)


@settings(max_examples=40, deadline=None)
@given(height=st.integers(16, 48), width=st.integers(16, 48), row=st.floats(0.2, 0.8), column=st.floats(0.2, 0.8))
def test_a_disc_lands_where_it_was(height: int, width: int, row: float, column: float) -> None:
    stack = stack_of(height, width, (1.5, 1.0))
    y, x = np.mgrid[:height, :width]
    centre = (row * (height - 1), column * (width - 1))
    disc = (y - centre[0]) ** 2 * 1.5**2 + (x - centre[1]) ** 2 < 16
    window = Window.around(stack)
    seen = mask_to_input(disc, window, stack.spacing_mm, 128)
    back = window.to_slice(seen * 2 - 1, disc.shape, stack.spacing_mm, outside=-1.0)[0].numpy() > 0
    assert 2 * (back & disc).sum() / (back.sum() + disc.sum()) > 0.9


def test_pixels_outside_the_window_get_the_value_for_outside() -> None:
    window = Window((10.0, 10.0), (8.0, 8.0))
    back = window.to_slice(torch.ones(1, 16, 16), (20, 20), (1.0, 1.0), outside=-7.0)[0]
    assert back[10, 10] == 1 and back[0, 0] == -7 and (back == 1).sum() == 64


def test_a_structure_thinner_than_a_pixel_is_not_turned_into_absence() -> None:
    stack = stack_of(400, 400, (1.0, 1.0))
    mask = np.zeros((400, 400), dtype=bool)
    mask[200, 120] = True
    seen = mask_to_input(mask, Window.around(stack), stack.spacing_mm, 64)
    assert seen.sum() >= 1
    row, column = (int(v) for v in np.argwhere(seen[0].numpy())[0])
    assert row == pytest.approx(200 / 400 * 64, abs=1) and column == pytest.approx(120 / 400 * 64, abs=1)


def test_an_empty_mask_stays_empty() -> None:
    stack = stack_of(32, 32, (1.0, 1.0))
    assert mask_to_input(np.zeros((32, 32), dtype=bool), Window.around(stack), stack.spacing_mm, 64).sum() == 0


def test_squashing_fills_the_square_and_padding_keeps_the_shape() -> None:
    stack = stack_of(20, 40, (1.0, 1.0))
    ones = torch.ones(1, 20, 40)
    padded = Window.around(stack).to_input(ones, stack.spacing_mm, 80)[0]
    squashed = Window.squashed(stack.extent_mm).to_input(ones, stack.spacing_mm, 80)[0]
    assert (padded > 0.5).sum() == 80 * 40
    assert (squashed > 0.4).sum() == 80 * 80
