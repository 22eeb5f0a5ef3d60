"""The part of the set-up page that says where runs are computed: here, or on a server."""

from __future__ import annotations

from typing import Any

import qt
from slicer.i18n import tr as _

from ..clients.server_place import ServerPlace, ServerSettings
from ..clients.worker_client import WorkerFault
from . import ask
from .panel import ResourcePath, choice, choose, fill_choices, load_ui, say

_HERE, _SERVER = "here", "server"


class ServerPanel:
    """Address, token, certificate, a button that tries them, and the server's libraries."""

    def __init__(self, server: ServerPlace, resource_path: ResourcePath) -> None:
        self._server = server
        self.widget, self.ui = load_ui(resource_path, "ServerPanel.ui")
        places = [(_HERE, _("this computer")), (_SERVER, _("server"))]
        fill_choices(self.ui.placeSelector, places)
        self.ui.addressEdit.text = server.settings.address
        self.ui.tokenEdit.text = server.settings.token
        self.ui.tokenEdit.setEchoMode(qt.QLineEdit.Password)
        self.ui.caFileEdit.text = server.settings.ca_file
        self.ui.rememberTokenCheckBox.checked = server.remembers_token
        self.ui.placeSelector.connect("currentIndexChanged(int)", lambda _index: self._place_chosen())
        self.ui.librarySelector.connect("currentIndexChanged(int)", lambda _index: self._library_chosen())
        self.ui.caFileButton.connect("clicked()", self._choose_ca_file)
        self.ui.testButton.connect("clicked()", self.test)
        say(self.ui.serverLabel, "")
        self._show()

    def test(self) -> None:
        """Ask the server for its health and libraries."""
        given = (self.ui.addressEdit.text, self.ui.tokenEdit.text, self.ui.caFileEdit.text)
        settings = ServerSettings(*(text.strip() for text in given))
        say(self.ui.serverLabel, _("Asking the server..."))
        self.ui.testButton.enabled = False
        self._server.connect(settings, bool(self.ui.rememberTokenCheckBox.checked), self._answered, self._failed)

    def _answered(self, told: dict[str, Any]) -> None:
        self.ui.testButton.enabled = True
        libraries = self._server.libraries
        fill_choices(
            self.ui.librarySelector,
            [(one.name, _("{name} ({cases} cases)").format(name=one.name, cases=one.cases)) for one in libraries],
        )
        if self._server.chosen is not None:
            choose(self.ui.librarySelector, self._server.chosen.name)
        state = _("It is ready") if told["model_ready"] else _("It is starting")
        text = _("RetrievalSAM {version} answers. {state}; runs in its queue: {queue}; libraries: {count}.").format(
            version=told["version"], state=state, queue=told["queue_length"], count=len(libraries)
        )
        say(self.ui.serverLabel, text)
        self._show()

    def _failed(self, fault: WorkerFault) -> None:
        self.ui.testButton.enabled = True
        say(self.ui.serverLabel, fault.message)

    def _place_chosen(self) -> None:
        self._server.set_active(choice(self.ui.placeSelector) == _SERVER)
        self._show()

    def _library_chosen(self) -> None:
        if self.ui.librarySelector.count:
            self._server.choose(choice(self.ui.librarySelector))

    def _choose_ca_file(self) -> None:
        file = ask.file_to_open(
            self.widget, _("Choose the certificate of your authority"), _("Certificates (*.pem *.crt)")
        )
        if file:
            self.ui.caFileEdit.text = file

    def _show(self) -> None:
        self.ui.serverBox.visible = self._server.active
        self.ui.librarySelector.enabled = self.ui.librarySelector.count > 0
