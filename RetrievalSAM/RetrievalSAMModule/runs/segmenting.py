"""One run from the click on Segment to accept or discard: what happens in the scene, and when.

Carrying corrections on is a run as well: it begins and ends with a result that waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import slicer
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from ..clients.worker_client import Request, WorkerFault
from ..scene import scene_nodes
from ..scene.proposal import Choices, Proposal, ProposalState
from ..scene.result_snapshot import ResultSnapshot
from ..scene.segmentation_files import Backup, new_segmentation, segment_voxels, show_segments, write_result
from ..scene.slice_views import acquired_axis, plane_across
from ..scene.strokes import Strokes
from ..scene.volume_files import SceneError, region_voxels, write_volume
from ..scene.work_folder import WorkFolder
from ..signal import Signal
from ..turn_queue import TurnQueue

if TYPE_CHECKING:
    from .run_place import RunPlace

IDLE, DRAWN, RUNNING, PROPOSED = "idle", "drawn", "running", "proposed"


class Segmenting(VTKObservationMixin):
    """Runs one after the other.

    Attributes:
        state: `idle`; `drawn` while slices of a first case are drawn; `running`; `proposed` while a result waits to be
            kept or discarded.
        state_changed: Told after every change of `state`.
        progressed: Told the stage, how much is done, of how much, seconds left or None.
        grown: Told when the scene shows more of the result.
        failed: Told the `WorkerFault` of a run that ended with nothing.
        told: Told a sentence for the user about a run that ended for another reason.
        refined: Told, when corrections were carried on, what the result was before that as a `ProposalState`.
        leaving: Told the `Proposal` that stays in the scene, just before it is let go: kept, or put aside.
        accepted: Told the `Proposal` that the user keeps.
    """

    def __init__(self, worker: RunPlace, work: WorkFolder) -> None:
        VTKObservationMixin.__init__(self)
        self._worker = worker
        self._work = work
        self._request: Request | None = None
        self._folders: tuple[Path, ...] = ()
        self._why_stopped = ""
        self._steps = TurnQueue()
        self._worker_is_done = False
        self._unread = False
        self._before: ProposalState | None = None
        self._strokes: Strokes | None = None
        self.proposal: Proposal | None = None
        self.state = IDLE
        self.state_changed = Signal()
        self.progressed = Signal()
        self.grown = Signal()
        self.failed = Signal()
        self.told = Signal()
        self.refined = Signal()
        self.leaving = Signal()
        self.accepted = Signal()

    def start(self, choices: Choices) -> None:
        """Begin a run. A result that still waits stays in the scene, and can be taken up again.

        Raises:
            SceneError: The volume or the region cannot be used. Nothing was changed.
        """
        if self.state == RUNNING:
            return
        region = region_voxels(choices.region, choices.volume) if choices.region is not None else None
        with self._new_folders() as (folder, partial):
            write_volume(choices.volume, folder / "image.nrrd")
        self.put_aside()
        self.proposal = self._make_room(choices, choices.settings(region))
        self._begin("segment", folder, partial, {})

    @property
    def waits(self) -> bool:
        """Whether there is something to correct: a result, or the drawn slices of a first case."""
        return self.state in (DRAWN, PROPOSED)

    def draw(
        self,
        volume: slicer.vtkMRMLScalarVolumeNode,
        segmentation: slicer.vtkMRMLSegmentationNode | None,
        settings: dict[str, Any],
    ) -> None:
        """Begin a first case: slices of a volume are drawn, and the rest is filled from them.

        Args:
            volume: To be drawn on.
            segmentation: In which something is drawn already; None for a new one.
            settings: The fields of the worker's request `start` that say how to compute.

        Raises:
            SceneError: The volume cannot be used.
        """
        if self.state == RUNNING:
            return
        if volume.GetImageData() is None:
            raise SceneError(_("'{name}' has no voxels. Choose another volume.").format(name=volume.GetName()))
        self.put_aside()
        is_new = segmentation is None
        if segmentation is None:
            segmentation = new_segmentation(volume)
        size = volume.GetImageData().GetDimensions()
        node_ids = volume.GetID(), segmentation.GetID()
        self.proposal = Proposal(*node_ids, is_new, size, Backup(segmentation), settings)
        self.proposal.drawn_axis = acquired_axis(volume)
        self.proposal.name_drawn_segments()
        self._set_state(DRAWN)

    def add_structure(self, name: str, color: Sequence[float]) -> str:
        """Add an empty segment to the first case that is drawn; its ID."""
        segment_id = str(self.proposal.segmentation.GetSegmentation().AddEmptySegment("", name, color))
        self.proposal.name_drawn_segments()
        self._set_state(DRAWN)
        return segment_id

    def refine(self, corrected: Iterable[int], points: list[dict[str, Any]], boxes: list[dict[str, Any]]) -> None:
        """Carry corrections of the result that waits on, with the settings of the run that it came from.

        What was drawn for a first case fills the volume.

        Args:
            corrected: Indices along the sliced axis of slices that are right as they are now.
            points: As the worker's request has them (docs/worker.md).
            boxes: Likewise.

        Raises:
            SceneError: Volume or segments cannot be written. Nothing was changed.
        """
        proposal = self.proposal
        if not self.waits or not proposal.is_in_scene:
            return
        slices = sorted(corrected)
        only = (proposal.axis, slices) if proposal.is_first_case else None
        with self._new_folders() as (folder, partial):
            write_volume(proposal.volume, folder / "image.nrrd")
            file = folder / "corrected.seg.nrrd"
            written = ResultSnapshot()
            write_result(proposal.segmentation, proposal.volume, proposal.present_segments(), file, written.take, only)
        # As before a run: Ctrl+Z takes it back too where Slicer's own undo is on.
        slicer.mrmlScene.SaveStateForUndo(proposal.segmentation)
        self._before = proposal.state()
        self._strokes = Strokes(proposal, written)
        given: dict[str, Any] = {key: prompts for key, prompts in (("points", points), ("boxes", boxes)) if prompts}
        if not proposal.is_first_case:
            self._begin("refine", folder, partial, given | {"segmentation": str(file), "corrected": slices})
            return
        given["plane"] = plane_across(proposal.volume, proposal.axis)
        if slices:
            given |= {"slices": str(file), "drawn": slices}
        self._begin("start", folder, partial, given)

    @contextmanager
    def _new_folders(self) -> Iterator[tuple[Path, Path]]:
        """For the files of a run, and for its partial results; gone again where an error is raised."""
        with ExitStack() as undo:
            folders = []
            for _n in range(2):
                folders.append(self._work.new())
                undo.callback(self._work.delete, folders[-1])
            yield folders[0], folders[1]
            undo.pop_all()

    def _begin(self, verb: str, folder: Path, partial: Path, given: dict[str, Any]) -> None:
        """Ask the worker for a run whose volume is in `folder`; `given` are the fields that only this verb has."""
        self._folders = (folder, partial)
        self._why_stopped = ""
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.NodeRemovedEvent, self._check_nodes)
        self._request = self._worker.request(
            verb,
            {
                **self.proposal.settings,
                "image": str(folder / "image.nrrd"),
                "output": str(folder / "result.seg.nrrd"),
                **({"partial": str(partial)} if verb != "start" else {}),
                **given,
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
            self.leaving.emit(self.proposal)
            proposal, self.proposal = self.proposal, None
            self._set_state(IDLE)
            self.accepted.emit(proposal)

    def put_aside(self) -> None:
        """Let go of what waits, neither kept nor discarded: it stays in the scene, and can be taken up again."""
        if self.waits:
            self.leaving.emit(self.proposal)
            self.proposal = None
            self._set_state(IDLE)

    def take_up(self, proposal: Proposal) -> None:
        """Make a result that is in the scene the one that waits."""
        self.put_aside()
        self.proposal = proposal
        self._set_state(PROPOSED)

    def discard(self) -> None:
        """Put the scene back to what it was before the run."""
        if self.waits:
            self._put_back()
            self._set_state(IDLE)

    def put(self, state: ProposalState) -> None:
        """Make the result that waits what it was at another moment."""
        if self.waits and self.proposal.segmentation is not None:
            slicer.mrmlScene.SaveStateForUndo(self.proposal.segmentation)
            self.proposal.put(state)
            self._set_state(self._state_of(self.proposal))

    def scene_closes(self) -> None:
        """The nodes are about to go: nothing is put back, a run that goes on is stopped."""
        self.removeObservers()
        self.proposal = self._before = self._strokes = None
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

    def _make_room(self, choices: Choices, settings: dict[str, Any]) -> Proposal:
        """The segmentation node for the result, and how to undo what comes."""
        segmentation, is_new = choices.output, choices.output is None
        if segmentation is None:
            segmentation = new_segmentation(choices.volume)
        else:
            # With Slicer's own undo switched on, Ctrl+Z takes the run back too.
            slicer.mrmlScene.SaveStateForUndo(segmentation)
        if not is_new and segmentation.GetSegmentation().GetNumberOfSegments() == 0:
            segmentation.SetReferenceImageGeometryParameterFromVolumeNode(choices.volume)
        size = choices.volume.GetImageData().GetDimensions()
        return Proposal(choices.volume.GetID(), segmentation.GetID(), is_new, size, Backup(segmentation), settings)

    def _show(self, file: str) -> None:
        proposal = self.proposal
        if proposal is None or not proposal.is_in_scene:
            return  # deleted by the user; `_check_nodes` stops the run
        if self._strokes is not None:
            self._strokes.collect()
        slicer.app.pauseRender()
        try:
            shown = show_segments(Path(file), proposal.segmentation, proposal.volume, proposal.segment_ids)
        finally:
            slicer.app.resumeRender()
        proposal.segment_ids.update(shown)
        if self._strokes is not None:
            self._strokes.note(shown)
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
        for file in [result["segmentation"]] if self._unread else result.get("files", [result["segmentation"]]):
            self._steps.add(lambda file=file: self._show_last(file))
        self._steps.add(lambda: self._remember_segments(result["report"]))

    def _show_last(self, file: str) -> None:
        try:
            self._show(file)
        except SceneError as error:
            self._fault(WorkerFault(str(error)))

    def _remember_segments(self, report: dict[str, Any]) -> None:
        """What is there now, so that corrections can be told from it."""
        if self._strokes is not None:
            self._complete(report, self._strokes.written)
            return
        snapshot = ResultSnapshot()
        for name in self.proposal.present_segments() if self.proposal is not None else ():
            self._steps.add(lambda name=name: self._remember(snapshot, name))
        self._steps.add(lambda: self._complete(report, snapshot))

    def _remember(self, snapshot: ResultSnapshot, name: str) -> None:
        proposal = self.proposal
        if proposal is not None and proposal.is_in_scene and name in proposal.present_segments():
            snapshot.take(name, segment_voxels(proposal.segmentation, proposal.segment_ids[name], proposal.volume))

    def _complete(self, report: dict[str, Any], snapshot: ResultSnapshot) -> None:
        self._end()
        before, self._before = self._before, None
        strokes, self._strokes = self._strokes, None
        proposal = self.proposal
        if proposal is None or not proposal.is_in_scene:
            self._set_state(IDLE)
            return
        if strokes is not None:
            strokes.collect()
            strokes.put_on_top()
        proposal.report, proposal.snapshot = report, snapshot
        if before is not None:
            self.refined.emit(before)
        self._set_state(PROPOSED)

    def _fault(self, fault: WorkerFault) -> None:
        self._end()
        self._set_state(self._put_back())
        self.failed.emit(fault)

    def _stopped(self) -> None:
        self._end()
        self._set_state(self._put_back())
        self.told.emit(self._why_stopped or _("Stopped. The scene is as it was before."))

    def _end(self) -> None:
        self.removeObservers()
        self._steps.clear()
        self._request = None
        self._worker_is_done = self._unread = False
        for folder in self._folders:
            self._work.delete(folder)
        self._folders = ()

    def _put_back(self) -> str:
        """The scene as before the run; gives the state that this is."""
        before, self._before = self._before, None
        strokes, self._strokes = self._strokes, None
        if before is not None and self.proposal is not None and self.proposal.segmentation is not None:
            strokes.collect()
            self.proposal.put(before)
            strokes.put_on_top()
            return self._state_of(self.proposal)
        proposal, self.proposal = self.proposal, None
        if proposal is None or proposal.segmentation is None:
            return IDLE
        if proposal.is_new:
            scene_nodes.remove(proposal.segmentation)
        else:
            proposal.backup.restore(proposal.segmentation)
        return IDLE

    @staticmethod
    def _state_of(proposal: Proposal) -> str:
        return PROPOSED if proposal.report else DRAWN

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
