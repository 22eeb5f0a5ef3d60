"""The window that segments several volumes one after the other: which ones, how far each is, and its result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from ..clients.library_client import LibraryClient
from ..panels import ask
from ..panels.panel import ResourcePath, bring_up, cell, cell_data, dismiss, head, load_ui, say, show_fault
from ..panels.segment_panel import SegmentPanel
from ..runs.batching import DONE, FAILED, RUNNING, STOPPED, WAITING, Batching, Entry
from ..scene.slice_views import show_volume
from ..scene.volume_files import SceneError, volumes_in
from ..texts.suggest_view import Candidate
from .series_window import SeriesWindow
from .volume_list import FILE, SCENE, SERIES, VolumeList

_KINDS = "Volumes (*.nrrd *.nhdr *.nii *.nii.gz *.mha *.mhd)"
_SIZE = (760, 560)
_LABEL = "|"  # between a folder and the label of a series, which has none


class BatchWindow:
    """A window of its own; Slicer stays usable while it is open, and the queue goes on when it is closed.

    Args:
        batching: The queue.
        library: The open library.
        panel: Where segments and settings are chosen.
        resource_path: Where `.ui` files are.
    """

    def __init__(
        self, batching: Batching, library: LibraryClient, panel: SegmentPanel, resource_path: ResourcePath
    ) -> None:
        self._batching = batching
        self._panel = panel
        self._library = library
        self._output = ""
        self._series = SeriesWindow(resource_path)
        self.widget, self.ui = load_ui(resource_path, "BatchWindow.ui")
        titles = [_("Volume"), _("State"), _("Result"), _("Decision")]
        head(self.ui.queueTable, titles, stretched=2, widths={0: 230, 1: 90})
        self.ui.queueTable.setColumnHidden(3, True)
        self.ui.queueTable.setWordWrap(False)
        self._volumes = VolumeList(self.ui.volumesList)
        self._volumes.changed.connect(self._enable)
        self.ui.queueTable.connect("itemSelectionChanged()", self._selected)
        self.ui.queueTable.connect("cellActivated(int,int)", lambda _row, _column: self._show())
        self.ui.addFilesButton.connect("clicked()", self._add_files)
        self.ui.addFolderButton.connect("clicked()", self._add_folder)
        self.ui.removeFileButton.connect("clicked()", self._volumes.remove_current)
        self.ui.openBatchButton.connect("clicked()", self._open_batch)
        self.ui.outputButton.connect("clicked()", self._choose_output)
        self.ui.startButton.connect("clicked()", self._start_or_cancel)
        self.ui.closeButton.connect("clicked()", self.widget.hide)
        batching.changed.connect(self.update)
        library.changed.connect(self._enable)
        panel.ui.segmentsList.connect("itemChanged(QListWidgetItem*)", lambda _item: self._enable())
        say(self.ui.statusLabel, "")
        self.widget.resize(*_SIZE)
        self.update()

    def open(self) -> None:
        """Show the window, with the volumes of the scene."""
        say(self.ui.statusLabel, "")
        bring_up(self.widget)
        self._volumes.follow_scene()

    def close(self) -> None:
        """The end of the module."""
        self._volumes.close()
        self._series.close()
        dismiss(self.widget)

    def update(self) -> None:
        """Show how far the queue is."""
        entries, table = self._batching.entries, self.ui.queueTable
        self.ui.progressBar.visible = self._batching.running
        self.ui.progressBar.setRange(0, len(entries))
        self.ui.progressBar.setValue(self._batching.finished)
        table.setRowCount(len(entries))
        for row, entry in enumerate(entries):
            tips = (entry.candidate.file, "", "", entry.decision[1])
            for column, text in enumerate((entry.candidate.name, _state(entry), entry.told, entry.decision[0])):
                shown, tip = table.item(row, column), tips[column]
                if shown is None or shown.text() != text or (tip and shown.toolTip() != tip):
                    table.setItem(row, column, cell(text, row if column == 0 else None, tip))
        table.setColumnHidden(3, not any(entry.decision != ("", "") for entry in entries))
        self._selected()
        self._enable()

    def _enable(self) -> None:
        running, missing = self._batching.running, self._missing()
        button = self.ui.startButton
        button.text = _("Cancel") if running else _("Segment all")
        button.enabled = running or not missing
        button.toolTip = (
            _("Stop; results that are there stay")
            if running
            else missing or _("Segment the checked volumes one after the other")
        )
        say(self.ui.progressLabel, self._progress() or missing)
        say(self.ui.outputLabel, self._output)
        self.ui.openBatchButton.enabled = not running
        self.ui.removeFileButton.enabled = self._volumes.is_file_current()

    def _progress(self) -> str:
        entries = self._batching.entries
        if not self._batching.running:
            return ""
        return _("{done} of {total} finished").format(done=self._batching.finished, total=len(entries))

    def _missing(self) -> str:
        if missing := self._panel.missing_for_several():
            return missing
        files = self._volumes.checked(FILE) or self._volumes.checked(SERIES)
        if not self._volumes.checked(SCENE) and not files:
            return _("Check at least one volume.")
        if files and not self._output:
            return _("Choose the folder where results of files go.")
        return ""

    def _add_files(self) -> None:
        for file in ask.files_to_open(self.widget, _("Add volumes"), _KINDS):
            self._volumes.add(FILE, file, Path(file).name)
        self._enable()

    def _add_folder(self) -> None:
        folder = ask.folder(self.widget, _("Add the volumes in a folder"))
        found = volumes_in(folder) if folder else []
        for file in found:
            self._volumes.add(FILE, file, Path(file).name)
        say(self.ui.statusLabel, "")
        self._enable()
        if folder:
            self._library.ask(
                "dicom.series", {"source": folder}, lambda told: self._found_series(folder, told, found), show_fault
            )

    def _found_series(self, folder: str, told: dict[str, Any], files: list[str]) -> None:
        if len(told["series"]) > 1:
            self._series.open(told["series"], lambda chosen: self._add_series(folder, chosen))
        elif told["series"]:
            self._add_series(folder, told["series"])
        elif not files:
            say(self.ui.statusLabel, _("There is no volume in this folder."))

    def _add_series(self, folder: str, series: list[dict[str, Any]]) -> None:
        for one in series:
            text = _("{folder}, series {label} ({modality}, {n} slices)").format(
                folder=Path(folder).name, label=one["label"], modality=one["modality"], n=one["slices"]
            )
            self._volumes.add(SERIES, f"{folder}{_LABEL}{one['label']}", text)
        self._enable()

    def _open_batch(self) -> None:
        folder = ask.folder(self.widget, _("Open the folder of a batch"))
        if not folder:
            return
        try:
            self._batching.open(folder)
        except SceneError as error:
            say(self.ui.statusLabel, str(error))
            return
        say(self.ui.statusLabel, _("Double-click a result to see it with its volume."))

    def _choose_output(self) -> None:
        self._output = ask.folder(self.widget, _("Results of files go to"), self._output) or self._output
        self._enable()

    def _start_or_cancel(self) -> None:
        if self._batching.running:
            self._batching.cancel()
            return
        say(self.ui.statusLabel, "")
        candidates = [Candidate(name, node_id=node_id) for node_id, name in self._volumes.checked(SCENE)]
        candidates += [Candidate(name, file=file) for file, name in self._volumes.checked(FILE)]
        for place, name in self._volumes.checked(SERIES):
            folder, _bar, label = place.rpartition(_LABEL)
            candidates.append(Candidate(name, file=folder, series=label))
        self._batching.start(candidates, self._panel.choices(), self._output)

    def _chosen(self) -> Entry | None:
        rows = self.ui.queueTable.selectionModel().selectedRows()
        number = cell_data(self.ui.queueTable, rows[0].row()) if rows else None
        return None if number is None or number >= len(self._batching.entries) else self._batching.entries[number]

    def _selected(self) -> None:
        entry = self._chosen()
        said = ""
        if entry is not None:
            said = ": ".join(filter(None, (entry.candidate.name, entry.told or _state(entry), *entry.decision)))
        self.ui.detailLabel.text = said

    def _show(self) -> None:
        """Put a volume with its result on display, where the result is in the scene and was not deleted."""
        entry = self._chosen()
        if entry is not None and self._is_to_be_loaded(entry):
            try:
                self._batching.load(entry)
            except SceneError as error:
                say(self.ui.statusLabel, str(error))
                return
        result = slicer.mrmlScene.GetNodeByID(entry.segmentation_id) if entry and entry.segmentation_id else None
        volume = slicer.mrmlScene.GetNodeByID(entry.candidate.node_id) if result is not None else None
        if volume is None:
            say(self.ui.statusLabel, entry.output if entry is not None and entry.state == DONE else "")
            return
        show_volume(volume)
        for other in self._batching.entries:
            node = slicer.mrmlScene.GetNodeByID(other.segmentation_id) if other.segmentation_id else None
            if node is not None:
                node.SetDisplayVisibility(node is result)
        say(self.ui.statusLabel, _("{volume} is on display with its result.").format(volume=entry.candidate.name))

    def _is_to_be_loaded(self, entry: Entry) -> bool:
        """Whether both are files, and the result is not in the scene, or no more."""
        files = entry.state == DONE and entry.output and entry.candidate.file
        there = entry.segmentation_id and slicer.mrmlScene.GetNodeByID(entry.segmentation_id) is not None
        return bool(files and not there)


def _state(entry: Entry) -> str:
    return {
        WAITING: _("Waits"),
        RUNNING: _("Running"),
        DONE: _("Done"),
        FAILED: _("Failed"),
        STOPPED: _("Stopped"),
    }[entry.state]
