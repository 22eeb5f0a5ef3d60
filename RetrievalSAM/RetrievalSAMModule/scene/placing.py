"""Slicer's place mode: the next clicks into the views set points of one list."""

from __future__ import annotations

from typing import Any

import slicer
from slicer.util import VTKObservationMixin

from ..signal import Signal


class Placing(VTKObservationMixin):
    """Starts and ends it, and tells when somebody else does.

    Attributes:
        changed: Told when it began or ended.
    """

    def __init__(self) -> None:
        VTKObservationMixin.__init__(self)
        self._node_id = ""
        self.changed = Signal()
        interaction = self._interaction()
        self.addObserver(interaction, interaction.InteractionModeChangedEvent, self._mode_changed)

    @property
    def node_id(self) -> str:
        """ID of the list whose points are being set, or an empty text."""
        interaction, selection = self._interaction(), slicer.app.applicationLogic().GetSelectionNode()
        if interaction.GetCurrentInteractionMode() != interaction.Place:
            return ""
        return self._node_id if selection.GetActivePlaceNodeID() == self._node_id else ""

    def start(self, node: slicer.vtkMRMLMarkupsNode, one: bool = False) -> None:
        """Set points of a list until `stop`, or until the user ends it.

        Args:
            node: The list, or a curve.
            one: End with the node; else Slicer would go on with another curve, which nobody asked for.
        """
        self._node_id = node.GetID()
        selection, interaction = slicer.app.applicationLogic().GetSelectionNode(), self._interaction()
        selection.SetReferenceActivePlaceNodeClassName(node.GetClassName())
        selection.SetActivePlaceNodeID(node.GetID())
        interaction.SetPlaceModePersistence(0 if one else 1)
        interaction.SetCurrentInteractionMode(interaction.Place)
        self.changed.emit()

    def stop(self) -> None:
        """Clicks mean again what they meant before; another module's place mode is left alone."""
        if self.node_id:
            self._interaction().SwitchToViewTransformMode()
        self._node_id = ""
        self.changed.emit()

    def cleanup(self) -> None:
        """End it and hear of it no more."""
        self.stop()
        self.removeObservers()

    @staticmethod
    def _interaction() -> slicer.vtkMRMLInteractionNode:
        return slicer.app.applicationLogic().GetInteractionNode()

    def _mode_changed(self, _node: Any, _event: Any) -> None:
        self.changed.emit()
