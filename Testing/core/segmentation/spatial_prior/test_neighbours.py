"""Many segments: those that lie together share a view and an alignment, and those surely absent are not looked for."""

from __future__ import annotations

import numpy as np
import pytest
from aligned_stacks import slices_of, stack_of
from hypothesis import given, settings
from hypothesis import strategies as st

from RetrievalSAMLib.alignment import Alignment, refine
from RetrievalSAMLib.models.build import random_segmenter
from RetrievalSAMLib.models.window import Window
from RetrievalSAMLib.retrieval.evidence import CaseSlices, MemoryCase
from RetrievalSAMLib.retrieval.index import SliceRetrieval, Support
from RetrievalSAMLib.segmentation.propagation.propagation import Propagation
from RetrievalSAMLib.segmentation.sam2.engine import Sam2Engine
from RetrievalSAMLib.segmentation.settings.presets import preset
from RetrievalSAMLib.segmentation.spatial_prior import aligned_cases, registered_cases
from RetrievalSAMLib.segmentation.spatial_prior.crops import Box, View, close_views
from RetrievalSAMLib.segmentation.spatial_prior.neighbours import MANY, neighbours, union
from RetrievalSAMLib.segmentation.spatial_prior.prior_maps import PlaceMaps
from RetrievalSAMLib.volumes import Geometry, Plane, Segment, Segmentation, Volume

TARGET = stack_of((6, 400, 400), (4.0, 1.0, 1.0))
WHOLE = Window.around(TARGET)
MARGIN, PIXELS = 1.6, 256


def square(top: float, left: float, side: float) -> Box:
    return np.array([4.0, top, left]), np.array([16.0, top + side, left + side])


def grid_of(count: int, side: float, apart: float) -> list[Box]:
    """Squares in rows of five."""
    return [square(10 + number // 5 * apart, 10 + number % 5 * apart, side) for number in range(count)]


def views_of(boxes: list[Box | None]) -> list[View]:
    return close_views(boxes, TARGET, WHOLE, MARGIN, PIXELS)


def test_many_segments_share_fewer_views_than_few_would_have() -> None:
    boxes: list[Box | None] = [*grid_of(20, 30, 35)]
    many = views_of(boxes)
    alone = [view for number in range(20) for view in views_of([boxes[number]])]
    assert len(many) <= len(alone) / 3
    assert sorted(row for view in many for row in view.rows) == list(range(20))


def test_a_shared_view_holds_its_segments_with_their_margin_and_shows_each_as_finely_as_allowed() -> None:
    boxes = [*grid_of(18, 30, 70), square(200, 330, 6)]
    for view in views_of([*boxes]):
        around = union([boxes[row] for row in view.rows])
        side = float((around[1] - around[0])[1:].max())
        assert view.window.side_mm[0] == pytest.approx(max(MARGIN * side, 24))
        assert view.window.centre_mm == pytest.approx(tuple((around[0] + around[1])[1:] / 2))
        smallest = min(float((boxes[row][1] - boxes[row][0])[1:].max()) for row in view.rows)
        finest = PIXELS / view.window.side_mm[0] >= 3 - 1e-6  # network pixels to one of the target
        assert finest or smallest >= 0.4 * side


def test_segments_that_nobody_can_place_are_looked_for_in_the_whole_slice() -> None:
    boxes: list[Box | None] = [*grid_of(MANY, 30, 35), None, None]
    (whole,) = [view for view in views_of(boxes) if view.window == WHOLE]
    assert whole.rows == (MANY, MANY + 1)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 300), st.floats(0, 300), st.floats(1, 90)), max_size=24))
def test_every_box_is_in_one_group_of_boxes_of_like_size(squares: list[tuple[float, float, float]]) -> None:
    boxes = [square(*one) for one in squares]
    groups = neighbours([(low[1:], high[1:]) for low, high in boxes])
    assert sorted(number for group in groups for number in group) == list(range(len(boxes)))
    for group in groups:
        low, high = union([boxes[number] for number in group])
        least = min(squares[number][2] for number in group)
        assert least >= 0.4 * float((high - low)[1:].max()) - 1e-6 or len(group) == 1


def beside_each_other(count: int, seed: int) -> CaseSlices:
    """Blocks in two rows, one label each, in noise."""
    shape = (8, 40, 12 * ((count + 1) // 2))
    masks = {}
    image = np.random.default_rng(seed).normal(100, 3, shape)
    for number in range(count):
        mask = np.zeros(shape, dtype=bool)
        top, left = 4 + 16 * (number % 2), 12 * (number // 2) + 1
        mask[2:6, top : top + 12, left : left + 10] = True
        masks[number + 1] = mask
        image[mask] += 20 + 13 * (number % 7)
    grid = Geometry((shape[2], shape[1], shape[0]), (1.0, 1.0, 3.0), (0.0, 0.0, 0.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    segments = [Segment(f"Block {value}", value) for value in masks]
    drawn = Segmentation.from_masks(segments, [mask.transpose(2, 1, 0) for mask in masks.values()], grid)
    volume = Volume(image.round().astype(np.int16).transpose(2, 1, 0), grid)
    return CaseSlices.load(MemoryCase("blocks", volume, drawn, Plane.AXIAL), Plane.AXIAL)


@pytest.mark.parametrize(("count", "at_most", "at_least"), [(4, 4, 4), (MANY + 4, 8, 2)])
def test_many_segments_are_aligned_by_groups_and_few_each_on_its_own(
    monkeypatch: pytest.MonkeyPatch, count: int, at_most: int, at_least: int
) -> None:
    regions: list[tuple[object, ...]] = []

    def counted(alignment: Alignment, fixed: object, moving: object, low: np.ndarray, high: np.ndarray) -> Alignment:
        regions.append((*low, *high))
        return refine(alignment, fixed, moving, low, high)  # type: ignore[arg-type]

    monkeypatch.setattr(registered_cases, "refine", counted)
    case = beside_each_other(count, 0)
    values = tuple(range(1, count + 1))
    result = aligned_cases.aligned_by_image(
        [0], lambda number: case, case.stack, values, lambda done, total: None, deformable=False
    )
    whole_first = 1
    assert at_least <= len(regions) - whole_first <= at_most
    assert set(result.by_segment) == set(values)
    for value in values:
        lies = result.by_segment[value][0].to_case(np.array([12.0, 20.0, 20.0]))
        assert lies == pytest.approx((12.0, 20.0, 20.0), abs=1.5)


def maps_of(masks: list[np.ndarray]) -> PlaceMaps:
    maps = PlaceMaps(stack_of((12, 24, 30), (4.0, 2.0, 1.5)), (1,))
    for mask in masks:
        maps.add(slices_of({1: mask}, (4.0, 2.0, 1.5)), Alignment(np.eye(3), np.zeros(3), 1.0), 1.0)
    return maps


def in_slices(first: int, last: int) -> np.ndarray:
    mask = np.zeros((12, 24, 30), dtype=bool)
    mask[first : last + 1, 6:18, 8:20] = True
    return mask


def test_a_segment_is_surely_absent_where_all_cases_that_agree_know_it_is_not_near() -> None:
    maps = maps_of([in_slices(3, 6), in_slices(3, 6), in_slices(4, 6)])
    assert [maps.surely_absent(1, index) for index in range(12)] == [index < 2 or index > 7 for index in range(12)]


def test_cases_that_disagree_or_do_not_say_are_sure_of_nothing() -> None:
    apart = maps_of([in_slices(1, 2), in_slices(8, 10)])
    assert not any(apart.surely_absent(1, index) for index in range(12))
    assert not maps_of([]).surely_absent(1, 0)


def test_what_is_surely_absent_is_not_asked_for() -> None:
    class Nothing:
        def __getattr__(self, name: str) -> object:
            raise AssertionError(f"{name} was asked for")

    found = [[SliceRetrieval((Support(0, 0, 1.0),), 1.0, 5.0)] for _ in range(3)]
    engine = Sam2Engine(random_segmenter(image_size=64).model)

    def run(absent: bool) -> list[int]:
        propagation = Propagation(
            engine,
            Nothing(),  # type: ignore[arg-type]
            found,
            Nothing(),  # type: ignore[arg-type]
            preset("default"),
            absent=lambda index, segment: absent,
        )
        if absent:
            assert all(not bool((s.logits > 0).any()) for s in propagation.run())
        return propagation.encoded()

    assert run(absent=True) == [] and len(run(absent=False)) == 3
