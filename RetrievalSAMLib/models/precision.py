"""In which precision SAM 2 computes: bfloat16 where the hardware multiplies it faster, else float32."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch

from ..errors import InputError

VARIABLE = "RETRIEVALSAM_PRECISION"
"""Environment variable: `float32` or `bfloat16` instead of what is chosen."""

_PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def choose_precision(device: torch.device, small: bool) -> torch.dtype:
    """Precision of matrix products and convolutions; weights, logits and everything else stay float32.

    SAM 2's authors run it in bfloat16 as well. A CPU without instructions for it (AVX512-BF16, AMX) is many times
    slower that way, and a small network gains nothing.

    Args:
        device: Where the model runs.
        small: Whether the model is too small to gain.

    Raises:
        InputError: The environment asks for a precision that there is none of.
    """
    wanted = os.environ.get(VARIABLE, "auto")
    if wanted in _PRECISIONS:
        return _PRECISIONS[wanted]
    if wanted != "auto":
        raise InputError(
            f"environment variable {VARIABLE}", f"'{wanted}' is no precision", f"Use auto, {' or '.join(_PRECISIONS)}."
        )
    return torch.float32 if small or not _multiplies_bfloat16(device) else torch.bfloat16


def multiplying(device: torch.device, precision: torch.dtype) -> AbstractContextManager[object]:
    """What runs inside multiplies in a precision."""
    return nullcontext() if precision == torch.float32 else torch.autocast(device.type, precision)


def _multiplies_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)  # older cards emulate it
    if device.type != "cpu":
        return False
    # Earlier versions of PyTorch cannot tell.
    tell: Callable[[], dict[str, object]] = getattr(torch.cpu, "get_capabilities", dict)
    known = tell()
    return bool(known.get("avx512_bf16") or known.get("amx_bf16"))
