"""Seconds by stage of a run, for whoever wants to know; steps of a run name the stage that they belong to."""

from __future__ import annotations

import functools
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

IMAGE_ENCODER = "image encoder"
SUPPORT_MEMORIES = "support memories"
MEMORY_ATTENTION = "memory attention"
MASK_DECODER = "mask decoder"
PREDICTION_MEMORIES = "prediction memories"
SLICE_EMBEDDINGS = "slice embeddings"
PLACE = "alignment and place"
POSE = "search for the pose"
ORDER = "order of slices"
CORRECTIVE_LEARNING = "corrective learning"
RESAMPLING = "resampling"
FUSION = "fusion"
CONFIDENCE = "confidence"
KEEPING = "keeping for corrections"

STAGES = (
    IMAGE_ENCODER,
    SUPPORT_MEMORIES,
    MEMORY_ATTENTION,
    MASK_DECODER,
    PREDICTION_MEMORIES,
    SLICE_EMBEDDINGS,
    PLACE,
    POSE,
    ORDER,
    CORRECTIVE_LEARNING,
    RESAMPLING,
    FUSION,
    CONFIDENCE,
    KEEPING,
)
"""Every stage that is named anywhere, in the order of a table."""

_P = ParamSpec("_P")
_R = TypeVar("_R")


class StageTimes:
    """Adds up seconds by stage. A stage within another one is not counted to the outer one.

    Args:
        synchronise: Waits until the device has done what it was told; without it, work of a GPU counts to the stage
            that happens to wait for it.

    Attributes:
        seconds: By stage.
    """

    def __init__(self, synchronise: Callable[[], None] = lambda: None) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._synchronise = synchronise
        self._stages: list[str] = []
        self._since = 0.0

    @property
    def current(self) -> str | None:
        """The stage that is going on, None between stages."""
        return self._stages[-1] if self._stages else None

    @contextmanager
    def within(self, stage: str) -> Iterator[None]:
        """Count what happens inside to a stage."""
        self._count()
        self._stages.append(stage)
        try:
            yield
        finally:
            self._count()
            self._stages.pop()

    def _count(self) -> None:
        """Give the time since the last change to the stage that went on since then."""
        self._synchronise()
        now = time.perf_counter()
        if self._stages:
            self.seconds[self._stages[-1]] += now - self._since
        self._since = now


_listener: ContextVar[StageTimes | None] = ContextVar("stage_times", default=None)


@contextmanager
def listening(times: StageTimes) -> Iterator[None]:
    """Let ``times`` know of the stages of what runs inside, in this thread."""
    token = _listener.set(times)
    try:
        yield
    finally:
        _listener.reset(token)


def is_anybody_listening() -> bool:
    """Whether somebody in this thread wants to know of stages."""
    return _listener.get() is not None


def timed(stage: str) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Say that a function is a stage of a run. Where nobody listens, this costs a look at one variable."""

    def decorate(function: Callable[_P, _R]) -> Callable[_P, _R]:
        @functools.wraps(function)
        def staged(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            times = _listener.get()
            if times is None:
                return function(*args, **kwargs)
            with times.within(stage):
                return function(*args, **kwargs)

        return staged

    return decorate
