"""Which volumes and slices a library knows least of."""

from __future__ import annotations

import numpy as np
import pytest

from RetrievalSAMLib.retrieval.coverage import most_typical, novelty, slices_to_draw, typical_distance


def at(*angles: float) -> np.ndarray:
    return np.array([[np.cos(a), np.sin(a)] for a in angles], dtype=np.float32)


def test_novelty_is_the_mean_distance_to_the_nearest_known_slice() -> None:
    assert novelty(at(0.0, np.pi / 2), at(0.0)) == pytest.approx(0.5)
    assert novelty(at(0.3), at(0.0, 0.3)) == pytest.approx(0.0, abs=1e-6)
    assert novelty(at(0.3), at()[:0].reshape(0, 2)) == 1.0


def test_the_most_typical_volume_is_the_one_amid_the_others() -> None:
    assert most_typical([at(0.0), at(0.4), at(0.8), at(3.0)]) == 1
    assert most_typical([at(1.0)]) == 0


def test_the_typical_distance_is_that_of_cases_among_themselves() -> None:
    assert typical_distance([at(0.0)]) is None
    assert typical_distance([at(0.0), at(np.pi / 2), at(np.pi / 2)]) == pytest.approx(0.0, abs=1e-6)
    assert typical_distance([at(0.0), at(np.pi / 2)]) == pytest.approx(1.0)


def test_slices_to_draw_are_spread_and_the_first_stands_for_most() -> None:
    position = np.linspace(0, 1, 21, dtype=np.float32)
    chosen = slices_to_draw(at(*np.zeros(21)), position, np.ones(21), 3)
    assert 7 <= chosen[0] <= 13 and sorted(n // 7 for n in chosen) == [0, 1, 2]
    assert len(set(slices_to_draw(at(*np.zeros(2)), position[:2], np.ones(2), 5))) == 2


def test_slices_without_worth_are_drawn_last() -> None:
    position = np.linspace(0, 1, 21, dtype=np.float32)
    worth = np.where(np.arange(21) >= 14, 1.0, 0.0)
    assert min(slices_to_draw(at(*np.zeros(21)), position, worth, 3)) >= 13


def test_a_part_of_another_kind_gets_a_slice_of_its_own() -> None:
    position = np.linspace(0, 1, 21, dtype=np.float32)
    angles = np.where((np.arange(21) > 3) & (np.arange(21) < 7), 1.5, 0.0)
    assert any(3 < n < 7 for n in slices_to_draw(at(*angles), position, np.ones(21), 2))
