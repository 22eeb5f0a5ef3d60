"""A case of the library into the scene, as copies: the library itself is never edited from there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
import slicer.util
from slicer.i18n import tr as _

from .library_client import LibraryClient
from .panel import show_fault


class CaseLoading:
    """Loads cases."""

    def __init__(self, library: LibraryClient) -> None:
        self._library = library

    def load(self, case: str, on_done: Callable[[str], None]) -> None:
        """Load a case by its ID; `on_done` is told its name."""
        self._library.ask("library.case", {"case": case}, lambda told: self._loaded(told, on_done), show_fault)

    def _loaded(self, told: dict[str, Any], on_done: Callable[[str], None]) -> None:
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
                if storage is not None:
                    slicer.mrmlScene.RemoveNode(storage)
            segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
            slicer.util.setSliceViewerLayers(background=volume, fit=True)
        on_done(name)
