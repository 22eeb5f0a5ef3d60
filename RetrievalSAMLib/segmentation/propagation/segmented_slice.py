"""What one slice came out as."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch

from ..confidence.quality_features import Signs


@dataclass(frozen=True)
class SegmentedSlice:
    """What one slice came out as; the rows are the segments of the run.

    Attributes:
        index: The slice.
        logits: float (B, s, s), ``NO_OBJECT_LOGIT`` where the segment is absent.
        presence: float (B,), probability that the segment is in the slice: retrieval's vote and SAM 2's object
            score, weighted.
        present: bool (B,), the decision.
        predicted_iou: float (B,), NaN where the mask decoder was not asked.
        memorised: bool (B,), whether the slice passed the gate and became a memory.
        attention: By row, the share of attention that each of its supports got, in their order. What is missing to 1
            went to slices of the target that were segmented before.
        signs: By row, of how good the mask is; empty for a method that does not tell.
    """

    index: int
    logits: torch.Tensor
    presence: torch.Tensor
    present: torch.Tensor
    predicted_iou: torch.Tensor
    memorised: torch.Tensor
    attention: Mapping[int, tuple[float, ...]] = field(default_factory=dict)
    signs: Sequence[Signs] = ()

    def shares(self, row: int, supports: int) -> tuple[float | None, ...]:
        """Attention that the supports of a row got, rounded; None for each where SAM 2 was not asked."""
        told = self.attention.get(row)
        return (None,) * supports if told is None else tuple(round(share, 4) for share in told)

    def without_logits(self) -> SegmentedSlice:
        """The same without the one part that takes memory."""
        return replace(self, logits=self.logits.new_empty(0))
