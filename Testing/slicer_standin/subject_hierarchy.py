"""What Slicer's application does with nodes as they come and go, and complains of, where a bare scene is silent.

Its subject hierarchy makes an item for every segmentation but the hidden ones, and its plugin for segmentations, which
observes all of them, writes an error for each change of one that has no item. Display and storage nodes go with their
node; who takes them out a second time gets an error. Colours of segments come back a little different.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
import vtk
from PySide6 import QtGui


class SubjectHierarchyPlugins:
    """Follows a scene for as long as the application runs.

    Args:
        scene: the scene.
        complain: told each error.
    """

    def __init__(self, scene: Any, complain: Callable[[str], None]) -> None:
        self._scene, self._complain = scene, complain
        self._going: dict[Any, list[Any]] = {}  # display nodes, by the node that is about to go
        for event, slot in (
            (scene.NodeAddedEvent, self._added),
            (scene.NodeAboutToBeRemovedEvent, self._about_to_be_removed),
            (scene.NodeRemovedEvent, self._removed),
        ):
            scene.AddObserver(event, _with_node(slot))

    def _added(self, node: Any) -> None:
        if not node.IsA("vtkMRMLSegmentationNode"):
            return
        if not node.GetHideFromEditors():
            node.AddObserver(slicer.vtkSegmentation.SegmentAdded, _with_name(_round_color))
            return
        name = node.GetName()
        for event in (
            slicer.vtkSegmentation.SegmentAdded,
            slicer.vtkSegmentation.SegmentRemoved,
            slicer.vtkSegmentation.SegmentModified,
        ):
            node.AddObserver(event, lambda _node, _event: self._without_item(name))

    def _without_item(self, name: str) -> None:
        self._complain(f"qSlicerSubjectHierarchySegmentationsPlugin: no subject hierarchy item for segmentation {name}")

    def _about_to_be_removed(self, node: Any) -> None:
        if not self._scene.IsNodePresent(node):
            self._complain(f"RemoveNode: Node {node.GetClassName()}/{node.GetName()} already removed")
            return
        if not self._scene.IsClosing() and node.IsA("vtkMRMLDisplayableNode"):
            displays = [node.GetNthDisplayNode(number) for number in range(node.GetNumberOfDisplayNodes())]
            self._going[node] = [display for display in displays if display is not None]

    def _removed(self, node: Any) -> None:
        for display in self._going.pop(node, []):
            if self._scene.IsNodePresent(display):
                self._scene.RemoveNode(display)


def _round_color(node: Any, segment_id: str) -> None:
    """The colour goes through a QColor, which keeps 16 bits of each part."""
    segment = node.GetSegmentation().GetSegment(segment_id) if segment_id else None
    if segment is not None:
        rounded = QtGui.QColor.fromRgbF(*segment.GetColor())
        segment.SetColor(rounded.redF(), rounded.greenF(), rounded.blueF())


def _with_name(slot: Callable[[Any, str], None]) -> Any:
    def told(node: Any, _event: str, segment_id: str = "") -> None:
        # A file that is read adds its segments without saying which.
        slot(node, segment_id)

    told.CallDataType = vtk.VTK_STRING  # type: ignore[attr-defined]
    return told


def _with_node(slot: Callable[[Any], None]) -> Any:
    def told(_scene: Any, _event: str, node: Any) -> None:
        slot(node)

    told.CallDataType = vtk.VTK_OBJECT  # type: ignore[attr-defined]
    return told
