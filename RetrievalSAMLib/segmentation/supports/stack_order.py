"""Whether the slices of a target, or of some cases, run the other way than their headers tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

IN_ORDER = 0.05
"""Agreement of the slices' order (`retrieval.slice_order`) from which on nobody asks further: on volumes with true
headers it is 0.05 to 0.46 for hippocampi, necks and most trunks, and around 0 for hearts of a dozen slices."""

_GAIN, _GAIN_OF_FEW = 0.15, 0.35
"""By so much the reverse order has to fit better (`BackwardsFit.gain`) in the mean of the cases asked: of a stack with
many slices, and of one with few, which tell little. The true order fits better by 0.17 to 1.1 in trunks, heads, necks
and brains with true headers, and by -0.1 to 0.2 in hearts."""

_FEW_SLICES = 16

_OF_ONE = 2.0
"""A single case is believed to differ from the others from so many times that gain on."""


@dataclass(frozen=True)
class StackOrder:
    """In which order slices are taken.

    Attributes:
        backwards: Numbers of the cases whose slices are taken in the reverse order, so that they run as the target's.
        of_target: Whether it is the target's slices that seem to run the other way: then nearly all cases are in
            `backwards`.
    """

    backwards: frozenset[int] = frozenset()
    of_target: bool = False

    @property
    def odd_cases(self) -> frozenset[int]:
        """Cases whose own headers seem to be wrong."""
        return frozenset() if self.of_target else self.backwards


def speaks(gains: Mapping[int, float]) -> bool:
    """Whether the reverse order fits any case so much better that others should be asked."""
    return any(gain >= _GAIN for gain in gains.values())


def stack_order(gains: Mapping[int, float], slices: int, cases: int) -> StackOrder:
    """What follows from how well the reverse order fits.

    The target is taken to run the other way where the reverse order fits clearly better in the mean of the cases, and
    for more than half of them; a single case where it fits far better for this one, and not for the target.

    Args:
        gains: By number of the case, how much better the reverse order fits it (`BackwardsFit.gain`).
        slices: Of the stack that has fewest.
        cases: Of the run, whose numbers are those below this.
    """
    if not gains:
        return StackOrder()
    least = _GAIN_OF_FEW if slices < _FEW_SLICES else _GAIN
    found = {number for number, gain in gains.items() if gain > 0}
    if 2 * len(found) > len(gains) and float(np.mean(list(gains.values()))) >= least:
        as_it_is = {number for number, gain in gains.items() if gain <= -_OF_ONE * least}
        return StackOrder(frozenset(range(cases)) - as_it_is, of_target=True)
    return StackOrder(frozenset(number for number in found if gains[number] >= _OF_ONE * least))
