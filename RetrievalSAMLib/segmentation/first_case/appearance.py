"""How a structure looks beside what surrounds it, learnt from the drawn slices alone.

A Gaussian for the inside and one for a ring around it, over the intensity and two smoothed ones (quadratic discriminant
analysis; Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, section 4.3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

_SMOOTH_MM = (1.5, 4.0)
_RING_MM = 15.0
_LEAST_CELLS = 8
_REGULAR = 1e-4
_SUREST = 3.0
"""Log odds that no intensity exceeds."""


def features(image: np.ndarray, cell_mm: float) -> np.ndarray:
    """Intensity and smoothed intensities, float (s, s, 3), of a slice in cells, float (s, s) in [0, 1]."""
    smoothed = [ndimage.gaussian_filter(image, min(mm / cell_mm, len(image) / 8)) for mm in _SMOOTH_MM]
    return np.stack([image, *smoothed], axis=-1)


@dataclass(frozen=True)
class _Normal:
    mean: np.ndarray
    inverse: np.ndarray
    log_determinant: float

    @classmethod
    def of(cls, values: np.ndarray) -> _Normal:
        covariance = np.cov(values.T) + _REGULAR * np.eye(values.shape[1])
        return cls(values.mean(axis=0), np.linalg.inv(covariance), float(np.linalg.slogdet(covariance)[1]))

    def log_density(self, values: np.ndarray) -> np.ndarray:
        away = values - self.mean
        found: np.ndarray = -0.5 * (np.einsum("...i,ij,...j", away, self.inverse, away) + self.log_determinant)
        return found


@dataclass(frozen=True)
class Appearance:
    """Inside and outside of one structure."""

    inside: _Normal
    outside: _Normal

    @classmethod
    def learnt(cls, slices: list[tuple[np.ndarray, np.ndarray]]) -> Appearance | None:
        """From drawn slices; None where they hold too few cells.

        Args:
            slices: Of each its features (s, s, 3) and its cells' distances to the outline in mm, positive inside.
        """
        inside = np.concatenate([values[distance > 0] for values, distance in slices])
        outside = np.concatenate([values[(distance < 0) & (distance > -_RING_MM)] for values, distance in slices])
        if min(len(inside), len(outside)) < _LEAST_CELLS:
            return None
        return cls(_Normal.of(inside), _Normal.of(outside))

    def log_odds(self, values: np.ndarray) -> np.ndarray:
        """That cells belong to the structure by what they look like, float (s, s)."""
        found: np.ndarray = np.clip(
            self.inside.log_density(values) - self.outside.log_density(values), -_SUREST, _SUREST
        )
        return found
