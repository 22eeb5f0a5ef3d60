"""What follows from how well the reverse order of slices fits single cases."""

from __future__ import annotations

import pytest

from RetrievalSAMLib.alignment import BackwardsFit
from RetrievalSAMLib.segmentation.supports.stack_order import StackOrder, stack_order


def test_where_the_reverse_order_fits_most_cases_it_is_the_target_that_runs_the_other_way() -> None:
    order = stack_order({0: 0.6, 1: 0.4, 2: 0.1}, slices=30, cases=5)
    assert order == StackOrder(frozenset(range(5)), of_target=True)
    assert not order.odd_cases


def test_a_case_that_is_mirrored_like_the_target_is_left_as_it_is() -> None:
    order = stack_order({0: 0.6, 1: 0.7, 2: 0.5, 3: -0.6}, slices=30, cases=4)
    assert order.of_target and order.backwards == {0, 1, 2}


def test_one_case_that_fits_far_better_in_reverse_is_the_odd_one() -> None:
    order = stack_order({0: 0.0, 1: 0.6, 2: -0.4}, slices=30, cases=3)
    assert not order.of_target and order.odd_cases == order.backwards == {1}


@pytest.mark.parametrize("gains", [{}, {0: 0.05, 1: 0.1}, {0: 0.25, 1: -0.2}, {0: 0.0}])
def test_little_says_nothing(gains: dict[int, float]) -> None:
    assert stack_order(gains, slices=30, cases=2) == StackOrder()


def test_few_slices_have_to_say_more() -> None:
    gains = {0: 0.3, 1: 0.3}
    assert stack_order(gains, slices=30, cases=2).of_target
    assert not stack_order(gains, slices=10, cases=2).of_target


def test_nothing_speaks_for_a_mirrored_body_where_a_turned_one_fits_better_or_none_fits() -> None:
    assert BackwardsFit(usual=0.5, backwards=0.8).gain > 0.4
    assert BackwardsFit(usual=0.5, backwards=0.8, turned=0.9).gain == 0
    assert BackwardsFit(usual=0.5, backwards=0.8, turned=0.8).gain > 0.4
    assert BackwardsFit(usual=0.1, backwards=0.4).gain == 0
    assert BackwardsFit(usual=0.9, backwards=0.4).gain < -0.5
