"""How a target is divided into views, and where a view lies in a case."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from aligned_stacks import stack_of
from hypothesis import given, settings
from hypothesis import strategies as st

from RetrievalSAMLib.alignment import Alignment
from RetrievalSAMLib.models.window import Window
from RetrievalSAMLib.segmentation.spatial_prior import crops
from RetrievalSAMLib.segmentation.spatial_prior.crops import Box, close_views, seen_in_case, whole_view

TARGET = stack_of((6, 400, 300), (4.0, 1.0, 1.5))
WHOLE = Window.around(TARGET)
"""450 mm a side."""


def box(top: float, left: float, height: float, width: float) -> Box:
    return np.array([4.0, top, left]), np.array([16.0, top + height, left + width])


def holds(window: Window, around: Box) -> bool:
    (_, top, left), (_, bottom, right) = around
    (row, column), (height, width) = window.centre_mm, window.side_mm
    return bool(
        row - height / 2 <= top
        and bottom <= row + height / 2
        and column - width / 2 <= left
        and right <= column + width / 2
    )


def rows_of(found: list[crops.View]) -> list[tuple[int, ...]]:
    return sorted(view.rows for view in found)


def test_the_whole_view_looks_for_every_segment() -> None:
    (view,) = whole_view(WHOLE, 3)
    assert view.window == WHOLE and view.rows == (0, 1, 2)


def test_a_view_is_a_square_around_the_box_with_its_margin() -> None:
    (view,) = close_views([box(60, 100, 80, 120)], TARGET, WHOLE, 1.5, 256)
    assert view.window.centre_mm == pytest.approx((100, 160)) and view.window.side_mm == pytest.approx((180, 180))
    (wider,) = close_views([box(60, 100, 80, 120)], TARGET, WHOLE, 2.0, 256)
    assert wider.window.side_mm == pytest.approx((240, 240))


def test_segments_of_like_size_close_together_share_a_view() -> None:
    found = close_views([box(100, 100, 80, 80), box(110, 115, 75, 60)], TARGET, WHOLE, 1.6, 256)
    assert rows_of(found) == [(0, 1)] and holds(found[0].window, box(100, 100, 80, 80))


def test_slices_whose_every_pixel_the_network_sees_anyway_are_looked_at_whole() -> None:
    boxes = [box(0, 0, 90, 90), box(300, 300, 90, 90)]
    assert close_views(boxes, TARGET, WHOLE, 1.6, 3600) == whole_view(WHOLE, 2)  # 450 pixels of 1 mm, eight times
    assert rows_of(close_views(boxes, TARGET, WHOLE, 1.6, 3592)) == [(0,), (1,)]


def test_segments_far_apart_get_views_of_their_own() -> None:
    assert rows_of(close_views([box(0, 0, 90, 90), box(300, 300, 90, 90)], TARGET, WHOLE, 1.6, 256)) == [(0,), (1,)]


def test_a_small_segment_in_a_large_one_gets_a_view_of_its_own() -> None:
    found = close_views([box(100, 100, 180, 180), box(180, 180, 36, 36)], TARGET, WHOLE, 1.5, 256)
    sides = {view.rows: view.window.side_mm[0] for view in found}
    assert sides == {(0,): pytest.approx(270), (1,): pytest.approx(54)}


def test_views_get_no_smaller_than_some_pixels_of_the_target() -> None:
    (view,) = close_views([box(200, 100, 2, 2)], TARGET, WHOLE, 1.6, 256)
    # The smaller of the two spacings is 1 mm.
    assert view.window.side_mm == (crops._LEAST_PIXELS, crops._LEAST_PIXELS)
    assert view.window.centre_mm == pytest.approx((201, 101))
    coarse = stack_of((6, 20, 20), (4.0, 3.0, 3.0))
    (all_of_it,) = close_views([box(20, 20, 6, 6)], coarse, Window.around(coarse), 1.6, 256)
    assert all_of_it.window == Window.around(coarse)


def test_what_fills_the_slice_or_is_nowhere_is_looked_for_in_all_of_it() -> None:
    found = close_views([None, box(20, 20, 60, 60), box(5, 5, 440, 440)], TARGET, WHOLE, 1.2, 256)
    assert {view.rows: view.window == WHOLE for view in found} == {(0, 2): True, (1,): False}
    assert rows_of(close_views([None, None], TARGET, WHOLE, 1.6, 256)) == [(0, 1)]


boxes = st.one_of(
    st.none(),
    st.builds(
        box, st.floats(0, 380), st.floats(0, 430), st.floats(1, 300).map(round), st.floats(1, 300).map(round)
    ),
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(st.lists(boxes, min_size=1, max_size=8), st.floats(1.0, 2.5))
def test_every_segment_has_one_view_that_holds_its_box(wanted: list[Box | None], margin: float) -> None:
    found = close_views(wanted, TARGET, WHOLE, margin, 256)
    assert sorted(row for view in found for row in view.rows) == list(range(len(wanted)))
    assert len({view.window for view in found}) == len(found)
    for view in found:
        assert view.rows == tuple(sorted(view.rows))
        for row in view.rows:
            around = wanted[row]
            if view.window != WHOLE:
                # A rounding error may put a border on the other side of another.
                assert around is not None
                slack = np.array([0, 1e-6, 1e-6])
                assert holds(view.window, (around[0] + slack, around[1] - slack))


SHEARED = Alignment(
    np.array([[0.8, 0.1, -0.15], [0.2, 1.1, 0.05], [-0.1, -0.2, 0.9]]), np.array([5.0, -12.0, 30.0]), 0.9
)


def through(seen, row: float, column: float) -> np.ndarray:  # type: ignore[no-untyped-def]
    return np.asarray(seen.matrix @ np.array([row, column]) + seen.offset_mm)


@pytest.mark.parametrize("depth", [2.0, 17.5, 60.0])
def test_the_middle_of_a_window_lies_where_the_alignment_says(depth: float) -> None:
    window = Window((140.0, 90.0), (80.0, 80.0))
    seen = seen_in_case(window, SHEARED, depth)
    # By hand: the target's depth at which the window's centre comes to lie in the slice of the case.
    in_target = (depth - 5.0 - 0.1 * 140 + 0.15 * 90) / 0.8
    there = SHEARED.to_case(np.array([in_target, 140.0, 90.0]))
    assert there[0] == pytest.approx(depth)
    assert through(seen, 140.0, 90.0) == pytest.approx(there[1:])
    # From there the slice is taken to lie flat in the target.
    aside = SHEARED.to_case(np.array([in_target, 120.0, 125.0]))
    assert through(seen, 120.0, 125.0) == pytest.approx(aside[1:])
    assert seen.window == window


def test_slices_of_a_case_that_is_tilted_towards_the_rows_move_along_them() -> None:
    window = Window((50.0, 50.0), (40.0, 40.0))
    tilted = Alignment(np.array([[1.0, 0, 0], [0.25, 1, 0], [0, 0, 1]]), np.zeros(3), 0.9)
    assert through(seen_in_case(window, tilted, 0.0), 50, 50) == pytest.approx([50, 50])
    assert through(seen_in_case(window, tilted, 20.0), 50, 50) == pytest.approx([55, 50])


def test_a_structure_is_seen_at_the_same_pixels_in_target_and_case() -> None:
    """A disc in the target, and the same disc as an aligned case has it."""
    alignment = Alignment(np.array([[0.9, 0, 0], [0, 1.3, 0.2], [0, -0.15, 0.8]]), np.array([4.0, -20.0, 35.0]), 0.9)
    rows, columns = (np.indices((200, 240)) + 0.5) * np.array([1.0, 0.8])[:, None, None]
    window = Window((100.0, 90.0), (64.0, 64.0))

    def egg(row: np.ndarray, column: np.ndarray) -> np.ndarray:
        long = ((row - 108) / 9) ** 2 + ((column - 81) / 16) ** 2 < 1
        return (long | (abs(row - 92) + abs(column - 104) < 7)).astype(np.float32)

    back = np.linalg.inv(alignment.matrix)
    case_places = np.stack([np.full(rows.shape, 22.0), rows, columns], -1)
    in_target = (case_places - alignment.offset_mm) @ back.T
    case_slice = torch.from_numpy(egg(in_target[..., 1], in_target[..., 2]))[None]
    target_slice = torch.from_numpy(egg(rows, columns))[None]
    shown = window.to_input(target_slice, (1.0, 0.8), 64) > 0.5
    seen = seen_in_case(window, alignment, 22.0).to_input(case_slice, (1.0, 0.8), 64) > 0.5
    assert shown.sum() > 300 and (shown != seen).sum() < 0.08 * shown.sum()
