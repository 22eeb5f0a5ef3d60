"""The panel of a first case: a structure is named and drawn on a few slices, and the volume filled from them."""

from __future__ import annotations

from typing import Any

import slicer
from slicer.i18n import tr as _

from ..clients.worker_client import WorkerFault
from ..panels.panel import ResourcePath, load_ui, say, show_fault
from ..parameters import RetrievalSAMParameters
from ..runs.segmenting import DRAWN, RUNNING, Segmenting
from ..scene.slice_views import show_volume
from ..scene.volume_files import SceneError
from .segment_editor import SegmentEditor

# Unlike each other and unlike gray, also for those who tell red from green badly (Okabe and Ito 2008).
_COLORS = ((0.90, 0.62, 0.0), (0.34, 0.71, 0.91), (0.80, 0.47, 0.65), (0.94, 0.89, 0.26), (0.0, 0.62, 0.45))


class FirstCasePanel:
    """Its widgets."""

    def __init__(self, segmenting: Segmenting, editor: SegmentEditor, resource_path: ResourcePath) -> None:
        self._segmenting = segmenting
        self._editor = editor
        self._parameters: RetrievalSAMParameters | None = None
        self._gui_tag: Any = None
        self.widget, self.ui = load_ui(resource_path, "FirstCasePanel.ui")
        self.ui.volumeSelector.connect("currentNodeChanged(vtkMRMLNode*)", lambda _node: self.update())
        self.ui.structureEdit.connect("textChanged(QString)", lambda _text: self.update())
        self.ui.structureEdit.connect("returnPressed()", self.ui.addStructureButton.click)
        self.ui.addStructureButton.connect("clicked()", self._add)
        segmenting.state_changed.connect(self.update)
        self.update()

    def set_parameters(self, parameters: RetrievalSAMParameters | None) -> None:
        """Follow the settings of another scene, or none."""
        if self._parameters is not None:
            self._parameters.disconnectGui(self._gui_tag)
        self._parameters = parameters
        if parameters is not None:
            self._gui_tag = parameters.connectGui(self.ui)
        self.update()

    def update(self) -> None:
        """Say what comes next; the button's tool tip says what is missing."""
        missing = self._missing()
        self.ui.addStructureButton.enabled = not missing
        self.ui.addStructureButton.toolTip = missing or _("Begin to draw it")
        drawing = self._segmenting.state == DRAWN
        self.ui.volumeSelector.enabled = not drawing and self._segmenting.state != RUNNING
        say(
            self.ui.hintLabel,
            _(
                "Now draw it below on one to three slices, or place points in it; each slice is drawn whole. A double "
                "click on a color of the table opens Slicer's terminology. Several structures can be drawn together."
            )
            if drawing
            else "",
        )

    def _missing(self) -> str:
        if self._segmenting.state == RUNNING:
            return _("A run goes on.")
        if self.ui.volumeSelector.currentNode() is None:
            return _("Choose a volume.")
        name = self.ui.structureEdit.text.strip()
        if not name:
            return _("Type the name of a structure, such as Liver.")
        if self._segmenting.state == DRAWN and name in self._segmenting.proposal.segment_ids:
            return _("There is a structure of that name already.")
        return ""

    def _add(self) -> None:
        volume, name = self.ui.volumeSelector.currentNode(), self.ui.structureEdit.text.strip()
        if self._segmenting.state != DRAWN:
            try:
                self._segmenting.draw(volume, None, self._settings())
            except SceneError as error:
                show_fault(WorkerFault(str(error)))
                return
            show_volume(volume)
            for view in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
                view.RotateToVolumePlane(volume)  # slices are drawn as the worker counts them
        content = self._segmenting.proposal.segmentation.GetSegmentation()
        color = _COLORS[content.GetNumberOfSegments() % len(_COLORS)]
        self._editor.choose(self._segmenting.add_structure(name, color))
        self.ui.structureEdit.text = ""

    def _settings(self) -> dict[str, Any]:
        parameters = self._parameters
        if parameters is None:
            return {}
        clean: dict[str, Any] = {} if parameters.cleanMasks else {"clean": []}
        return {"model": parameters.model, "device": parameters.device, **clean}
