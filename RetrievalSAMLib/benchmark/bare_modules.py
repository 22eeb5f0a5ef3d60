"""The roofline: the time that SAM 2's bare modules take for the calls that a run made, and nothing between them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.modules.module import register_module_forward_pre_hook

from ..models.build import LoadedSegmenter
from ..models.precision import multiplying
from ..segmentation.engines.memory_tokens import TokenReduction
from ..stages import StageTimes

if TYPE_CHECKING:
    from sam2.modeling.sam2_base import SAM2Base

MODULES = ("image_encoder", "memory_attention", "sam_mask_decoder", "memory_encoder")
"""By the names of `SAM2Base`. What else it computes (prompt encoder, projections of pointers) costs next to nothing."""

OTHER = "other"
"""What belongs to no stage."""


@dataclass(frozen=True)
class TensorLike:
    """Shape and type of a tensor that a module was given."""

    shape: tuple[int, ...]
    dtype: torch.dtype


@dataclass(frozen=True)
class Call:
    """One call of a module.

    Attributes:
        module: Of `MODULES`.
        stage: Of the run.
        positional: Arguments, `TensorLike` in the place of tensors.
        named: Arguments by name, as well.
    """

    module: str
    stage: str
    positional: tuple[Any, ...]
    named: dict[str, Any]


class CallRecorder:
    """Takes down which modules are called with which shapes; a context manager.

    Where a run attends to reduced memories, that is a call of SAM 2's memory attention with all tokens of the same
    ones: what the module would have to do for it.

    Args:
        model: SAM 2.
        times: Knows the stage that is going on, or None.
    """

    def __init__(self, model: SAM2Base, times: StageTimes | None = None) -> None:
        self.calls: list[Call] = []
        self._model = model
        self._times = times

    def __enter__(self) -> CallRecorder:
        self._hooks = [
            getattr(self._model, name).register_forward_pre_hook(self._taking_down(name), with_kwargs=True)
            for name in MODULES
        ]
        self._hooks.append(register_module_forward_pre_hook(self._taking_down_reduced))
        return self

    def __exit__(self, *error: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def counts(self) -> dict[str, int]:
        """Calls by module."""
        found = Counter(call.module for call in self.calls)
        return {name: found[name] for name in MODULES}

    def passes(self) -> dict[str, int]:
        """Rows of the batches by module: images, or segments on slices."""
        found: Counter[str] = Counter()
        for call in self.calls:
            found[call.module] += _rows(call)
        return {name: found[name] for name in MODULES}

    def _taking_down(self, name: str) -> Callable[..., None]:
        def take_down(module: torch.nn.Module, positional: tuple[Any, ...], named: dict[str, Any]) -> None:
            self.calls.append(Call(name, self._stage(), _described(positional), _described(named)))

        return take_down

    def _taking_down_reduced(self, module: torch.nn.Module, given: tuple[Any, ...]) -> None:
        if not isinstance(module, TokenReduction):
            return
        embedding, _, memories, pointers, _, _ = given
        batch, channels, height, width = embedding.shape
        places, width_of_memory = height * width, memories[0].values.shape[2]
        pointer_tokens = 0 if pointers is None else len(pointers)
        current = TensorLike((places, batch, channels), embedding.dtype)
        memory = TensorLike((len(memories) * places + pointer_tokens, batch, width_of_memory), embedding.dtype)
        named = {
            "curr": [current],
            "curr_pos": [current],
            "memory": memory,
            "memory_pos": memory,
            "num_obj_ptr_tokens": pointer_tokens,
        }
        self.calls.append(Call("memory_attention", self._stage(), (), named))

    def _stage(self) -> str:
        return (self._times.current if self._times else None) or OTHER


def replay(
    segmenter: LoadedSegmenter, calls: Sequence[Call], synchronise: Callable[[], None]
) -> tuple[dict[str, float], float]:
    """Make the same calls in the same order, on random numbers, and time the modules alone.

    Args:
        segmenter: SAM 2, and the precision in which it multiplies.
        calls: What a run called.
        synchronise: Waits until the device has done what it was told.

    Returns:
        Seconds by stage, and seconds that processors worked altogether.
    """
    model = segmenter.model
    seconds: dict[str, float] = {}
    processor_seconds = 0.0
    made: dict[str, tuple[Call, tuple[Any, ...], dict[str, Any]]] = {}
    for call in calls:
        known = made.get(call.module)
        if known is None or (known[0].positional, known[0].named) != (call.positional, call.named):
            known = call, _made(call.positional, model.device), _made(call.named, model.device)
            made[call.module] = known
        module = getattr(model, call.module)
        synchronise()
        began, worked = time.perf_counter(), time.process_time()
        with torch.inference_mode(), multiplying(model.device, segmenter.precision):
            module(*known[1], **known[2])
        synchronise()
        seconds[call.stage] = seconds.get(call.stage, 0.0) + time.perf_counter() - began
        processor_seconds += time.process_time() - worked
    return seconds, processor_seconds


def _described(value: Any) -> Any:
    """The same with `TensorLike` for every tensor."""
    if isinstance(value, torch.Tensor):
        return TensorLike(tuple(value.shape), value.dtype)
    if isinstance(value, dict):
        return {name: _described(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_described(one) for one in value)
    return value


def _made(value: Any, device: torch.device) -> Any:
    """The same with random numbers for every `TensorLike`."""
    if isinstance(value, TensorLike):
        if not value.dtype.is_floating_point:
            return torch.zeros(value.shape, dtype=value.dtype, device=device)
        return torch.randn(value.shape, device=device).to(value.dtype)
    if isinstance(value, dict):
        return {name: _made(one, device) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_made(one, device) for one in value)
    return value


def _rows(call: Call) -> int:
    """Images, or segments, of one call."""
    if call.module == "memory_attention":  # (tokens, B, channels)
        memory: TensorLike = call.named["memory"]
        return memory.shape[1]
    if call.module == "sam_mask_decoder":
        embeddings: TensorLike = call.named["image_embeddings"]
        return embeddings.shape[0]
    if call.module == "memory_encoder":
        # The features may be those of one image for all masks.
        masks: TensorLike = call.positional[1]
        return masks.shape[0]
    images: TensorLike = call.positional[0]
    return images.shape[0]
