"""Pictures of structures and of what is around them, and how well they correlate with the places of an image."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
import torch
import torch.nn.functional as F
from scipy import fft

from .images import SmallImage

RADIUS = 2.4
"""Of the picture around the structures within the slices, as a multiple of the spread of their voxels; those of a disc
spread by 0.71 of its radius."""

DEPTH = 1.75
"""Half the depth of the picture, likewise; the voxels of a slab spread by 0.58 of half its depth."""

_LEAST_VARIANCE = 1e-4


def voxels_at(image: SmallImage, step_mm: float) -> tuple[torch.Tensor, np.ndarray]:
    """A small image at about this step, float (d, h, w), and its steps in mm."""
    coarse = image.coarser(step_mm)
    return torch.from_numpy(sitk.GetArrayFromImage(coarse)), np.array(coarse.GetSpacing())[::-1]


def shrunk(mask: np.ndarray, extent_mm: np.ndarray, step_mm: float) -> torch.Tensor:
    """A mask as float (d, h, w), blurred to about this step."""
    d, h, w = (max(1, min(n, round(mm / step_mm * 2))) for n, mm in zip(mask.shape, extent_mm, strict=True))
    return F.adaptive_avg_pool3d(torch.from_numpy(mask.astype(np.float32))[None], (d, h, w))[0]


def cylinder(steps: np.ndarray, spread: np.ndarray) -> tuple[list[np.ndarray], torch.Tensor]:
    """Offsets in mm along each axis from the middle of a picture, and which of their voxels belong to it (0 or 1)."""
    radius = float(spread[1]) * RADIUS
    half = [max(0, round(float(spread[0]) * DEPTH / steps[0])), *(int(np.ceil(radius / step)) for step in steps[1:])]
    axes = [np.arange(-h, h + 1) * step for h, step in zip(half, steps, strict=True)]
    disc = np.hypot(axes[1][:, None], axes[2][None]) <= radius
    return axes, torch.from_numpy(np.repeat(disc[None], len(axes[0]), axis=0)).float()


def sampled(content: torch.Tensor, extent_mm: np.ndarray, points_mm: np.ndarray) -> torch.Tensor:
    """Values (d, h, w) of an image at points (k, d', h', w', 3), 0 outside; float (k, d', h', w')."""
    grid = torch.from_numpy((points_mm / extent_mm * 2 - 1)[..., ::-1].astype(np.float32))
    images = content[None, None].expand(len(grid), -1, -1, -1, -1)
    return F.grid_sample(images, grid, padding_mode="zeros", align_corners=False)[:, 0]


def standardised(pictures: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Pictures (k, d, h, w) with mean 0 and norm 1 where they are, 0 elsewhere; uniform ones are 0 everywhere."""
    mean = (pictures * weight).sum(dim=(1, 2, 3), keepdim=True) / weight.sum()
    centred = (pictures - mean) * weight
    norm = centred.square().sum(dim=(1, 2, 3), keepdim=True).sqrt()
    return centred / norm.clamp(min=float((_LEAST_VARIANCE * weight.sum()).sqrt()))


def correlation_within(part: torch.Tensor, templates: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """As `correlation_everywhere`, for the few places of a part (1, 1, d, h, w) at which it shows all of a template."""
    where, count = weight[None, None], float(weight.sum())
    variance = F.conv3d(part**2, where)[0] - F.conv3d(part, where)[0] ** 2 / count
    return F.conv3d(part, templates[:, None])[0] / variance.clamp(min=_LEAST_VARIANCE * count).sqrt()


def correlation_everywhere(fixed: torch.Tensor, templates: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Pearson's correlation of standardised templates (k, d, h, w) with every place of an image; (k, *shape)."""
    half = [(n - 1) // 2 for n in weight.shape]
    padded = F.pad(fixed, [p for h in reversed(half) for p in (h, h)])
    # What wraps around lies outside of what is kept.
    shape = [fft.next_fast_len(n, real=True) for n in padded.shape]
    count = float(weight.sum())

    def spectrum(values: torch.Tensor) -> torch.Tensor:
        return torch.fft.rfftn(values, shape, dim=(-3, -2, -1))

    def sums(image: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
        both = torch.fft.irfftn(image * spectrum(kernel).conj(), shape, dim=(-3, -2, -1))
        return both[..., : fixed.shape[0], : fixed.shape[1], : fixed.shape[2]]

    plain = spectrum(padded)
    variance = sums(spectrum(padded**2), weight) - sums(plain, weight) ** 2 / count
    return sums(plain, templates) / variance.clamp(min=_LEAST_VARIANCE * count).sqrt()
