"""What counts as better: beyond noise, paired, corrected for what was tried, at no segment's cost."""

from __future__ import annotations

import numpy as np
import pytest

from RetrievalSAMLib.segmentation.confidence.calibration import calibration
from RetrievalSAMLib.segmentation.settings.confidence_curves import Curve
from RetrievalSAMLib.tuning.choices import TRIED
from RetrievalSAMLib.tuning.confidence import fit_confidence
from RetrievalSAMLib.tuning.proof import beyond_noise, harmed, worth_going_on
from RetrievalSAMLib.tuning.trial import JudgedSlice


def test_a_gain_that_every_patient_shows_is_beyond_noise() -> None:
    assert beyond_noise([0.050, 0.054, 0.048, 0.051], TRIED)
    assert beyond_noise([0.01] * 3, TRIED)


@pytest.mark.parametrize(
    "gains",
    [
        [],
        [0.2, 0.2],
        [0.001] * 20,
        [-0.05, -0.04, -0.06, -0.05],
        [0.3, 0.01, -0.02, 0.02],
        [0.02, 0.05, 0.01],
    ],
    ids=["nobody", "two patients", "too little to be seen", "a loss", "one patient's luck", "few and uneven"],
)
def test_anything_less_is_not(gains: list[float]) -> None:
    assert not beyond_noise(gains, TRIED)


def test_the_more_was_tried_the_more_is_asked_for() -> None:
    gains = [0.04, 0.01, 0.03, 0.02, 0.05]
    assert beyond_noise(gains, 1) and not beyond_noise(gains, 20)


def test_luck_alone_changes_hardly_any_library() -> None:
    random = np.random.default_rng(3)
    libraries = random.normal(0, 0.03, (2000, TRIED, 6))
    changed = [any(beyond_noise(list(gains), TRIED) for gains in library) for library in libraries]
    assert np.mean(changed) < 0.06


def test_a_change_that_gained_nothing_on_half_of_the_patients_is_given_up() -> None:
    assert worth_going_on([-0.1, -0.1], 8)  # too few to know
    assert worth_going_on([-0.1, -0.1, -0.1], 8)
    assert not worth_going_on([-0.1, -0.1, -0.1, 0.05], 8)
    assert worth_going_on([-0.1, 0.2, 0.1, 0.0], 8)
    assert not worth_going_on([0.0, 0.0, 0.0], 4)


def test_no_segment_pays_for_another() -> None:
    before = [{1: 0.8, 2: 0.7}, {1: 0.8}]
    assert not harmed(before, [{1: 0.9, 2: 0.698}, {1: 0.9}])
    assert harmed(before, [{1: 0.9, 2: 0.66}, {1: 0.9}])


def judged(patient: int, trustworthy: bool) -> list[JudgedSlice]:
    """Slices of a patient, whose Dice is what the usual curve lets expect, or about half of it."""
    random = np.random.default_rng(patient)
    told = []
    for _ in range(30):
        values = {name: float(random.normal(term.mean, 0.1)) for name, term in calibration().found.terms.items()}
        expected = calibration().found.expected(values)
        dice = expected if trustworthy else 0.5 * expected
        told.append(JudgedSlice(True, dict(values), float(np.clip(dice + random.normal(0, 0.03), 0, 1))))
    return told


def test_confidence_of_another_model_is_brought_to_its_dice() -> None:
    patients = {str(n): judged(n, trustworthy=False) for n in range(5)}
    curves, proof = fit_confidence(patients, calibration(), "f" * 64)
    assert curves is not None and proof.kept and proof.fitted < proof.usual
    assert curves.segmenter == "f" * 64 and curves.absent == calibration().absent
    unseen = judged(99, trustworthy=False)
    expected = np.mean([curves.found.expected(one.values) for one in unseen])
    assert expected == pytest.approx(np.mean([one.dice for one in unseen]), abs=0.02)
    assert _order(curves.found, unseen) == _order(calibration().found, unseen)


def test_confidence_that_holds_stays() -> None:
    patients = {str(n): judged(n, trustworthy=True) for n in range(5)}
    curves, proof = fit_confidence(patients, calibration(), "f" * 64)
    assert curves is None and not proof.kept


def _order(curve: Curve, slices: list[JudgedSlice]) -> list[int]:
    return np.argsort([curve.expected(one.values) for one in slices]).tolist()
