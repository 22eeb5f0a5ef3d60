"""Pictures of label maps: what a modality makes of every structure, and how an image is degraded."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from training.anatomy import chance, integer, uniform
from training.tissues import ct_intensities, tissue_intensities


def _plane_noise(count: int, size: int, knots: int) -> torch.Tensor:
    noise = torch.randn(1, count, knots, knots)
    return F.interpolate(noise, size=(size, size), mode="bicubic", align_corners=True)[0]


def _blur(images: torch.Tensor, sigma: float) -> torch.Tensor:
    reach = max(1, int(3 * sigma))
    kernel = torch.exp(-(torch.arange(-reach, reach + 1).float() ** 2) / (2 * sigma * sigma))
    kernel = kernel / kernel.sum()
    padded = F.pad(images[:, None], (reach,) * 4, mode="replicate")
    return F.conv2d(F.conv2d(padded, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))[:, 0]


@dataclass(frozen=True)
class Contrast:
    """The modality of a task: one mean and texture a label, and how images are degraded."""

    means: torch.Tensor
    jitter: float
    texture: torch.Tensor
    texture_knots: int
    blur: float
    noise: float
    bias: float
    gamma: float


def _random_means(labels: int) -> torch.Tensor:
    means = torch.rand(labels)
    if chance(0.4):  # neighbours of like intensity
        means = (means * integer(2, 5)).round() / 4 + 0.04 * torch.randn(labels)
    for label in range(labels - 1):  # the two of a pair, the halves of an organ, the chambers of a heart
        if chance(0.25):
            means[label + 1] = means[label] + 0.03 * torch.randn(())
    if chance(0.3):
        means[0] = 0.0
    return means


def random_contrast(labels: int, size: int, tissues: torch.Tensor | None = None) -> Contrast:
    """A modality: of ``labels`` structures, at ``size`` pixels a side, by their tissues where these are known."""
    means = _random_means(labels)
    if tissues is not None and chance(0.7):
        means = ct_intensities(tissues) if chance(0.5) else tissue_intensities(tissues)
    blur = uniform(0.0, 1.4) if chance(0.85) else uniform(1.5, 4.0)  # the tail looks like PET
    return Contrast(
        means,
        uniform(0.0, 0.1),
        0.14 * torch.rand(labels) ** 2,
        integer(10, max(12, size // 2)),
        blur * size / 128,
        uniform(0.0, 0.08),
        uniform(0.0, 0.25),
        math.exp(0.35 * torch.randn(()).item()),
    )


def paint(soft: torch.Tensor, contrast: Contrast) -> torch.Tensor:
    """Images (t, S, S) of one subject from its soft labels (t, J, S, S): partial volume, texture, means."""
    slices, labels, size, _ = soft.shape
    means = contrast.means + contrast.jitter * torch.randn(labels)
    texture = _plane_noise(labels, size, contrast.texture_knots) * contrast.texture[:, None, None]
    return (soft * (means[:, None, None] + texture)).sum(1)


def repaint(image: torch.Tensor, soft: torch.Tensor, contrast: Contrast) -> torch.Tensor:
    """A real image (t, S, S) in another modality's contrast: every structure keeps its texture and gets a new mean."""
    area = soft.sum((0, 2, 3)).clamp(min=1e-6)
    own = (soft * image[:, None]).sum((0, 2, 3)) / area
    texture = image - (soft * own[:, None, None]).sum(1)
    turned = -texture if chance(0.3) else texture
    return (soft * contrast.means[:, None, None]).sum(1) + uniform(0.4, 1.2) * turned


def degrade(images: torch.Tensor, contrast: Contrast) -> torch.Tensor:
    """What a scanner does to images (t, S, S): blur, bias field, noise, scale, gamma; in [0, 1]."""
    size = images.shape[-1]
    if contrast.blur > 0.25:
        images = _blur(images, contrast.blur)
    images = images * torch.exp(contrast.bias * _plane_noise(1, size, 4)[0])
    images = images + contrast.noise * torch.randn_like(images)
    low, high = torch.quantile(images.flatten()[:: max(1, images.numel() // 4000)], torch.tensor([0.005, 0.995]))
    images = ((images - low) / (high - low + 1e-6)).clamp(0, 1)
    return images**contrast.gamma
