"""A volume that was filled from its drawn slices: what is unlike these goes, and they stay to the pixel."""

from __future__ import annotations

import numpy as np
import pytest

from RetrievalSAMLib.segmentation.cleaning.habits import Habit, habit_of_drawn
from RetrievalSAMLib.segmentation.first_case.cleaned import clean_filled
from RetrievalSAMLib.segmentation.first_case.drawn import Drawn, drawn_slices
from RetrievalSAMLib.segmentation.output.fusion import Canvas
from RetrievalSAMLib.segmentation.output.report import CleanedSegment
from RetrievalSAMLib.segmentation.settings.cleaning import NO_CLEANING, Cleaning
from RetrievalSAMLib.volumes import Geometry, Plane, Segment, Segmentation, SliceFrame

GRID = Geometry((40, 40, 9), (1.0, 1.0, 2.0), (0.0, 0.0, 0.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
FRAME = SliceFrame(GRID, Plane.AXIAL)
ORGAN, OTHER = Segment("Organ", 1), Segment("Other", 2)
NOTHING = np.zeros(FRAME.shape, dtype=bool)
EVERYWHERE = np.ones(FRAME.shape[1:], dtype=bool)


def block(depth: slice = slice(1, 8), rows: slice = slice(8, 28), columns: slice = slice(8, 28)) -> np.ndarray:
    mask = NOTHING.copy()
    mask[depth, rows, columns] = True
    return mask


ISLAND = block(slice(6, 7), slice(33, 36), slice(33, 36))
HOLE = block(slice(6, 7), slice(15, 17), slice(15, 17))


def drawn_from(masks: list[np.ndarray], *slices: int) -> Drawn:
    only = [mask & np.isin(np.arange(len(mask)), slices)[:, None, None] for mask in masks]
    segmentation = Segmentation.from_masks((ORGAN, OTHER), map(FRAME.from_slices, only), GRID)
    return drawn_slices(segmentation, sorted(map(FRAME.file_index, slices)), FRAME, "drawn")


def filled(drawn: Drawn, masks: list[np.ndarray]) -> Canvas:
    """A canvas as a fill leaves it."""
    canvas = Canvas(FRAME, drawn.segments, drawn.overlapping, None)
    for index in range(FRAME.shape[0]):
        canvas.draw(index, {row: mask[index] for row, mask in enumerate(masks[: len(drawn.segments)])})
    return canvas


def test_pieces_holes_and_thickness_are_those_of_the_drawn_slices() -> None:
    whole = block()[2]
    assert habit_of_drawn([(whole, NOTHING[0]), (NOTHING[0], NOTHING[0])]).least_island == 1.0
    pierced = whole & ~HOLE[6]
    apart = whole | ISLAND[6]
    habit = habit_of_drawn([(pierced, NOTHING[0]), (apart, NOTHING[0])])
    assert habit.least_hole == pytest.approx(4 / 400) and habit.least_island is None
    assert habit.smooth is not None and habit.smooth > 0.95
    # What another structure fills is no hole; of what was never drawn nothing is known.
    assert habit_of_drawn([(pierced, HOLE[6])]).least_hole == 1.0
    assert habit_of_drawn([(NOTHING[0], NOTHING[0])]) == Habit()


def test_what_the_drawn_slices_do_not_show_goes_and_they_stay_as_they_are() -> None:
    drawn = drawn_from([block(), NOTHING], 2, 4)
    canvas = filled(drawn, [(block() | ISLAND) & ~HOLE])
    done = clean_filled(canvas, drawn, {}, EVERYWHERE, Cleaning.of(["islands", "holes"]))
    assert np.array_equal(canvas.mask(0, slice(None)), block())
    assert done == {0: CleanedSegment(islands=1, island_voxels=9, holes=1, hole_voxels=4)}

    smooth = filled(drawn, [block()])
    clean_filled(smooth, drawn, {}, EVERYWHERE, Cleaning())
    found = smooth.mask(0, slice(None))
    assert all(np.array_equal(found[index], block()[index]) for index in drawn.slices)
    assert not np.array_equal(found[3], block()[3])  # a corner is rounded where nobody drew


def test_what_a_drawn_slice_shows_and_what_was_only_pointed_at_stay() -> None:
    rough = (block() | ISLAND) & ~HOLE
    shown = block()
    shown[2] = rough[6]  # as drawn by somebody: with the hole and the island
    drawn = drawn_from([shown, NOTHING], 2)
    canvas = filled(drawn, [rough])
    assert clean_filled(canvas, drawn, {}, EVERYWHERE, Cleaning.of(["islands", "holes"])) == {}

    # No person has said how it looks: the mask of its slice is what points became.
    pointed = drawn_from([block(), NOTHING], 2)
    canvas = filled(pointed, [rough])
    assert clean_filled(canvas, pointed, {0: (2,)}, EVERYWHERE, Cleaning()) == {}
    assert clean_filled(canvas, drawn_from([block(), NOTHING], 2, 4), {}, EVERYWHERE, NO_CLEANING) == {}
    assert np.array_equal(canvas.mask(0, slice(None)), rough)
