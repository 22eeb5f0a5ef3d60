"""From the pixels of a slice to the square input of a model, and back, at a known scale in mm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F

from ..stages import RESAMPLING, timed
from ..volumes import SliceStack


@dataclass(frozen=True)
class Window:
    """A rectangle of a slice that fills a model's square input.

    Slices of different grids shown through windows of one size have one scale in mm per pixel.

    Attributes:
        centre_mm: (row, column) of its centre, from the outer corner of pixel (0, 0).
        side_mm: (height, width); equal but for the published preset, which squashes.
    """

    centre_mm: tuple[float, float]
    side_mm: tuple[float, float]

    @classmethod
    def around(cls, stack: SliceStack, side_mm: float | None = None) -> Window:
        """A square around the middle of a stack's slices, by default just large enough for all of them."""
        height, width = stack.extent_mm
        side = max(height, width) if side_mm is None else side_mm
        return cls((height / 2, width / 2), (side, side))

    @classmethod
    def squashed(cls, extent_mm: tuple[float, float]) -> Window:
        """The whole of a slice of this height and width: rows and columns get scales of their own."""
        height, width = extent_mm
        return cls((height / 2, width / 2), (height, width))

    @timed(RESAMPLING)
    def to_input(self, slices: torch.Tensor, spacing_mm: tuple[float, float], size: int) -> torch.Tensor:
        """Slices as the model sees them; 0 outside the slice.

        Where pixels are merged, a Gaussian of (ratio - 1) / 2 pixels comes first, so that nothing aliases.

        Args:
            slices: float (b, h, w).
            spacing_mm: Between rows, between columns.
            size: S, pixels a side.

        Returns:
            float (b, S, S).
        """
        ratios = [side / size / spacing for side, spacing in zip(self.side_mm, spacing_mm, strict=True)]
        images = _blur(slices[:, None], [max(0.0, (ratio - 1) / 2) for ratio in ratios])
        axes = []
        for axis in (0, 1):
            start = self.centre_mm[axis] - self.side_mm[axis] / 2
            place = start + (torch.arange(size, dtype=torch.float64) + 0.5) * self.side_mm[axis] / size
            axes.append(place / (spacing_mm[axis] * slices.shape[1 + axis]) * 2 - 1)
        return _sample(images, axes, "zeros")[:, 0]

    @timed(RESAMPLING)
    def to_slice(
        self, values: torch.Tensor, shape: tuple[int, int], spacing_mm: tuple[float, float], outside: float
    ) -> torch.Tensor:
        """Values on the model's square, at the pixels of the slice.

        Args:
            values: float (b, s, s), at any resolution.
            shape: (h, w) of the slice.
            spacing_mm: Between its rows, between its columns.
            outside: What pixels beyond the window get.

        Returns:
            float (b, h, w).
        """
        axes, inside = [], []
        for axis in (0, 1):
            place = (torch.arange(shape[axis], dtype=torch.float64) + 0.5) * spacing_mm[axis]
            relative = (place - self.centre_mm[axis]) / (self.side_mm[axis] / 2)
            axes.append(relative)
            inside.append(relative.abs() <= 1)
        result = _sample(values[:, None], axes, "border")[:, 0]
        visible = (inside[0][:, None] & inside[1][None]).to(values.device)
        return result.masked_fill(~visible, outside)


@dataclass(frozen=True)
class MovedWindow:
    """A window of the target as it lies in an aligned slice of a case: moved, scaled, turned.

    Attributes:
        window: In the target's slices.
        matrix: float (2, 2), from (row, column) mm in the target to (row, column) mm in the case.
        offset_mm: float (2,).
    """

    window: Window
    matrix: np.ndarray
    offset_mm: np.ndarray

    @property
    def shown(self) -> np.ndarray:
        """What is seen, float64 (2, 3): takes (row, column, 1) to mm in the case.

        Rows and columns of the model's square run from -1/2 to 1/2. To a nanometre, so that windows of different
        targets that show the same of a case are the same.
        """
        centre = self.matrix @ np.array(self.window.centre_mm) + self.offset_mm
        shown: np.ndarray = np.column_stack([self.matrix * np.array(self.window.side_mm), centre]).round(6) + 0.0
        return shown

    @timed(RESAMPLING)
    def to_input(self, slices: torch.Tensor, spacing_mm: tuple[float, float], size: int) -> torch.Tensor:
        """Slices as the model sees them; 0 outside the slice. As `Window.to_input`."""
        sides, centre = self.shown[:, :2], self.shown[:, 2]
        sigmas = [
            max(0.0, (side / size / mm - 1) / 2)
            for side, mm in zip(np.linalg.norm(sides, axis=1), spacing_mm, strict=True)
        ]
        images = _blur(slices[:, None], sigmas)
        relative = (torch.arange(size, dtype=torch.float64) + 0.5) / size - 0.5
        place = torch.stack(torch.meshgrid(relative, relative, indexing="ij"), -1)  # (S, S, 2), rows and columns
        place = place @ place.new_tensor(sides).T + place.new_tensor(centre)
        extent = torch.tensor([spacing_mm[a] * slices.shape[1 + a] for a in (0, 1)], dtype=torch.float64)
        grid = (place / extent * 2 - 1).flip(-1).to(images.device, images.dtype)[None].expand(len(images), -1, -1, -1)
        return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)[:, 0]


class Seen(Protocol):
    """Anything through which slices become a model's input."""

    def to_input(self, slices: torch.Tensor, spacing_mm: tuple[float, float], size: int) -> torch.Tensor:
        """Float (b, h, w) to float (b, S, S)."""


def _sample(images: torch.Tensor, axes: list[torch.Tensor], padding: str) -> torch.Tensor:
    """Bilinear samples (b, 1, rows, columns) at coordinates in [-1, 1] of rows and of columns."""
    rows, columns = (a.to(images.device, images.dtype) for a in axes)
    grid = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), dim=-1)
    grid = grid[None].expand(images.shape[0], -1, -1, -1)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode=padding, align_corners=False)


def _blur(images: torch.Tensor, sigmas: list[float]) -> torch.Tensor:
    for axis, sigma in enumerate(sigmas):
        if sigma < 0.1:
            continue
        reach = int(np.ceil(3 * sigma))
        offsets = torch.arange(-reach, reach + 1, device=images.device, dtype=images.dtype)
        kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
        kernel = (kernel / kernel.sum()).view((1, 1, -1, 1) if axis == 0 else (1, 1, 1, -1))
        padding = (0, 0, reach, reach) if axis == 0 else (reach, reach, 0, 0)
        images = F.conv2d(F.pad(images, padding, mode="replicate"), kernel)
    return images
