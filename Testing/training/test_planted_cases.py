"""Faults that are planted in a mask are the ones that are named, and the table counts what was found."""

from __future__ import annotations

import numpy as np
from balls import case, grid

from RetrievalSAMLib.volumes import Segment, Segmentation
from training.planted_cases import spoilt

GRID = grid((24, 20, 6), (2.0, 2.0, 6.0))


def truth() -> Segmentation:
    """Two boxes in the first quarter of the slices."""
    one, other = np.zeros(GRID.size, dtype=bool), np.zeros(GRID.size, dtype=bool)
    one[1:5, 1:9, 1:4] = True
    other[5:9, 2:7, 2:5] = True
    return Segmentation.from_masks([Segment("a", 1), Segment("b", 2), Segment("c", 3)], [one, other, one & other], GRID)


def test_swapped_labels_keep_the_voxels_and_empty_ones_lose_one_segment() -> None:
    good = truth()
    swapped = spoilt(good, "swapped", 0)
    assert np.array_equal(swapped.mask(0), good.mask(1)) and np.array_equal(swapped.mask(1), good.mask(0))
    for turn, gone in ((0, 0), (1, 1), (2, 0)):  # the third segment is empty already
        empty = spoilt(good, "empty", turn)
        assert [empty.mask(n).any() for n in range(2)] == [gone != 0, gone != 1]


def test_a_shift_is_the_same_for_all_segments_and_stays_in_the_picture() -> None:
    good = truth()
    for turn in range(8):
        bad = spoilt(good, "shifted", turn)
        ways = []
        for n in range(2):
            before, after = np.argwhere(good.mask(n)), np.argwhere(bad.mask(n))
            assert len(before) == len(after)
            ways.append((after.mean(0) - before.mean(0)).round(6).tolist())
        assert ways[0] == ways[1] and ways[0][2] == 0 and max(map(abs, ways[0])) >= 4


def test_a_real_case_of_the_tests_can_be_spoilt() -> None:
    made = case("a", GRID, middle_mm=(0.0, 0.0, 0.0), seed=0)
    assert spoilt(made.segmentation, "shifted", 3).content_hash() != made.segmentation.content_hash()
