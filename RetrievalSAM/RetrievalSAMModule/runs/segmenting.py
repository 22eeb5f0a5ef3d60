"""One run from the click on Segment to accept or discard: what happens in the scene, and when.

Carrying corrections on is a run as well: it begins and ends with a result that waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import slicer
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from ..clients.worker_client import Request, WorkerFault
from ..scene import scene_nodes
from ..scene.image_file import ImageFile
from ..scene.masks.result_snapshot import ResultSnapshot
from ..scene.masks.segment_masks import masks_of_copy, segment_mask
from ..scene.masks.strokes import Strokes
from ..scene.proposal import Choices, Proposal, ProposalState
from ..scene.segmentation_files import Backup, new_segmentation, writing_result
from ..scene.segments_in_file import SegmentsInFile, reading_segments
from ..scene.slice_views import acquired_axis, plane_across
from ..scene.volume_files import SceneError, check_volume, region_voxels
from ..scene.work_folder import WorkFolder
from ..signal import Signal
from ..turn_queue import TurnQueue, Work

if TYPE_CHECKING:
    from .run_place import RunPlace

IDLE, DRAWN, RUNNING, PROPOSED = "idle", "drawn", "running", "proposed"


class Segmenting(VTKObservationMixin):
    """Runs one after the other.

    A run begins when its button is pressed: files for the worker are written, and what it has found is put into the
    scene, bit by bit, and it can be cancelled at any time.

    Attributes:
        image: The file of the volume that is worked on.
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
        self.image = ImageFile(work)
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
        check_volume(choices.volume)
        folders = self._new_folders()
        self.put_aside()
        self.proposal = self._make_room(choices, choices.settings(region))
        self._begin(folders)
        self._with_image(lambda image: self._send("segment", image, {}))

    @property
    def carries_on(self) -> bool:
        """Whether a run goes on that began with what waited: corrections are carried on, or a first case is filled."""
        return self.state == RUNNING and self._before is not None

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

    def refine(
        self,
        corrected: Iterable[int],
        points: list[dict[str, Any]],
        boxes: list[dict[str, Any]],
        teach: bool = True,
    ) -> None:
        """Carry corrections of the result that waits on, with the settings of the run that it came from.

        What was drawn for a first case fills the volume.

        Args:
            corrected: Indices along the sliced axis of slices that are right as they are now.
            points: As the worker's request has them (docs/worker.md).
            boxes: Likewise.
            teach: Whether corrected slices teach a copy of what the library has learned.

        Raises:
            SceneError: Volume or segments cannot be written. Nothing was changed.
        """
        proposal = self.proposal
        if not self.waits or not proposal.is_in_scene:
            return
        check_volume(proposal.volume)
        folders = self._new_folders()
        # As before a run: Ctrl+Z takes it back too where Slicer's own undo is on.
        slicer.mrmlScene.SaveStateForUndo(proposal.segmentation)
        # What is drawn from now on is no part of what is carried on, and is put on top of it.
        self._before = proposal.state()
        written = ResultSnapshot()
        self._strokes = Strokes(proposal, written)
        slices = sorted(corrected)
        file = folders[0] / "corrected.seg.nrrd"
        given: dict[str, Any] = {key: prompts for key, prompts in (("points", points), ("boxes", boxes)) if prompts}
        verb = "refine"
        if not proposal.is_first_case:
            given |= {"segmentation": str(file), "corrected": slices, **({} if teach else {"teach": False})}
        else:
            verb = "start"
            given["plane"] = plane_across(proposal.volume, proposal.axis)
            if slices:
                given |= {"slices": str(file), "drawn": slices}
        self._begin(folders)
        only = (proposal.axis, slices) if proposal.is_first_case else None
        self._steps.go_through(self._writing(file, written, only))
        self._steps.add(lambda: self._with_image(lambda image: self._send(verb, image, given)))

    def _writing(self, file: Path, written: ResultSnapshot, only: tuple[int, list[int]] | None) -> Work:
        """Write the result as it was when its run began, and take note of it."""
        before, proposal = self._before, self.proposal
        if before is None or proposal is None or not proposal.is_in_scene:
            return  # deleted by the user; `_check_nodes` stops the run
        content, volume = before.segments.content, proposal.volume
        ids = {name: one for name, one in before.segment_ids.items() if content.GetSegment(one) is not None}
        masks = masks_of_copy(content, proposal.segmentation, ids, volume)
        try:
            yield from writing_result(content, volume, ids, masks, file, written.take, only)
        except SceneError as error:
            self._fault(WorkerFault(str(error)))

    def _new_folders(self) -> tuple[Path, Path]:
        """For the files of a run, and for its partial results."""
        with ExitStack() as undo:
            folders = []
            for _n in range(2):
                folders.append(self._work.new())
                undo.callback(self._work.delete, folders[-1])
            undo.pop_all()
        return folders[0], folders[1]

    def _begin(self, folders: tuple[Path, Path]) -> None:
        """From now on there is a run."""
        self._folders = folders
        self._why_stopped = ""
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.NodeRemovedEvent, self._check_nodes)
        self._set_state(RUNNING)

    def _with_image(self, send: Callable[[Path], None]) -> None:
        """Have the volume's file, then send the request of this run, if it still is this run then."""
        run, proposal = self._folders, self.proposal
        if proposal is None or proposal.volume is None:
            return  # deleted by the user; `_check_nodes` stops the run

        def failed(error: SceneError) -> None:
            if self._folders is run:
                self._fault(WorkerFault(str(error)))

        try:
            self.image.ask(proposal.volume, lambda image: send(image) if self._folders is run else None, failed)
        except SceneError as error:
            failed(error)

    def _send(self, verb: str, image: Path, given: dict[str, Any]) -> None:
        """Ask the worker; `given` are the fields that only this verb has."""
        folder, partial = self._folders
        self._request = self._worker.request(
            verb,
            {
                **self.proposal.settings,
                "image": str(image),
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

    def cancel(self, why: str = "") -> None:
        """Stop the run; the scene is put back to what it was.

        Args:
            why: A sentence for the user where it was not they who stopped it.
        """
        if not self._folders:
            return
        self._why_stopped = why
        if self._request is None or self._worker_is_done:
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
        if self._folders:
            self.cancel(_("Stopped, since the scene was closed."))
        else:
            self._set_state(IDLE)

    def cleanup(self) -> None:
        """End without a word; what a run has half done is taken back."""
        self._end()
        if self.state == RUNNING:
            self._put_back()
            self.state = IDLE
        self.image.forget()

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

    def _showing(self, file: str) -> Work:
        """Put the segments of a file into the scene, one after the other.

        Raises:
            SceneError: It cannot be read.
        """
        found = yield from reading_segments(Path(file))
        for name in found.names:
            if not self._show(found, name):
                return
            yield
        self.grown.emit()

    def _show(self, found: SegmentsInFile, name: str) -> bool:
        """Put one segment into the scene; whether the scene still takes it."""
        proposal = self.proposal
        if proposal is None or not proposal.is_in_scene:
            return False  # deleted by the user; `_check_nodes` stops the run
        if self._strokes is not None:
            self._strokes.collect()
        slicer.app.pauseRender()
        try:
            proposal.segment_ids[name] = found.put(name, proposal.segmentation, proposal.volume, proposal.segment_ids)
        finally:
            slicer.app.resumeRender()
        if self._strokes is not None:
            self._strokes.note([name])
        return True

    def _progress(self, stage: str, done: int, total: int, seconds_left: float | None) -> None:
        self.progressed.emit(stage, done, total, seconds_left)

    def _partial(self, file: str, _done: int, _total: int) -> None:
        self._steps.go_through(self._showing_partial(file))

    def _showing_partial(self, file: str) -> Work:
        try:
            yield from self._showing(file)
        except SceneError:
            self._unread = True  # in the end the whole result makes up for it

    def _finished(self, result: dict[str, Any]) -> None:
        self._worker_is_done = True
        self._steps.add(lambda: self._show_rest(result))

    def _show_rest(self, result: dict[str, Any]) -> None:
        """What the partial results have not shown yet."""
        for file in [result["segmentation"]] if self._unread else result.get("files", [result["segmentation"]]):
            self._steps.go_through(self._showing_last(file))
        self._steps.go_through(self._completing(result["report"]))

    def _showing_last(self, file: str) -> Work:
        try:
            yield from self._showing(file)
        except SceneError as error:
            self._fault(WorkerFault(str(error)))

    def _completing(self, report: dict[str, Any]) -> Work:
        """Keep what is there now, so that corrections can be told from it."""
        if self._strokes is not None:
            self._complete(report, self._strokes.written)
            return
        snapshot, proposal = ResultSnapshot(), self.proposal
        for name in list(proposal.present_segments()) if proposal is not None else ():
            if proposal.is_in_scene and name in proposal.present_segments():
                segment_id = proposal.segment_ids[name]
                snapshot.take(name, segment_mask(proposal.segmentation, segment_id, proposal.volume))
            yield
        self._complete(report, snapshot)

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
        if state == IDLE:
            self.image.forget()
        self.state_changed.emit()
