"""A memory bank as the tokens that memory attention sees, with the encoding of their place and time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from sam2.modeling.sam2_utils import get_1d_sine_pe

from .interface import ImageFeatures, MemoryBank, PointerEntry
from .memory_tokens import TokenReduction


@dataclass(frozen=True)
class BankEncoding:
    """How a network encodes where and when a memory was, N = h w.

    Attributes:
        place: float (N, 1, M).
        time: float (num_maskmem, 1, 1, M): 1, 2, ... slices back; the last one is time 0.
        pointer_time: From the sine encoding of distances, float (p, sine_channels), to float (p, M); None where
            pointers have no time.
        sine_channels: Of that encoding.
    """

    place: torch.Tensor
    time: torch.Tensor
    pointer_time: Callable[[torch.Tensor], torch.Tensor] | None
    sine_channels: int

    def tokens(self, bank: MemoryBank, features: ImageFeatures) -> tuple[torch.Tensor, torch.Tensor, int]:
        """All tokens of a bank that is not empty.

        Returns:
            Tokens float (T, B, M), their encoding (T, B, M), and how many of the last are of object pointers.
        """
        batch, channels = features.embedding.shape[:2]
        memory, position = [], []
        for entry in bank.spatial:
            # (B, M, h, w) -> (h w, B, M)
            memory.append(entry.spatial.to(features.embedding.dtype).flatten(2).permute(2, 0, 1))
            position.append((self.place + self.time[entry.time - 1]).expand(-1, batch, -1))
        pointer_tokens = 0
        if bank.pointers:
            tokens, token_position = self.pointers(bank.pointers, bank.pointer_span, batch, channels)
            memory.append(tokens)
            position.append(token_position)
            pointer_tokens = tokens.shape[0]
        return torch.cat(memory), torch.cat(position), pointer_tokens

    def attend_to_fewer(
        self,
        features: ImageFeatures,
        bank: MemoryBank,
        reduction: TokenReduction,
        multiplying: AbstractContextManager[object],
    ) -> torch.Tensor:
        """Attend to the bank's tokens where like ones are one, float (B, C, h, w).

        Args:
            features: Of B slices.
            bank: Not empty.
            reduction: Of the network.
            multiplying: The precision of attention.
        """
        batch, channels = features.embedding.shape[:2]
        pointers = self.pointers(bank.pointers, bank.pointer_span, batch, channels) if bank.pointers else (None, None)
        pieces = channels // self.place.shape[-1]
        with multiplying:
            memories = [
                reduction.tokens(entry.spatial, (self.place + self.time[entry.time - 1])[:, 0], entry.names)
                for entry in bank.spatial
            ]
            found: torch.Tensor = reduction(features.embedding, features.position, memories, *pointers, pieces)
        return found.float()

    def pointers(
        self, entries: Sequence[PointerEntry], span: int, batch: int, channels: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Object pointers as memory tokens, each cut into C / M of them, with their encoding of time."""
        pointers = torch.stack([entry.pointer for entry in entries])  # (p, B, C)
        size = self.place.shape[-1]
        if self.pointer_time is not None:
            distance = pointers.new_tensor([float(entry.distance) for entry in entries])
            encoding = get_1d_sine_pe(distance / (span - 1), dim=self.sine_channels)
            position = self.pointer_time(encoding)[:, None].expand(-1, batch, size)
        else:
            position = pointers.new_zeros(len(entries), batch, size)
        pieces = channels // size
        tokens = pointers.reshape(-1, batch, pieces, size).permute(0, 2, 1, 3).flatten(0, 1)
        return tokens, position.repeat_interleave(pieces, dim=0)
