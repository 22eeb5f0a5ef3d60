"""One run from the click on Segment to accept or discard: what happens in the scene, and when."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from .segmentation_files import Backup, remove, show_segments
from .signal import Signal
from .turn_queue import TurnQueue
from .volume_files import SceneError, region_voxels, write_volume
from .work_folder import WorkFolder
from .worker_client import Request, WorkerClient, WorkerFault

IDLE, RUNNING, PROPOSED = "idle", "running", "proposed"


@dataclass(frozen=True)
class Choices:
    """What the user chose for a run.

    Attributes:
        volume: The volume to segment.
        output: Where the segments go, or None for a new node.
        region: Where to look, or None.
        library: Folder of the support library.
        segments: Names of the segments to look for, or None for all.
        plane: `auto`, `axial`, `coronal` or `sagittal`.
        preset: Name of the preset.
        model: Name in the catalogue.
        device: `auto`, `cpu`, `cuda` or `mps`.
    """

    volume: slicer.vtkMRMLScalarVolumeNode
    output: slicer.vtkMRMLSegmentationNode | None
    region: slicer.vtkMRMLMarkupsROINode | None
    library: str
    segments: tuple[str, ...] | None
    plane: str
    preset: str
    model: str
    device: str


@dataclass
class Proposal:
    """What a run has put into the scene.

    Attributes:
        volume_id: The volume's node ID; IDs, since two volumes may have one name.
        segmentation_id: The segmentation's node ID.
        is_new: Whether the run made the segmentation node.
        backup: The segmentation as it was.
        report: The worker's report; empty while the run goes on.
        segment_ids: IDs of the segments by the library's names.
    """

    volume_id: str
    segmentation_id: str
    is_new: bool
    backup: Backup
    report: dict[str, Any] = field(default_factory=dict)
    segment_ids: dict[str, str] = field(default_factory=dict)

    @property
    def volume(self) -> slicer.vtkMRMLScalarVolumeNode | None:
        """The volume, or None where it was deleted."""
        return slicer.mrmlScene.GetNodeByID(self.volume_id)

    @property
    def segmentation(self) -> slicer.vtkMRMLSegmentationNode | None:
        """The segmentation, or None where it was deleted."""
        return slicer.mrmlScene.GetNodeByID(self.segmentation_id)


class Segmenting(VTKObservationMixin):
    """Runs one after the other.

    Attributes:
        state: `idle`; `running`; `proposed` while a result waits to be accepted or discarded.
        state_changed: Told after every change of `state`.
        progressed: Told the stage, how much is done, of how much, seconds left or None.
        grown: Told when the scene shows more of the result.
        failed: Told the `WorkerFault` of a run that ended with nothing.
        told: Told a sentence for the user about a run that ended for another reason.
        accepted: Told the `Proposal` that the user keeps.
    """

    def __init__(self, worker: WorkerClient, work: WorkFolder) -> None:
        VTKObservationMixin.__init__(self)
        self._worker = worker
        self._work = work
        self._request: Request | None = None
        self._folders: tuple[Path, ...] = ()
        self._why_stopped = ""
        self._steps = TurnQueue()
        self._worker_is_done = False
        self._unread = False
        self.proposal: Proposal | None = None
        self.state = IDLE
        self.state_changed = Signal()
        self.progressed = Signal()
        self.grown = Signal()
        self.failed = Signal()
        self.told = Signal()
        self.accepted = Signal()

    def start(self, choices: Choices) -> None:
        """Begin a run. A result that still waits is accepted as it is.

        Raises:
            SceneError: The volume or the region cannot be used. Nothing was changed.
        """
        if self.state == RUNNING:
            return
        region = region_voxels(choices.region, choices.volume) if choices.region is not None else None
        folder, partial = self._work.new(), self._work.new()
        try:
            write_volume(choices.volume, folder / "image.nrrd")
        except SceneError:
            self._work.delete(folder)
            self._work.delete(partial)
            raise
        if self.state == PROPOSED:
            self.accept()
        self._folders = (folder, partial)
        self._why_stopped = ""
        self.proposal = self._make_room(choices)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.NodeRemovedEvent, self._check_nodes)
        self._request = self._worker.request(
            "segment",
            {
                "folder": choices.library,
                "image": str(folder / "image.nrrd"),
                "output": str(folder / "result.seg.nrrd"),
                "partial": str(partial),
                "segments": list(choices.segments) if choices.segments is not None else None,
                "plane": choices.plane,
                "roi": [int(edge) for edge in region] if region is not None else None,
                "preset": choices.preset,
                "model": choices.model,
                "device": choices.device,
            },
            on_result=self._finished,
            on_fault=self._fault,
            on_progress=self._progress,
            on_partial=self._partial,
            on_stopped=self._stopped,
        )
        self._set_state(RUNNING)

    def cancel(self, why: str = "") -> None:
        """Stop the run; the scene is put back to what it was.

        Args:
            why: A sentence for the user where it was not they who stopped it.
        """
        if self._request is None:
            return
        self._why_stopped = why
        if self._worker_is_done:
            self._stopped()
        else:
            self._worker.cancel(self._request)

    def accept(self) -> None:
        """Keep the result."""
        if self.state == PROPOSED:
            proposal, self.proposal = self.proposal, None
            self._set_state(IDLE)
            self.accepted.emit(proposal)

    def discard(self) -> None:
        """Put the scene back to what it was before the run."""
        if self.state == PROPOSED:
            self._put_back()
            self._set_state(IDLE)

    def scene_closes(self) -> None:
        """The nodes are about to go: nothing is put back, a run that goes on is stopped."""
        self.removeObservers()
        self.proposal = None
        if self._request is not None:
            self.cancel(_("Stopped, since the scene was closed."))
        else:
            self._set_state(IDLE)

    def cleanup(self) -> None:
        """End without a word; what a run has half done is taken back."""
        self._end()
        if self.state == RUNNING:
            self._put_back()
            self.state = IDLE

    def _make_room(self, choices: Choices) -> Proposal:
        """The segmentation node for the result, and how to undo what comes."""
        segmentation, is_new = choices.output, choices.output is None
        if segmentation is None:
            segmentation = slicer.mrmlScene.AddNewNodeByClass(
                "vtkMRMLSegmentationNode",
                slicer.mrmlScene.GenerateUniqueName(_("Segments of {volume}").format(volume=choices.volume.GetName())),
            )
            segmentation.CreateDefaultDisplayNodes()
            segmentation.SetAndObserveTransformNodeID(choices.volume.GetTransformNodeID())
        else:
            # With Slicer's own undo switched on, Ctrl+Z takes the run back too.
            slicer.mrmlScene.SaveStateForUndo(segmentation)
        if is_new or segmentation.GetSegmentation().GetNumberOfSegments() == 0:
            segmentation.SetReferenceImageGeometryParameterFromVolumeNode(choices.volume)
        return Proposal(choices.volume.GetID(), segmentation.GetID(), is_new, Backup(segmentation))

    def _show(self, file: str) -> None:
        proposal = self.proposal
        if proposal is None or proposal.segmentation is None or proposal.volume is None:
            return  # deleted by the user; `_check_nodes` stops the run
        slicer.app.pauseRender()
        try:
            ids = show_segments(Path(file), proposal.segmentation, proposal.volume)
        finally:
            slicer.app.resumeRender()
        content = proposal.segmentation.GetSegmentation()
        proposal.segment_ids.update({content.GetSegment(segment_id).GetName(): segment_id for segment_id in ids})
        self.grown.emit()

    def _progress(self, stage: str, done: int, total: int, seconds_left: float | None) -> None:
        self.progressed.emit(stage, done, total, seconds_left)

    def _partial(self, file: str, _done: int, _total: int) -> None:
        self._steps.add(lambda: self._show_partial(file))

    def _show_partial(self, file: str) -> None:
        try:
            self._show(file)
        except SceneError:
            self._unread = True  # in the end the whole result makes up for it

    def _finished(self, result: dict[str, Any]) -> None:
        self._worker_is_done = True
        self._steps.add(lambda: self._show_rest(result))

    def _show_rest(self, result: dict[str, Any]) -> None:
        """What the partial results have not shown yet."""
        for file in [result["segmentation"]] if self._unread else result["files"]:
            self._steps.add(lambda file=file: self._show_last(file))
        self._steps.add(lambda: self._complete(result["report"]))

    def _show_last(self, file: str) -> None:
        try:
            self._show(file)
        except SceneError as error:
            self._fault(WorkerFault(str(error)))

    def _complete(self, report: dict[str, Any]) -> None:
        self._end()
        proposal = self.proposal
        if proposal is not None and proposal.segmentation is not None and proposal.volume is not None:
            proposal.report = report
            self._set_state(PROPOSED)
        else:
            self._set_state(IDLE)

    def _fault(self, fault: WorkerFault) -> None:
        self._end()
        self._put_back()
        self._set_state(IDLE)
        self.failed.emit(fault)

    def _stopped(self) -> None:
        self._end()
        self._put_back()
        self._set_state(IDLE)
        self.told.emit(self._why_stopped or _("Stopped. The scene is as it was before."))

    def _end(self) -> None:
        self.removeObservers()
        self._steps.clear()
        self._request = None
        self._worker_is_done = self._unread = False
        for folder in self._folders:
            self._work.delete(folder)
        self._folders = ()

    def _put_back(self) -> None:
        proposal, self.proposal = self.proposal, None
        if proposal is None or proposal.segmentation is None:
            return
        if proposal.is_new:
            remove(proposal.segmentation)
        else:
            proposal.backup.restore(proposal.segmentation)

    def _check_nodes(self, _scene: Any, _event: str) -> None:
        proposal = self.proposal
        if self.state != RUNNING or proposal is None:
            return
        if proposal.volume is None:
            self.cancel(_("Stopped, since the volume was deleted."))
        elif proposal.segmentation is None:
            self.proposal = None
            self.cancel(_("Stopped, since the segmentation was deleted."))

    def _set_state(self, state: str) -> None:
        self.state = state
        self.state_changed.emit()
