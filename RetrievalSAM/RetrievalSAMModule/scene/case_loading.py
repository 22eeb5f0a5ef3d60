"""A case of the library into the scene, as copies: the library itself is never edited from there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
import slicer.util
from slicer.i18n import tr as _

from ..clients.library_client import LibraryClient
from ..clients.worker_client import WorkerFault
from ..panels.panel import show_fault
from .slice_views import jump_to_voxel, slice_centre

Copy = tuple[Any, Any]
"""Volume and segmentation of a case as nodes of the scene."""


_CASE = "RetrievalSAM.Case"


class CaseLoading:
    """Loads cases. Their copies in the scene carry the case's ID, so that they are known again."""

    def __init__(self, library: LibraryClient) -> None:
        self._library = library

    def load(self, case: str, on_done: Callable[[str], None]) -> None:
        """Load a case by its ID; `on_done` is told its name."""
        self._library.ask("library.case", {"case": case}, lambda told: self._loaded(told, on_done), show_fault)

    def show(
        self,
        case: str,
        axis: int | None,
        index: int | None,
        segment: str,
        on_done: Callable[[str], None],
        on_fault: Callable[[WorkerFault], None],
    ) -> None:
        """Show one case alone at one slice; it is loaded unless a copy of it is in the scene.

        Args:
            case: ID of the case.
            axis: Axis of its voxels (0, 1, 2 as i, j, k) that is sliced, or None for no slice.
            index: Of the slice along `axis`, or None for no slice.
            segment: Name of the segment to go to on that slice; an empty text for the slice's middle.
            on_done: Told the name of the case.
            on_fault: Told why it cannot be shown.
        """

        def loaded(told: dict[str, Any]) -> None:
            copy = _copy_of(case) or self._added(told)
            if copy is None:
                return
            volume, segmentation = copy
            _show_alone(case, volume)
            if axis is not None and index is not None:
                segment_id = segmentation.GetSegmentation().GetSegmentIdBySegmentName(segment) if segment else ""
                jump_to_voxel(volume, slice_centre(segmentation, segment_id, volume, axis, index))
            on_done(told["name"])

        self._library.ask("library.case", {"case": case}, loaded, on_fault)

    def _loaded(self, told: dict[str, Any], on_done: Callable[[str], None]) -> None:
        self._added(told)
        on_done(told["name"])

    def _added(self, told: dict[str, Any]) -> Copy | None:
        """The case's volume and segmentation, new in the scene; None where that failed, which was shown."""
        name = told["name"]
        with slicer.util.tryWithErrorDisplay(_("The case could not be loaded.")):
            volume = slicer.util.loadVolume(told["image"], {"name": name})
            segmentation = slicer.util.loadSegmentation(
                told["segmentation"], {"name": _("Segments of {volume}").format(volume=name)}
            )
            # Saving the scene must never write over the library's own files.
            for node in (volume, segmentation):
                storage = node.GetStorageNode()
                node.SetAndObserveStorageNodeID(None)
                if storage is not None and slicer.mrmlScene.IsNodePresent(storage):
                    slicer.mrmlScene.RemoveNode(storage)
                node.SetAttribute(_CASE, told["id"])
            segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
            slicer.util.setSliceViewerLayers(background=volume, fit=True)
            return volume, segmentation
        return None


def _copy_of(case: str) -> Copy | None:
    """A copy of a case that is still whole in the scene."""
    found = [
        next((node for node in slicer.util.getNodesByClass(kind) if node.GetAttribute(_CASE) == case), None)
        for kind in ("vtkMRMLScalarVolumeNode", "vtkMRMLSegmentationNode")
    ]
    return None if None in found else (found[0], found[1])


def _show_alone(case: str, volume: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Show a case, and hide what is drawn in the others: all lie about the same place."""
    for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
        if node.GetAttribute(_CASE) and node.GetDisplayNode() is not None:
            node.GetDisplayNode().SetVisibility(node.GetAttribute(_CASE) == case)
    slicer.util.setSliceViewerLayers(background=volume, fit=True)
