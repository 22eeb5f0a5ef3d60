"""What confidence is worked out with: curves from what speaks for a mask to the Dice that it may expect."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec


@dataclass(frozen=True)
class Evidence:
    """What speaks for one segment on one slice.

    Attributes:
        found: Whether it was found there.
        values: By name; None where there is nothing to tell.
    """

    found: bool
    values: Mapping[str, float | None]


class Term(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a value adds to the log odds: ``weight`` (value - ``mean``)."""

    weight: float
    mean: float


class Curve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Expected Dice = 1 / (1 + exp(-``bias`` - the terms)); a value that is not known adds nothing."""

    bias: float
    terms: dict[str, Term]

    def expected(self, values: Mapping[str, float | None]) -> float:
        """Expected Dice, in [0, 1]."""
        known = ((term, values[name]) for name, term in self.terms.items())
        odds = self.bias + sum(term.weight * (value - term.mean) for term, value in known if value is not None)
        return 1 / (1 + math.exp(-min(max(odds, -30.0), 30.0)))


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two curves, fitted by `training.calibrate` or, on a library's cases, by `tuning.confidence`.

    Attributes:
        segmenter: SHA-256 of the weights whose masks it was fitted on.
        found: Where the segment was found.
        absent: Where it was not: the expected Dice is then the probability that it is not there.
        fitted_on: Pairs of slice and segment by set.
    """

    segmenter: str
    found: Curve
    absent: Curve
    fitted_on: dict[str, int]

    def expected(self, evidence: Evidence) -> float:
        """Expected Dice of a segment on a slice, in [0, 1]; that of two empty masks is 1."""
        return (self.found if evidence.found else self.absent).expected(evidence.values)
