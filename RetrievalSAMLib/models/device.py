"""Where networks run: the device and the threads, and why. PyTorch is imported only when asked."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ..errors import InputError
from ..side_by_side import available_processors

DEVICES = ("auto", "cpu", "cuda", "mps")


@dataclass(frozen=True)
class Device:
    """A device to run on.

    Attributes:
        name: `cpu`, `cuda` or `mps`.
        reason: Why, a sentence for the user.
    """

    name: str
    reason: str


def available_devices() -> tuple[str, ...]:
    """The devices that PyTorch can use on this computer, the fastest first; the CPU is always there."""
    import torch

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    return tuple(name for name, is_there in there.items() if is_there)


def choose_device(name: str = "auto") -> Device:
    """The device to run on; ``auto`` takes CUDA, then Apple's GPU, then the CPU.

    Raises:
        InputError: It is not known or not there.
    """
    if name not in DEVICES:
        raise InputError(f"device '{name}'", "there is none of this name", f"Use one of {', '.join(DEVICES)}.")
    there = available_devices()
    if name == "auto":
        return Device(there[0], _reason(there[0]))
    if name not in there:
        fact = "PyTorch finds none on this computer"
        raise InputError(f"device '{name}'", fact, f"Use {' or '.join(there)}, or auto.")
    return Device(name, "It was chosen in the settings.")


def _reason(name: str) -> str:
    import torch

    if name == "cuda":
        return f"PyTorch can use this computer's graphics card ({torch.cuda.get_device_name()}), which is fastest."
    if name == "mps":
        return "PyTorch can use the graphics processor of this Mac, which is fastest."
    built = torch.version.cuda or getattr(torch.version, "hip", None)
    if built:
        return "PyTorch finds no graphics card that it can use (none is there, or its driver is missing or too old)."
    return "This PyTorch is made for the processor alone, so a graphics card, if there is one, is not used."


def share_processors() -> int:
    """Let PyTorch use half of the processors that this process may run on, at least one, and say how many.

    Threads that have to wait for a processor wait busily, so that as many threads as processors are many times
    slower than one as soon as anything else runs. OMP_NUM_THREADS, where it is set, is obeyed.
    """
    import torch

    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, available_processors() // 2))
    return torch.get_num_threads()
