"""Which slices count as drawn, and on which ways the others are reached from them."""

from __future__ import annotations

import numpy as np
import pytest

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.segmentation.first_case.appearance import Appearance, features
from RetrievalSAMLib.segmentation.first_case.clicks import checked_start
from RetrievalSAMLib.segmentation.first_case.drawn import drawn_slices
from RetrievalSAMLib.segmentation.first_case.ways import ways_through
from RetrievalSAMLib.segmentation.prompts.click_masks import signed_distance
from RetrievalSAMLib.segmentation.prompts.points_and_boxes import NO_PROMPTS, PersonsPrompts, PointPrompt
from RetrievalSAMLib.volumes import Geometry, Plane, Segment, Segmentation, SliceFrame

GRID = Geometry((10, 12, 9), (1.0, 1.0, 2.0), (0.0, 0.0, 0.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
FRAME = SliceFrame(GRID, Plane.AXIAL)


def drawing() -> Segmentation:
    """A on slices 2 and 6, B on slice 4, C nowhere."""
    masks = np.zeros((3, *GRID.size), dtype=bool)
    masks[0, 2:5, 2:5, [2, 6]] = True
    masks[1, 6:8, 6:8, 4] = True
    return Segmentation.from_masks((Segment("A", 1), Segment("B", 5), Segment("C", 7)), masks, GRID)


def test_every_drawn_slice_is_drawn_whole_and_segments_without_a_voxel_are_left_out() -> None:
    drawn = drawn_slices(drawing(), None, FRAME, "drawn")
    assert [s.name for s in drawn.segments] == ["A", "B"]
    assert drawn.slices == [2, 4, 6] and sorted(drawn.masks[0]) == sorted(drawn.masks[1]) == [2, 4, 6]
    assert not drawn.masks[0][4].any() and not drawn.masks[1][2].any()
    named = drawn_slices(drawing(), (2, 4, 8), FRAME, "drawn")
    assert named.slices == [2, 4, 8] and not named.masks[0][8].any()


def test_ways_end_before_the_next_drawn_slice_and_begin_on_none_that_is_empty() -> None:
    drawn = drawn_slices(drawing(), None, FRAME, "drawn")
    ways = {(way.start, way.towards): (list(way), dict(way.ends)) for way in ways_through(drawn.masks, 9)}
    assert ways == {
        (2, -1): ([1, 0], {0: -1}),
        (2, 1): ([3], {0: 4}),
        (4, -1): ([3], {1: 2}),
        (4, 1): ([5], {1: 6}),
        (6, -1): ([5], {0: 4}),
        (6, 1): ([7, 8], {0: 9}),
    }


def test_structures_of_one_slice_go_together_each_to_its_own_end() -> None:
    one = np.ones((2, 2), dtype=bool)
    forth = [w for w in ways_through({0: {3: one, 5: one}, 1: {3: one}}, 8) if w.start == 3 and w.towards > 0]
    assert [(list(w), dict(w.ends), len(w)) for w in forth] == [([4, 5, 6, 7], {0: 5, 1: 8}, 4)]


def test_what_contradicts_itself_is_refused() -> None:
    inside = tuple(float(mm) for mm in GRID.index_to_lps(np.array([3, 3, 2])))
    point = PointPrompt("A", (inside[0], inside[1], inside[2]), True)
    for segmentation, named, prompts, message in (
        (None, None, NO_PROMPTS, "nothing is drawn"),
        (None, (2,), PersonsPrompts((point,)), "no segmentation holds them"),
        (drawing(), None, PersonsPrompts((point,)), "slice 2 is drawn"),
        (drawing(), (4,), NO_PROMPTS, "on none of the slices"),
        (drawing(), (9,), NO_PROMPTS, "no axial slice 9"),
        (None, None, PersonsPrompts((PointPrompt("A", point.position_mm, False),)), "no point inside"),
    ):
        with pytest.raises(InputError, match=message):
            checked_start(FRAME, segmentation, named, prompts, "drawn")


def test_a_structure_that_looks_unlike_its_surroundings_is_told_by_that() -> None:
    random = np.random.default_rng(1)
    mask = np.zeros((32, 32), dtype=bool)
    mask[10:20, 12:22] = True
    image = np.where(mask, 0.7, 0.3) + random.normal(0, 0.05, mask.shape)
    seen = features(image, 1.0)
    look = Appearance.learnt([(seen, signed_distance(mask))])
    assert look is not None
    moved = features(np.roll(image, 6, axis=1), 1.0)
    assert (look.log_odds(moved)[12:18, 20:26] > 0).mean() > 0.9
    assert (look.log_odds(moved)[12:18, 4:10] < 0).mean() > 0.9
    assert Appearance.learnt([(seen, np.full(mask.shape, -1.0))]) is None
