"""Organs that do not move with the body as one: each segment has an alignment of its own."""

from __future__ import annotations

import numpy as np
import pytest
from chambers import SPACING_MM

from RetrievalSAMLib.alignment import Alignment
from RetrievalSAMLib.retrieval.evidence import CaseSlices, MemoryCase
from RetrievalSAMLib.segmentation.spatial_prior.aligned_cases import AlignedCases, aligned_by_image
from RetrievalSAMLib.segmentation.spatial_prior.prior_maps import PlaceMaps
from RetrievalSAMLib.volumes import Geometry, Plane, Segment, Segmentation, Volume

SHAPE = (20, 80, 80)
RIGHT, LEFT = 1, 2


def trunk(right_rows_mm: float, left_rows_mm: float, segments: tuple[int, ...] = (RIGHT, LEFT)) -> CaseSlices:
    """A body that is always the same, and two organs in it that lie lower by so much."""
    depths, rows, columns = ((np.arange(n) + 0.5) * mm for n, mm in zip(SHAPE, SPACING_MM, strict=True))
    points = np.stack(np.meshgrid(depths, rows, columns, indexing="ij"), axis=-1)

    def ball(centre: tuple[float, float, float], radii: tuple[float, float, float]) -> np.ndarray:
        return np.linalg.norm((points - np.array(centre)) / np.array(radii), axis=-1)

    image = 300.0 * (ball((80, 80, 80), (75, 60, 72)) < 1)
    image += 200 * (ball((80, 100, 80), (70, 10, 10)) < 1) + 120 * (ball((100, 50, 70), (30, 14, 20)) < 1)
    masks = {
        RIGHT: ball((70, 80 + right_rows_mm, 40), (30, 15, 13)) < 1,
        LEFT: ball((80, 80 + left_rows_mm, 122), (30, 15, 13)) < 1,
    }
    for mask in masks.values():
        image += 250 * mask
    image += np.random.default_rng(0).normal(0, 5, SHAPE)
    grid = Geometry((80, 80, 20), SPACING_MM[::-1], (0.0, 0.0, 0.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    drawn = Segmentation.from_masks(
        [Segment(f"Organ {value}", value) for value in segments],
        [masks[value].transpose(2, 1, 0) for value in segments],
        grid,
    )
    volume = Volume(image.round().clip(0).astype(np.int16).transpose(2, 1, 0), grid)
    return CaseSlices.load(MemoryCase("trunk", volume, drawn, Plane.AXIAL), Plane.AXIAL)


def laid(cases: list[CaseSlices], values: tuple[int, ...] = (RIGHT, LEFT), deformable: bool = False) -> AlignedCases:
    steps: list[tuple[int, int]] = []
    result = aligned_by_image(
        range(len(cases)),
        cases.__getitem__,
        trunk(0, 0).stack,
        values,
        lambda *step: steps.append(step),
        deformable=deformable,
    )
    assert steps[-1][0] == steps[-1][1] and [done for done, _ in steps] == sorted({done for done, _ in steps})
    return result


@pytest.mark.parametrize("deformable", [False, True])
def test_each_organ_lies_on_its_own_place(deformable: bool) -> None:
    # Further apart than the shear of the whole can follow.
    result = laid([trunk(12, -12)], deformable=deformable)
    for value, column, shift in ((RIGHT, 40, 12), (LEFT, 122, -12)):
        middle = np.array([75.0, 80.0, column])
        as_one = result.alignments[0].to_case(middle)[1] - (80 + shift)
        alone = result.of(0, (value,)).to_case(middle)[1] - (80 + shift)
        assert abs(alone) < 3 and abs(alone) < abs(as_one) / 2
        # What is likely by its place follows.
        assert result.place is not None
        low, high = result.place.box_mm(value, 0.5)  # type: ignore[misc]
        assert (low + high)[1] / 2 == pytest.approx(80, abs=3)


def test_a_single_segment_is_aligned_once() -> None:
    result = laid([trunk(4, 4, (RIGHT,))], (RIGHT,))
    assert not result.by_segment and result.of(0, (RIGHT,)) is result.alignments[0]


@pytest.mark.parametrize("deformable", [False, True])
def test_a_case_without_a_segment_is_aligned_by_the_others(deformable: bool) -> None:
    result = laid([trunk(5, 5), trunk(-5, -5, (LEFT,))], deformable=deformable)
    assert set(result.by_segment[RIGHT]) == {0} and set(result.by_segment[LEFT]) == {0, 1}
    assert result.of(1, (RIGHT,)) is result.alignments[1]


def test_segments_that_share_a_view_share_the_mean_of_their_alignments() -> None:
    first, second = (Alignment(np.eye(3) * s, np.full(3, o), r) for s, o, r in ((1.0, 2.0, 0.8), (1.2, 6.0, 0.6)))
    whole = Alignment(np.eye(3), np.zeros(3), 0.5)
    cases = AlignedCases({0: whole}, None, by_segment={1: {0: first}, 2: {0: second}})
    both = cases.of(0, (1, 2, 3))
    point = np.array([3.0, 4.0, 5.0])
    assert both.to_case(point) == pytest.approx((first.to_case(point) + second.to_case(point)) / 2)
    assert cases.of(0, (3,)) is whole and cases.of(0, (2, 3)) is second


def test_slices_have_the_positions_of_the_segment_that_is_asked_for() -> None:
    target = trunk(0, 0)
    evidence = _Evidence()
    whole, own = Alignment(np.eye(3), np.zeros(3), 0.9), Alignment(np.eye(3), np.array([-16.0, 0, 0]), 0.9)
    cases = AlignedCases({0: whole}, PlaceMaps(target.stack, (1, 2)), by_segment={1: {0: own}})
    positions = {v: cases.positions([evidence], target.stack, v)[0] for v in (None, 1, 2)}  # type: ignore[list-item]
    # 16 mm are two slices.
    assert positions[1] == pytest.approx(positions[None] + 2 / 19)
    assert positions[2] == pytest.approx(positions[None])


def test_masks_of_some_segments_alone_can_be_laid_over_the_target() -> None:
    case = trunk(0, 0)
    place = PlaceMaps(case.stack, (RIGHT, LEFT))
    place.add(case, Alignment(np.eye(3), np.zeros(3), 1.0), 1.0, (LEFT,))
    assert place.mean(RIGHT, 10) is None
    mean = place.mean(LEFT, 10)
    assert mean is not None and np.array_equal(mean >= 0.5, case.mask(LEFT, 10))


class _Evidence:
    """What positions need of a case: 20 slices of 8 mm."""

    position = np.linspace(0, 1, 20, dtype=np.float32)
    extent_mm = np.array([160.0, 160.0, 160.0])
