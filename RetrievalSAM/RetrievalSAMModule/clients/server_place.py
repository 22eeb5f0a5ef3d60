"""A server that does runs for this computer: where it is, what it has, and whether the user lets volumes go there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import slicer
import slicer.util
from slicer.i18n import tr as _

from ..signal import Signal
from .library_client import LibrarySegment
from .worker_client import WorkerClient, WorkerFault

_ADDRESS, _CA_FILE, _TOKEN = "RetrievalSAM/ServerAddress", "RetrievalSAM/ServerCaFile", "RetrievalSAM/ServerToken"
# As RetrievalSAMLib/server/remote.py reads them.
_VARIABLES = ("RETRIEVALSAM_SERVER", "RETRIEVALSAM_SERVER_TOKEN", "RETRIEVALSAM_SERVER_CA")


@dataclass(frozen=True)
class ServerLibrary:
    """A support library of the server's.

    Attributes:
        name: By which runs name it.
        cases: How many it has.
        segments: That it can find.
    """

    name: str
    cases: int
    segments: tuple[LibrarySegment, ...]


@dataclass(frozen=True)
class ServerSettings:
    """How to reach it; an empty text where there is none."""

    address: str = ""
    token: str = ""
    ca_file: str = ""


class ServerPlace:
    """The server, if the user has chosen one.

    Attributes:
        worker: The process that speaks to it.
        settings: How it is reached.
        active: Whether runs go there.
        libraries: What it has, as it said last.
        chosen: The library for runs, or None.
        changed: Told after every change of these.
    """

    def __init__(self, worker: WorkerClient) -> None:
        self.worker = worker
        stored = slicer.app.userSettings()
        self.settings = ServerSettings(*(str(stored.value(key, "") or "") for key in (_ADDRESS, _TOKEN, _CA_FILE)))
        self.active = False
        self.libraries: tuple[ServerLibrary, ...] = ()
        self.chosen: ServerLibrary | None = None
        self.changed = Signal()
        self._allowed: set[str] = set()

    @property
    def remembers_token(self) -> bool:
        """Whether the token is kept in Slicer's settings."""
        return bool(slicer.app.userSettings().value(_TOKEN, ""))

    def set_active(self, active: bool) -> None:
        """Have runs done there, or here again."""
        self.active = active
        self.changed.emit()

    def choose(self, name: str) -> None:
        """Take another of its libraries."""
        self.chosen = next((library for library in self.libraries if library.name == name), None)
        self.changed.emit()

    def connect(
        self,
        settings: ServerSettings,
        remember_token: bool,
        on_done: Callable[[dict[str, Any]], None],
        on_fault: Callable[[WorkerFault], None],
    ) -> None:
        """Ask a server for its health and libraries; address and CA file are remembered for this user.

        Args:
            settings: How to reach it.
            remember_token: Whether the token is kept in Slicer's settings too, where others may read it.
            on_done: Told `version`, `model_ready`, `queue_length`, `libraries`.
            on_fault: Told why it cannot be used.
        """
        stored = slicer.app.userSettings()
        stored.setValue(_ADDRESS, settings.address)
        stored.setValue(_CA_FILE, settings.ca_file)
        if remember_token and settings.token:
            stored.setValue(_TOKEN, settings.token)
        else:
            stored.remove(_TOKEN)
        if settings != self.settings:
            self.libraries, self.chosen = (), None
            self.changed.emit()
        self.settings = settings
        self.worker.stop()  # the next one finds the new settings
        self.worker.variables = dict(zip(_VARIABLES, (settings.address, settings.token, settings.ca_file), strict=True))
        self.worker.request("environment", {}, on_result=lambda told: self._told(told, on_done), on_fault=on_fault)

    def may_send(self) -> bool:
        """Whether volumes may go there; the user is asked once after each start of Slicer and for each address."""
        if self.settings.address not in self._allowed and slicer.util.confirmOkCancelDisplay(
            _(
                "The volume leaves this computer: its voxels and grid, without name and header, are sent to {address}, "
                "which deletes them some time after the run. Send volumes there until Slicer is closed?"
            ).format(address=self.settings.address),
            windowTitle=_("RetrievalSAM"),
        ):
            self._allowed.add(self.settings.address)
        return self.settings.address in self._allowed

    def _told(self, told: dict[str, Any], on_done: Callable[[dict[str, Any]], None]) -> None:
        self.libraries = tuple(
            ServerLibrary(one["name"], one["cases"], tuple(_segment(segment) for segment in one["segments"]))
            for one in told["libraries"]
        )
        before = self.chosen.name if self.chosen is not None else ""
        first = self.libraries[0].name if self.libraries else ""
        self.choose(before if before in (library.name for library in self.libraries) else first)
        on_done(told)


def _segment(told: dict[str, Any]) -> LibrarySegment:
    color = tuple(told["color"]) if told["color"] is not None else None
    return LibrarySegment(told["name"], told["value"], color, told["terminology"])
