"""A case from the scene into the library: which volume, which segments, under which name."""

from __future__ import annotations

from typing import Any

import slicer
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from ..clients.library_client import LibraryClient
from ..clients.worker_client import WorkerFault
from ..runs.origins import Origins
from ..scene.drawing import drawn_plane
from ..scene.segmentation_files import segment_names
from ..scene.volume_files import SceneError
from ..texts import wording
from .panel import check_list, checked_names, choice, choose, color_icon, fill_choices, say, show_fault

MODALITIES = ("", "CT", "MR", "PET", "US", "XA")


class AddCasePanel(VTKObservationMixin):
    """The part of the library panel that adds a case."""

    def __init__(self, ui: Any, library: LibraryClient, origins: Origins) -> None:
        VTKObservationMixin.__init__(self)
        self.ui = ui
        self._library = library
        self._origins = origins
        self._adding = False
        self.ui.addModalitySelector.addItems(list(MODALITIES))
        fill_choices(
            self.ui.addSlicesSelector,
            [
                ("", _("All slices")),
                ("auto", _("Only the slices that I drew")),
                ("axial", _("Only the axial slices that I drew")),
                ("coronal", _("Only the coronal slices that I drew")),
                ("sagittal", _("Only the sagittal slices that I drew")),
            ],
        )
        self.ui.addVolumeSelector.connect("currentNodeChanged(vtkMRMLNode*)", lambda _node: self.update())
        self.ui.addSegmentationSelector.connect("currentNodeChanged(vtkMRMLNode*)", self._segmentation_chosen)
        self.ui.addSegmentsList.connect("itemChanged(QListWidgetItem*)", lambda _item: self.update())
        self.ui.addNameEdit.connect("editingFinished()", self._check_names)
        self.ui.addButton.connect("clicked()", self._add)
        say(self.ui.addWarningLabel, "")

    def cleanup(self) -> None:
        """Let go of the scene."""
        self.removeObservers()

    def offer(self, volume: slicer.vtkMRMLScalarVolumeNode, segmentation: slicer.vtkMRMLSegmentationNode) -> None:
        """Open with a volume and its segmentation, say of a result that was accepted."""
        self.ui.addVolumeSelector.setCurrentNode(volume)
        self.ui.addSegmentationSelector.setCurrentNode(segmentation)
        self.ui.addSection.collapsed = False

    def update(self) -> None:
        """Enable the button when everything is chosen; its tool tip says what is missing."""
        missing = self._missing()
        self.ui.addButton.enabled = not missing and not self._adding
        self.ui.addButton.toolTip = missing or _("Add the volume and the checked segments to the library")

    def _missing(self) -> str:
        if self._library.state is None:
            return _("Open or create a library first.")
        if self.ui.addVolumeSelector.currentNode() is None:
            return _("Choose a volume.")
        if self.ui.addSegmentationSelector.currentNode() is None:
            return _("Choose the segmentation that was drawn on the volume.")
        if not checked_names(self.ui.addSegmentsList):
            return _("Check at least one segment; the segmentation may be empty.")
        return ""

    def _segmentation_chosen(self, node: slicer.vtkMRMLSegmentationNode | None) -> None:
        self.removeObservers()
        if node is not None:
            for event in (
                slicer.vtkSegmentation.SegmentAdded,
                slicer.vtkSegmentation.SegmentRemoved,
                slicer.vtkSegmentation.SegmentModified,
            ):
                self.addObserver(node.GetSegmentation(), event, self._segments_changed)
        choose(self.ui.addSlicesSelector, drawn_plane(node))
        self._show_segments(node)

    def _segments_changed(self, _segmentation: Any, _event: Any) -> None:
        self._show_segments(self.ui.addSegmentationSelector.currentNode())

    def _show_segments(self, node: slicer.vtkMRMLSegmentationNode | None) -> None:
        names = segment_names(node) if node is not None else []
        unchecked = {self.ui.addSegmentsList.item(row).text() for row in range(self.ui.addSegmentsList.count)} - set(
            checked_names(self.ui.addSegmentsList)
        )
        content = node.GetSegmentation() if node is not None else None
        icons = {name: color_icon(content.GetNthSegment(n).GetColor()) for n, name in enumerate(names)}
        check_list(self.ui.addSegmentsList, names, lambda name: name not in unchecked, icons)
        self._check_names()
        self.update()

    def _check_names(self) -> None:
        """Warn before names that look like patient data go into a folder that may be shared."""
        names = [self.ui.addNameEdit.text.strip(), *checked_names(self.ui.addSegmentsList)]
        names = [name for name in names if name]
        if not names or self._library.state is None:
            say(self.ui.addWarningLabel, "")
            return
        self._library.ask("names.check", {"names": names}, self._show_warnings, show_fault)

    def _show_warnings(self, result: dict[str, Any]) -> None:
        say(self.ui.addWarningLabel, wording.patient_names(result["warnings"]))

    def _add(self) -> None:
        volume, segmentation = self.ui.addVolumeSelector.currentNode(), self.ui.addSegmentationSelector.currentNode()
        names = checked_names(self.ui.addSegmentsList)
        try:
            self._library.add_from_scene(
                volume,
                segmentation,
                names,
                name=self.ui.addNameEdit.text.strip(),
                modality=self.ui.addModalitySelector.currentText.strip(),
                on_done=self._added,
                on_fault=self._fault,
                on_stopped=self._stopped,
                origin=self._origins.of(volume, segmentation, names),
                drawn_plane=choice(self.ui.addSlicesSelector),
            )
        except SceneError as error:
            show_fault(WorkerFault(str(error)))
            return
        self._adding = True
        say(self.ui.statusLabel, _("Adding the case..."))
        self.update()

    def _added(self, result: dict[str, Any]) -> None:
        self._adding = False
        self.ui.addNameEdit.text = ""
        told = _("{name} is in the library.").format(name=result["case"]["name"])
        # A study that is there already, say; it was added all the same.
        say(self.ui.statusLabel, " ".join([told, *(note["text"] for note in result["notes"])]))
        self.update()

    def _stopped(self) -> None:
        self._adding = False
        say(self.ui.statusLabel, _("Stopped; the case was not added."))
        self.update()

    def _fault(self, fault: WorkerFault) -> None:
        self._adding = False
        say(self.ui.statusLabel, "")
        self.update()
        show_fault(fault)
