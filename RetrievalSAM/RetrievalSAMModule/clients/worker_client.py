"""Slicer's side of the worker: one child process, started when first needed, spoken to by JSON lines.

A request that computes cannot block the window: it is sent, and its events come back through Qt's event loop.
"""

from __future__ import annotations

import itertools
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ..core_package import core_folder, make_importable
from ..ending import delete_later
from ..signal import Signal

make_importable()

from RetrievalSAMLib.worker import protocol  # noqa: E402 - its folder is known only now

PATIENCE_MS = 900
_ENDING_MS = 3000
_KEPT_LOG_LINES = 200


@dataclass(frozen=True)
class WorkerFault:
    """Why a request failed, in words for the user.

    Attributes:
        message: What is wrong and what to do.
        details: For a report; may be empty.
        code: The protocol's error code, or `crash` or `start`.
    """

    message: str
    details: str = ""
    code: str = "internal"


def _nothing(*_arguments: Any) -> None:
    """A receiver for events that nobody waits for."""


@dataclass
class Request:
    """A request on its way, and who is told of its events."""

    id: str
    verb: str
    parameters: Mapping[str, Any]
    on_result: Callable[[dict[str, Any]], None] = _nothing
    on_fault: Callable[[WorkerFault], None] = _nothing
    on_progress: Callable[[str, int, int, float | None], None] = _nothing
    on_partial: Callable[[str, int, int], None] = _nothing
    on_stopped: Callable[[], None] = _nothing
    stopping: bool = field(default=False)


class WorkerClient:
    """Sends requests to the worker and hands its answers to whoever asked.

    Attributes:
        variables: What the process finds in its environment besides Slicer's own; counts from the next start.
        state_changed: Told the new state: `stopped`, `starting`, `ready` or `crashed`.
        crashed: Told the `WorkerFault` of a worker that ended by itself.
    """

    def __init__(
        self, program: str | None = None, arguments: list[str] | None = None, *, module: str = "RetrievalSAMLib.worker"
    ) -> None:
        self._program = program
        self._arguments = arguments or ["-u", "-m", module]
        self.variables: dict[str, str] = {}
        self._process: qt.QProcess | None = None
        self._reader = protocol.LineReader()
        self._numbers = itertools.count(1)
        self._pending: dict[str, Request] = {}
        self._log: list[str] = []
        self.state = "stopped"
        self.state_changed = Signal()
        self.crashed = Signal()

    @property
    def busy(self) -> bool:
        """Whether a request waits for its answer."""
        return bool(self._pending)

    def process_id(self) -> int:
        """The worker's process number, 0 where none runs."""
        return int(self._process.processId()) if self._process is not None else 0

    def request(self, verb: str, parameters: Mapping[str, Any] | None = None, **receivers: Any) -> Request:
        """Send a request; the worker is started where it does not run.

        Args:
            verb: A verb of the protocol (docs/worker.md).
            parameters: What the verb takes.
            receivers: `on_result`, `on_fault`, `on_progress`, `on_partial`, `on_stopped`.
        """
        request = Request(str(next(self._numbers)), verb, dict(parameters or {}), **receivers)
        self._pending[request.id] = request
        if self._process is None:
            self._start()
        if self._process is not None:
            self._send(request)
        return request

    def cancel(self, request: Request) -> None:
        """Stop a request. The worker has a moment to end it; one that is deep in a computation is replaced."""
        if request.id not in self._pending or request.stopping:
            return
        request.stopping = True
        self._write(protocol.encode_request(str(next(self._numbers)), "cancel", {"of": request.id}))
        qt.QTimer.singleShot(PATIENCE_MS, lambda: self._replace_if_deaf(request))

    def hang_up(self) -> None:
        """Tell the worker that nothing more comes; `stop` then waits the less."""
        if self._process is not None:
            self._process.closeWriteChannel()

    def stop(self) -> None:
        """End the worker for good; nothing is left behind."""
        process, self._process = self._process, None
        self._pending.clear()
        if process is None:
            return
        self._forget(process)
        process.closeWriteChannel()
        if not process.waitForFinished(_ENDING_MS):
            process.kill()
            process.waitForFinished(_ENDING_MS)
        delete_later(process)
        self._set_state("stopped")

    def restart(self) -> None:
        """Begin anew with a fresh worker; requests that wait are told that they were stopped."""
        waiting = list(self._pending.values())
        self.stop()
        for request in waiting:
            request.on_stopped()
        if self._process is None:  # whoever was stopped may have asked for something else
            self._start()

    def _start(self) -> None:
        self._reader = protocol.LineReader()
        self._log.clear()
        process = qt.QProcess()
        environment = qt.QProcessEnvironment.systemEnvironment()
        inherited = environment.value("PYTHONPATH", "")
        separator = ";" if sys.platform == "win32" else ":"
        environment.insert("PYTHONPATH", separator.join(filter(None, (str(core_folder()), inherited))))
        environment.insert("PYTHONIOENCODING", "utf-8")
        for name, value in self.variables.items():
            environment.insert(name, value)
        process.setProcessEnvironment(environment)
        process.connect("readyReadStandardOutput()", self._read_events)
        process.connect("readyReadStandardError()", self._read_log)
        process.connect("finished(int,QProcess::ExitStatus)", self._finished)
        process.connect("errorOccurred(QProcess::ProcessError)", self._failed)
        self._process = process
        self._set_state("starting")
        process.start(self._program or python_program(), self._arguments)

    def _send(self, request: Request) -> None:
        self._write(protocol.encode_request(request.id, request.verb, request.parameters))

    def _write(self, line: bytes) -> None:
        if self._process is not None:
            self._process.write(qt.QByteArray(line))

    def _read_events(self) -> None:
        if self._process is None:
            return
        try:
            events = self._reader.feed(_bytes(self._process.readAllStandardOutput()))
        except protocol.ProtocolError as error:
            self._lost(WorkerFault(_("The worker sent something unreadable and was stopped."), str(error), "crash"))
            return
        for event in events:
            self._handle(protocol.event_of(event))

    def _handle(self, event: Any) -> None:
        if isinstance(event, protocol.Ready):
            self._set_state("ready")
            return
        request = self._pending.get(event.id)
        if request is None:
            return
        if isinstance(event, protocol.Progress):
            if not request.stopping:
                request.on_progress(event.stage, event.done, event.total, event.seconds_left)
        elif isinstance(event, protocol.Partial):
            if not request.stopping:
                request.on_partial(event.file, event.done, event.total)
        elif request.stopping or isinstance(event, protocol.Stopped):
            del self._pending[event.id]
            request.on_stopped()
        elif isinstance(event, protocol.Result):
            del self._pending[event.id]
            request.on_result(event.result)
        elif isinstance(event, protocol.Fault):
            del self._pending[event.id]
            request.on_fault(WorkerFault(event.message, event.details, event.code))

    def _replace_if_deaf(self, request: Request) -> None:
        if request.id not in self._pending:
            return
        process, self._process = self._process, None
        if process is not None:
            self._dismiss(process)
        del self._pending[request.id]
        self._set_state("stopped")
        request.on_stopped()
        self._send_again()

    def _send_again(self) -> None:
        """Requests that stood behind the one whose worker is gone; they had not begun."""
        if self._pending and self._process is None:
            self._start()
            for request in list(self._pending.values()):
                self._send(request)

    def _read_log(self) -> None:
        if self._process is not None:
            text = _bytes(self._process.readAllStandardError()).decode("utf-8", "replace")
            self._log = [*self._log, *text.splitlines()][-_KEPT_LOG_LINES:]

    def _finished(self, *_code_and_status: Any) -> None:
        self._read_events()
        self._read_log()
        self._lost(
            WorkerFault(
                _("The worker process has ended unexpectedly. Nothing in the scene or the library was changed. ")
                + _("Press Restart and try again; with little memory, choose the preset 'fast' or a smaller region."),
                "\n".join(self._log),
                "crash",
            )
        )

    def _failed(self, error: Any) -> None:
        if error == qt.QProcess.FailedToStart:
            program = self._program or python_program()
            self._lost(
                WorkerFault(
                    _(
                        "The worker process could not be started ({program}). Install Slicer or the extension again."
                    ).format(program=program),
                    self._process.errorString() if self._process is not None else "",
                    "start",
                )
            )

    def _lost(self, fault: WorkerFault) -> None:
        """The worker is gone: everyone who waits is told."""
        process, self._process = self._process, None
        if process is None:
            return
        self._dismiss(process)
        waiting, self._pending = list(self._pending.values()), {}
        self._set_state("crashed")
        self.crashed.emit(fault)
        for request in waiting:
            if request.stopping:
                request.on_stopped()
            else:
                request.on_fault(fault)

    def _dismiss(self, process: qt.QProcess) -> None:
        """Kill a process without waiting for its end."""
        self._forget(process)
        if process.state() == qt.QProcess.NotRunning:
            delete_later(process)
        else:
            process.connect("finished(int,QProcess::ExitStatus)", lambda *_ended: delete_later(process))
            process.kill()

    def _forget(self, process: qt.QProcess) -> None:
        process.disconnect("readyReadStandardOutput()", self._read_events)
        process.disconnect("readyReadStandardError()", self._read_log)
        process.disconnect("finished(int,QProcess::ExitStatus)", self._finished)
        process.disconnect("errorOccurred(QProcess::ProcessError)", self._failed)

    def _set_state(self, state: str) -> None:
        self.state = state
        self.state_changed.emit(state)


def python_program() -> str:
    """Slicer's own Python interpreter; outside Slicer the one that runs this."""
    name = "PythonSlicer.exe" if sys.platform == "win32" else "PythonSlicer"
    beside = Path(slicer.app.slicerHome) / "bin" / name if slicer.app.slicerHome else None
    if beside is not None and beside.is_file():
        return str(beside)
    return shutil.which("PythonSlicer") or sys.executable


def _bytes(array: Any) -> bytes:
    return bytes(array.data())
