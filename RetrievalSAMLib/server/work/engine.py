"""The worker of one device: a child process that speaks the worker's protocol, restarted when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...segmentation.settings.cache_space import FOLDER_VARIABLE
from ...worker.protocol import (
    Fault,
    LineReader,
    Partial,
    Progress,
    ProtocolError,
    Result,
    Stopped,
    encode_request,
    event_of,
)
from .devices import Device

CANCEL_SECONDS = 5.0
_END_SECONDS = 5.0
_CHUNK_BYTES = 1 << 16
_PACKAGE_FOLDER = Path(__file__).resolve().parents[2]
_LOG = logging.getLogger(__name__)

Answer = Result | Fault | Stopped
Told = Callable[[Progress | Partial], None]
"""Told how far the worker is, and of what it has found so far."""


class Engine:
    """Asks the worker for one thing at a time. It is started when it is first needed, and again after a crash.

    Args:
        device: Where it computes.
        cache: A folder for all that workers keep between runs; those of other devices use it too.

    Attributes:
        device: The same.
    """

    def __init__(self, device: Device, cache: Path) -> None:
        self.device = device
        self._cache = cache
        self._process: Process | None = None
        self._reader = LineReader()
        self._numbers = itertools.count(1)
        self._current: str | None = None
        self._stopping = False
        self._is_warm = False

    @property
    def ready(self) -> bool:
        """Whether a worker runs that has answered."""
        return self._is_warm and self._process is not None and self._process.returncode is None

    async def fault(self) -> str | None:
        """Why the device cannot be used, a clause; None where its worker runs and finds it."""
        answer = await self.answer("environment", {}, lambda _told: None)
        if not isinstance(answer, Result):
            return answer.fact if isinstance(answer, Fault) else "its worker was stopped"
        if self.device.kind in ("auto", *answer.result["devices"]):
            return None
        await self.end()  # whoever asks again wants to know of the device as it is then
        return "PyTorch finds no such device"

    async def answer(self, verb: str, parameters: Mapping[str, Any], told: Told) -> Answer:
        """Ask, and wait for the end; a worker that dies is a fault like others.

        Args:
            verb: Of the protocol.
            parameters: What it takes.
            told: Told how far it is.
        """
        self._current, self._stopping = str(next(self._numbers)), False
        try:
            process = await self._running()
            if self._stopping:
                return Stopped(self._current)
            await self._write(process, encode_request(self._current, verb, parameters))
            answer = await self._last_event(process, self._current, told)
        except (OSError, ProtocolError, EOFError) as error:
            _LOG.warning("%s: the worker has ended unexpectedly (%s)", self.device.name, type(error).__name__)
            await self.end()
            if self._stopping:
                return Stopped(self._current)
            fact, remedy = (
                "the process that computes has ended",
                "Try again; with the preset 'fast' it needs less memory.",
            )
            return Fault(self._current, "internal", "server", fact, remedy, f"server: {fact}. {remedy}")
        else:
            self._is_warm = True
            return answer
        finally:
            self._current = None

    async def cancel(self) -> None:
        """Stop what is asked for now; a worker that does not look up is killed."""
        asked, process = self._current, self._process
        if asked is None or self._stopping:
            return
        self._stopping = True
        if process is None:
            return
        with contextlib.suppress(OSError):  # it has died: whoever waits for its answer sees that
            await self._write(process, encode_request(f"cancel {asked}", "cancel", {"of": asked}))
        asyncio.get_running_loop().call_later(CANCEL_SECONDS, self._kill_if_deaf, process, asked)

    async def stop(self) -> None:
        """End the worker for good."""
        process = self._process
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _END_SECONDS)
        except asyncio.TimeoutError:
            await self.end()

    async def _running(self) -> Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        paths = (str(_PACKAGE_FOLDER), os.environ.get("PYTHONPATH"))
        self._cache.mkdir(mode=0o700, exist_ok=True)
        environment = {
            **os.environ,
            FOLDER_VARIABLE: str(self._cache),
            "PYTHONPATH": os.pathsep.join(path for path in paths if path),
            **self.device.variables,
        }
        self._reader, self._is_warm = LineReader(), False
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "RetrievalSAMLib.worker", stdin=PIPE, stdout=PIPE, env=environment
        )
        return self._process

    async def _last_event(self, process: Process, request_id: str, told: Told) -> Answer:
        assert process.stdout is not None
        while chunk := await process.stdout.read(_CHUNK_BYTES):
            for message in self._reader.feed(chunk):
                event = event_of(message)
                if getattr(event, "id", None) != request_id:
                    continue
                if isinstance(event, (Progress, Partial)):
                    told(event)
                elif isinstance(event, Answer):
                    return event
        raise EOFError

    async def _write(self, process: Process, line: bytes) -> None:
        assert process.stdin is not None
        process.stdin.write(line)
        await process.stdin.drain()

    def _kill_if_deaf(self, process: Process, asked: str) -> None:
        if self._current == asked and process.returncode is None:
            process.kill()

    async def end(self) -> None:
        """End the worker at once; the next question starts another."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
