"""What clicks and boxes say of a mask by themselves."""

from __future__ import annotations

import numpy as np
import pytest

from RetrievalSAMLib.segmentation.prompts.click_masks import Click, Frame, outline, picture, pushed, signed_distance

ROWS, COLUMNS = np.indices((64, 64)) + 0.5
TRUTH = ((ROWS - 30) / 15) ** 2 + ((COLUMNS - 36) / 20) ** 2 < 1
IMAGE = 0.2 + 0.6 * TRUTH
FLAT = np.full((64, 64), 0.5)


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


def test_without_clicks_a_mask_is_itself() -> None:
    assert np.array_equal(pushed(TRUTH, IMAGE, [], None) > 0, TRUTH)


def test_a_click_into_a_missing_part_brings_it_back_and_stops_where_the_image_changes() -> None:
    half = TRUTH & (COLUMNS < 36)
    found = pushed(half, IMAGE, [Click(30, 46, True)], None) > 0
    assert dice(found, TRUTH) > dice(half, TRUTH) + 0.2
    without_edges = pushed(half, FLAT, [Click(30, 46, True)], None) > 0
    assert (found & ~TRUTH).sum() < 0.5 * (without_edges & ~TRUTH).sum()


def test_a_click_into_a_surplus_part_takes_it_away_and_leaves_what_is_far() -> None:
    surplus = TRUTH | ((ROWS - 30) ** 2 + (COLUMNS - 58) ** 2 < 25)
    found = pushed(surplus, IMAGE, [Click(30, 60, False)], None) > 0
    assert dice(found, TRUTH) > dice(surplus, TRUTH)
    assert np.array_equal(found[:, :30], surplus[:, :30])


def test_of_two_clicks_the_nearer_one_decides() -> None:
    found = pushed(np.zeros_like(TRUTH), FLAT, [Click(20, 20, True), Click(20, 28, False)], None)
    assert found[20, 20] > 0 > found[20, 28] and found[20, 21] > 0 > found[20, 27]


@pytest.mark.parametrize("positive", [True, False])
@pytest.mark.parametrize("place", [(0.0, 0.0), (63.99, 63.99), (31.5, 0.2), (70.0, -3.0)])
def test_a_click_at_the_edge_or_beyond_it_counts_for_the_cell_there(place: tuple[float, float], positive: bool) -> None:
    mask = np.full((64, 64), not positive)
    found = pushed(mask, IMAGE, [Click(*place, positive)], None)
    cell = tuple(int(np.clip(p, 0, 63)) for p in place)
    assert (found[cell] > 0) == positive


def test_a_box_cuts_a_mask_and_is_an_ellipse_where_there_is_none() -> None:
    box = Frame(15, 16, 45, 56)
    wide = TRUTH | (np.abs(ROWS - 30) < 3)
    assert np.array_equal(pushed(wide, IMAGE, [], box) > 0, wide & box.inside(64))
    elsewhere = (ROWS > 55) & (COLUMNS < 20)
    for mask in (np.zeros_like(TRUTH), elsewhere):
        assert dice(pushed(mask, IMAGE, [], box) > 0, TRUTH) > 0.95


def test_a_box_smaller_than_a_cell_keeps_one_and_one_beyond_the_edge_is_cut() -> None:
    small = Frame(10.1, 10.1, 10.3, 10.3)
    assert small.inside(64).sum() == 1 and (pushed(np.zeros_like(TRUTH), IMAGE, [], small) > 0).sum() == 1
    beyond = pushed(np.zeros_like(TRUTH), IMAGE, [], Frame(-10, -10, 20, 20)) > 0
    assert beyond[:20, :20].any() and not beyond[20:].any() and not beyond[:, 20:].any()


def test_distances_are_to_the_outline_and_an_outline_is_sure_of_itself_at_some_distance() -> None:
    mask = np.zeros((8, 8), dtype=bool)
    mask[2:6, 2:6] = True
    assert signed_distance(mask)[3, 2] == 0.5 and signed_distance(mask)[3, 1] == -0.5
    assert outline(mask, 2.0)[3, 3] == 0.75 and outline(mask, 1.0)[0, 0] == -1
    assert (outline(np.zeros_like(mask), 2.0) == -1).all() and (outline(np.ones_like(mask), 2.0) == 1).all()


def test_a_picture_tells_a_mask_so_far_from_what_a_person_says() -> None:
    box = Frame(10, 12, 50, 60)
    shown = picture(TRUTH, [Click(30, 36, False), Click(20, 30, True)], box)
    assert shown.dtype == np.float32 and shown.shape == (64, 64)
    assert shown[30, 36] == -10 and shown[20, 30] == 10
    assert (shown[~box.inside(64)] == -10).all()
    far = ((ROWS - 30) ** 2 + (COLUMNS - 36) ** 2 > 100) & ((ROWS - 20) ** 2 + (COLUMNS - 30) ** 2 > 100)
    assert np.abs(shown[far & box.inside(64)]).max() == 5
    assert np.array_equal(shown[far & box.inside(64)] > 0, TRUTH[far & box.inside(64)])


def test_a_picture_of_nothing_is_empty_and_clicks_in_it_are_discs_where_they_were_set() -> None:
    nothing = np.zeros_like(TRUTH)
    assert not picture(nothing, [], None).any()
    shown = picture(nothing, [Click(5.2, 60.9, True)], None)
    rows, columns = np.nonzero(shown)
    assert (rows.mean(), columns.mean()) == (5, 60) and len(rows) == 13
    beyond = picture(nothing, [Click(70.0, -3.0, False)], None)
    assert beyond[63, 0] == -10 and (beyond != 0).sum() == 6
