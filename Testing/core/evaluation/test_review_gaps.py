"""Slices whose neighbours disagree with their mask."""

from __future__ import annotations

import numpy as np

from RetrievalSAMLib.evaluation.drawn import DrawnSlices
from RetrievalSAMLib.evaluation.flags import Flag
from RetrievalSAMLib.evaluation.gaps import gap_flags
from RetrievalSAMLib.volumes import Geometry, Plane, SliceFrame


def column(count: int = 12) -> np.ndarray:
    """A structure that goes through all slices and gets wider."""
    masks = np.zeros((count, 20, 20), dtype=bool)
    for n in range(1, count - 1):
        masks[n, 5:13, 5 : 10 + n // 3] = True
    return masks


def flags(masks: np.ndarray, annotated: np.ndarray | None = None, upside_down: bool = False) -> list[Flag]:
    z = -1.0 if upside_down else 1.0
    grid = Geometry((20, 20, len(masks)), (1.0, 1.0, 3.0), (0.0, 0.0, 0.0), (1, 0, 0, 0, 1, 0, 0, 0, z))
    known = np.ones(len(masks), dtype=bool) if annotated is None else annotated
    slices = DrawnSlices(SliceFrame(grid, Plane.AXIAL), {4: masks & known[:, None, None]}, {4: known})
    return gap_flags(slices, {4: "Cord"})


def test_a_whole_structure_has_no_flag() -> None:
    assert flags(column()) == []


def test_a_slice_left_out_is_told_by_its_index_in_the_file() -> None:
    masks = column()
    masks[4] = False
    (flag,) = flags(masks)
    assert (flag.kind, flag.slices, flag.segments) == ("gap", (4,), ("Cord",))
    assert "missing in slice 4" in flag.text
    assert flags(masks, upside_down=True)[0].slices == (7,)


def test_two_slices_left_out_are_one_gap_and_more_is_an_end() -> None:
    masks = column()
    masks[4:6] = False
    assert [flag.slices for flag in flags(masks)] == [(4, 5)]
    masks[3:8] = False
    assert flags(masks) == []


def test_what_is_elsewhere_on_the_other_side_is_no_gap() -> None:
    masks = column()
    masks[4] = False
    masks[5:] = np.roll(masks[5:], 9, axis=2)
    assert [flag.kind for flag in flags(masks)] == []


def test_a_slice_drawn_elsewhere_and_a_block_moved_away_are_jumps() -> None:
    masks = column()
    masks[6] = np.roll(masks[6], 8, axis=1)
    assert [(flag.kind, flag.slices) for flag in flags(masks)] == [("jump", (6,))]
    masks = column()
    masks[6:] = np.roll(masks[6:], 7, axis=1)
    assert [(flag.kind, flag.slices) for flag in flags(masks)] == [("jump", (6,))]


def test_slices_between_those_of_a_sparse_case_are_no_gaps() -> None:
    annotated = np.zeros(12, dtype=bool)
    annotated[[2, 4, 6]] = True
    assert flags(column(), annotated) == []
    annotated[[3, 5]] = True
    masks = column()
    masks[4] = False
    assert [flag.slices for flag in flags(masks, annotated)] == [(4,)]
