"""Confidence fitted to a model: two numbers a curve, so that a handful of cases suffices.

A curve of the bundled model gives log odds; of another model's masks these are too high or too low, and rise too fast
or too slowly. So the log odds are scaled and shifted (Platt 1999, with fractions as answers: Papke and Wooldridge
1996), once for slices where a segment was found and once for the others. Which signs say how much stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from scipy.optimize import minimize

from ..segmentation.settings.confidence_curves import Calibration, Curve, Term
from .proof import beyond_noise, standard_error
from .trial import JudgedSlice

_PENALTY = 1e-3
"""On the squares of what differs from the bundled model's curve: it counts where nothing else does."""


class ConfidenceProof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What cross-validation says of confidence.

    Attributes:
        slices: Segments on slices, all together.
        usual: Mean cross-entropy (nats) of Dice and expected Dice with the usual curves, on patients that these were
            not fitted to.
        fitted: The same with curves fitted to the other patients.
        error: Standard error of the difference.
        kept: Whether that is better beyond noise.
    """

    slices: int
    usual: float
    fitted: float
    error: float
    kept: bool


def fit_confidence(
    by_patient: Mapping[str, Sequence[JudgedSlice]], usual: Calibration, segmenter: str
) -> tuple[Calibration | None, ConfidenceProof]:
    """Curves for a model, where they are better on patients that they have not seen.

    Args:
        by_patient: All that was judged, by patient; at least two.
        usual: The bundled model's.
        segmenter: SHA-256 of the weights that made the masks.

    Returns:
        The curves fitted to all patients, None where the usual ones stay; and the proof.
    """
    before, after = [], []
    for patient, unseen in by_patient.items():
        seen = [slices for other, slices in by_patient.items() if other != patient]
        before.append(_loss(usual, unseen))
        after.append(_loss(_fitted(seen, usual, segmenter), unseen))
    gains = [one - other for one, other in zip(before, after, strict=True)]
    kept = beyond_noise(gains, tried=1, least=0.0)
    slices = sum(len(of) for of in by_patient.values())
    proof = ConfidenceProof(
        slices,
        round(float(np.mean(before)), 4),
        round(float(np.mean(after)), 4),
        round(standard_error(gains), 4),
        kept,
    )
    return (_fitted(list(by_patient.values()), usual, segmenter) if kept else None), proof


def _fitted(patients: Sequence[Sequence[JudgedSlice]], usual: Calibration, segmenter: str) -> Calibration:
    count = sum(len(slices) for slices in patients)
    return Calibration(
        segmenter,
        _scaled(usual.found, [[one for one in slices if one.found] for slices in patients]),
        _scaled(usual.absent, [[one for one in slices if not one.found] for slices in patients]),
        {"library": count},
    )


def _scaled(curve: Curve, patients: Sequence[Sequence[JudgedSlice]]) -> Curve:
    """A curve whose log odds are scaled and shifted to fit; every patient counts alike."""
    told = [slices for slices in patients if slices]
    if not told:
        return curve
    odds = np.array([_odds(curve, one) for slices in told for one in slices])
    answers = np.array([one.dice for slices in told for one in slices])
    weights = np.concatenate([np.full(len(slices), 1 / (len(slices) * len(told))) for slices in told])

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        shift, scale = parameters
        own = shift + scale * odds
        cost = weights @ (np.logaddexp(0, own) - answers * own)
        error = weights * (1 / (1 + np.exp(-own)) - answers)
        slope = np.array([error.sum() + 2 * _PENALTY * shift, error @ odds + 2 * _PENALTY * (scale - 1)])
        return float(cost + _PENALTY * (shift**2 + (scale - 1) ** 2)), slope

    # A sign that speaks for the bundled model's masks never speaks against another one's.
    best = minimize(loss, np.array([0.0, 1.0]), jac=True, method="L-BFGS-B", bounds=((None, None), (0.0, None))).x
    shift, scale = float(best[0]), float(best[1])
    terms = {name: Term(round(scale * term.weight, 4), term.mean) for name, term in curve.terms.items()}
    return Curve(round(shift + scale * curve.bias, 4), terms)


def _odds(curve: Curve, one: JudgedSlice) -> float:
    expected = min(max(curve.expected(one.values), 1e-6), 1 - 1e-6)
    return float(np.log(expected / (1 - expected)))


def _loss(calibration: Calibration, slices: Sequence[JudgedSlice]) -> float:
    """Cross-entropy, the mean of that of slices where something was found and that of the others."""
    means = []
    for found, curve in ((True, calibration.found), (False, calibration.absent)):
        of_kind = [one for one in slices if one.found is found]
        if of_kind:
            odds = np.array([_odds(curve, one) for one in of_kind])
            means.append(float(np.mean(np.logaddexp(0, odds) - np.array([one.dice for one in of_kind]) * odds)))
    return float(np.mean(means)) if means else 0.0
