"""Confidence: from signs to an expected Dice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from RetrievalSAMLib.models import catalogue
from RetrievalSAMLib.models.build import build_segmenter
from RetrievalSAMLib.retrieval.index import SliceRetrieval, Support
from RetrievalSAMLib.segmentation.confidence.calibration import (
    calibration,
    evidence_of_slices,
    expected_volume_dice,
)
from RetrievalSAMLib.segmentation.confidence.quality_features import Halves, Signs, halves_of, signs_of, soft_dice
from RetrievalSAMLib.segmentation.confidence.support_agreement import slices_to_check, split_by_case
from RetrievalSAMLib.segmentation.settings.confidence_curves import Curve, Evidence, Term

GOOD = Signs(0.95, 0.95, 0.9, 300.0, 0.95, 0.9, 0.95, 0.9, 0.9, 320, Halves(0.95, 0.97))
BAD = Signs(0.55, 0.5, 0.2, 40.0, 0.4, 0.2, 0.6, 0.1, 0.1, 30, Halves(0.2, 0.3))
NOTHING = Signs(0.02, 0.0, 0.0, 0.0)
UNSURE = Signs(0.48, 0.6, 0.6, 60.0, 0.3, 0.3, 0.0, 0.0, 0.0, 0)


def blocks(*rows: bool) -> np.ndarray:
    masks = np.zeros((len(rows), 8, 8), dtype=bool)
    masks[np.array(rows), 2:6, 2:6] = True
    return masks


def told(signs: list[Signs], masks: np.ndarray) -> list[float]:
    areas = {index: 16.0 * bool(masks[index].any()) for index in range(len(masks))}
    evidence = evidence_of_slices(dict(enumerate(signs)), masks, areas)
    return [calibration().expected(evidence[index]) for index in range(len(signs))]


def test_the_calibration_belongs_to_the_bundled_weights() -> None:
    assert calibration().segmenter == build_segmenter(catalogue.BUNDLED).sha256
    assert sum(calibration().fitted_on.values()) > 1000


def test_signs_that_agree_give_more_confidence_than_signs_that_do_not() -> None:
    good, bad = told([GOOD, BAD], blocks(True, True))
    assert 0 < bad < 0.5 < good < 1


def test_an_absent_segment_is_surer_where_nothing_speaks_for_it() -> None:
    nothing, unsure = told([NOTHING, UNSURE], blocks(False, False))
    assert nothing > 0.95 > unsure


def test_what_is_not_known_neither_adds_nor_takes() -> None:
    curve = Curve(0.5, {"a": Term(2.0, 0.3), "b": Term(-1.0, 0.7)})
    assert curve.expected({"a": None, "b": 0.7}) == curve.expected({"a": 0.3, "b": None})
    assert curve.expected({"a": 0.3, "b": 0.7}) == pytest.approx(1 / (1 + np.exp(-0.5)))
    assert curve.expected({"a": 1000.0, "b": 0.7}) == pytest.approx(1.0)


def test_a_slice_takes_what_two_looks_said_on_the_nearest_slice() -> None:
    signs = [replace(GOOD, halves=None) for _ in range(5)]
    signs[1], signs[4] = replace(GOOD, halves=Halves(0.9, 0.8)), replace(GOOD, halves=Halves(0.1, 0.2))
    evidence = evidence_of_slices(dict(enumerate(signs)), blocks(*[True] * 5), dict.fromkeys(range(5), 1.0))
    assert [evidence[index].values["halves_alike"] for index in range(5)] == [0.9, 0.9, 0.9, 0.1, 0.1]
    none = evidence_of_slices({0: replace(GOOD, halves=None)}, blocks(True), {0: 1.0})
    assert none[0] == Evidence(True, none[0].values) and none[0].values["halves_alike"] is None


def test_a_mask_unlike_those_beside_it_is_told() -> None:
    masks = blocks(True, True, True)
    masks[1] = np.roll(masks[1], 4, axis=1)
    evidence = evidence_of_slices(dict.fromkeys(range(3), GOOD), masks, dict.fromkeys(range(3), 1.0))
    assert evidence[1].values["beside"] == 0.0


def test_expected_dice_of_a_volume_weighs_slices_by_their_area() -> None:
    assert expected_volume_dice({0: 0.9, 1: 0.1}, {0: 300.0, 1: 100.0}) == pytest.approx(0.7)
    assert expected_volume_dice({0: 0.9, 1: 0.6}, {0: 0.0, 1: 0.0}) == 0.6
    assert expected_volume_dice({}, {}) == 0.0


def test_signs_of_a_sharp_mask_where_the_cases_have_theirs() -> None:
    mask = torch.zeros(16, 16)
    mask[4:12, 4:12] = 1
    logits = (mask * 2 - 1) * 8
    at_place = signs_of(0.9, 0.8, mask, (logits, 3.0, 0.9), logits, None)
    assert at_place.mask_place == pytest.approx(1) and at_place.sharpness > 0.99 and at_place.pixels == 64
    elsewhere = signs_of(0.9, 0.8, mask.roll(8, 0), (logits, 3.0, 0.9), logits, None)
    assert elsewhere.mask_place == 0.0
    vague = signs_of(0.9, 0.8, mask, (logits / 40, 3.0, 0.9), logits / 40, None)
    assert vague.sharpness < 0.8
    unasked = signs_of(0.2, 0.2, None, None, None, None)
    assert unasked == Signs(0.2, 0.2, 0.2, 0.0)


def test_halves_that_agree_and_halves_that_do_not() -> None:
    mask = torch.zeros(16, 16)
    mask[4:12, 4:12] = 1
    logits = (mask * 2 - 1) * 8
    same, other = halves_of(logits, logits, logits), halves_of(logits, logits.roll(8, 1), logits)
    assert same.alike > 0.99 and same.with_mask == pytest.approx(1)
    assert other.alike < 0.05 and other.with_mask == pytest.approx(0.5)
    assert soft_dice(torch.zeros(2, 2), torch.zeros(2, 2)) == 0.0


def test_halves_of_the_supports_come_from_different_cases_where_there_are_several() -> None:
    assert split_by_case([3, 5, 3, 7, 5]) == ([0, 2, 3], [1, 4])
    assert split_by_case([3, 3, 3]) == ([0, 2], [1])


def test_few_slices_spread_over_a_segment_are_looked_at_twice() -> None:
    def one(presence: float, area: float) -> SliceRetrieval:
        return SliceRetrieval((Support(0, 0, 0.9), Support(1, 0, 0.9)), presence, area)

    rows = [[one(float(2 <= i < 14), 10.0 * (2 <= i < 14)), one(0.0, 0.0)] for i in range(16)]
    first, never = slices_to_check(rows)
    assert never == frozenset() and len(first) == 3
    assert all(2 <= i < 14 for i in first) and max(first) - min(first) >= 6
