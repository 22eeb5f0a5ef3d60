"""MIND-SSC, a description of what is around each voxel that images of other brightness and contrast share.

Heinrich et al., "Towards realtime multimodal fusion for image-guided interventions using self-similarities", MICCAI
2013: twelve pairs of the six neighbours of a voxel are compared, patch by patch, and their squared differences are put
in relation to each other.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
import torch.nn.functional as F

CHANNELS = 12
"""Pairs of neighbours that are not opposite to each other."""

_PATCH = 3
"""Voxels along a side of a patch."""

_NEIGHBOURS = [tuple(sign if other == axis else 0 for other in range(3)) for axis in range(3) for sign in (-1, 1)]
_PAIRS = [
    (one, other)
    for one, other in itertools.combinations(range(len(_NEIGHBOURS)), 2)
    if one // 2 != other // 2  # opposite neighbours lie along one axis
]

_VARIANCE_RANGE = (1e-3, 1e3)
"""Of the image's mean, by how much the variance of a place may differ: where all is uniform there is none."""


def mind_ssc(image: torch.Tensor, distance: Sequence[int]) -> torch.Tensor:
    """Describe every voxel.

    Args:
        image: float32 (d, h, w).
        distance: Voxels from a voxel to its neighbours, along each axis.

    Returns:
        float32 (12, d, h, w) in (0, 1]: exp(-difference / mean difference), less the least of them.
    """
    padded = _beyond(image[None, None], distance)
    neighbours = []
    for offset in _NEIGHBOURS:
        window = padded
        for axis, count in enumerate(image.shape):
            window = window.narrow(2 + axis, distance[axis] * (1 + offset[axis]), count)
        neighbours.append(window)
    differences = torch.cat([_patch_mean((neighbours[a] - neighbours[b]) ** 2) for a, b in _PAIRS], dim=1)[0]
    differences = differences - differences.amin(dim=0)
    variance = differences.mean(dim=0)
    mean = variance.mean()
    variance = variance.clamp(mean * _VARIANCE_RANGE[0], mean * _VARIANCE_RANGE[1]).clamp(min=1e-12)
    return torch.exp(-differences / variance)


def _patch_mean(image: torch.Tensor) -> torch.Tensor:
    """Mean over the patch around each voxel; (1, 1, d, h, w)."""
    image = _beyond(image, (_PATCH // 2,) * 3)
    for axis in range(3):
        kernel = [_PATCH if other == axis else 1 for other in range(3)]
        image = F.avg_pool3d(image, kernel, stride=1)
    return image


def _beyond(image: torch.Tensor, reach: Sequence[int]) -> torch.Tensor:
    """An image (1, 1, d, h, w) that goes on beyond its ends as it ends."""
    return F.pad(image, [reach[2]] * 2 + [reach[1]] * 2 + [reach[0]] * 2, mode="replicate")
