"""The order of slices, told by their embeddings alone."""

from __future__ import annotations

import numpy as np
import pytest

from RetrievalSAMLib.retrieval.slice_order import order_agreement


def walk(seed: int, first: float, last: float, count: int) -> np.ndarray:
    """Embeddings (count, 16) of slices at places of one body from first to last, in [0, 1], seen a little otherwise."""
    way = np.random.default_rng(0).normal(size=(16, 5))
    places = np.linspace(first, last, count)
    shown = np.stack([np.cos(np.pi * n * places) for n in range(5)], axis=1) @ way.T
    return (shown + 0.3 * np.random.default_rng(seed).normal(size=shown.shape)).astype(np.float32)


@pytest.mark.parametrize(("first", "last", "mm"), [(0.0, 1.0, 200.0), (0.3, 0.9, 120.0), (0.0, 0.6, 120.0)])
def test_the_order_of_a_part_of_the_body_is_told_from_its_reverse(first: float, last: float, mm: float) -> None:
    cases = [walk(1, 0.0, 1.0, 25), walk(2, 0.1, 1.0, 20)]
    target = walk(3, first, last, 18)
    usual = order_agreement(target, cases, mm, [200.0, 180.0])
    reverse = order_agreement(target[::-1], cases, mm, [200.0, 180.0])
    assert min(usual) > 0.1
    assert np.allclose(usual, -np.array(reverse), atol=0.1)


def test_a_lost_spacing_does_not_hide_the_order() -> None:
    target = walk(3, 0.0, 1.0, 18)
    assert order_agreement(target, [walk(1, 0.0, 1.0, 25)], 18.0, [200.0])[0] > 0.1


def test_slices_that_all_show_the_same_have_no_order() -> None:
    same = np.ones((12, 16), dtype=np.float32)
    assert order_agreement(same, [same], 100.0, [100.0]) == [0.0]
