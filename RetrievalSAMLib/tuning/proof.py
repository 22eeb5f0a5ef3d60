"""Whether a change is better beyond noise: paired over patients, and corrected for how many changes were tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import stdtr

PROVABLE_PATIENTS = 3
"""Of fewer nothing is claimed."""

_CHANCE = 0.05
"""That a tuning changes anything at all where nothing is better."""

LEAST_GAIN = 0.002
"""Mean Dice that a change has to bring: less nobody would see."""

_HARM = 0.005
"""Mean Dice that no segment may lose for the gain of others."""


def standard_error(gains: Sequence[float]) -> float:
    """Of the mean of two gains or more."""
    return float(np.std(gains, ddof=1) / np.sqrt(len(gains)))


def beyond_noise(gains: Sequence[float], tried: int, least: float = LEAST_GAIN) -> bool:
    """Whether gains, one a patient, are not the luck of one change among many.

    One-sided paired t test at 5 %, divided by the changes that were tried (Bonferroni).

    Args:
        gains: By patient, the better less the worse.
        tried: Changes among which this one is.
        least: That the mean has to be.
    """
    mean = float(np.mean(gains)) if gains else 0.0
    if len(gains) < PROVABLE_PATIENTS or mean < least or mean <= 0:
        return False
    error = standard_error(gains)
    if error == 0:
        return True
    by_chance = float(stdtr(len(gains) - 1, -mean / error))
    return by_chance < _CHANCE / tried


def worth_going_on(gains: Sequence[float], patients: int) -> bool:
    """Whether a change is tried on the other patients too: not where the first half, at least three, has not gained.

    That never lets a change through that would be refused at the end.

    Args:
        gains: Of the patients so far.
        patients: All of them.
    """
    enough = max(PROVABLE_PATIENTS, -(-patients // 2))
    return len(gains) < enough or float(np.mean(gains)) > 0


def harmed(before: Sequence[Mapping[int, float]], after: Sequence[Mapping[int, float]]) -> bool:
    """Whether any segment loses.

    Args:
        before: By case, by value of a segment, the Dice.
        after: The same cases.
    """
    losses: dict[int, list[float]] = {}
    for one, other in zip(before, after, strict=True):
        for value, dice in one.items():
            losses.setdefault(value, []).append(dice - other[value])
    return any(float(np.mean(of_segment)) > _HARM for of_segment in losses.values())
