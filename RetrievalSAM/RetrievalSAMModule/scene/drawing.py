"""Drawing a few slices of a volume: an empty segmentation with the library's segments, and the Segment Editor."""

from __future__ import annotations

from collections.abc import Iterable

import slicer
import slicer.util
from slicer.i18n import tr as _

from ..clients.library_client import LibrarySegment

_PLANE = "RetrievalSAM.DrawnPlane"


def drawn_plane(segmentation: slicer.vtkMRMLSegmentationNode | None) -> str:
    """The plane along which single slices of it are drawn: `axial`, `coronal` or `sagittal`; empty for all slices."""
    return (segmentation.GetAttribute(_PLANE) or "") if segmentation is not None else ""


def make_empty_segmentation(
    volume: slicer.vtkMRMLScalarVolumeNode, segments: Iterable[LibrarySegment], plane: str
) -> slicer.vtkMRMLSegmentationNode:
    """A segmentation on the volume's grid with segments of these names, colors and codes, in which nothing is drawn.

    Args:
        volume: To be drawn on.
        segments: Of the library.
        plane: Along which single slices will be drawn; the node remembers it.
    """
    node = slicer.mrmlScene.AddNewNodeByClass(
        "vtkMRMLSegmentationNode",
        slicer.mrmlScene.GenerateUniqueName(_("Drawn on {volume}").format(volume=volume.GetName())),
    )
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    node.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
    node.SetAttribute(_PLANE, plane)
    content = node.GetSegmentation()
    for segment in segments:
        segment_id = content.AddEmptySegment("", segment.name, segment.color or (0.5, 0.5, 0.5))
        if segment.terminology:
            content.GetSegment(segment_id).SetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), segment.terminology)
    return node


def drawing_on(volume: slicer.vtkMRMLScalarVolumeNode, plane: str) -> slicer.vtkMRMLSegmentationNode | None:
    """The segmentation that was begun on a volume along a plane, so that it can be gone on with."""
    role = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
    nodes = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    begun = (node for node in nodes if drawn_plane(node) == plane and node.GetNodeReferenceID(role) == volume.GetID())
    return next(begun, None)


def open_segment_editor(volume: slicer.vtkMRMLScalarVolumeNode, segmentation: slicer.vtkMRMLSegmentationNode) -> None:
    """Go to Slicer's Segment Editor with a volume and its segmentation; the views look along the volume's own axes.

    Slices are then drawn as the worker counts them, also where the volume lies obliquely.
    """
    slicer.util.setSliceViewerLayers(background=volume, fit=True)
    for view in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        view.RotateToVolumePlane(volume)
    # The module takes its choices from this node, whether it was open before or not.
    editor = slicer.mrmlScene.GetSingletonNode("SegmentEditor", "vtkMRMLSegmentEditorNode")
    if editor is None:
        editor = slicer.vtkMRMLSegmentEditorNode()
        editor.SetSingletonTag("SegmentEditor")
        editor = slicer.mrmlScene.AddNode(editor)
    editor.SetAndObserveSegmentationNode(segmentation)
    editor.SetAndObserveSourceVolumeNode(volume)
    content = segmentation.GetSegmentation()
    if content.GetNumberOfSegments():
        editor.SetSelectedSegmentID(content.GetNthSegmentID(0))
    slicer.util.selectModule("SegmentEditor")
