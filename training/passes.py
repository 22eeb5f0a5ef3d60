"""How much work the networks do, counted: what a clock says depends on what else a computer does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.utils.flop_counter import FlopCounterMode

from RetrievalSAMLib.segmentation.engines.memory_tokens import TokenReduction
from RetrievalSAMLib.segmentation.pipeline import Models
from RetrievalSAMLib.side_by_side import one_at_a_time


class Passes:
    """Forward passes by network (an image or a segment on a slice each), and floating point operations of all.

    Attributes:
        count: By network: ``embed`` (retrieval), ``encode`` (images), ``memorise``, ``attend``, ``decode``.
        operations: Multiplications and additions in matrix products, convolutions and attention.
    """

    def __init__(self) -> None:
        self.count: Counter[str] = Counter()
        self.operations = 0

    @property
    def total(self) -> int:
        """All forward passes."""
        return sum(self.count.values())


@contextmanager
def counted(models: Models) -> Iterator[Passes]:
    """Count what the networks do meanwhile."""
    passes = Passes()
    segmenter = models.segmenter.model
    parts: dict[str, nn.Module] = {
        "encode": segmenter.image_encoder,
        "memorise": segmenter.memory_encoder,
        "decode": segmenter.sam_mask_decoder,
    }
    handles = [
        part.register_forward_pre_hook(_counting(passes, name), with_kwargs=True) for name, part in parts.items()
    ]
    handles.append(register_module_forward_pre_hook(_counting_attention(passes)))
    embedder = models.encoder.model

    def embed(images: torch.Tensor, *given: Any, **named: Any) -> Any:
        passes.count["embed"] += len(images)
        return forward_features(images, *given, **named)

    # Retrieval takes the features, not what the module's own forward makes of them.
    forward_features = embedder.forward_features
    embedder.forward_features = embed  # type: ignore[assignment]
    operations = FlopCounterMode(display=False)
    try:
        with operations, one_at_a_time():  # operations of other threads are not seen
            yield passes
    finally:
        del embedder.forward_features
        for handle in handles:
            handle.remove()
        passes.operations = operations.get_total_flops()


def _counting(passes: Passes, name: str) -> Any:
    def count(_: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        if name == "decode":
            passes.count[name] += len(named["image_embeddings"])
        else:
            passes.count[name] += len(given[0])

    return count


def _counting_attention(passes: Passes) -> Any:
    """Runs attend by a module of their own around SAM 2's."""

    def count(module: nn.Module, given: tuple[Any, ...]) -> None:
        if isinstance(module, TokenReduction):
            passes.count["attend"] += len(given[0])  # (B, C, h, w)

    return count
