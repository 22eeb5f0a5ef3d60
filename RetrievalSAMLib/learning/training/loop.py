"""Training a network on patches: the same weights for the same seed, threads and precision, also after a break."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from ...models.precision import choose_training_precision, multiplying
from .patches import Batch, Patches

_WARM_UP = 0.05
_CLIP = 12.0
_WEIGHT_DECAY = 1e-2


@dataclass(frozen=True)
class Schedule:
    """How long and how fast.

    Attributes:
        steps: Of training.
        peak: Learning rate of AdamW after the warm-up, before a cosine to zero.
    """

    steps: int
    peak: float = 1e-2

    def rate(self, step: int) -> float:
        """Learning rate of a step."""
        warm = max(1, round(_WARM_UP * self.steps))
        if step < warm:
            return self.peak * (step + 1) / warm
        return self.peak * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, self.steps - warm)))


def optimizer_of(network: nn.Module) -> torch.optim.AdamW:
    """AdamW over all weights."""
    return torch.optim.AdamW(network.parameters(), lr=0.0, weight_decay=_WEIGHT_DECAY)


def train(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    patches: Patches,
    schedule: Schedule,
    first: int,
    after_step: Callable[[int, float], None],
) -> None:
    """Train in place, in bfloat16 where that is faster and safe (twice the steps in the same time).

    Args:
        network: To be trained.
        optimizer: Of its weights, as it was after ``first`` steps.
        patches: To learn from.
        schedule: Of all steps.
        first: The step to begin with.
        after_step: Told how many steps are done and the loss of the last; what it raises ends the training.
    """
    network.train()
    device = next(network.parameters()).device
    precision = choose_training_precision(device, patches.size[1:])
    for step in range(first, schedule.steps):
        for group in optimizer.param_groups:
            group["lr"] = schedule.rate(step)
        batch = patches.batch(step)
        inputs = batch.inputs.to(device, memory_format=torch.channels_last_3d)
        optimizer.zero_grad(set_to_none=True)
        with multiplying(device, precision):
            logits = network(inputs)
        loss = loss_of(logits.float(), Batch(inputs, batch.truth.to(device), batch.known.to(device)))
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), _CLIP)
        optimizer.step()
        after_step(step + 1, float(loss.detach()))


def loss_of(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Cross-entropy and 1 - Dice, each segment against the rest, only where a case says anything.

    Args:
        logits: (b, segments, n, h, w).
        batch: Truth and where it is known.

    Returns:
        A scalar; 0 where nothing is known.
    """
    known, truth = batch.known.to(logits.dtype), batch.truth
    entropy = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    entropy = (entropy * known).sum() / known.sum().clamp_min(1)
    probability = logits.sigmoid() * known
    drawn = truth * known
    axes = (0, 2, 3, 4)
    # Over the batch: a structure that one patch shows a corner of says little about overlap.
    both, each = (probability * drawn).sum(axes), (probability + drawn).sum(axes)
    shown = drawn.sum(axes) > 0
    overlap = 1 - ((2 * both + 1) / (each + 1))[shown]
    # Cross-entropy over few segment voxels among many others is small; Dice carries most of the signal.
    return entropy + (overlap.mean() if shown.any() else logits.new_zeros(()))
