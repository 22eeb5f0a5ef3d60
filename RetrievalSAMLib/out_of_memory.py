"""Memory that ran out, of the computer or of its graphics card: how it is recognised, and how to go on."""

from __future__ import annotations

import ctypes
import errno
import functools
import gc
import re
import sys
from collections.abc import Callable

from .errors import NotEnoughMemoryError, causes_of

REMEDY = (
    "Try a smaller region of interest, fewer segments, the preset 'fast' or fewer support slices, a smaller image size "
    "or model, or compute on the processor instead of the graphics card; closing other programs helps too."
)

_GIVE_BACK_AFTER = 20
"""Slices that are worked on before freed memory is given back to the system: often enough, and no cost to speak of."""

_WORDS = re.compile(
    r"out of memory|not enough memory|(can't|cannot|could not|failed to|unable to) allocate|bad_alloc", re.IGNORECASE
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, of the computer or of its graphics card."""
    return any(_tells_of_memory(cause) for cause in causes_of(error))


def free_memory() -> None:
    """Give back what nothing refers to any more, on a graphics card too."""
    gc.collect()
    give_back_freed()
    torch = sys.modules.get("torch")
    if torch is None:
        return
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()


def give_back_freed() -> None:
    """Have the C library return freed memory to the system, where it can be told to (glibc).

    It keeps what lies between blocks that live on, and PyTorch, SimpleITK and NumPy leave many large holes of changing
    sizes: a process that computes for long grows by far more than it uses.
    """
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


def give_back_now_and_then(done: int) -> None:
    """The same after every twentieth of many slices; ``done`` is how many there have been."""
    if done % _GIVE_BACK_AFTER == 0:
        give_back_freed()


@functools.cache
def _malloc_trim() -> Callable[[int], int] | None:
    if sys.platform != "linux":
        return None
    found: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return found


def _tells_of_memory(error: BaseException) -> bool:
    # PyTorch is not imported to ask: torch.OutOfMemoryError, and a plain RuntimeError from the CPU's allocator and MPS;
    # SimpleITK too raises RuntimeError, and a library that cannot be mapped is an ImportError.
    if isinstance(error, (MemoryError, NotEnoughMemoryError)) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    return isinstance(error, (RuntimeError, ImportError)) and _WORDS.search(str(error)) is not None
