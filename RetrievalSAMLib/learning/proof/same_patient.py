"""Cases that show one patient under two names: a follow-up, another phase of the heart, a repeated series.

What is fine in an image (skin folds, vessels, the pattern of bone) is a person's own, what is coarse is everybody's. Of
pairs of different people on grids of one size the fine parts correlated by 0.34 at most (templates of fetal brains;
hippocampi, heads and limbs less), of the same person bent by some voxels, with other noise, by 0.52 at least.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ...volumes import SliceStack

_ONE_PERSON = 0.45
"""Correlation of the fine parts from which on two images may be one person's."""

_ABOVE_OTHERS = 0.15
"""By so much it has to be above that of most pairs on this grid: images in a template's space are all alike."""

_MOST = 96
"""Pixels along the longer side of a slice: finer than that is noise."""

_SLICES = 24
"""At most, evenly spaced: enough to know somebody by, and a large library fits into memory."""

_COARSE_PIXELS = 2.0
"""Sigma of what is taken to be coarse."""

_PAIRS = 3
"""From which on there is a usual correlation."""


@dataclass(frozen=True)
class FineDetail:
    """What is fine in an image.

    Attributes:
        grid: Size and spacing: images of one patient's visits are looked at on the same grid only.
        values: float16 (n, h, w), of mean 0 and standard deviation 1; all 0 where nothing is fine.
    """

    grid: tuple[tuple[int, ...], tuple[float, ...]]
    values: np.ndarray

    def correlation(self, other: FineDetail) -> float:
        """With one on the same grid."""
        return float(np.mean(self.values.astype(np.float32) * other.values.astype(np.float32)))


def fine_detail(stack: SliceStack) -> FineDetail:
    """That of a stack."""
    shrink = max(1, int(np.ceil(max(stack.frame.shape[1:]) / _MOST)))
    chosen = np.unique(np.linspace(0, len(stack) - 1, _SLICES).round().astype(int))
    values = np.stack([_shrunk(stack.image(int(index)), shrink) for index in chosen])
    values -= ndimage.gaussian_filter(values, (0, _COARSE_PIXELS, _COARSE_PIXELS))
    values -= values.mean()
    values /= values.std() or 1.0
    spacing = (stack.frame.slice_spacing_mm, *stack.spacing_mm)
    return FineDetail((stack.frame.shape, tuple(round(float(mm), 3) for mm in spacing)), values.astype(np.float16))


def same_patient_pairs(details: Mapping[str, FineDetail]) -> list[tuple[str, str]]:
    """Keys of images that show one person."""
    by_grid: dict[object, dict[tuple[str, str], float]] = {}
    for (one, first), (other, second) in itertools.combinations(sorted(details.items()), 2):
        if first.grid == second.grid:
            by_grid.setdefault(first.grid, {})[one, other] = first.correlation(second)
    found = []
    for alike in by_grid.values():
        usual = float(np.median(list(alike.values()))) if len(alike) >= _PAIRS else 0.0
        found += [pair for pair, own in alike.items() if own >= max(_ONE_PERSON, usual + _ABOVE_OTHERS)]
    return sorted(found)


def _shrunk(image: np.ndarray, by: int) -> np.ndarray:
    rows, columns = (side // by * by for side in image.shape)
    blocks = image[:rows, :columns].astype(np.float32).reshape(rows // by, by, columns // by, by)
    means: np.ndarray = blocks.mean(axis=(1, 3))
    return means
