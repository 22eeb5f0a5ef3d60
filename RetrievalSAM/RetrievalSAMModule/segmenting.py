"""One run from the click on Segment to accept or discard: what happens in the scene, and when.

Carrying corrections on is a run as well: it begins and ends with a result that waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import slicer
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from .proposal import Choices, Proposal, ProposalState
from .result_snapshot import ResultSnapshot
from .segmentation_files import Backup, new_segmentation, remove, segment_voxels, show_segments, write_result
from .signal import Signal
from .strokes import Strokes
from .turn_queue import TurnQueue
from .volume_files import SceneError, region_voxels, write_volume
from .work_folder import WorkFolder
from .worker_client import Request, WorkerFault

if TYPE_CHECKING:
    from .run_place import RunPlace

IDLE, RUNNING, PROPOSED = "idle", "running", "proposed"


class Segmenting(VTKObservationMixin):
    """Runs one after the other.

    Attributes:
        state: `idle`; `running`; `proposed` while a result waits to be accepted or discarded.
        state_changed: Told after every change of `state`.
        progressed: Told the stage, how much is done, of how much, seconds left or None.
        grown: Told when the scene shows more of the result.
        failed: Told the `WorkerFault` of a run that ended with nothing.
        told: Told a sentence for the user about a run that ended for another reason.
        refined: Told, when corrections were carried on, what the result was before that as a `ProposalState`.
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
        self.accepted = Signal()

    def start(self, choices: Choices) -> None:
        """Begin a run. A result that still waits is accepted as it is.

        Raises:
            SceneError: The volume or the region cannot be used. Nothing was changed.
        """
        if self.state == RUNNING:
            return
        region = region_voxels(choices.region, choices.volume) if choices.region is not None else None
        with self._new_folders() as (folder, partial):
            write_volume(choices.volume, folder / "image.nrrd")
        if self.state == PROPOSED:
            self.accept()
        self.proposal = self._make_room(choices, choices.settings(region))
        self._begin("segment", folder, partial, {})

    def refine(self, corrected: Iterable[int], points: list[dict[str, Any]], boxes: list[dict[str, Any]]) -> None:
        """Carry corrections of the result that waits on, with the settings of the run that it came from.

        Args:
            corrected: Indices along the sliced axis of slices that are right as they are now.
            points: As the worker's request has them (docs/worker.md).
            boxes: Likewise.

        Raises:
            SceneError: Volume or segments cannot be written. Nothing was changed.
        """
        proposal = self.proposal
        if self.state != PROPOSED or not proposal.is_in_scene:
            return
        with self._new_folders() as (folder, partial):
            write_volume(proposal.volume, folder / "image.nrrd")
            file = folder / "corrected.seg.nrrd"
            written = ResultSnapshot()
            write_result(proposal.segmentation, proposal.volume, proposal.present_segments(), file, written.take)
        # As before a run: Ctrl+Z takes it back too where Slicer's own undo is on.
        slicer.mrmlScene.SaveStateForUndo(proposal.segmentation)
        self._before = proposal.state()
        self._strokes = Strokes(proposal, written)
        given: dict[str, Any] = {"segmentation": str(file), "corrected": sorted(corrected)}
        given.update({key: prompts for key, prompts in (("points", points), ("boxes", boxes)) if prompts})
        self._begin("refine", folder, partial, given)

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
                "partial": str(partial),
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
            proposal, self.proposal = self.proposal, None
            self._set_state(IDLE)
            self.accepted.emit(proposal)

    def discard(self) -> None:
        """Put the scene back to what it was before the run."""
        if self.state == PROPOSED:
            self._put_back()
            self._set_state(IDLE)

    def put(self, state: ProposalState) -> None:
        """Make the result that waits what it was at another moment."""
        if self.state == PROPOSED and self.proposal.segmentation is not None:
            slicer.mrmlScene.SaveStateForUndo(self.proposal.segmentation)
            self.proposal.put(state)
            self._set_state(PROPOSED)

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
        for file in [result["segmentation"]] if self._unread else result["files"]:
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
            return PROPOSED
        proposal, self.proposal = self.proposal, None
        if proposal is None or proposal.segmentation is None:
            return IDLE
        if proposal.is_new:
            remove(proposal.segmentation)
        else:
            proposal.backup.restore(proposal.segmentation)
        return IDLE

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
