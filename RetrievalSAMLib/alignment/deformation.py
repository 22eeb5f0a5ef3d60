"""Which point of a case corresponds to which point of the target, where no affine map tells."""

from __future__ import annotations

import functools
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


_WINDOW = 3
"""Voxels each way (of the finest axis) in which target and case are compared around a place."""

_FAINT = 1e-3
"""Of the target's variance: what varies less than this around a place is taken to be uniform."""


@dataclass(frozen=True)
class Field:
    """Values on a grid of the target; beyond it they are as at its nearest voxel.

    Attributes:
        values: float32 (c, d, h, w), along slices, rows and columns.
        corner_mm: float64 (3,), outer corner of the first voxel of the grid, in stack coordinates of the target.
        spacing_mm: float64 (3,), of the grid.
    """

    values: torch.Tensor
    corner_mm: np.ndarray
    spacing_mm: np.ndarray

    def on_grid(self, places_mm: Sequence[np.ndarray]) -> torch.Tensor:
        """The values on another grid, linear between voxels.

        Args:
            places_mm: Of the grid's planes along slices, rows and columns: float (n,), (m,) and (k,), in the target.

        Returns:
            float32 (c, n, m, k).
        """
        values = self.values
        for places, corner, spacing in zip(places_mm, self.corner_mm, self.spacing_mm, strict=True):
            # The first of the three axes is taken, and comes back as the last.
            values = torch.tensordot(
                values, _between((places - corner) / spacing - 0.5, values.shape[1]), dims=([1], [0])
            )
        return values


def _between(index: np.ndarray, count: int) -> torch.Tensor:
    """Weights float32 (count, n) by which a row of so many voxels is looked up at float indices (n,)."""
    index = np.clip(index, 0, count - 1)
    below = np.minimum(index.astype(int), max(0, count - 2))
    weights = np.zeros((count, len(index)), dtype=np.float32)
    columns = np.arange(len(index))
    weights[below, columns] = 1 - (index - below)
    if count > 1:
        weights[below + 1, columns] = index - below
    return torch.from_numpy(weights)


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

    @functools.cached_property
    def displacement(self) -> Field:
        """Displacements in mm, of three channels."""
        return Field(torch.from_numpy(self.displacement_mm), self.corner_mm, self.spacing_mm)

    @functools.cached_property
    def likeness(self) -> Field:
        """Correlation of target and case in a window around each place, one channel; 0 where either is uniform."""
        here, there = (torch.from_numpy(image)[None, None] for image in (self.fixed, self.moved))
        reach = np.round(_WINDOW * self.spacing_mm.min() / self.spacing_mm).astype(int)
        faint = _FAINT * float(here.var(correction=0)) + 1e-12
        mean_here, mean_there = _window_mean(here, reach), _window_mean(there, reach)
        together = _window_mean(here * there, reach) - mean_here * mean_there
        varied = (_window_mean(here**2, reach) - mean_here**2).clamp(min=0) + faint
        varied_there = (_window_mean(there**2, reach) - mean_there**2).clamp(min=0) + faint
        return Field((together / (varied * varied_there).sqrt())[0], self.corner_mm, self.spacing_mm)

    def on_grid(self, places_mm: Sequence[np.ndarray]) -> torch.Tensor:
        """Where the points of a grid as for `Field.on_grid` lie in the case, float32 (3, n, m, k) in mm."""
        axes = [torch.as_tensor(places, dtype=torch.float32) for places in places_mm]
        points = torch.stack(torch.meshgrid(*axes, indexing="ij")) + self.displacement.on_grid(places_mm)
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
        moves = self.displacement.on_grid(sides).numpy().reshape(3, -1).T.astype(float)
        middle = points.mean(axis=0)
        around = points - middle
        spread = around.T @ around
        # Ridge regression towards no change of shape: a box of one slice tells nothing of what is across it.
        held = _HELD * np.trace(spread) / 3 * np.eye(3)
        bend = np.linalg.solve(spread + held, around.T @ (moves - moves.mean(axis=0))).T
        matrix = self.affine.matrix @ (np.eye(3) + bend)
        there = self.affine.to_case(middle + moves.mean(axis=0))
        return Alignment(matrix, there - matrix @ middle, self.similarity_in(low_mm, high_mm))


def _window_mean(image: torch.Tensor, reach: np.ndarray) -> torch.Tensor:
    """Mean over the window around each voxel of (1, 1, d, h, w); beyond its ends an image goes on as it ends."""
    for axis, one in enumerate(reach, start=2):
        width = [1, 1, 1]
        width[axis - 2] = 2 * int(one) + 1
        sides = [0] * 6
        sides[2 * (4 - axis)] = sides[2 * (4 - axis) + 1] = int(one)
        image = F.avg_pool3d(F.pad(image, sides, mode="replicate"), width, stride=1)
    return image
