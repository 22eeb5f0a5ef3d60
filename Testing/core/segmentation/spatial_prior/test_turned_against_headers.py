"""A header is said not to tell of a turn only where the images show one."""

from __future__ import annotations

import numpy as np
import pytest
from whole_bodies import body_case, turned

from RetrievalSAMLib.alignment import Alignment, SmallImage, align, gained_by_turn
from RetrievalSAMLib.retrieval.evidence import CaseSlices, MemoryCase
from RetrievalSAMLib.segmentation.spatial_prior.registered_cases import (
    RegisteredCase,
    example_of,
    turned_against_headers,
)
from RetrievalSAMLib.volumes import Plane, Segmentation, Volume


def ball(centre: tuple[float, float, float]) -> MemoryCase:
    """A bright ball in a body case's volume."""
    grid = body_case(1).image.geometry
    places = np.indices(grid.size) * np.array(grid.spacing_mm)[:, None, None, None]
    middle = (np.array(grid.size) * np.array(grid.spacing_mm) / 2 + np.array(centre))[:, None, None, None]
    inside = ((places - middle) ** 2).sum(axis=0) < (0.3 * min(np.array(grid.size) * np.array(grid.spacing_mm))) ** 2
    masks = [inside, np.zeros_like(inside)]
    drawn = Segmentation.from_masks(body_case(1).segmentation.segments, masks, grid)
    return MemoryCase("ball", Volume(inside.astype(np.float32) * 100, grid), drawn, Plane.AXIAL)


def turn_told(target: MemoryCase, case: MemoryCase, degrees: float) -> tuple[float | None, float]:
    """What is said of a target on which a case was laid by a turn; and what that turn gained."""
    fixed, moving = (CaseSlices.load(one, Plane.AXIAL) for one in (target, case))
    small = SmallImage.of(fixed.stack)
    alignment = align(small, SmallImage.of(moving.stack), degrees)
    one = RegisteredCase(example_of(moving, (1, 2)), alignment)
    turn = one.turned_degrees(fixed.stack.frame)
    return (
        turned_against_headers({0: one}, small, fixed.stack.frame),
        gained_by_turn(alignment, small, one.example.image, turn),
    )


@pytest.mark.parametrize("degrees", [40.0, -90.0])
def test_round_bodies_come_to_any_turn_and_none_is_said(degrees: float) -> None:
    told, gained = turn_told(ball((6.0, -4.0, 0.0)), ball((0.0, 5.0, 3.0)), degrees)
    assert told is None and abs(gained) < 0.05


@pytest.mark.parametrize("degrees", [45.0, 90.0])
def test_a_body_that_is_turned_is_said_to_be(degrees: float) -> None:
    target = turned(body_case(4), degrees, true_header=False)
    found = [turn_told(target, body_case(1), sign * degrees) for sign in (1, -1)]
    told, gained = max(found, key=lambda one: one[1])
    assert told is not None and abs(told) == pytest.approx(degrees, abs=10)
    assert gained > 0.05


def test_a_turn_is_taken_out_about_the_middle_of_what_is_seen() -> None:
    case = CaseSlices.load(ball((10.0, 0.0, 0.0)), Plane.AXIAL)
    small = SmallImage.of(case.stack)
    sine = np.sin(np.radians(60))
    matrix = np.array([[1, 0, 0], [0, 0.5, -sine], [0, sine, 0.5]])
    middle = small.extent_mm / 2
    turned_about_the_stack = Alignment(matrix, middle - matrix @ middle, 1.0)
    # The ball lies beside the middle: turned about that it leaves its place, and stays there when turned back.
    assert abs(gained_by_turn(turned_about_the_stack, small, small, 60.0)) < 0.05
