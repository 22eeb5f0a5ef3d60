"""What went wrong, in the protocol's codes and in words for the user."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator

from ..errors import DamagedLibraryError, InputError, ModelError, refused_by_the_system
from ..tracebacks import told_without_data
from .codec import ProtocolError
from .protocol import Code, Fault

_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
_OUT_OF_MEMORY = re.compile(r"out of memory|not enough memory|can't allocate memory|bad_alloc", re.IGNORECASE)

# What the command line calls a choice that the window has a field for.
_ON_THE_COMMAND_LINE = {
    "--roi": "region of interest",
    "--plane": "plane",
    "--segments": "segments",
    "--supports": "number of support slices",
    "library": "support library",
}


def fault_of(error: BaseException, request_id: str | None) -> Fault:
    """The event that tells of an error.

    Args:
        error: What was raised.
        request_id: Of the request that it ended, None where it belongs to none.
    """
    code, thing, fact, remedy = _described(error)
    message = f"{thing}: {fact}. {remedy}"
    details = told_without_data(error) if code in ("internal", "packages") else ""
    return Fault(request_id, code, thing, fact, remedy, message, details)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, of the computer or of its graphics card."""
    return any(_tells_of_memory(cause) for cause in _chain(error))


def _described(error: BaseException) -> tuple[Code, str, str, str]:
    if isinstance(error, ProtocolError):
        remedy = "This is a fault of the program that asked; please report it."
        return "request", "request", str(error), remedy
    if isinstance(error, InputError):
        code: Code = "input"
        if isinstance(error, DamagedLibraryError):
            code = "damaged"
        elif isinstance(error, ModelError):
            code = "model"
        if any(_is_full_disk(cause) for cause in _chain(error)):
            code = "disk"
        elif is_out_of_memory(error):
            code = "memory"
        return code, _ON_THE_COMMAND_LINE.get(error.thing, error.thing), error.fact, error.remedy
    if any(_is_full_disk(cause) for cause in _chain(error)):
        thing = str(error.filename) if isinstance(error, OSError) and error.filename else "disk"
        return "disk", thing, "the disk is full", "Free some space on it and try again. Nothing was changed."
    if isinstance(error, OSError) and (refused := refused_by_the_system(error)) is not None:
        return "input", refused.thing, refused.fact, refused.remedy
    if is_out_of_memory(error):
        return (
            "memory",
            "memory",
            "there is not enough of it for these settings",
            "Try a smaller region of interest, fewer segments, the preset 'fast' or a smaller model, or compute on the "
            "processor instead of the graphics card; closing other programs helps too.",
        )
    if isinstance(error, ImportError) and (error.name or "").split(".")[0] != "RetrievalSAMLib":
        package = (error.name or "a Python package").split(".")[0]
        return (
            "packages",
            package,
            f"this Python package cannot be used ({type(error).__name__})",
            "Install what is missing first.",
        )
    kind = type(error).__name__
    return (
        "internal",
        "RetrievalSAM",
        f"something unexpected went wrong ({kind})",
        "Nothing was changed. Please report it with the details.",
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def _is_full_disk(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno in _FULL


def _tells_of_memory(error: BaseException) -> bool:
    # PyTorch is not imported to ask: torch.OutOfMemoryError, and a plain RuntimeError from the CPU's allocator and MPS.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and _OUT_OF_MEMORY.search(str(error)) is not None
