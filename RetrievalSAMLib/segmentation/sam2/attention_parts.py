"""SAM 2's memory attention, taken apart for attending to fewer tokens."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from sam2.modeling.memory_attention import MemoryAttention, MemoryAttentionLayer
from sam2.modeling.position_encoding import apply_rotary_enc
from sam2.modeling.sam.transformer import RoPEAttention


class Sam2AttentionParts:
    """See `AttentionParts`.

    Args:
        attention: Of the model.

    Raises:
        ValueError: It is built otherwise than SAM 2's.
    """

    def __init__(self, attention: MemoryAttention) -> None:
        self._attention = attention
        self._layers = [Sam2AttentionLayer(_checked(layer)) for layer in attention.layers]

    @property
    def layers(self) -> Sequence[Sam2AttentionLayer]:
        """From the first to the last."""
        return self._layers

    def begin(self, embedding: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
        """The slice's tokens as the first layer takes them."""
        return embedding + 0.1 * position if self._attention.pos_enc_at_input else embedding

    def end(self, tokens: torch.Tensor) -> torch.Tensor:
        """The last layer's tokens as the decoder takes them."""
        found: torch.Tensor = self._attention.norm(tokens)
        return found


@dataclass(frozen=True)
class Sam2AttentionLayer:
    """See `AttentionLayer`."""

    layer: MemoryAttentionLayer

    def attend_to_self(self, tokens: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
        """The slice's tokens after they attended to each other."""
        found: torch.Tensor = self.layer._forward_sa(tokens, position)
        return found

    def queries(self, tokens: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
        """What they ask memories, turned by their place."""
        layer, cross = self.layer, self.layer.cross_attn_image
        normed = layer.norm2(tokens)
        return _turned(cross, cross.q_proj(normed + position if layer.pos_enc_at_cross_attn_queries else normed))

    def keys(self, memory: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
        """What a memory's tokens answer to, turned by their place."""
        layer, cross = self.layer, self.layer.cross_attn_image
        return _turned(cross, cross.k_proj(memory + position if layer.pos_enc_at_cross_attn_keys else memory))

    def pointer_keys(self, pointers: torch.Tensor) -> torch.Tensor:
        """The same of object pointers with their time."""
        found: torch.Tensor = self.layer.cross_attn_image.k_proj(pointers)
        return found

    def values(self, memory: torch.Tensor) -> torch.Tensor:
        """What is found of memories."""
        found: torch.Tensor = self.layer.cross_attn_image.v_proj(memory)
        return found

    def attended(self, tokens: torch.Tensor, found: torch.Tensor) -> torch.Tensor:
        """The slice's tokens with what they found, behind the layer's own network."""
        layer = self.layer
        output = tokens + layer.cross_attn_image.out_proj(found)
        answer: torch.Tensor = output + layer.linear2(layer.activation(layer.linear1(layer.norm3(output))))
        return answer


def _checked(layer: torch.nn.Module) -> MemoryAttentionLayer:
    """A layer as SAM 2 has it.

    Raises:
        ValueError: It is another one.
    """
    if not isinstance(layer, MemoryAttentionLayer) or not isinstance(layer.cross_attn_image, RoPEAttention):
        raise ValueError("SAM 2's memory attention has rotary positions")
    if layer.cross_attn_image.num_heads != 1:
        raise ValueError("SAM 2's memory attention has one head")
    return layer


def _turned(attention: RoPEAttention, projected: torch.Tensor) -> torch.Tensor:
    """Queries or keys (B, N, C) turned by their place in the slice."""
    side = math.isqrt(projected.shape[1])
    if attention.freqs_cis.shape[0] != projected.shape[1]:
        attention.freqs_cis = attention.compute_cis(end_x=side, end_y=side)
    angles = attention.freqs_cis.to(projected.device)
    turned: torch.Tensor = apply_rotary_enc(projected[:, None], projected[:, None, :0], freqs_cis=angles)[0]
    return turned[:, 0]
