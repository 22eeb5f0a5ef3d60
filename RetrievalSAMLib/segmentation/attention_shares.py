"""How much attention each memory got from a slice."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from sam2.modeling.memory_attention import MemoryAttention
from sam2.modeling.position_encoding import apply_rotary_enc
from sam2.modeling.sam.transformer import RoPEAttention

from ..stages import CONFIDENCE, timed

_LOOKING = 8
"""Places a side from which attention is measured: enough to find a structure, and next to nothing to compute."""


class AttentionShares:
    """Listens to one call of a memory attention; a context manager.

    SAM 2 computes attention without keeping its weights, so they are computed once more: of the last layer, whose
    result the decoder sees, and from a coarse grid of places.

    Args:
        attention: Of the model.
    """

    def __init__(self, attention: MemoryAttention) -> None:
        layer = attention.layers[-1].cross_attn_image
        if not isinstance(layer, RoPEAttention) or layer.num_heads != 1:
            raise ValueError("SAM 2's memory attention has one head with rotary positions")
        self._layer = layer
        self._given: dict[str, Any] = {}

    def __enter__(self) -> AttentionShares:
        self._hook = self._layer.register_forward_pre_hook(self._listen, with_kwargs=True)
        return self

    def __exit__(self, *error: object) -> None:
        self._hook.remove()

    def _listen(self, layer: torch.nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        self._given = named

    @timed(CONFIDENCE)
    def by_memory(self, masks: torch.Tensor) -> torch.Tensor:
        """Attention that the places of some masks paid to each memory.

        Args:
            masks: float (B, s, s), of each segment; where one is empty, all places count.

        Returns:
            float (B, memories), rows add up to 1: a spatial memory and its object pointer together, and behind them the
            object pointers that have no spatial memory.
        """
        pointer_tokens = int(self._given.get("num_k_exclude_rope", 0))
        # An object pointer is cut into as many tokens as it is wider than a memory.
        pointers = pointer_tokens * self._layer.kv_in_dim // self._layer.embedding_dim
        weights = self._weights()  # (B, places, tokens)
        batch, places, tokens = weights.shape
        memories = (tokens - pointer_tokens) // self._given["q"].shape[1]
        spatial = weights[..., : tokens - pointer_tokens].reshape(batch, places, memories, -1).sum(-1)
        shares = F.pad(spatial, (0, max(pointers - memories, 0)))
        if pointers:
            told = weights[..., tokens - pointer_tokens :].reshape(batch, places, pointers, -1).sum(-1)
            shares[..., :pointers] += told
        side = round(places**0.5)
        shown = F.adaptive_avg_pool2d(masks[:, None], (side, side)).flatten(1)
        shown = torch.where(shown.sum(1, keepdim=True) > 0, shown, 1.0)
        return (shares * (shown / shown.sum(1, keepdim=True))[..., None]).sum(1)

    def _weights(self) -> torch.Tensor:
        """Softmax over all tokens of the bank, (B, places, tokens)."""
        layer = self._layer
        q, k = layer.q_proj(self._given["q"])[:, None], layer.k_proj(self._given["k"])[:, None]
        rotated = k.shape[2] - int(self._given.get("num_k_exclude_rope", 0))
        q, turned = apply_rotary_enc(
            q, k[:, :, :rotated], freqs_cis=layer.freqs_cis, repeat_freqs_k=layer.rope_k_repeat
        )
        k = torch.cat([turned, k[:, :, rotated:]], dim=2)[:, 0]
        side = round(q.shape[2] ** 0.5)
        step = max(1, side // _LOOKING)
        grid = q[:, 0].unflatten(1, (side, side))[:, step // 2 :: step, step // 2 :: step].flatten(1, 2)
        return (grid @ k.transpose(1, 2) * grid.shape[-1] ** -0.5).softmax(-1)
