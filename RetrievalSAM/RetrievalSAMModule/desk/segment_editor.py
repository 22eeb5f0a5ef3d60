"""Slicer's Segment Editor within the module: paint, draw, erase, scissors, islands, smoothing.

In every result its brushes leave other segments alone until the user chooses otherwise under *Masking*; while another
segment has the status *Completed*, which is Slicer's way to say that it is locked, they always do.

Its own keys stay off: Ctrl+Z, Ctrl+Shift+Z and Space are the module's, and of two shortcuts with one key Qt runs none.
Its own undo does too: it knows nothing of points, previews and propagations, and the module undoes its strokes
(`scene.masks.strokes.Painting`).
"""

from __future__ import annotations

from typing import Any

import slicer
import vtk
from slicer.util import VTKObservationMixin

from ..scene.proposal import Proposal

_TAG = "RetrievalSAM"
_UNDO_STEPS = 1


class SegmentEditor(VTKObservationMixin):
    """Its widget, for one segmentation at a time.

    Attributes:
        widget: To be put into a panel.
    """

    def __init__(self) -> None:
        VTKObservationMixin.__init__(self)
        self.widget = slicer.qMRMLSegmentEditorWidget()
        self.widget.segmentationNodeSelectorVisible = False
        self.widget.sourceVolumeNodeSelectorVisible = False
        self.widget.switchToSegmentationsButtonVisible = False
        self.widget.undoEnabled = False
        self.widget.setMaximumNumberOfUndoStates(_UNDO_STEPS)
        self.widget.setMRMLScene(slicer.mrmlScene)
        self.widget.visible = False
        self._entered = False

    @property
    def segment_id(self) -> str:
        """ID of the segment that is edited, or an empty text."""
        return self.widget.currentSegmentID() if self.widget.mrmlSegmentEditorNode() is not None else ""

    @property
    def effect(self) -> str:
        """Name of the tool that is taken up, or an empty text."""
        node = self.widget.mrmlSegmentEditorNode()
        return str(node.GetActiveEffectName() or "") if node is not None else ""

    def edit(self, proposal: Proposal | None) -> None:
        """Edit what a result has in the scene; None edits nothing."""
        if proposal is None or not proposal.is_in_scene:
            self._let_go()
            return
        if self.widget.mrmlSegmentEditorNode() is None:
            self.widget.setMRMLSegmentEditorNode(self._node())
        if self.widget.segmentationNode() is not proposal.segmentation:
            self.widget.setSegmentationNode(proposal.segmentation)
            self.widget.setSourceVolumeNode(proposal.volume)
            _leave_others_alone(self.widget.mrmlSegmentEditorNode())
            self._watch(proposal.segmentation)
        self.widget.visible = True

    def choose(self, segment_id: str) -> None:
        """Edit a segment."""
        self.widget.setCurrentSegmentID(segment_id)

    def take_up(self, effect: str) -> None:
        """Take up a tool by its name in Slicer; an empty text puts it down."""
        if self.widget.mrmlSegmentEditorNode() is not None:
            self.widget.setActiveEffectByName(effect)

    def enter(self) -> None:
        """The user came to the module: clicks in the views may be the editor's."""
        if not self._entered:
            self._entered = True
            self.widget.setupViewObservations()

    def exit(self) -> None:
        """The user leaves it: they are not any more."""
        if self._entered:
            self._entered = False
            self.take_up("")
            self.widget.removeViewObservations()

    def cleanup(self) -> None:
        """Let go of the scene."""
        self.exit()
        self._let_go()
        self.widget.setMRMLScene(None)

    def _watch(self, segmentation: slicer.vtkMRMLSegmentationNode) -> None:
        self.removeObservers()
        content, node = segmentation.GetSegmentation(), self.widget.mrmlSegmentEditorNode()
        self.addObserver(content, slicer.vtkSegmentation.SegmentModified, self._keep_locked)
        self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self._keep_locked)
        self._keep_locked()

    def _keep_locked(self, _caller: Any = None, _event: Any = None) -> None:
        """Put the mask back that keeps brushes off other segments, while one of these is locked."""
        node = self.widget.mrmlSegmentEditorNode()
        if node is None or node.GetSegmentationNode() is None:
            return
        content, status = node.GetSegmentationNode().GetSegmentation(), slicer.vtkSlicerSegmentationsModuleLogic
        others = (one for one in content.GetSegmentIDs() if one != node.GetSelectedSegmentID())
        if any(status.GetSegmentStatus(content.GetSegment(one)) == status.Completed for one in others):
            _leave_others_alone(node)

    def _let_go(self) -> None:
        self.removeObservers()
        if self.widget.mrmlSegmentEditorNode() is not None:
            self.widget.setActiveEffectByName("")
            self.widget.setSegmentationNode(None)
            self.widget.setMRMLSegmentEditorNode(None)
        self.widget.visible = False

    @staticmethod
    def _node() -> slicer.vtkMRMLSegmentEditorNode:
        """What the editor keeps its choices in; it is no part of a saved scene."""
        node = slicer.mrmlScene.GetSingletonNode(_TAG, "vtkMRMLSegmentEditorNode")
        if node is None:
            node = slicer.vtkMRMLSegmentEditorNode()
            node.SetSingletonTag(_TAG)
            node.SetSaveWithScene(False)
            node = slicer.mrmlScene.AddNode(node)
        return node


def _leave_others_alone(node: slicer.vtkMRMLSegmentEditorNode) -> None:
    """What is drawn changes the chosen segment alone, and only where no other one is."""
    outside = slicer.vtkMRMLSegmentationNode.EditAllowedOutsideAllSegments
    if node.GetMaskMode() != outside:
        node.SetMaskMode(outside)
