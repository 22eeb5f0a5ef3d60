"""A small network that says of single voxels what they belong to, trained in a second on a processor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from .voxel_features import IMAGE_CHANNELS

_HIDDEN = 64
_STEPS, _BATCH, _RATE, _DECAY = 300, 2048, 5e-3, 1e-3
_NOISE = 0.15
"""Cases differ in brightness and contrast: what a batch sees of an image is scaled and shifted at random by this."""

_DICE = 0.5
"""Weight of the Dice loss beside cross-entropy. Without it thin structures, of which nobody is sure, are nowhere
likelier than not (a radiotherapy CT's oesophagus: Dice 0.27 instead of 0.56)."""


@dataclass(frozen=True)
class Samples:
    """Voxels of one case.

    Attributes:
        features: float32 (v, channels), `VoxelFeatures.at`.
        said: float32 (v, segments) in [0, 1], how likely segments are by other cases' masks.
        truth: float32 (v, segments) in [0, 1], the case's own.
        counts: float32 (v, segments), 0 where the case says nothing of a segment, else 1.
    """

    features: np.ndarray
    said: np.ndarray
    truth: np.ndarray
    counts: np.ndarray


@dataclass(frozen=True)
class VoxelNetwork:
    """A trained network.

    Attributes:
        layers: From standardised features to logits.
        mean: float32 (channels,), of what it learned from.
        deviation: Likewise.
    """

    layers: nn.Module
    mean: torch.Tensor
    deviation: torch.Tensor

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Of every segment, float32 (v, segments), of features (v, channels)."""
        with torch.inference_mode():
            found: np.ndarray = self.layers((torch.from_numpy(features) - self.mean) / self.deviation).sigmoid().numpy()
        return found


def train_voxel_network(samples: Sequence[Samples], seed: int) -> VoxelNetwork:
    """Train one; the same samples, seed and number of threads give the same network.

    Args:
        samples: By case.
        seed: Of weights, of what a step sees, and of noise.
    """
    features, truth, counts = (
        torch.from_numpy(np.concatenate([getattr(one, part) for one in samples]))
        for part in ("features", "truth", "counts")
    )
    chance = torch.Generator().manual_seed(seed)
    # A run works in inference mode, which takes no gradients.
    with torch.inference_mode(False), torch.enable_grad():
        mean, deviation = features.mean(dim=0), features.std(dim=0) + 1e-3
        features = (features - mean) / deviation
        layers = _layers(features.shape[1], truth.shape[1], chance)
        optimizer = torch.optim.AdamW(layers.parameters(), lr=_RATE, weight_decay=_DECAY)
        for step in range(_STEPS):
            optimizer.param_groups[0]["lr"] = _RATE * 0.5 * (1 + math.cos(math.pi * step / _STEPS))
            chosen = torch.randint(len(features), (_BATCH,), generator=chance)
            seen = features[chosen]
            scale, shift = _NOISE * torch.randn(2, _BATCH, 1, generator=chance)
            seen[:, :IMAGE_CHANNELS] *= 1 + scale
            seen[:, :IMAGE_CHANNELS] += shift
            loss = _loss(layers(seen), truth[chosen], counts[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return VoxelNetwork(layers.eval(), mean, deviation)


def _layers(channels: int, segments: int, chance: torch.Generator) -> nn.Sequential:
    layers = nn.Sequential(
        nn.Linear(channels, _HIDDEN),
        nn.LeakyReLU(),
        nn.Linear(_HIDDEN, _HIDDEN),
        nn.LeakyReLU(),
        nn.Linear(_HIDDEN, segments),
    )
    for layer in layers:
        if isinstance(layer, nn.Linear):
            # PyTorch's own start, of a generator that no other thread draws from.
            bound = 1 / math.sqrt(layer.in_features)
            for weights in (layer.weight, layer.bias):
                nn.init.uniform_(weights, -bound, bound, generator=chance)
    return layers


def _loss(logits: torch.Tensor, truth: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    entropy = (F.binary_cross_entropy_with_logits(logits, truth, reduction="none") * counts).mean()
    found, there = logits.sigmoid() * counts, truth * counts
    overlap = (2 * (found * there).sum(dim=0) + 1) / (found.sum(dim=0) + there.sum(dim=0) + 1)
    return entropy + _DICE * (1 - overlap).mean()
