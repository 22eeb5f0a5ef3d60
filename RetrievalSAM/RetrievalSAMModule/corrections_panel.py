"""The part of the results panel that corrects: corrected slices, points and boxes, propagation and its undo."""

from __future__ import annotations

import numpy as np
from slicer.i18n import tr as _

from . import wording
from .correcting import Correcting
from .panel import ResourcePath, choice, choose, color_icon, load_ui, say, show_fault
from .placing import Placing
from .segmentation_files import segment_voxels
from .segmenting import PROPOSED, RUNNING, Segmenting
from .slice_views import jump_to_voxel, slice_centre
from .volume_files import SceneError
from .worker_client import WorkerFault

_BOX_MARGIN = 2  # voxels round what the segment has on the slice
_BOX_PART = 3  # without that, a box in the middle is this part of the slice


class CorrectionsPanel:
    """Its widgets."""

    def __init__(self, segmenting: Segmenting, correcting: Correcting, resource_path: ResourcePath) -> None:
        self._segmenting = segmenting
        self._correcting = correcting
        self._placing = Placing()
        self._slice: int | None = None
        self._names: tuple[str, ...] = ()
        self.widget, self.ui = load_ui(resource_path, "CorrectionsPanel.ui")
        self.ui.correctedLabel.connect("linkActivated(QString)", lambda index: self._go_to(int(index)))
        self.ui.rightCheckBox.connect("clicked(bool)", self._mark)
        self.ui.insideButton.connect("clicked(bool)", lambda on: self._place(on, True))
        self.ui.outsideButton.connect("clicked(bool)", lambda on: self._place(on, False))
        self.ui.boxButton.connect("clicked()", self._add_box)
        self.ui.clearButton.connect("clicked()", self._clear)
        self.ui.promptSegmentSelector.connect("currentIndexChanged(int)", lambda _index: self._segment_chosen())
        self.ui.propagateButton.connect("clicked()", self._clicked)
        self.ui.undoButton.connect("clicked()", self._undo)
        self.ui.redoButton.connect("clicked()", self._redo)
        correcting.changed.connect(self.update)
        self._placing.changed.connect(self._show_placing)
        segmenting.state_changed.connect(self._run_changed)
        segmenting.progressed.connect(self._progressed)
        segmenting.failed.connect(lambda _fault: self._say(_("The run failed; the scene is as it was before.")))
        segmenting.told.connect(self._say)
        self._say("")
        self.update()

    def exit(self) -> None:
        """The user leaves the module: clicks into the views are no longer for it."""
        self._placing.stop()

    def cleanup(self) -> None:
        """Let go of Slicer's place mode."""
        self._placing.cleanup()

    def show_slice(self, index: int | None) -> None:
        """The slice on display is another one."""
        self._slice = index
        self._show_slice()

    def update(self) -> None:
        """Show what is corrected and what can be done."""
        self._show_corrected()
        self._show_segments()
        self._show_slice()
        self._show_prompts()
        self._show_placing()
        running = self._segmenting.state == RUNNING
        missing = self._correcting.missing()
        button = self.ui.propagateButton
        button.text = _("Cancel") if running else _("Propagate corrections")
        button.enabled = running or not missing
        button.toolTip = (
            _("Stop; the scene is put back")
            if running
            else missing or _("Carry the corrections on to the slices beside them")
        )
        self.ui.undoButton.enabled = self._correcting.can_undo
        self.ui.redoButton.enabled = self._correcting.can_redo
        self.ui.progressBar.visible = running

    def _show_corrected(self) -> None:
        edited, corrected = self._correcting.edited, self._correcting.corrected
        links = [f'<a href="{index}">{index}</a>' for index in corrected]
        self.ui.correctedLabel.text = (
            _("Corrected slices: {slices}").format(slices=", ".join(links))
            if links
            else _("No slice is corrected yet: edit some with the Segment Editor, or place points or a box.")
        )
        about = [_("{index}: {segments}").format(index=i, segments=", ".join(names)) for i, names in edited.items()]
        about += [_("{index}: right as it is").format(index=i) for i in corrected if i not in edited]
        tip = _("Slices that count as right; they are never changed. Click a number to go there.")
        self.ui.correctedLabel.toolTip = "\n".join([tip, *about])

    def _show_segments(self) -> None:
        """Offer the segments of the result, with their colors."""
        proposal, box = self._segmenting.proposal, self.ui.promptSegmentSelector
        present = proposal.present_segments() if proposal is not None and proposal.report else {}
        if tuple(present) == self._names:
            return
        self._names, before = tuple(present), choice(box)
        box.blockSignals(True)
        box.clear()
        for name, segment_id in present.items():
            color = proposal.segmentation.GetSegmentation().GetSegment(segment_id).GetColor()
            box.addItem(color_icon(color), name, name)
        box.blockSignals(False)
        choose(box, before)

    def _show_slice(self) -> None:
        index, box = self._slice, self.ui.rightCheckBox
        known = index is not None and self._segmenting.state == PROPOSED
        box.text = _("Slice {index} is right as it is").format(index=index) if known else _("The slice is right")
        box.checked = known and index in self._correcting.corrected
        # A slice that was edited is corrected by that.
        box.enabled = known and index not in self._correcting.edited
        for button in (self.ui.insideButton, self.ui.outsideButton):
            button.enabled = self._segmenting.state == PROPOSED and bool(self._names)
        self.ui.promptSegmentSelector.enabled = self._segmenting.state == PROPOSED and bool(self._names)
        self.ui.boxButton.enabled = known and bool(self._names)

    def _show_prompts(self) -> None:
        prompts = self._correcting.prompts
        points, boxes = prompts.count()
        self.ui.clearButton.enabled = bool(points or boxes) and self._segmenting.state == PROPOSED
        if not points and not boxes:
            say(self.ui.promptsLabel, "")
            return
        try:
            text = _("{points}, {boxes}; slices: {slices}").format(
                points=wording.points(points),
                boxes=wording.boxes(boxes),
                slices=", ".join(map(str, prompts.slices())),
            )
        except SceneError as error:
            text = str(error)
        say(self.ui.promptsLabel, text)

    def _show_placing(self) -> None:
        name, node_id = choice(self.ui.promptSegmentSelector), self._placing.node_id
        about = self._correcting.prompts.about(node_id) if node_id else None
        self.ui.insideButton.checked = about == (name, True)
        self.ui.outsideButton.checked = about == (name, False)

    def _place(self, on: bool, positive: bool) -> None:
        name, color = self._segment()
        if not on or not name:
            self._placing.stop()
            return
        self._placing.start(self._correcting.prompts.point_list(name, color, positive))

    def _segment_chosen(self) -> None:
        self._placing.stop()

    def _segment(self) -> tuple[str, tuple[float, float, float]]:
        """Name, by the library, and color of the segment that points are placed for."""
        proposal, name = self._segmenting.proposal, choice(self.ui.promptSegmentSelector)
        present = proposal.present_segments() if proposal is not None else {}
        if name not in present:
            return "", (0.5, 0.5, 0.5)
        return name, proposal.segmentation.GetSegmentation().GetSegment(present[name]).GetColor()

    def _add_box(self) -> None:
        name, color = self._segment()
        proposal = self._segmenting.proposal
        if not name or self._slice is None or not proposal.is_in_scene:
            return
        self._placing.stop()
        axis, size = proposal.axis, np.array(proposal.size)
        mask = segment_voxels(proposal.segmentation, proposal.segment_ids[name], proposal.volume)
        first, last = (size - 1) * (0.5 - 0.5 / _BOX_PART), (size - 1) * (0.5 + 0.5 / _BOX_PART)
        if mask is not None and mask.take(self._slice, axis=2 - axis).any():
            found = np.argwhere(np.moveaxis(mask, 2 - axis, 0)[self._slice])[:, ::-1]
            across = [other for other in range(3) if other != axis]
            first[across] = np.maximum(found.min(axis=0) - _BOX_MARGIN, 0)
            last[across] = np.minimum(found.max(axis=0) + _BOX_MARGIN, size[across] - 1)
        first[axis] = last[axis] = self._slice
        self._correcting.prompts.add_box(name, color, first.round(), last.round())

    def _clear(self) -> None:
        self._placing.stop()
        self._correcting.prompts.clear()

    def _mark(self, right: bool) -> None:
        if self._slice is not None:
            self._correcting.mark(self._slice, right)

    def _go_to(self, index: int) -> None:
        proposal = self._segmenting.proposal
        if proposal is None or not proposal.is_in_scene or not proposal.report:
            return
        names = self._correcting.edited.get(index, [])
        segment_id = proposal.segment_ids[names[0]] if names else ""
        voxel = slice_centre(proposal.segmentation, segment_id, proposal.volume, proposal.axis, index)
        jump_to_voxel(proposal.volume, voxel)

    def _clicked(self) -> None:
        if self._segmenting.state == RUNNING:
            self._say(_("Stopping..."))
            self._segmenting.cancel()
            return
        self._placing.stop()
        self._say("")
        try:
            self._correcting.propagate()
        except SceneError as error:
            show_fault(WorkerFault(str(error)))
            return
        self.ui.progressBar.setRange(0, 0)
        if self._segmenting.state == RUNNING:
            self._say(_("Starting..."))

    def _undo(self) -> None:
        self._placing.stop()
        self._correcting.undo()
        self._say(_("Everything is as it was before the propagation; Redo brings it back."))

    def _redo(self) -> None:
        self._placing.stop()
        self._correcting.redo()
        self._say("")

    def _run_changed(self) -> None:
        if self._segmenting.state != RUNNING:
            self._say("")  # how far it was; whoever stopped or failed says so afterwards
        self.update()

    def _progressed(self, stage: str, done: int, total: int, seconds_left: float | None) -> None:
        self.ui.progressBar.setRange(0, total)
        self.ui.progressBar.setValue(done)
        self._say(wording.progress(stage, done, total, seconds_left))

    def _say(self, text: str) -> None:
        say(self.ui.statusLabel, text)
