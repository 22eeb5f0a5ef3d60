"""The window that says what to annotate next, shows the slices worth drawing first, and begins to draw them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import qt
import slicer
import slicer.util
from slicer.i18n import tr as _

from ..clients.library_client import LibraryClient
from ..clients.worker_client import WorkerFault
from ..panels import ask
from ..panels.panel import ResourcePath, bring_up, cell, cell_data, dismiss, head, load_ui, say, show_fault
from ..runs.suggesting import Suggesting
from ..scene.drawing import drawing_on, make_empty_segmentation, open_segment_editor
from ..scene.slice_views import jump_to_voxel, show_volume
from ..scene.volume_files import SceneError
from ..texts import wording
from ..texts.suggest_view import Candidate, Ranked
from .slice_buttons import SliceButtons
from .volume_list import FILE, SCENE, VolumeList

_KINDS = "Volumes and reports (*.nrrd *.nhdr *.nii *.nii.gz *.mha *.mhd *.json)"
_REPORT = "report:"
_SIZE = (760, 600)


class SuggestWindow:
    """A window of its own; Slicer stays usable while it is open.

    Args:
        suggesting: Ranks the volumes.
        library: The open library.
        offer: Opens the part of the panel that adds a case, with a volume and its segmentation.
        resource_path: Where `.ui` files are.
    """

    def __init__(
        self,
        suggesting: Suggesting,
        library: LibraryClient,
        offer: Callable[[slicer.vtkMRMLScalarVolumeNode, slicer.vtkMRMLSegmentationNode], None],
        resource_path: ResourcePath,
    ) -> None:
        self._suggesting = suggesting
        self._library = library
        self._offer = offer
        self._ranking: list[Ranked] = []
        self.widget, self.ui = load_ui(resource_path, "SuggestWindow.ui")
        titles = [_("Rank"), _("Volume"), _("Why"), _("Draw first")]
        head(self.ui.rankTable, titles, stretched=2, widths={1: 190})
        self.ui.rankTable.setWordWrap(False)
        self._slices = SliceButtons(self.ui.slicesPlace, self._show_slice)
        self._volumes = VolumeList(self.ui.volumesList)
        self._volumes.changed.connect(self._enable)
        self.ui.rankTable.connect("itemSelectionChanged()", self._selected)
        self.ui.rankTable.connect("cellActivated(int,int)", lambda _row, _column: self._show_first())
        self.ui.addFilesButton.connect("clicked()", self._add_files)
        self.ui.removeFileButton.connect("clicked()", self._volumes.remove_current)
        self.ui.suggestButton.connect("clicked()", self._rank_or_cancel)
        self.ui.drawButton.connect("clicked()", self._draw)
        self.ui.closeButton.connect("clicked()", self.widget.hide)
        suggesting.changed.connect(self.update)
        library.changed.connect(self._enable)
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
        dismiss(self.widget)

    def update(self) -> None:
        """Show what is known, and what can be done."""
        suggesting = self._suggesting
        self.ui.progressBar.visible = suggesting.running
        done, total = suggesting.progress or (0, 0)
        self.ui.progressBar.setRange(0, total)
        self.ui.progressBar.setValue(done)
        lines = [f"{name}: {message}" for name, message in suggesting.left_out]
        say(self.ui.leftOutLabel, "\n".join([_("Left out:"), *lines]) if lines else "")
        if suggesting.ranking != self._ranking:
            self._fill()
        self._selected()

    def _add_files(self) -> None:
        for file in ask.files_to_open(self.widget, _("Add volumes, or reports on them"), _KINDS):
            is_report = file.casefold().endswith(".json")
            name = Path(file).name
            text = _("{file} (report)").format(file=name) if is_report else name
            self._volumes.add(_REPORT if is_report else FILE, file, text)
        self._enable()

    def _enable(self) -> None:
        suggesting, missing = self._suggesting, self._missing()
        button = self.ui.suggestButton
        button.text = _("Cancel") if suggesting.running else _("Rank")
        button.enabled = suggesting.running or not missing
        button.toolTip = (
            _("Stop without a ranking")
            if suggesting.running
            else missing or _("Compare the checked volumes with the library")
        )
        say(self.ui.progressLabel, suggesting.told or missing)
        self.ui.removeFileButton.enabled = self._volumes.is_file_current()
        self.ui.drawButton.enabled = self._chosen() is not None and self._library.state is not None

    def _missing(self) -> str:
        if self._library.state is None:
            return _("Open or create a library first.")
        if not self._volumes.checked(SCENE) and not self._volumes.checked(FILE):
            return _("Check at least one volume.")
        return ""

    def _rank_or_cancel(self) -> None:
        if self._suggesting.running:
            self._suggesting.cancel()
            return
        say(self.ui.statusLabel, "")
        candidates = [Candidate(name, node_id=node_id) for node_id, name in self._volumes.checked(SCENE)]
        candidates += [Candidate(name, file=file) for file, name in self._volumes.checked(FILE)]
        try:
            self._suggesting.start(candidates, [file for file, _name in self._volumes.checked(_REPORT)])
        except SceneError as error:
            show_fault(WorkerFault(str(error)))

    def _fill(self) -> None:
        self._ranking = list(self._suggesting.ranking)
        table = self.ui.rankTable
        table.blockSignals(True)
        table.clearSelection()
        table.setRowCount(len(self._ranking))
        for number, one in enumerate(self._ranking):
            rank = cell(str(number + 1), number)
            rank.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
            table.setItem(number, 0, rank)
            table.setItem(number, 1, cell(one.candidate.name, tool_tip=one.candidate.file or one.candidate.name))
            table.setItem(number, 2, cell(one.why, tool_tip=f"{one.why}\n{one.figures}"))
            table.setItem(number, 3, cell(", ".join(map(str, one.slices))))
        if self._ranking:
            table.selectRow(0)
        table.blockSignals(False)

    def _chosen(self) -> Ranked | None:
        rows = self.ui.rankTable.selectionModel().selectedRows()
        number = cell_data(self.ui.rankTable, rows[0].row()) if rows else None
        return None if number is None or number >= len(self._ranking) else self._ranking[number]

    def _selected(self) -> None:
        one = self._chosen()
        self.ui.detailLabel.text = (
            _("{volume}: {why}. {figures} Slices are counted along the {plane} direction.").format(
                volume=one.candidate.name, why=one.why, figures=one.figures, plane=wording.plane(one.plane)
            )
            if one is not None
            else ""
        )
        self.ui.slicesLabel.visible = one is not None
        self._slices.show(one.slices if one is not None else ())
        self._enable()

    def _show_first(self) -> None:
        one = self._chosen()
        if one is not None and one.slices:
            self._show_slice(one.slices[0])

    def _show_slice(self, index: int) -> None:
        one = self._chosen()
        volume = self._volume(one) if one is not None else None
        if volume is None:
            return
        show_volume(volume)
        self._go_to(volume, one.axis, index)
        say(
            self.ui.statusLabel,
            _("{volume} is on display at slice {index}.").format(volume=one.candidate.name, index=index),
        )

    def _go_to(self, volume: slicer.vtkMRMLScalarVolumeNode, axis: int, index: int) -> None:
        voxel = (np.asarray(volume.GetImageData().GetDimensions()) - 1) / 2
        voxel[axis] = index
        jump_to_voxel(volume, voxel)

    def _volume(self, one: Ranked) -> slicer.vtkMRMLScalarVolumeNode | None:
        """The volume in the scene; a file is loaded, unless it has been."""
        candidate = one.candidate
        if candidate.node_id:
            volume = slicer.mrmlScene.GetNodeByID(candidate.node_id)
            if volume is None:
                say(self.ui.statusLabel, _("{volume} is no more in the scene.").format(volume=candidate.name))
            return volume
        for volume in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"):
            storage = volume.GetStorageNode()
            if storage is not None and storage.GetFileName() and Path(storage.GetFileName()) == Path(candidate.file):
                return volume
        with slicer.util.tryWithErrorDisplay(_("The volume could not be loaded.")):
            return slicer.util.loadVolume(candidate.file)
        return None

    def _draw(self) -> None:
        one, state = self._chosen(), self._library.state
        volume = self._volume(one) if one is not None and state is not None else None
        if volume is None:
            return
        segmentation = drawing_on(volume, one.plane) or make_empty_segmentation(volume, state.segments, one.plane)
        self._offer(volume, segmentation)
        open_segment_editor(volume, segmentation)
        if one.slices:
            self._go_to(volume, one.axis, one.slices[0])
        say(
            self.ui.statusLabel,
            _(
                "Draw every structure on these slices, each slice whole. Then go back to RetrievalSAM: the volume is "
                "chosen under 'Add a case from the scene', and only the slices that you drew will count."
            ),
        )
