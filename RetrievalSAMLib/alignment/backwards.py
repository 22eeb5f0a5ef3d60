"""Whether an image fits a case better with its slices in the reverse order."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .affine import align
from .images import SmallImage

_WORTH_A_LOOK = 0.1
"""Gain from which on a turned body is tried as well."""

_TURNED = 0.2
"""By so much a turned body has to fit better than the reverse order alone, to be taken for one."""

_HALF_TURNS = ((0, 1), (0, 2), (1, 2))

_BELIEVED = 0.45
"""Correlation below which images do not fit in any order."""

_MOST = 0.999
"""Larger ones would be infinite in Fisher's measure."""


@dataclass(frozen=True)
class BackwardsFit:
    """Correlations of a target and a case after registration.

    Attributes:
        usual: With the slices in the order of the headers.
        backwards: In the reverse order.
        turned: With two of slices, rows and columns reversed: a body that is only turned by 180 degrees. -1 where the
            reverse order alone does not fit better.
    """

    usual: float
    backwards: float
    turned: float = -1.0

    @property
    def gain(self) -> float:
        """By how much the reverse order fits better; at most 0 where a turned body fits better still, or nothing does.

        In Fisher's measure of correlations (artanh), in which what is nearly alike is told apart as well as what is
        little alike. A mirrored body and a turned one differ in what is left and right, or front and back. Where these
        are alike, the ends of the stack alone speak for the reverse order, and sides stay as the header tells.
        """
        usual, backwards, turned = np.arctanh(np.clip([self.usual, self.backwards, self.turned], -_MOST, _MOST))
        gain = float(backwards - usual)
        speaks = self.backwards >= _BELIEVED and turned < backwards + _TURNED
        return gain if speaks else min(gain, 0.0)


def backwards_fit(target: SmallImage, case: SmallImage) -> BackwardsFit:
    """Register a case with a target as it is, and with the target's slices in the reverse order."""
    fit = BackwardsFit(align(target, case).similarity, align(target.reversed((0,)), case).similarity)
    if fit.gain < _WORTH_A_LOOK:
        return fit
    return replace(fit, turned=max(align(target.reversed(axes), case).similarity for axes in _HALF_TURNS))
