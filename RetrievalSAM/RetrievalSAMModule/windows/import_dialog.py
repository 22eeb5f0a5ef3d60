"""Pairs of files from a folder into the library: first a preview, then the import, with errors by file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import qt
from slicer.i18n import tr as _

from ..clients.library_client import LibraryClient
from ..clients.worker_client import Request, WorkerFault
from ..panels.add_case_panel import MODALITIES
from ..panels.panel import ResourcePath, cell, head, load_ui, show_boxes, show_fault
from ..texts import wording
from .segment_names import NamedValue, SegmentNames, as_parameter


class ImportDialog:
    """A window of its own; Slicer stays usable while it is open."""

    def __init__(self, library: LibraryClient, source: str, resource_path: ResourcePath) -> None:
        self._library = library
        self._source = Path(source)
        self._pairs: list[dict[str, Any]] = []
        self._request: Request | None = None
        self.widget, self.ui = load_ui(resource_path, "ImportDialog.ui")
        show_boxes(self.ui.pairsTable)
        head(self.ui.pairsTable, [_("Image"), _("Segmentation"), _("Name"), _("Note")], stretched=3)
        self.ui.modalitySelector.addItems(list(MODALITIES))
        self._names = SegmentNames(self.ui.namesTable)
        self._show_values([])
        self.ui.importButton.enabled = False
        self.ui.importButton.connect("clicked()", self._import)
        self.ui.closeButton.connect("clicked()", self.close)

    def open(self) -> None:
        """Show the window and look what the folder holds."""
        self.ui.resultLabel.text = _("Looking into the folder...")
        self.widget.resize(680, 420)
        self.widget.show()
        self._library.ask("library.pairs", {"source": str(self._source)}, self._found, self._fault)

    def close(self) -> None:
        """Close the window; an import that goes on is stopped after the case it is at."""
        if self._request is not None:
            self._library.cancel(self._request)
        self.widget.hide()

    def _found(self, told: dict[str, Any]) -> None:
        self._pairs = told["pairs"]
        table = self.ui.pairsTable
        table.setRowCount(len(self._pairs))
        for row, pair in enumerate(self._pairs):
            image = cell(self._short(pair["image"]))
            image.setFlags(qt.Qt.ItemIsUserCheckable | qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable)
            image.setCheckState(qt.Qt.Unchecked if pair["problem"] else qt.Qt.Checked)
            table.setItem(row, 0, image)
            for column, text in enumerate(
                (self._short(pair["segmentation"]), pair["name"], pair["problem"] or ""), start=1
            ):
                table.setItem(row, column, cell(text))
        table.resizeRowsToContents()
        self.ui.unpairedLabel.text = (
            _("Without a partner, left out: {files}").format(files=", ".join(map(self._short, told["unpaired"])))
            if told["unpaired"]
            else ""
        )
        if not self._pairs:
            self.ui.resultLabel.text = _(
                "The folder holds no pair of image and segmentation. A DICOM series with its segmentation is added by "
                "'Add files...'."
            )
            return
        self.ui.resultLabel.text = _("Looking at the segmentations...")
        files = [pair["segmentation"] for pair in self._pairs]
        self._library.ask("library.unnamed", {"files": files}, self._found_values, self._fault)

    def _found_values(self, told: dict[str, Any]) -> None:
        self.ui.resultLabel.text = ""
        self._show_values(
            [
                NamedValue(one["value"], note=_("in {files}").format(files=wording.files(one["files"])))
                for one in told["values"]
            ]
        )
        self.ui.importButton.enabled = True

    def _show_values(self, values: list[NamedValue]) -> None:
        self._names.show(values)
        self.ui.namesLabel.visible = bool(values)

    def _import(self) -> None:
        table = self.ui.pairsTable
        chosen = [
            {"image": pair["image"], "segmentation": pair["segmentation"]}
            for row, pair in enumerate(self._pairs)
            if table.item(row, 0).checkState() == qt.Qt.Checked
        ]
        if not chosen:
            self.ui.resultLabel.text = _("Check at least one pair.")
            return
        if nameless := self._names.nameless():
            values = ", ".join(map(str, nameless[:8]))
            self.ui.resultLabel.text = _("Name the values of the label maps: {values}.").format(values=values)
            return
        self.ui.importButton.enabled = False
        self.ui.progressBar.visible = True
        self._request = self._library.add_files(
            chosen,
            self.ui.modalitySelector.currentText.strip(),
            as_parameter(self._names.names()),
            self._imported,
            self._fault,
            self._progress,
            self._stopped,
        )

    def _progress(self, _stage: str, done: int, total: int, _seconds_left: float | None) -> None:
        self.ui.progressBar.setRange(0, total)
        self.ui.progressBar.setValue(done)

    def _imported(self, result: dict[str, Any]) -> None:
        self._request = None
        self.ui.progressBar.visible = False
        lines = [_("Added: {cases}.").format(cases=wording.cases(len(result["added"])))]
        lines += [f"{note['case']}: {note['text']}" for note in result["notes"]]
        lines += [f"{self._short(one['file'])}: {one['text']}" for one in result["warnings"]]
        lines += [f"{self._short(one['file'])}: {one['message']}" for one in result["errors"]]
        self.ui.resultLabel.text = "\n".join(lines)

    def _stopped(self) -> None:
        self._request = None
        self.ui.progressBar.visible = False
        self.ui.resultLabel.text = _("Stopped; the cases that were added stay.")

    def _fault(self, fault: WorkerFault) -> None:
        self._request = None
        self.ui.progressBar.visible = False
        self.ui.resultLabel.text = ""
        show_fault(fault)

    def _short(self, file: str) -> str:
        try:
            return str(Path(file).relative_to(self._source))
        except ValueError:
            return Path(file).name
