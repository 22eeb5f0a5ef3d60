"""timm and torchvision import PyTorch's compiler, a third of a program's start, for what a run never calls.

They do so where they are imported: timm marks functions as none to compile (`torch.compiler.disable`, which loads
`torch._dynamo`), and torchvision's `ops/roi_align.py` takes one function from `torch._dynamo.utils`.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch

_COMPILER, _UTILITIES = "torch._dynamo", "torch._dynamo.utils"
_LOCK = threading.Lock()


@contextmanager
def without_compiler() -> Iterator[None]:
    """What is imported within does not load PyTorch's compiler.

    What is marked within as none to compile is not marked: `torch.compile`, which loads the compiler whenever a program
    calls it, would trace through it. Nothing changes where the compiler is there already.
    """
    with _LOCK:
        if _COMPILER in sys.modules:
            yield
            return
        disable, utilities = torch.compiler.disable, _Utilities()
        sys.modules[_UTILITIES] = utilities
        torch.compiler.disable = _left_as_it_is
        try:
            yield
        finally:
            torch.compiler.disable = disable
            utilities.real_from_now_on()


def _left_as_it_is(fn: Callable[..., Any] | None = None, *_how: Any, **_named: Any) -> Callable[..., Any]:
    """In the place of `torch.compiler.disable`, a decorator with arguments or without."""
    return _left_as_it_is if fn is None else fn


class _Utilities(ModuleType):
    """In the place of `torch._dynamo.utils`: for the thread that made it, functions that load it when they are called.

    For another thread, which may be importing the compiler meanwhile, and afterwards for all, it is the module itself.
    """

    def __init__(self) -> None:
        super().__init__(_UTILITIES)
        self._of_thread: int | None = threading.get_ident()

    def real_from_now_on(self) -> None:
        """Whoever imports the module gets it."""
        self._of_thread = None
        if sys.modules.get(_UTILITIES) is self:
            del sys.modules[_UTILITIES]

    def _real(self) -> ModuleType:
        if sys.modules.get(_UTILITIES) is self:
            del sys.modules[_UTILITIES]
        return importlib.import_module(_UTILITIES)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if threading.get_ident() != self._of_thread:
            return getattr(self._real(), name)
        return lambda *given, **named: getattr(self._real(), name)(*given, **named)
