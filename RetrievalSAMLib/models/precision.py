"""In which precision SAM 2 computes: bfloat16 where the hardware multiplies it faster, else float32."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch

from ..errors import InputError

VARIABLE = "RETRIEVALSAM_PRECISION"
"""Environment variable: `float32` or `bfloat16` instead of what is chosen."""

_SAFE_PLANE = 64 * 64
"""Voxels of a slice of a patch, at most, in bfloat16 on a processor."""

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


def choose_training_precision(device: torch.device, plane: tuple[int, int]) -> torch.dtype:
    """Precision of the products in which a small network of 3D convolutions is trained.

    On a processor bfloat16 is of use with AMX alone (four times as fast; with AVX512-BF16 slower than float32), and
    only on patches whose slices are not wide: the gradient of the weights writes beyond its memory where a patch has
    few slices of some 5,600 voxels or more (seen with PyTorch 2.13, which multiplies by oneDNN; to ask a network is
    safe).

    Args:
        device: Where the network is.
        plane: Rows and columns of a patch.
    """
    precision = choose_precision(device, small=False)
    safe = plane[0] * plane[1] <= _SAFE_PLANE and bool(_capabilities().get("amx_bf16"))
    return torch.float32 if device.type == "cpu" and not safe else precision


def multiplying(device: torch.device, precision: torch.dtype) -> AbstractContextManager[object]:
    """What runs inside multiplies in a precision."""
    return nullcontext() if precision == torch.float32 else torch.autocast(device.type, precision)


def _multiplies_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)  # older cards emulate it
    if device.type != "cpu":
        return False
    known = _capabilities()
    return bool(known.get("avx512_bf16") or known.get("amx_bf16"))


def _capabilities() -> dict[str, object]:
    """What the processor can do; earlier versions of PyTorch cannot tell."""
    tell: Callable[[], dict[str, object]] = getattr(torch.cpu, "get_capabilities", dict)
    return tell()
