"""The worker's protocol, version 1, for both sides: messages, their lines, and a reader of lines.

One JSON object a line, UTF-8. Requests are ``{"id": text, "do": verb, "with": {parameters}}``; what a verb takes is in
`parameters`, what comes back in docs/worker.md. Python's own library only: Slicer's side imports this module.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn

from .codec import ProtocolError, decode_as
from .parameters import PARAMETERS

__all__ = [
    "CODES",
    "MAX_LINE_BYTES",
    "PROTOCOL_VERSION",
    "Event",
    "Fault",
    "LineReader",
    "Partial",
    "Progress",
    "ProtocolError",
    "Ready",
    "Request",
    "Result",
    "Stopped",
    "encode_event",
    "encode_request",
    "event_of",
    "message_of",
    "request_of",
]

PROTOCOL_VERSION = 1
MAX_LINE_BYTES = 16_000_000

Code = Literal["input", "damaged", "model", "memory", "disk", "packages", "request", "internal"]
CODES: tuple[str, ...] = ("input", "damaged", "model", "memory", "disk", "packages", "request", "internal")
"""Of a `Fault`: what the user gave is wrong; a library is damaged; weights are missing or wrong; memory ran out; a
disk is full; a Python package is missing; the client broke the protocol; a bug."""


@dataclass(frozen=True)
class Request:
    """What a client asks.

    Attributes:
        id: The client's own, not that of another request under way.
        verb: ``do`` in JSON.
        parameters: ``with`` in JSON, as the dataclass of `PARAMETERS`.
    """

    id: str
    verb: str
    parameters: Any


@dataclass(frozen=True)
class Ready:
    """The first event: requests are taken from now on. PyTorch is not loaded yet."""

    protocol: int
    version: str
    pid: int


@dataclass(frozen=True)
class Progress:
    """How far a request is.

    Attributes:
        id: The request.
        stage: In words, as the report's ``seconds`` has them.
        done: So much of ``total``.
        total: In whatever the stage counts.
        seconds_left: Until the result, as far as can be told, or None.
    """

    id: str
    stage: str
    done: int
    total: int
    seconds_left: float | None = None


@dataclass(frozen=True)
class Partial:
    """A segment as it is now, in a file that the client deletes, on the part of the grid that holds it."""

    id: str
    file: str
    done: int
    total: int


@dataclass(frozen=True)
class Result:
    """A request has come to its end."""

    id: str
    result: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Fault:
    """A request has failed; ``error`` in JSON. The worker goes on.

    Attributes:
        id: The request; None where the line did not say.
        code: One of `CODES`.
        thing: What is wrong, by the name that the user knows.
        fact: What is wrong with it, a clause.
        remedy: What to do, whole sentences.
        message: All three, one text for the user.
        details: Traceback of a bug, else empty.
    """

    id: str | None
    code: Code
    thing: str
    fact: str
    remedy: str
    message: str
    details: str = ""


@dataclass(frozen=True)
class Stopped:
    """A request has ended without a result, as was asked for by `cancel`."""

    id: str


Event = Ready | Progress | Partial | Result | Fault | Stopped
_EVENTS: dict[str, type[Any]] = {
    "ready": Ready,
    "progress": Progress,
    "partial": Partial,
    "result": Result,
    "error": Fault,
    "stopped": Stopped,
}
_NAMES = {kind: name for name, kind in _EVENTS.items()}


@dataclass(frozen=True)
class _Envelope:
    id: str
    do: str


def encode_request(request_id: str, verb: str, parameters: Mapping[str, Any] | None = None) -> bytes:
    """A request as one line.

    Raises:
        ProtocolError: The worker would refuse it.
    """
    message = {"id": request_id, "do": verb, "with": dict(parameters or {})}
    request_of(message)
    return _line(message)


def encode_event(event: Event) -> bytes:
    """An event as one line."""
    return _line({"event": _NAMES[type(event)]} | dataclasses.asdict(event))


def message_of(line: bytes) -> dict[str, Any]:
    """The JSON object of one line.

    Raises:
        ProtocolError: It is too long, not UTF-8, not JSON, or no object.
    """
    if len(line) > MAX_LINE_BYTES:
        raise _too_long()
    try:
        message = json.loads(line.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise ProtocolError("the line is not UTF-8") from error
    except RecursionError as error:
        raise ProtocolError("the line is nested too deeply") from error
    except ProtocolError:
        raise
    except ValueError as error:
        raise ProtocolError("the line is not JSON") from error
    if not isinstance(message, dict):
        raise ProtocolError("the line is not a JSON object")
    return message


def request_of(message: Mapping[str, Any]) -> Request:
    """A message of a client.

    Raises:
        ProtocolError: A field is missing, unknown or of another type, or the verb is unknown.
    """
    envelope = decode_as(_Envelope, {k: v for k, v in message.items() if k != "with"}, "the request")
    kind = PARAMETERS.get(envelope.do)
    if kind is None:
        raise ProtocolError(f"the verb is unknown; there are: {', '.join(PARAMETERS)}")
    parameters = decode_as(kind, message.get("with", {}), f"'with' of {envelope.do}")
    return Request(envelope.id, envelope.do, parameters)


def event_of(message: Mapping[str, Any]) -> Event:
    """A message of the worker.

    Raises:
        ProtocolError: The event is unknown, or a field is missing, unknown or of another type.
    """
    name = message.get("event")
    kind = _EVENTS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ProtocolError(f"the message is no event; there are: {', '.join(_EVENTS)}")
    event: Event = decode_as(kind, {k: v for k, v in message.items() if k != "event"}, f"the event '{name}'")
    return event


class LineReader:
    """Puts lines together from a stream that comes in pieces of any size."""

    def __init__(self) -> None:
        self._begun = bytearray()
        self._skipping = False

    def lines(self, chunk: bytes) -> list[bytes | ProtocolError]:
        """The lines that a piece completes, without their ends; an error in the place of one that is too long."""
        found: list[bytes | ProtocolError] = []
        *ends, rest = chunk.split(b"\n")
        for part in ends:
            self._take(part, found)
            if not self._skipping and self._begun.strip():
                found.append(bytes(self._begun))
            self._begun.clear()
            self._skipping = False
        self._take(rest, found)
        return found

    def feed(self, chunk: bytes) -> list[dict[str, Any]]:
        """The messages that a piece completes.

        Raises:
            ProtocolError: A line is not a JSON object, or too long.
        """
        messages = []
        for line in self.lines(chunk):
            if isinstance(line, ProtocolError):
                raise line
            messages.append(message_of(line))
        return messages

    def _take(self, part: bytes, found: list[bytes | ProtocolError]) -> None:
        if self._skipping:
            return
        if len(self._begun) + len(part) > MAX_LINE_BYTES:
            self._begun.clear()
            self._skipping = True
            found.append(_too_long())
            return
        self._begun += part


def _line(message: Mapping[str, Any]) -> bytes:
    # Escapes everything beyond ASCII, so that no reader finds a line end that is none.
    line = json.dumps(message, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode("ascii") + b"\n"
    if len(line) > MAX_LINE_BYTES:
        raise _too_long()
    return line


def _too_long() -> ProtocolError:
    return ProtocolError(f"the line has more than {MAX_LINE_BYTES // 1_000_000} MB")


def _refuse_constant(name: str) -> NoReturn:
    raise ProtocolError(f"the line holds {name}, which is not JSON")
