"""Memory attention of SAM 3's tracker, taken apart for attending to fewer tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch


class Sam3AttentionParts:
    """See `AttentionParts`.

    Args:
        attention: The model's ``Sam3TrackerVideoMemoryAttention``.

    Raises:
        ValueError: Its layers have more than one head.
    """

    def __init__(self, attention: Any) -> None:
        if any(layer.cross_attn_image.num_attention_heads != 1 for layer in attention.layers):
            raise ValueError("the memory attention of SAM 3's tracker has one head")
        self._attention = attention
        self._layers = [Sam3AttentionLayer(attention, layer) for layer in attention.layers]

    @property
    def layers(self) -> Sequence[Sam3AttentionLayer]:
        """From the first to the last."""
        return self._layers

    def begin(self, embedding: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
        """The slice's tokens as the first layer takes them."""
        return embedding + 0.1 * position

    def end(self, tokens: torch.Tensor) -> torch.Tensor:
        """The last layer's tokens as the decoder takes them."""
        found: torch.Tensor = self._attention.layer_norm(tokens)
        return found


@dataclass(frozen=True)
class Sam3AttentionLayer:
    """See `AttentionLayer`."""

    attention: Any
    layer: Any

    def attend_to_self(self, tokens: torch.Tensor, position: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        """The slice's tokens after they attended to each other; their place is in the rotary encoding alone."""
        normed = self.layer.layer_norm1(tokens)[:, None]
        found, _ = self.layer.self_attn(
            query=normed, key=normed, value=normed, position_embeddings=self._angles(tokens)
        )
        return tokens + found[:, 0]

    def queries(self, tokens: torch.Tensor, position: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        """What they ask memories, turned by their place."""
        return self._turned(self.layer.cross_attn_image.q_proj(self.layer.layer_norm2(tokens)))

    def keys(self, memory: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
        """What a memory's tokens answer to, turned by their place."""
        return self._turned(self.layer.cross_attn_image.k_proj(memory + position))

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
        output = tokens + layer.cross_attn_image.o_proj(found)
        answer: torch.Tensor = output + layer.linear2(layer.activation(layer.linear1(layer.layer_norm3(output))))
        return answer

    def _angles(self, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Cosine and sine of every place, float (1, N, C) each."""
        cosine, sine = self.attention.rotary_emb(like, self.attention.position_ids)
        return cosine, sine

    def _turned(self, projected: torch.Tensor) -> torch.Tensor:
        """Queries or keys (B, N, C) turned by their place in the slice, channels in pairs."""
        cosine, sine = self._angles(projected)
        exact = projected.float()
        even, odd = exact.unflatten(-1, (-1, 2)).unbind(-1)
        across = torch.stack((-odd, even), dim=-1).flatten(-2)
        return (exact * cosine + across * sine).type_as(projected)
