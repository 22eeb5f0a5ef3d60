"""Which point of a case corresponds to which point of the target, where no affine map tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from .transform import Alignment

_SAMPLES = 6
"""Points along each side of a box by which an affine map is fitted to what happens in it."""

_HELD = 0.1
"""How much an affine map that is fitted to a box keeps to the one of the whole, as a part of what its points say."""


@dataclass(frozen=True)
class Deformation:
    """A map from the target's stack to a case's stack: points are displaced in the target, then mapped affinely.

    Beyond its grid points are displaced as at its nearest voxel.

    Attributes:
        affine: What the images as a whole tell; its similarity is that of the whole.
        displacement_mm: float32 (3, d, h, w), along slices, rows and columns, in the target.
        corner_mm: float64 (3,), outer corner of the first voxel of the grid, in stack coordinates of the target.
        spacing_mm: float64 (3,), of the grid.
        fixed: float32 (d, h, w), the target on the grid.
        moved: float32 (d, h, w), the case as the map lays it there.
    """

    affine: Alignment
    displacement_mm: np.ndarray
    corner_mm: np.ndarray
    spacing_mm: np.ndarray
    fixed: np.ndarray
    moved: np.ndarray

    @property
    def reach_mm(self) -> np.ndarray:
        """The longest displacement along each axis, float64 (3,)."""
        reach: np.ndarray = np.abs(self.displacement_mm).reshape(3, -1).max(axis=1).astype(float)
        return reach

    def displacement_at(self, places_mm: Sequence[np.ndarray]) -> torch.Tensor:
        """Displacements on another grid.

        Args:
            places_mm: Of the grid's planes along slices, rows and columns: float (n,), (m,) and (k,), in the target.

        Returns:
            float32 (3, n, m, k) in mm.
        """
        axes = [
            torch.as_tensor(2 * (places - corner) / (spacing * count) - 1, dtype=torch.float32)
            for places, corner, spacing, count in zip(
                places_mm, self.corner_mm, self.spacing_mm, self.fixed.shape, strict=True
            )
        ]
        grid = torch.stack(torch.meshgrid(*axes, indexing="ij")[::-1], dim=-1)
        field = torch.from_numpy(self.displacement_mm)[None]
        return F.grid_sample(field, grid[None], mode="bilinear", padding_mode="border", align_corners=False)[0]

    def on_grid(self, places_mm: Sequence[np.ndarray]) -> torch.Tensor:
        """Where the points of a grid as for `displacement_at` lie in the case, float32 (3, n, m, k) in mm."""
        axes = [torch.as_tensor(places, dtype=torch.float32) for places in places_mm]
        points = torch.stack(torch.meshgrid(*axes, indexing="ij")) + self.displacement_at(places_mm)
        matrix = torch.as_tensor(self.affine.matrix, dtype=torch.float32)
        offset = torch.as_tensor(self.affine.offset_mm, dtype=torch.float32)
        return torch.tensordot(matrix, points, dims=1) + offset[:, None, None, None]

    def similarity_in(self, low_mm: np.ndarray, high_mm: np.ndarray) -> float:
        """Correlation of target and case in a box of the target; 0 where either is uniform or the box lies outside."""
        first = np.clip(np.floor((low_mm - self.corner_mm) / self.spacing_mm).astype(int), 0, self.fixed.shape)
        last = np.clip(np.ceil((high_mm - self.corner_mm) / self.spacing_mm).astype(int), first, self.fixed.shape)
        box = tuple(slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
        here, there = (image[box].ravel().astype(float) for image in (self.fixed, self.moved))
        if not here.size:
            return 0.0
        here, there = here - here.mean(), there - there.mean()
        scale = float(np.sqrt((here**2).sum() * (there**2).sum()))
        return float(here @ there) / scale if scale > 1e-9 else 0.0

    def near(self, low_mm: np.ndarray, high_mm: np.ndarray) -> Alignment:
        """The affine map that comes nearest to it in a box of the target, with the similarity there."""
        sides = [
            low + (np.arange(_SAMPLES) + 0.5) / _SAMPLES * (high - low)
            for low, high in zip(low_mm, high_mm, strict=True)
        ]
        points = np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, 3)
        moves = self.displacement_at(sides).numpy().reshape(3, -1).T.astype(float)
        middle = points.mean(axis=0)
        around = points - middle
        spread = around.T @ around
        # Ridge regression towards no change of shape: a box of one slice tells nothing of what is across it.
        held = _HELD * np.trace(spread) / 3 * np.eye(3)
        bend = np.linalg.solve(spread + held, around.T @ (moves - moves.mean(axis=0))).T
        matrix = self.affine.matrix @ (np.eye(3) + bend)
        there = self.affine.to_case(middle + moves.mean(axis=0))
        return Alignment(matrix, there - matrix @ middle, self.similarity_in(low_mm, high_mm))
