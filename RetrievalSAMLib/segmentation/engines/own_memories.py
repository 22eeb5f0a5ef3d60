"""Memories of slices whose masks are found or guessed, the same for every network that can encode a mask."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch

from ...stages import PLACE, PREDICTION_MEMORIES, timed
from .interface import ImageFeatures, Memory

_RARE = 0.02
"""No mean of a handful of masks makes a pixel less likely than this, or its opposite."""


class OwnMemories(ABC):
    """What an engine makes of a slice's own mask, from how it encodes masks; shapes are those of `interface`."""

    @abstractmethod
    def encode_mask(
        self, features: ImageFeatures, logits: torch.Tensor, present: torch.Tensor, hard: bool = False
    ) -> torch.Tensor:
        """See `Engine`."""

    @abstractmethod
    def _pointer_if(self, pointer: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        """Pointers (B, C), the no-object pointer where a segment is not present (B,)."""

    @timed(PREDICTION_MEMORIES)
    def encode_prediction(
        self, features: ImageFeatures, logits: torch.Tensor, present: torch.Tensor, pointer: torch.Tensor
    ) -> Memory:
        """Turn slices that were just segmented into memories.

        Args:
            features: Of B slices.
            logits: float (B, s, s), final ones (``NO_OBJECT_LOGIT`` where absent).
            present: bool (B,).
            pointer: float (B, C) of the decoder.
        """
        return Memory(self.encode_mask(features, logits, present), self._pointer_if(pointer, present))

    @timed(PLACE)
    def encode_place(self, features: ImageFeatures, probability: torch.Tensor) -> torch.Tensor:
        """Spatial features (B, M, h, w) of a guess of the slices' own masks, made from where the supports have theirs.

        Args:
            features: Of B slices.
            probability: float (B, s, s) in [0, 1].
        """
        logits = probability.clamp(_RARE, 1 - _RARE).logit()
        return self.encode_mask(features, logits, torch.ones(len(logits), dtype=torch.bool, device=logits.device))
