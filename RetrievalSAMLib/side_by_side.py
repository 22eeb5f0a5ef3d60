"""Independent things on two processors at a time; the results come in order, and as one after the other."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from .stages import is_anybody_listening

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_WORKERS = 2
"""Each with the threads that PyTorch has, which are half of the processors: together they use all."""


def available_processors() -> int:
    """Processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def workers(device_type: str = "cpu") -> int:
    """How many things are worth doing at a time on a kind of device.

    One on a GPU, which is busy with one; where OMP_NUM_THREADS says how much of the computer may be used; and where
    somebody measures stages, which would overlap.
    """
    if device_type != "cpu" or "OMP_NUM_THREADS" in os.environ or is_anybody_listening():
        return 1
    return min(_WORKERS, available_processors())


def side_by_side(
    work: Callable[[_Item], _Result], items: Iterable[_Item], device_type: str = "cpu"
) -> Generator[_Result]:
    """The results of some work on each of some items, in their order.

    Python's threads do, as PyTorch and SimpleITK let others run while they compute. Each item is worked on by itself:
    nothing waits for anything, unlike the threads within one operation, and sums are added in the same order. At most
    two results more than are asked for are made.

    Args:
        work: Called in other threads: it must not change what it shares. PyTorch's modes (`inference_mode`) are those
            of a thread, so it has to enter them.
        items: Asked for in this thread, as late as possible.
        device_type: Where the work is done.

    Raises:
        Exception: What the work raised, when its result is asked for.
    """
    count = workers(device_type)
    if count == 1:
        yield from map(work, items)
        return
    waiting: deque[Future[_Result]] = deque()
    with ThreadPoolExecutor(count, thread_name_prefix="retrievalsam") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
