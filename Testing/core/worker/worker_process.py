"""A client of the worker for tests: the real process, spoken to as Slicer does."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from RetrievalSAMLib.worker.protocol import (
    Event,
    Fault,
    LineReader,
    Ready,
    Result,
    Stopped,
    encode_request,
    event_of,
)
from Testing.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[3]


class WorkerProcess:
    """One worker, and the events that it sent.

    Args:
        environment: Variables besides the test's own; PYTHONPATH comes before the repository.
        code: A program to run in the worker's place.
    """

    def __init__(self, environment: Mapping[str, str] | None = None, code: str | None = None) -> None:
        variables = os.environ | {"OMP_NUM_THREADS": "1"} | dict(environment or {})
        paths = (variables.get("PYTHONPATH"), str(ROOT))
        variables["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
        self.process = subprocess.Popen(
            [sys.executable, *(["-m", "RetrievalSAMLib.worker"] if code is None else ["-c", code])],
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.log = b""
        self._events: queue.Queue[Event | None] = queue.Queue()
        self._threads = [threading.Thread(target=target) for target in (self._read_events, self._read_log)]
        for thread in self._threads:
            thread.start()

    def _read_events(self) -> None:
        assert self.process.stdout is not None
        reader = LineReader()
        while chunk := self.process.stdout.read1(1 << 16):  # type: ignore[attr-defined]
            for message in reader.feed(chunk):
                self._events.put(event_of(message))
        self._events.put(None)

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        self.log = self.process.stderr.read()

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def ask(self, request_id: str, verb: str, **parameters: Any) -> None:
        """Send a request."""
        self.write(encode_request(request_id, verb, parameters))

    def next(self) -> Event | None:
        """The next event; None where the worker has closed its output."""
        return self._events.get(timeout=PATIENCE)

    def until(self, *kinds: type, request_id: str | None = None) -> list[Event]:
        """Events up to the first of these kinds (and of this request)."""
        events: list[Event] = []
        while True:
            event = self.next()
            assert event is not None, f"the worker ended after {events}:\n{self.ended()[1]}"
            events.append(event)
            if isinstance(event, kinds) and (request_id is None or getattr(event, "id", None) == request_id):
                return events

    def answer(self, request_id: str, verb: str, **parameters: Any) -> list[Event]:
        """Send a request and give its events up to the last."""
        self.ask(request_id, verb, **parameters)
        return self.until(Result, Fault, Stopped, request_id=request_id)

    def result(self, verb: str, **parameters: Any) -> dict[str, Any]:
        """What a request gives; no error is expected."""
        last = self.answer(f"ask {verb}", verb, **parameters)[-1]
        assert isinstance(last, Result), last
        return last.result

    def fault(self, verb: str, **parameters: Any) -> Fault:
        """The error that a request ends with."""
        last = self.answer(f"fail {verb}", verb, **parameters)[-1]
        assert isinstance(last, Fault), last
        return last

    def close_input(self) -> None:
        """As a client that ends."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def ended(self) -> tuple[int, str]:
        """Wait for the end: exit code and log."""
        code = self.process.wait(timeout=PATIENCE)
        for thread in self._threads:
            thread.join(timeout=PATIENCE)
        return code, self.log.decode("utf-8", "replace")


@contextmanager
def running(environment: Mapping[str, str] | None = None, code: str | None = None) -> Iterator[WorkerProcess]:
    """A worker that says it is ready; ended afterwards, whatever happened."""
    worker = WorkerProcess(environment, code)
    try:
        assert isinstance(worker.next(), Ready)
        yield worker
    finally:
        if worker.process.poll() is None:
            worker.process.kill()
        worker.ended()
        for stream in (worker.process.stdin, worker.process.stdout, worker.process.stderr):
            assert stream is not None
            with suppress(BrokenPipeError):
                stream.close()
