"""The set-up page: what is there, what is missing, and one button for each. Nothing happens without a click."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import qt
import slicer
import slicer.util
from slicer.i18n import tr as _

from ..clients.worker_client import WorkerClient, WorkerFault
from ..packages import InstallError, PackageState, install_packages, install_pytorch, package_state, replaced_by
from ..parameters import BUNDLED
from ..signal import Signal
from ..texts import wording
from . import ask
from .panel import ResourcePath, cell, fit_height, head, load_ui, say, show_fault

_LITTLE_MEMORY = 2e9
_LITTLE_DISK = 1e9


@dataclass(frozen=True)
class _Row:
    """A line of the page: what, its state here, and a button for each thing that can be done about it."""

    title: str
    state: str
    actions: tuple[tuple[str, Callable[[], None]], ...] = ()


class SetupPanel:
    """The set-up page.

    Attributes:
        environment_changed: Told the worker's `environment` after it was looked at.
        collapse_wanted: Told whether the page is of no interest, since everything is there.
    """

    def __init__(self, librarian: WorkerClient, computer: WorkerClient, resource_path: ResourcePath) -> None:
        self._librarian = librarian
        self._computer = computer
        self._fault: WorkerFault | None = None
        self.environment_changed = Signal()
        self.collapse_wanted = Signal()
        self.widget, self.ui = load_ui(resource_path, "SetupPanel.ui")
        head(self.ui.checksTable, [_("What"), _("Here"), ""], stretched=1)
        self.ui.checksTable.setSelectionMode(qt.QAbstractItemView.NoSelection)
        self.ui.checksTable.setWordWrap(True)
        self.ui.checkButton.connect("clicked()", self.check)
        self.ui.importWeightsButton.connect("clicked()", self._import_weights)
        self.ui.restartButton.connect("clicked()", self._restart)
        self.ui.reportButton.connect("clicked()", self._copy_report)
        for client in (librarian, computer):
            client.crashed.connect(self._crashed)
            client.state_changed.connect(lambda _state: self._show_worker())
        self._show_worker()

    def check(self) -> None:
        """Look at packages, and where the worker can run, at device, weights, memory and disk."""
        packages = package_state()
        if packages.complete:
            self._say(_("Looking at this computer..."))
            self._librarian.request("environment", {}, on_result=self._looked, on_fault=self._request_failed)
        else:
            self._say(_("Something is missing; each line has its button. Nothing is installed without your click."))
            self._show_packages(packages)
            self.collapse_wanted.emit(False)

    def _show_packages(self, state: PackageState) -> None:
        install_pytorch_row = _Row("PyTorch", _("missing"), ((_("Install"), self._install_pytorch),))
        install_packages_row = _Row(
            _("Python packages"),
            _("missing: {names}").format(names=", ".join(state.missing)),
            ((_("Install"), self._install_packages), (_("From folder..."), self._install_from_folder)),
        )
        self._fill(
            [
                install_pytorch_row if state.pytorch is None else _Row("PyTorch", state.pytorch),
                install_packages_row if state.missing else _Row(_("Python packages"), _("complete")),
            ]
        )

    def _looked(self, environment: dict[str, Any]) -> None:
        rows = [
            _Row("PyTorch", environment["packages"].get("torch") or _("missing")),
            _Row(_("Python packages"), _("complete")),
            _Row(
                _("Memory"),
                _free(environment["memory_free"], _LITTLE_MEMORY, _("close other programs before a large volume")),
            ),
            _Row(_("Disk"), _free(environment["disk_free"], _LITTLE_DISK, _("too little for most weights"))),
            _Row(_("Bundled model"), _("comes with the extension")),
        ]
        rows += [self._model_row(model) for model in environment["models"] if model["name"] != BUNDLED]
        self._fill(rows)
        self.environment_changed.emit(environment)
        if environment["device"] is None:  # PyTorch is installed, and broken
            self._say(
                _("{reason} Install PyTorch again with Slicer's PyTorch extension.").format(
                    reason=environment["device_reason"]
                )
            )
            self.collapse_wanted.emit(False)
            return
        self._say(
            _("Ready. The bundled model needs no download; the others are optional. Runs on {device}: {reason}").format(
                device=environment["device"], reason=environment["device_reason"]
            )
        )
        self.collapse_wanted.emit(True)

    def _model_row(self, model: dict[str, Any]) -> _Row:
        name, size = model["name"], wording.size(model["bytes"])
        text = _("{size}, {licence}").format(size=size, licence=model["licence"])
        if not model["installed"]:
            download = (_("Download"), lambda: self._download(name, size))
            return _Row(name, _("not here; {text}").format(text=text), (download,))
        state = _("here; {text}") if model["intact"] is not False else _("damaged, download it again; {text}")
        return _Row(name, state.format(text=text), ((_("Remove"), lambda: self._remove(name, size)),))

    def _fill(self, rows: list[_Row]) -> None:
        table = self.ui.checksTable
        table.setRowCount(len(rows))
        for number, row in enumerate(rows):
            table.setItem(number, 0, cell(row.title))
            table.setItem(number, 1, cell(row.state))
            place = qt.QWidget()
            layout = qt.QHBoxLayout(place)
            layout.setContentsMargins(2, 1, 2, 1)
            for label, action in row.actions:
                button = qt.QPushButton(label)
                button.objectName = f"{row.title} {label}"
                button.connect("clicked()", action)
                layout.addWidget(button)
            table.setCellWidget(number, 2, place)
        table.resizeRowsToContents()
        fit_height(table, most_rows=10)

    def _install_pytorch(self) -> None:
        self._try(install_pytorch)

    def _install_packages(self) -> None:
        self._install(None)

    def _install_from_folder(self) -> None:
        folder = ask.folder(self.widget, _("Choose the folder with the wheels"))
        if folder:
            self._install(Path(folder))

    def _install(self, wheels: Path | None) -> None:
        missing = package_state().missing
        source = str(wheels) if wheels is not None else _("the internet")
        question = _("Install these Python packages into Slicer from {source}?\n{names}").format(
            source=source, names=", ".join(missing)
        )
        if replaced := replaced_by(missing):
            question += "\n\n" + _(
                "These are there in another version, are replaced, and other modules of Slicer use the new version "
                "then as well: {names}"
            ).format(names=", ".join(replaced))
        if slicer.util.confirmOkCancelDisplay(question, windowTitle=_("RetrievalSAM")):
            self._try(lambda: install_packages(missing, wheels))

    def _try(self, install: Callable[[], None]) -> None:
        failed = ""
        try:
            install()
        except InstallError as error:
            failed = str(error)
            if not error.was_shown:
                show_fault(WorkerFault(failed))
        self.check()
        if failed:
            self._say(failed)

    def _download(self, name: str, size: str) -> None:
        if not slicer.util.confirmOkCancelDisplay(
            _("Download {name} ({size})? Only the file that the authors published is accepted.").format(
                name=name, size=size
            ),
            windowTitle=_("RetrievalSAM"),
        ):
            return
        self._say(_("Downloading {name}...").format(name=name))
        self._librarian.request(
            "models.download",
            {"name": name},
            on_result=lambda _models: self.check(),
            on_fault=self._request_failed,
            on_progress=lambda _stage, done, total, _left: self._say(
                _("Downloading {name}: {done} of {total}").format(
                    name=name, done=wording.size(done), total=wording.size(total)
                )
            ),
        )

    def _remove(self, name: str, size: str) -> None:
        if slicer.util.confirmOkCancelDisplay(
            _("Delete the weights of {name} ({size}) from this computer?").format(name=name, size=size),
            windowTitle=_("RetrievalSAM"),
        ):
            self._librarian.request(
                "models.remove", {"name": name}, on_result=lambda _models: self.check(), on_fault=self._request_failed
            )

    def _import_weights(self) -> None:
        folder = ask.folder(self.widget, _("Choose the folder with the official weight files"))
        if folder:
            self._say(_("Checking and copying..."))
            self._librarian.request(
                "models.import",
                {"folder": folder},
                on_result=lambda _models: self.check(),
                on_fault=self._request_failed,
            )

    def _restart(self) -> None:
        self._fault = None
        self.ui.reportButton.enabled = False
        for client in (self._librarian, self._computer):
            if client.state != "stopped":
                client.restart()
        self.check()

    def _crashed(self, fault: WorkerFault) -> None:
        self._fault = fault
        self.ui.reportButton.enabled = True
        self.collapse_wanted.emit(False)

    def _copy_report(self) -> None:
        if self._fault is not None:
            qt.QApplication.clipboard().setText(f"{self._fault.message}\n\n{self._fault.details}")

    def _request_failed(self, fault: WorkerFault) -> None:
        self._say(fault.message)
        show_fault(fault)

    def _show_worker(self) -> None:
        texts = {
            "stopped": _("not running; it starts when it is needed"),
            "starting": _("starting"),
            "ready": _("running"),
            "crashed": _("has ended unexpectedly; press Restart the worker"),
        }
        states = [client.state for client in (self._librarian, self._computer)]
        state = next((s for s in ("crashed", "starting", "ready") if s in states), "stopped")
        self.ui.workerLabel.text = _("Worker process: {state}.").format(state=texts[state])

    def _say(self, text: str) -> None:
        say(self.ui.stateLabel, text)


def _free(count: int | None, little: float, advice: str) -> str:
    """So many bytes are free; with advice where that is little. None could not be found out."""
    if count is None:
        return _("unknown")
    text = _("{free} free").format(free=wording.size(count))
    return text if count >= little else _("{text}; {advice}").format(text=text, advice=advice)
