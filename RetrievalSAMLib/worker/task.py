"""One request under way, as the job that works on it sees it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from .protocol import Event, Partial, Progress, Request

_SECONDS_BETWEEN = 0.1
_SURE_AFTER_SECONDS = 1.0


class StopRequested(BaseException):
    """The client does not want the request any more. No error, so that nothing that handles errors takes it for one."""


class Task:
    """A request, and the way back to whoever asked.

    Args:
        request: What is asked.
        send: Sends an event; may be called from any thread.
        clock: Gives seconds.
    """

    def __init__(
        self, request: Request, send: Callable[[Event], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.request = request
        self._send = send
        self._clock = clock
        self._stop = threading.Event()
        self._stage: str | None = None
        self._stage_began = self._told = clock()
        self._stage_done = 0
        self._expected: tuple[float, float] | None = None

    @property
    def id(self) -> str:
        """The client's name for the request."""
        return self.request.id

    @property
    def parameters(self) -> Any:
        """As the dataclass of the verb."""
        return self.request.parameters

    @property
    def stopping(self) -> bool:
        """Whether the client has asked for an end."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Ask for an end; may be called from any thread."""
        self._stop.set()

    def check(self) -> None:
        """Raise StopRequested where an end was asked for. Cheap: to be called wherever work can be left."""
        if self._stop.is_set():
            raise StopRequested

    def expect(self, seconds: float) -> None:
        """Say how long the rest takes, from now on."""
        self._expected = (self._clock(), seconds)

    def progress(self, stage: str, done: int, total: int) -> None:
        """Tell the client how far the work is, seldom enough not to flood it; raises StopRequested as `check` does."""
        self.check()
        now = self._clock()
        is_new = stage != self._stage
        if is_new:
            self._stage, self._stage_began, self._stage_done = stage, now, done
        if is_new or done == total or now - self._told >= _SECONDS_BETWEEN:
            self._told = now
            self._send(Progress(self.id, stage, done, total, self._seconds_left(now, done, total)))

    def partial(self, file: str, done: int, total: int) -> None:
        """Tell the client of a file that holds the result so far."""
        self.check()
        self._send(Partial(self.id, file, done, total))

    def _seconds_left(self, now: float, done: int, total: int) -> float | None:
        """What is left of this stage by its own pace, or of the whole by what was expected, whichever is more."""
        guesses = []
        if self._expected is not None:
            began, seconds = self._expected
            guesses.append(began + seconds - now)
        spent, since = now - self._stage_began, done - self._stage_done
        if since > 0 and spent >= _SURE_AFTER_SECONDS:
            guesses.append(spent / since * (total - done))
        guesses = [guess for guess in guesses if guess >= 0]
        return round(max(guesses), 1) if guesses else None
