"""What the cases have at a place is added to the logits; where the network sees none, it tells how much there is."""

from __future__ import annotations

import pytest
import torch

from RetrievalSAMLib.segmentation.propagation.place_prior import with_place

SIZE = 16
BAND = torch.zeros(SIZE, SIZE)
"""A thin band of four rows, none of which the cases are sure of: they have two of them each."""
BAND[6:10] = 0.5
BAND[6], BAND[9] = 0.45, 0.4


def seen(rows: slice | None) -> torch.Tensor:
    """Logits of a network that sees some rows of the band, and has its doubts about all other pixels."""
    logits = torch.full((SIZE, SIZE), -4.0)
    logits[6:10] = -3.0
    if rows is not None:
        logits[rows] = 2.0
    return logits


def test_log_odds_are_added_by_their_weight_and_held_where_a_handful_of_masks_is_sure() -> None:
    known = torch.tensor([[0.0, 0.5], [0.75, 1.0]])
    logits = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    odds = torch.tensor([[0.05, 0.5], [0.75, 0.95]]).logit()
    assert torch.allclose(with_place(logits, known, 2.0, 0.0), logits + 2 * odds)


@pytest.mark.parametrize("known", [None, BAND])
def test_nothing_known_or_no_weight_leaves_the_network_alone(known: torch.Tensor | None) -> None:
    logits = seen(None)
    assert with_place(logits, known, 0.0 if known is not None else 2.0, 1.0) is logits


def test_where_the_network_sees_nothing_as_many_pixels_are_in_as_the_cases_have() -> None:
    assert not (with_place(seen(None), BAND, 2.0, 0.0) > 0).any()
    found = with_place(seen(None), BAND, 2.0, 1.0)
    wanted = round(float(BAND.sum()))
    assert (found > 0).sum() < wanted <= (found >= 0).sum()
    # Those of which the cases are surest, none beside the band.
    assert (found[7:9] >= 0).all() and (found[:6] < 0).all() and (found[10:] < 0).all()


def test_all_are_raised_alike_by_as_much_as_the_cases_are_believed() -> None:
    alone = with_place(seen(None), BAND, 2.0, 0.0)
    raised = [with_place(seen(None), BAND, 2.0, believed) - alone for believed in (0.5, 1.0)]
    for one in raised:
        assert torch.allclose(one, one[0, 0].expand_as(one)) and one[0, 0] > 0
    assert raised[0][0, 0] == pytest.approx(float(raised[1][0, 0]) / 2)


def test_a_network_that_sees_half_of_it_is_left_alone() -> None:
    for rows, changed in ((slice(7, 8), False), (slice(6, 10), False), (None, True)):
        found, alone = with_place(seen(rows), BAND, 2.0, 1.0), with_place(seen(rows), BAND, 2.0, 0.0)
        assert torch.equal(found, alone) is not changed


def test_where_more_is_in_already_nothing_is_lowered() -> None:
    logits = torch.full((SIZE, SIZE), -0.1)
    known = torch.full((SIZE, SIZE), 0.6)
    alone = with_place(logits, known, 2.0, 0.0)
    assert (alone > 0).all() and torch.equal(with_place(logits, known, 2.0, 1.0), alone)


@pytest.mark.parametrize("known", [torch.zeros(SIZE, SIZE), torch.ones(SIZE, SIZE)])
def test_none_or_all_of_a_view_raises_nothing(known: torch.Tensor) -> None:
    assert torch.equal(with_place(seen(None), known, 2.0, 1.0), with_place(seen(None), known, 2.0, 0.0))
