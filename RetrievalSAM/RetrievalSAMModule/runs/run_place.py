"""Where runs are done, here or by a server; whoever asks for one need not know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import qt

from ..clients.library_client import LibraryClient, LibrarySegment, LibraryState
from ..clients.server_place import ServerPlace
from ..clients.worker_client import Request, WorkerClient
from ..signal import Signal

_ON_SERVER = "server:"


@dataclass(frozen=True)
class ServerState:
    """A server's library, with what of a `LibraryState` a run needs."""

    folder: str
    cases: int
    segments: tuple[LibrarySegment, ...]


def is_on_server(folder: str) -> bool:
    """Whether what a run has as its library's folder is a library of a server's."""
    return folder.startswith(_ON_SERVER)


class RunPlace:
    """Takes the place of the worker for runs, and of the library for what they can look for.

    A run names its library, and thereby its place: corrections go where the result came from.

    Attributes:
        changed: Told after every change of `state`.
    """

    def __init__(self, computer: WorkerClient, library: LibraryClient, server: ServerPlace) -> None:
        self._computer = computer
        self._library = library
        self._server = server
        self._sent: Request | None = None
        self.changed = Signal()
        library.changed.connect(self.changed.emit)
        server.changed.connect(self.changed.emit)

    @property
    def on_server(self) -> bool:
        """Whether a server does the runs that begin now."""
        return self._server.active

    @property
    def state(self) -> LibraryState | ServerState | None:
        """The library for runs that begin now, or None."""
        if not self._server.active:
            return self._library.state
        chosen = self._server.chosen
        return ServerState(_ON_SERVER + chosen.name, chosen.cases, chosen.segments) if chosen is not None else None

    @property
    def folder(self) -> str:
        """Of that library, or an empty text."""
        return self.state.folder if self.state is not None else ""

    def request(self, verb: str, parameters: Mapping[str, Any], **receivers: Any) -> Request:
        """As `WorkerClient.request`; where the user does not let the volume go, it ends as if stopped."""
        if not is_on_server(parameters.get("folder", "")):
            return self._computer.request(verb, parameters, **receivers)
        if not self._server.may_send():
            refused = Request("", verb, parameters, **receivers)
            qt.QTimer.singleShot(0, refused.on_stopped)
            return refused
        name = parameters["folder"].removeprefix(_ON_SERVER)
        self._sent = self._server.worker.request(verb, {**parameters, "folder": name}, **receivers)
        return self._sent

    def cancel(self, request: Request) -> None:
        """As `WorkerClient.cancel`."""
        (self._server.worker if request is self._sent else self._computer).cancel(request)
