"""A small image with its label map, on an anisotropic grid, written by SimpleITK as other programs write."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

SPACING_MM = (1.5, 1.5, 3.0)
ORIGIN_MM = (-30.0, -26.0, 12.0)


@dataclass(frozen=True)
class MadeUpCase:
    """Arrays in SimpleITK's order (k, j, i)."""

    image: np.ndarray
    labels: np.ndarray

    @classmethod
    def make(cls) -> MadeUpCase:
        """Two balls in noise."""
        k, j, i = np.indices((9, 16, 20)).astype(float)
        first = ((i - 6) / 4) ** 2 + ((j - 7) / 4) ** 2 + ((k - 4) / 3) ** 2 < 1
        second = ((i - 14) / 3) ** 2 + ((j - 9) / 4) ** 2 + ((k - 5) / 2) ** 2 < 1
        labels = np.where(first, 1, np.where(second, 2, 0)).astype(np.int16)
        noise = np.random.default_rng(0).normal(0, 5, labels.shape)
        return cls((200 + 6 * i + 300 * first + 500 * second + noise).astype(np.int16), labels)


def as_image(array: np.ndarray, origin_mm: tuple[float, float, float] = ORIGIN_MM) -> sitk.Image:
    """An array (k, j, i) on the grid of the case."""
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(SPACING_MM)
    image.SetOrigin(origin_mm)
    return image


def saved(path: Path, array: np.ndarray, *, packed: bool = False) -> Path:
    """An array (k, j, i) as a file."""
    sitk.WriteImage(as_image(array), str(path), packed)
    return path
