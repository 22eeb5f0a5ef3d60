"""How the results that drew on a case's slices compare with those that did not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

import msgspec
import numpy as np

from .leave_one_out import LeftOut

_LEAST_SLICES = 12
_CORRELATION, _DIFFERENCE = -0.3, 0.1


class Influence(msgspec.Struct, frozen=True):
    """What leave-one-out tells of a case as a support.

    Over all slices and segments of the other cases in which truth or prediction is not empty, x is the part of the
    support slices that came from this case, and y the Dice of that slice and segment less the mean Dice of that
    segment in these cases (so that a difficult segment does not blame the cases that have it). Cases that are drawn
    wrong themselves, as far as that is known, are left out: the good ones that they drew on are not to blame.

    Attributes:
        slices: How many slices and segments drew on this case (x > 0).
        correlation: Pearson's, of x and y; below 0 where results are worse the more they drew on the case. None where
            there are too few, or x or y does not vary. It shows association alone: the other cases may look odd
            themselves, and a case that all results draw on alike shows none.
        with_it: Mean y weighted by x; None with the correlation.
        without_it: Mean y weighted by 1 - x; None with the correlation.
    """

    slices: int
    correlation: float | None
    with_it: float | None
    without_it: float | None

    @property
    def hurts(self) -> bool:
        """Whether the figures say so clearly."""
        if self.correlation is None or self.with_it is None or self.without_it is None:
            return False
        return self.correlation <= _CORRELATION and self.with_it <= self.without_it - _DIFFERENCE


def influences(results: Sequence[LeftOut], doubtful: Collection[str] = ()) -> dict[str, Influence]:
    """By name of a case, its influence on the others.

    Args:
        results: Of every case that was left out.
        doubtful: Names of cases whose own masks are in doubt.
    """
    sound = [result for result in results if result.name not in doubtful]
    return {case.name: _influence(case.name, sound) for case in results}


def _influence(name: str, results: Sequence[LeftOut]) -> Influence:
    scores = [score for result in results if result.name != name for score in result.scores]
    by_segment: dict[int, list[float]] = defaultdict(list)
    for score in scores:
        by_segment[score.value].append(score.dice)
    usual = {value: float(np.mean(found)) for value, found in by_segment.items()}
    shares = np.array([score.shares.get(name, 0.0) for score in scores])
    above = np.array([score.dice - usual[score.value] for score in scores])
    drew = int(np.count_nonzero(shares))
    if drew < _LEAST_SLICES or shares.std() < 1e-6 or above.std() < 1e-6:
        return Influence(drew, None, None, None)
    return Influence(
        drew,
        round(float(np.corrcoef(shares, above)[0, 1]), 3),
        round(float(np.average(above, weights=shares)), 4),
        round(float(np.average(above, weights=1 - shares)), 4),
    )
