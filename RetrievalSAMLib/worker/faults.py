"""What went wrong, in the protocol's codes and in words for the user."""

from __future__ import annotations

import errno

from ..errors import DamagedLibraryError, InputError, ModelError, causes_of, refused_by_the_system
from ..out_of_memory import REMEDY, is_out_of_memory
from ..tracebacks import told_without_data
from .codec import ProtocolError
from .protocol import Code, Fault

_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}

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
        if any(_is_full_disk(cause) for cause in causes_of(error)):
            code = "disk"
        elif is_out_of_memory(error):
            code = "memory"
        return code, _ON_THE_COMMAND_LINE.get(error.thing, error.thing), error.fact, error.remedy
    if any(_is_full_disk(cause) for cause in causes_of(error)):
        thing = str(error.filename) if isinstance(error, OSError) and error.filename else "disk"
        return "disk", thing, "the disk is full", "Free some space on it and try again. Nothing was changed."
    if is_out_of_memory(error):
        return "memory", "memory", "there is not enough of it for these settings", REMEDY
    if isinstance(error, OSError) and (refused := refused_by_the_system(error)) is not None:
        return "input", refused.thing, refused.fact, refused.remedy
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


def _is_full_disk(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno in _FULL
