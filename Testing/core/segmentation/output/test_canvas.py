"""Slices seen through several windows come together on one canvas."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from aligned_stacks import geometry_of

from RetrievalSAMLib.models.window import Window
from RetrievalSAMLib.segmentation.engines.interface import NO_OBJECT_LOGIT
from RetrievalSAMLib.segmentation.output.fusion import Canvas
from RetrievalSAMLib.segmentation.propagation.segmented_slice import SegmentedSlice
from RetrievalSAMLib.volumes import Plane, Segment, SliceFrame

SEGMENTS = (Segment("A", 3), Segment("B", 7), Segment("C", 8))
FRAME = SliceFrame(geometry_of((4, 16, 16), (5.0, 2.0, 1.0)), Plane.AXIAL)
WHOLE = Window((16.0, 8.0), (32.0, 16.0))
"""A pixel of 16 x 16 logits is a pixel of the slice."""


def canvas(overlapping: frozenset[int] = frozenset(), inside: np.ndarray | None = None) -> Canvas:
    return Canvas(FRAME, SEGMENTS, overlapping, None, inside)


def segmented(logits: torch.Tensor, index: int = 1, present: tuple[bool, ...] | None = None) -> SegmentedSlice:
    count = len(logits)
    shown = torch.tensor(present or (True,) * count)
    return SegmentedSlice(index, logits, torch.ones(count), shown, torch.ones(count), shown)


def random_logits(seed: int, count: int = 3) -> torch.Tensor:
    return torch.randn(count, 16, 16, generator=torch.Generator().manual_seed(seed))


def labels_by_hand(logits: np.ndarray) -> np.ndarray:
    values = np.array([s.value for s in SEGMENTS])
    return np.where(logits.max(0) > 0, values[logits.argmax(0)], 0)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_segments_compete_by_their_logits_whichever_view_comes_first(order: tuple[int, ...]) -> None:
    drawn, logits = canvas(), random_logits(1)
    for row in order:
        drawn.add(segmented(logits[row : row + 1]), WHOLE, [row])
    together = canvas()
    together.add(segmented(logits), WHOLE)
    expected = labels_by_hand(logits.numpy())
    assert set(np.unique(expected)) == {0, 3, 7, 8}
    assert np.array_equal(drawn.labels[1], expected) and np.array_equal(together.labels, drawn.labels)
    assert not drawn.labels[[0, 2, 3]].any()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_tie_has_one_winner_whichever_view_comes_first(order: tuple[int, ...]) -> None:
    drawn = canvas()
    for row in order:
        drawn.add(segmented(torch.full((1, 16, 16), 2.5)), WHOLE, [row])
    assert (drawn.labels[1] == 3).all()


def test_a_view_changes_nothing_beyond_its_window() -> None:
    drawn = canvas()
    drawn.add(segmented(torch.full((1, 16, 16), 1.0)), WHOLE, [0])
    # Rows 4 to 7 and columns 2 to 9.
    close = Window((12.0, 6.0), (8.0, 8.0))
    drawn.add(segmented(torch.full((1, 16, 16), 4.0)), close, [2])
    expected = np.full((16, 16), 3)
    expected[4:8, 2:10] = 8
    assert np.array_equal(drawn.labels[1], expected)
    drawn.add(segmented(torch.full((1, 16, 16), -4.0)), close, [1])
    assert np.array_equal(drawn.labels[1], expected)


def test_rows_of_a_view_are_those_of_the_canvas_and_absent_ones_are_not_drawn() -> None:
    drawn = canvas()
    logits = torch.stack([torch.full((16, 16), 3.0), torch.full((16, 16), 1.0)])
    drawn.add(segmented(logits, present=(False, True)), WHOLE, [0, 2])
    assert (drawn.labels[1] == 8).all()
    drawn.add(segmented(logits, index=2, present=(False, False)), WHOLE, [0, 2])
    assert not drawn.labels[2].any()


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
def test_segments_that_may_overlap_do_not_compete(order: tuple[int, ...]) -> None:
    drawn, logits = canvas(frozenset({7})), random_logits(2)
    for row in order:
        drawn.add(segmented(logits[row : row + 1]), WHOLE, [row])
    found = drawn.segmentation()
    rivals = logits.numpy().copy()
    rivals[1] = -1
    expected = labels_by_hand(rivals)
    masks = [FRAME.to_slices(found.mask(row)) for row in range(3)]
    assert np.array_equal(masks[1][1], logits[1].numpy() > 0)
    assert np.array_equal(masks[0][1], expected == 3) and np.array_equal(masks[2][1], expected == 8)
    assert (masks[1] & masks[0]).any() and (masks[1] & masks[2]).any() and not (masks[0] & masks[2]).any()


def test_nothing_is_found_outside_the_region() -> None:
    inside = np.zeros((16, 16), dtype=bool)
    inside[3:6, 10:] = True
    drawn = canvas(frozenset({7}), inside)
    drawn.add(segmented(torch.ones(3, 16, 16)), WHOLE)
    assert np.array_equal(drawn.labels[1] != 0, inside) and np.array_equal(drawn.free[1][1], inside)


def test_what_was_found_and_its_area() -> None:
    drawn = canvas(frozenset({7}))
    logits = torch.full((3, 16, 16), -1.0)
    logits[0, 2:5, 3:9] = 1
    logits[1, 4:6, 8:12] = 2
    drawn.add(segmented(logits, index=3), WHOLE)
    expected = np.zeros((4, 16, 16), dtype=bool)
    expected[3, 2:5, 3:9] = expected[3, 4:6, 8:12] = True
    assert np.array_equal(drawn.found(), expected)
    # Pixels of 2 mm x 1 mm.
    assert [drawn.area_mm2(row, 3) for row in range(3)] == [36.0, 16.0, 0.0]
    assert drawn.area_mm2(0, 1) == 0


def test_logits_are_kept_by_segment_whatever_wins(tmp_path) -> None:  # type: ignore[no-untyped-def]
    drawn, logits = Canvas(FRAME, SEGMENTS, frozenset(), tmp_path / "logits.npy"), random_logits(3)
    for row in (2, 0):
        drawn.add(segmented(logits[row : row + 1]), WHOLE, [row])
    assert drawn.logits is not None
    assert drawn.logits[0, 1] == pytest.approx(logits[0].numpy(), abs=1e-5)
    assert drawn.logits[2, 1] == pytest.approx(logits[2].numpy(), abs=1e-5)
    assert (drawn.logits[1] == NO_OBJECT_LOGIT).all() and (drawn.logits[:, 0] == NO_OBJECT_LOGIT).all()


def with_logits(tmp_path: Path, overlapping: frozenset[int] = frozenset(), inside: np.ndarray | None = None) -> Canvas:
    drawn = Canvas(FRAME, SEGMENTS, overlapping, tmp_path / "logits.npy", inside)
    for index in range(4):
        drawn.add(segmented(random_logits(index), index), WHOLE)
    return drawn


@pytest.mark.parametrize("overlapping", [frozenset(), frozenset({7})])
def test_the_same_logits_put_again_change_nothing(tmp_path: Path, overlapping: frozenset[int]) -> None:
    drawn = with_logits(tmp_path, overlapping)
    before = [drawn.mask(row, slice(None)).copy() for row in range(3)]
    box = (slice(1, 3), slice(0, 16), slice(0, 16))
    assert drawn.logits is not None
    drawn.revise(box, {row: drawn.logits[row][box].copy() for row in range(3)})
    assert all(np.array_equal(drawn.mask(row, slice(None)), before[row]) for row in range(3))


def test_other_logits_change_masks_in_their_box_alone(tmp_path: Path) -> None:
    inside = np.ones((16, 16), dtype=bool)
    inside[:, 12:] = False
    drawn = with_logits(tmp_path, inside=inside)
    before = drawn.labels.copy()
    box = (slice(1, 2), slice(4, 12), slice(8, 16))
    drawn.revise(box, {1: np.full((1, 8, 8), 50.0, dtype=np.float32)})
    assert (drawn.labels[1, 4:12, 8:12] == SEGMENTS[1].value).all()
    assert not drawn.labels[:, :, 12:].any()  # beyond the region nothing is found, whoever says so
    changed = drawn.labels != before
    changed[box] = False
    assert not changed.any()
