"""From the slices of a volume to an expert's grid and back.

Both are boxes of voxels in the same space: mm along slices, rows and columns, from the outer corner of the volume's
first voxel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage

from ..network.plan import Three

Box = tuple[slice, slice, slice]


@dataclass(frozen=True)
class Grid:
    """Voxels with their sides along the axes of the slices.

    Attributes:
        low_mm: Outer corner of the first voxel.
        spacing_mm: Of its voxels.
        size: Their number.
    """

    low_mm: tuple[float, float, float]
    spacing_mm: tuple[float, float, float]
    size: Three

    @classmethod
    def covering(
        cls,
        low_mm: np.ndarray,
        high_mm: np.ndarray,
        spacing_mm: tuple[float, float, float],
    ) -> Grid:
        """Of this spacing, around the middle of a box, and at least as large."""
        spacing = np.array(spacing_mm)
        size = np.maximum(1, np.ceil((high_mm - low_mm) / spacing - 1e-6)).astype(int)
        low = (low_mm + high_mm) / 2 - size * spacing / 2
        return cls(_floats(low), spacing_mm, (int(size[0]), int(size[1]), int(size[2])))

    def part(self, box: Box) -> Grid:
        """Some of its voxels."""
        start = np.array([side.start for side in box])
        low = np.array(self.low_mm) + start * np.array(self.spacing_mm)
        a, b, c = (side.stop - side.start for side in box)
        return Grid(_floats(low), self.spacing_mm, (a, b, c))

    def box(self, low_mm: np.ndarray, high_mm: np.ndarray) -> Box:
        """The voxels that reach into a box; empty where it lies beside the grid."""
        spacing, origin = np.array(self.spacing_mm), np.array(self.low_mm)
        first = np.clip(np.floor((low_mm - origin) / spacing + 1e-6), 0, self.size).astype(int)
        last = np.clip(np.ceil((high_mm - origin) / spacing - 1e-6), first, self.size).astype(int)
        a, b, c = (slice(int(x), int(y)) for x, y in zip(first, last, strict=True))
        return a, b, c


def resampled(values: np.ndarray, grid: Grid, target: Grid, outside: float | None = None) -> np.ndarray:
    """Values on another grid, trilinear; where voxels are merged a Gaussian of (ratio - 1) / 2 voxels comes first.

    Args:
        values: Of any numeric dtype, (n, h, w), on ``grid``.
        grid: Theirs.
        target: The other.
        outside: What lies beyond them; the nearest value unless given.

    Returns:
        float32, of the target's size.
    """
    ratio = np.array(target.spacing_mm) / np.array(grid.spacing_mm)
    array = np.asarray(values, dtype=np.float32)
    sigma = np.maximum(0.0, (ratio - 1) / 2)
    if (sigma > 0.1).any():
        array = ndimage.gaussian_filter(array, np.where(sigma > 0.1, sigma, 0), mode="nearest", truncate=3)
    axes = []
    for axis in range(3):
        place = target.low_mm[axis] + (np.arange(target.size[axis]) + 0.5) * target.spacing_mm[axis]
        axes.append((place - grid.low_mm[axis]) / (grid.spacing_mm[axis] * grid.size[axis]) * 2 - 1)
    n, h, w = (torch.from_numpy(axis).float() for axis in axes)
    points = torch.stack(torch.meshgrid(n, h, w, indexing="ij"), dim=-1).flip(-1)[None]
    source = torch.from_numpy(np.ascontiguousarray(array))[None, None]
    result = F.grid_sample(source, points, mode="bilinear", padding_mode="border", align_corners=False)[0, 0]
    if outside is not None:
        inside = (n.abs() <= 1)[:, None, None] & (h.abs() <= 1)[None, :, None] & (w.abs() <= 1)[None, None]
        result = result.masked_fill(~inside, outside)
    found: np.ndarray = result.numpy()
    return found


def bounding_box(mask: np.ndarray) -> Box | None:
    """Of all that is true in (n, h, w); None where nothing is."""
    found = ndimage.find_objects(mask.view(np.uint8))
    return None if not found else found[0]


def voxels_mm3(grid: Grid) -> float:
    """Volume of a voxel."""
    return math.prod(grid.spacing_mm)


def _floats(values: np.ndarray) -> tuple[float, float, float]:
    a, b, c = (float(v) for v in values)
    return a, b, c
