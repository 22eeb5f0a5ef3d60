"""How much attention each memory got from a slice."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from ...stages import CONFIDENCE, timed
from .memory_tokens import Attended

_LOOKING = 8
"""Places a side from which attention is measured: enough to find a structure, and next to nothing to compute."""


@timed(CONFIDENCE)
def attention_by_memory(attended: Attended, masks: torch.Tensor) -> torch.Tensor:
    """Attention that the places of some masks paid to each memory, in the last layer, whose result the decoder sees.

    Fused attention keeps no weights, so they are computed once more, from a coarse grid of places.

    Args:
        attended: What that layer looked at.
        masks: float (B, s, s), of each segment; where one is empty, all places count.

    Returns:
        float (B, memories), rows add up to 1: a spatial memory and the object pointer of the same rank together, and
        behind them the object pointers that have no spatial memory.
    """
    weights = attention_weights(attended)  # (B, places, T)
    batch, places, _ = weights.shape
    memories = int(attended.memories.max()) + 1
    shares = weights.new_zeros(batch, places, memories).index_add_(2, attended.memories, weights)
    side = round(places**0.5)
    shown = F.adaptive_avg_pool2d(masks[:, None], (side, side)).flatten(1)
    shown = torch.where(shown.sum(1, keepdim=True) > 0, shown, 1.0)
    return (shares * (shown / shown.sum(1, keepdim=True))[..., None]).sum(1)


def attention_weights(attended: Attended) -> torch.Tensor:
    """Softmax over all tokens from a coarse grid of places, (B, places, T)."""
    queries = attended.queries
    side = round(queries.shape[1] ** 0.5)
    step = max(1, side // _LOOKING)
    grid = queries.unflatten(1, (side, side))[:, step // 2 :: step, step // 2 :: step].flatten(1, 2)
    scores = grid @ attended.keys.transpose(1, 2) * grid.shape[-1] ** -0.5
    return (scores + attended.log_counts).softmax(-1)
