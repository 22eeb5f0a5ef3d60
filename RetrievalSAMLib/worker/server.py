"""Takes requests, has one after the other worked on, and answers.

Two threads: the reading one takes lines and acts on `cancel`, `shutdown` and the end of the input at once; the main one
computes. An answer goes out under a lock, so that lines do not mix.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, BinaryIO

from .. import __version__
from .faults import fault_of
from .protocol import (
    PROTOCOL_VERSION,
    Event,
    LineReader,
    ProtocolError,
    Ready,
    Result,
    Stopped,
    encode_event,
    message_of,
    request_of,
)
from .task import StopRequested, Task

GRACE_SECONDS = 2.0
_CHUNK_BYTES = 1 << 16
_LOG = logging.getLogger(__name__)

Work = Callable[[Task], dict[str, Any]]
"""Does what a request asks and gives its result."""


class ClientGone(Exception):
    """Nobody reads the answers any more."""


class Server:
    """The worker's two threads.

    Args:
        input_descriptor: Where requests come from.
        output: Where events go.
        work: Does what is asked, in the main thread.
        leave: Ends the process from the reading thread, where the main one does not come to an end.
    """

    def __init__(
        self,
        input_descriptor: int,
        output: BinaryIO,
        work: Work,
        leave: Callable[[int], object] = os._exit,
    ) -> None:
        self._input, self._output, self._work, self._leave = input_descriptor, output, work, leave
        self._sending = threading.Lock()
        self._changed = threading.Condition()
        self._waiting: deque[Task] = deque()
        self._current: Task | None = None
        self._ending = False
        self._ended = threading.Event()

    def serve(self) -> None:
        """Answer requests until the client says `shutdown`, closes the input, or is gone."""
        try:
            self._send(Ready(PROTOCOL_VERSION, __version__, os.getpid()))
            threading.Thread(target=self._read, name="requests", daemon=True).start()
            while (task := self._next()) is not None:
                self._answer(task)
        except ClientGone:
            _LOG.info("the client is gone")
        finally:
            self._ended.set()

    def _next(self) -> Task | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ending)
            self._current = self._waiting.popleft() if self._waiting else None
            return self._current

    def _answer(self, task: Task) -> None:
        began = time.perf_counter()
        try:
            event: Event = Result(task.id, self._work(task))
        except StopRequested:
            event = Stopped(task.id)
        except ClientGone:
            raise
        except Exception as error:
            event = Stopped(task.id) if task.stopping else fault_of(error, task.id)
        with self._changed:
            self._current = None
        # The verb and the kind of answer, never what was asked for: parameters hold paths and names.
        _LOG.info("%s: %s after %.1f s", task.request.verb, type(event).__name__, time.perf_counter() - began)
        try:
            self._send(event)
        except ProtocolError as error:  # an answer beyond the size of a line
            self._send(fault_of(error, task.id))

    def _read(self) -> None:
        reader = LineReader()
        try:
            while not self._ending and (chunk := os.read(self._input, _CHUNK_BYTES)):
                for line in reader.lines(chunk):
                    if not self._ending:
                        self._take(line)
        except (OSError, ClientGone) as error:
            _LOG.info("no more requests (%s)", type(error).__name__)
        self._end()
        # A computation that does not look up, or a client that does not read, must not keep the process.
        if not self._ended.wait(GRACE_SECONDS):
            self._leave(1)

    def _take(self, line: bytes | ProtocolError) -> None:
        request_id = None
        try:
            if isinstance(line, ProtocolError):
                raise line
            message = message_of(line)
            if isinstance(message.get("id"), str):
                request_id = message["id"]
            request = request_of(message)
            if request.verb == "cancel":
                self._send(Result(request.id, {"stopping": self._cancel(request.parameters.of)}))
            elif request.verb == "shutdown":
                self._send(Result(request.id))
                self._end()
            else:
                self._enqueue(Task(request, self._send))
        except ProtocolError as error:
            self._send(fault_of(error, request_id))

    def _enqueue(self, task: Task) -> None:
        with self._changed:
            if any(task.id == other.id for other in (*self._waiting, self._current) if other is not None):
                raise ProtocolError("a request of this id is under way")
            self._waiting.append(task)
            self._changed.notify_all()

    def _cancel(self, request_id: str) -> bool:
        """Stop a request; whether there is one of this id that has not come to its end."""
        with self._changed:
            if self._current is not None and self._current.id == request_id:
                self._current.stop()
                return True
            waiting = next((task for task in self._waiting if task.id == request_id), None)
            if waiting is None:
                return False
            self._waiting.remove(waiting)
        self._send(Stopped(waiting.id))
        return True

    def _end(self) -> None:
        """Stop what is computed, drop what waits, and have the main thread come to its end."""
        with self._changed:
            dropped = list(self._waiting)
            self._waiting.clear()
            self._ending = True
            if self._current is not None:
                self._current.stop()
            self._changed.notify_all()
        try:
            for task in dropped:
                self._send(Stopped(task.id))
        except ClientGone:
            _LOG.info("the client is gone")

    def _send(self, event: Event) -> None:
        line = encode_event(event)
        with self._sending:
            try:
                self._output.write(line)
                self._output.flush()
            except (OSError, ValueError) as error:
                raise ClientGone from error
