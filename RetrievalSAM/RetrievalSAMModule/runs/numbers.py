"""Numbers of the result that waits, as it is now, computed by the worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..clients.worker_client import WorkerClient, WorkerFault
from ..scene.segmentation_files import write_result
from ..scene.volume_files import SceneError, write_volume
from ..scene.work_folder import WorkFolder
from .correcting import Correcting
from .segmenting import PROPOSED, Segmenting

Told = Callable[[list[dict[str, Any]], str], None]
"""Told the rows by their columns' names, and the same as CSV."""


class Numbers:
    """Asks for them."""

    def __init__(
        self,
        worker: WorkerClient,
        segmenting: Segmenting,
        correcting: Correcting,
        work: WorkFolder,
        on_fault: Callable[[WorkerFault], None],
    ) -> None:
        self._worker = worker
        self._segmenting = segmenting
        self._correcting = correcting
        self._work = work
        self._on_fault = on_fault

    def ask(self, on_numbers: Told) -> None:
        """Of the segments as they are drawn now; nothing happens where no result waits."""
        proposal = self._segmenting.proposal
        if self._segmenting.state != PROPOSED or not proposal.is_in_scene:
            return
        try:
            folder = self._work.new()
            image, segments = folder / "image.nrrd", folder / "segments.seg.nrrd"
            write_volume(proposal.volume, image)
            present = proposal.present_segments()
            write_result(proposal.segmentation, proposal.volume, present, segments)
        except SceneError as error:
            self._on_fault(WorkerFault(str(error)))
            return

        def done(result: dict[str, Any]) -> None:
            self._work.delete(folder)
            try:
                on_numbers(result["rows"], result["csv"])
            except SceneError as error:
                self._on_fault(WorkerFault(str(error)))

        def failed(fault: WorkerFault) -> None:
            self._work.delete(folder)
            self._on_fault(fault)

        self._worker.request(
            "numbers",
            {
                "image": str(image),
                "segmentation": str(segments),
                "name": proposal.volume.GetName(),
                "confidence": {one["name"]: one["confidence"] for one in proposal.report["segments"]},
                "corrected": self._correcting.corrected,
            },
            on_result=done,
            on_fault=failed,
        )
