"""Loose islands, small holes and rough outlines: what is cleaned, and what is never touched."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.retrieval.evidence import CaseSlices, MemoryCase
from RetrievalSAMLib.segmentation.cleaning.clean import Found, clean
from RetrievalSAMLib.segmentation.cleaning.habits import Habit, habit_of
from RetrievalSAMLib.segmentation.settings.cleaning import NO_CLEANING, Cleaning, cleaning_of
from RetrievalSAMLib.segmentation.settings.presets import preset
from RetrievalSAMLib.volumes import Geometry, Plane, Segment, Segmentation, Volume

SHAPE = (8, 40, 40)
ORGAN, OTHER = 0, 1
WHOLE = Habit(least_island=1.0, least_hole=1.0, smooth=0.99)
ISLANDS, HOLES, SMOOTH = (Cleaning.of([step]) for step in ("islands", "holes", "smooth"))


def found(
    organ: np.ndarray, other: np.ndarray | None = None, fixed: Mapping[int, tuple[int, ...]] | None = None
) -> Found:
    """Two segments that may not share voxels; `fixed`: by row, slices that must not change."""
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[organ] = 1
    if other is not None:
        labels[other] = 2
    may_change = {row: np.ones(SHAPE[0], dtype=bool) for row in (ORGAN, OTHER)}
    for row, slices in (fixed or {}).items():
        may_change[row][list(slices)] = False
    return Found(labels, {ORGAN: 1, OTHER: 2}, {}, may_change, np.ones(SHAPE[1:], dtype=bool))


def block(depth: slice = slice(1, 7), rows: slice = slice(8, 24), columns: slice = slice(8, 24)) -> np.ndarray:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[depth, rows, columns] = True
    return mask


def both(habit: Habit) -> dict[int, Habit]:
    return {ORGAN: habit, OTHER: habit}


def test_an_island_goes_and_is_told_of_and_the_structure_stays() -> None:
    island = block(slice(2, 3), slice(33, 35), slice(33, 36))
    masks = found(block() | island)
    done = clean(masks, both(WHOLE), ISLANDS)
    assert np.array_equal(masks.mask(ORGAN), block())
    assert set(done) == {ORGAN} and (done[ORGAN].islands, done[ORGAN].island_voxels) == (1, 6)


@pytest.mark.parametrize(
    ("habit", "width", "stays"),
    [
        pytest.param(
            Habit(least_island=0.2, smooth=1.0), 4, True, id="a case has one of a fifth: an eighth may be one"
        ),
        pytest.param(Habit(least_island=0.5, smooth=1.0), 4, False, id="cases have only larger ones"),
        pytest.param(Habit(), 2, True, id="no case was drawn whole"),
        pytest.param(Habit(1.0, 1.0, smooth=0.8), 2, True, id="a thin structure comes in pieces that belong to it"),
        pytest.param(WHOLE, 2, False, id="a thick one does not"),
        pytest.param(WHOLE, 16, True, id="half of a structure is no island"),
    ],
)
def test_an_island_stays_where_cases_have_the_like_or_do_not_tell(habit: Habit, width: int, stays: bool) -> None:
    island = block(slice(0, 6), slice(28, 36), slice(24, 24 + width))
    masks = found(block() | island)
    clean(masks, both(habit), ISLANDS)
    assert bool((masks.mask(ORGAN) & island).any()) == stays


def test_a_slice_that_was_drawn_keeps_its_island_and_its_hole() -> None:
    island, hole = block(slice(2, 4), slice(33, 35), slice(33, 36)), block(slice(2, 3), slice(12, 14), slice(12, 14))
    masks = found((block() | island) & ~hole, fixed={ORGAN: (2,)})
    before = masks.labels.copy()
    assert clean(masks, both(WHOLE), Cleaning.of(["islands", "holes"])) == {}
    assert np.array_equal(masks.labels, before)


def test_a_structure_is_never_removed_however_small() -> None:
    masks = found(block(slice(2, 3), slice(5, 6), slice(5, 6)))
    clean(masks, both(WHOLE), Cleaning())
    assert masks.mask(ORGAN).sum() == 1


def test_a_hole_is_filled_unless_another_segment_or_a_case_has_it() -> None:
    hole = block(slice(2, 3), slice(12, 14), slice(12, 15))
    masks = found(block() & ~hole)
    done = clean(masks, both(WHOLE), HOLES)
    assert np.array_equal(masks.mask(ORGAN), block()) and (done[ORGAN].holes, done[ORGAN].hole_voxels) == (1, 6)

    masks = found(block() & ~hole, hole)
    assert clean(masks, both(WHOLE), HOLES) == {} and np.array_equal(masks.mask(OTHER), hole)

    masks = found(block() & ~hole)
    assert clean(masks, both(Habit(least_hole=0.03)), HOLES) == {}


def test_a_hole_in_a_segment_that_may_overlap_is_filled_also_under_another() -> None:
    hole = block(slice(2, 3), slice(12, 14), slice(12, 15))
    alone = found(hole & False, hole)
    masks = Found(alone.labels, {OTHER: 2}, {ORGAN: block() & ~hole}, alone.may_change, alone.inside)
    clean(masks, both(WHOLE), HOLES)
    assert np.array_equal(masks.mask(ORGAN), block()) and np.array_equal(masks.mask(OTHER), hole)


def test_a_rough_outline_is_smoothed_and_a_thin_or_fixed_segment_is_not() -> None:
    generator = np.random.default_rng(0)
    rough = block()
    rough[:, 24, 8:24] = generator.random((8, 16)) > 0.5
    rough[[0, 7]] = False
    beside = block(slice(1, 7), slice(26, 34), slice(8, 24))
    masks = found(rough, beside, fixed={OTHER: range(8)})
    done = clean(masks, both(WHOLE), SMOOTH)
    edges = np.abs(np.diff(masks.mask(ORGAN)[1:7, 24, 8:24].astype(int), axis=1)).sum()
    assert edges < np.abs(np.diff(rough[1:7, 24, 8:24].astype(int), axis=1)).sum() / 2
    assert done[ORGAN].smoothed_voxels == (masks.mask(ORGAN) ^ rough).sum() > 0
    assert OTHER not in done and np.array_equal(masks.mask(OTHER), beside)

    masks = found(rough, beside)
    assert clean(masks, both(Habit(1.0, 1.0, smooth=0.8)), SMOOTH) == {}


def test_nothing_is_added_outside_the_region_that_is_searched() -> None:
    generator = np.random.default_rng(1)
    masks = found(block() & (generator.random(SHAPE) > 0.3))
    inside = np.zeros(SHAPE[1:], dtype=bool)
    inside[10:20, 10:20] = True
    limited = Found(masks.labels.copy(), masks.label_of, {}, masks.may_change, inside)
    clean(limited, both(WHOLE), Cleaning.of(["holes", "smooth"]))
    changed = limited.labels != masks.labels
    assert changed.any() and not changed[:, ~inside].any()


def habit_of_case(mask: np.ndarray, drawn: tuple[int, ...] | None = None) -> Habit:
    geometry = Geometry(SHAPE[::-1], (1.0, 1.0, 3.0), (0.0, 0.0, 0.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    segmentation = Segmentation.from_masks([Segment("Organ", 1)], [mask.T], geometry)
    image = Volume(np.zeros(geometry.size, dtype=np.float32), geometry)
    case = MemoryCase("case", image, segmentation, Plane.AXIAL, None if drawn is None else {1: drawn})
    return habit_of(CaseSlices.load(case, Plane.AXIAL), 1)


def test_a_case_tells_its_smallest_island_hole_and_how_thick_it_is() -> None:
    whole = habit_of_case(block())
    assert (whole.least_island, whole.least_hole) == (1.0, 1.0) and whole.smooth is not None and whole.smooth > 0.95
    parts = habit_of_case(block() | block(slice(1, 7), slice(30, 32), slice(8, 24)))
    assert parts.least_island == pytest.approx(2 / 16)
    hollow = habit_of_case(block() & ~block(slice(2, 3), slice(10, 14), slice(10, 14)))
    assert hollow.least_hole == pytest.approx(16 / 256)
    thin = habit_of_case(block(rows=slice(8, 9)))
    assert thin.smooth is not None and thin.smooth < 0.9
    assert habit_of_case(block() & False) == Habit()


def test_a_case_that_was_drawn_in_some_slices_tells_nothing_of_islands() -> None:
    some = habit_of_case(block(), (2, 3))
    assert some.least_island is None and some.least_hole == 1.0


def test_published_methods_are_not_cleaned_and_an_unknown_step_is_refused() -> None:
    assert cleaning_of(preset("fate-sam"), Cleaning()) == NO_CLEANING == cleaning_of(preset("zhao-2024"), Cleaning())
    assert cleaning_of(preset("fast"), Cleaning()) == Cleaning.of(None) != NO_CLEANING
    with pytest.raises(InputError, match="'polish'.*islands, holes, smooth"):
        Cleaning.of(["polish"], "--clean")
