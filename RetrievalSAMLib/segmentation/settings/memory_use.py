"""The memory that this process has used at most, and what a run may have."""

from __future__ import annotations

import sys

import psutil


def peak_memory_bytes() -> int:
    """Largest resident size of this process so far; where the system does not keep it, the present size."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


def memory_for_supports() -> int:
    """Bytes that support memories may hold unless the user says otherwise: at most half of what is free now."""
    # Whatever else runs on the computer keeps running.
    return int(min(4 << 30, psutil.virtual_memory().available // 2))
