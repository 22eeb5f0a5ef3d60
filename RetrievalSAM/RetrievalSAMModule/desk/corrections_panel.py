"""The part of the results panel that corrects: corrected slices, points and boxes, propagation and its undo."""

from __future__ import annotations

import numpy as np
import qt
from slicer.i18n import tr as _

from ..clients.worker_client import WorkerFault
from ..panels.panel import ResourcePath, choice, choose, color_icon, load_ui, say, show_fault
from ..runs.correcting import Correcting
from ..runs.segmenting import DRAWN, RUNNING, Segmenting
from ..scene.masks.segment_masks import segment_slice
from ..scene.placing import Placing
from ..scene.proposal import Proposal
from ..scene.slice_views import jump_to_voxel, slice_centre
from ..scene.volume_files import SceneError
from ..signal import Signal
from ..texts import wording
from ..texts.report_view import ReportView
from .action_bar import ActionBar
from .desk_keys import DeskKeys
from .previewing import Previewing
from .propagating import PropagatingByItself
from .segment_editor import SegmentEditor

_BOX_MARGIN = 2  # voxels round what the segment has on the slice
_BOX_PART = 3  # without that, a box in the middle is this part of the slice


class CorrectionsPanel:
    """Its widgets.

    Attributes:
        next_wanted: Told when the user wants the next slice that is worth a look.
    """

    def __init__(
        self,
        segmenting: Segmenting,
        correcting: Correcting,
        editor: SegmentEditor,
        bar: ActionBar,
        previewing: Previewing,
        resource_path: ResourcePath,
    ) -> None:
        self._segmenting = segmenting
        self._correcting = correcting
        self.editor = editor
        self._bar = bar
        self._previewing = previewing
        self._placing = Placing()
        self._slice: int | None = None
        self._names: tuple[str, ...] = ()
        self._carried = False  # whether the last run carried something on: others are told of where they began
        self.widget, self.ui = load_ui(resource_path, "CorrectionsPanel.ui")
        self.ui.correctedLabel.connect("linkActivated(QString)", lambda index: self._go_to(int(index)))
        self.ui.rightCheckBox.connect("clicked(bool)", self._mark)
        self.ui.insideButton.connect("clicked(bool)", lambda on: self._place(on, True))
        self.ui.outsideButton.connect("clicked(bool)", lambda on: self._place(on, False))
        self.ui.strokeInsideButton.connect("clicked(bool)", lambda on: self._stroke(on, True))
        self.ui.strokeOutsideButton.connect("clicked(bool)", lambda on: self._stroke(on, False))
        self.ui.boxButton.connect("clicked()", self._add_box)
        self.ui.clearButton.connect("clicked()", self._clear)
        self.ui.previewCheckBox.connect("toggled(bool)", self._switch_preview)
        self.ui.teachCheckBox.connect("toggled(bool)", self._switch_teaching)
        self._by_itself = PropagatingByItself(
            segmenting, correcting, lambda: bool(self._placing.node_id), lambda: bar.ui.propagateButton.click()
        )
        self.ui.byItselfCheckBox.connect("toggled(bool)", self._by_itself.switch)
        self._about_preview = self.ui.previewCheckBox.toolTip
        self.next_wanted = Signal()
        self.keys = DeskKeys(
            self.widget,
            {
                "P": self.ui.insideButton.click,
                "T": self.ui.outsideButton.click,
                "B": self.ui.boxButton.click,
                "S": self.ui.strokeInsideButton.click,
                "Shift+S": self.ui.strokeOutsideButton.click,
                "D": self._paint,
                "Space": self.next_wanted.emit,
                "Esc": self._put_down,
                "Ctrl+Z": bar.ui.undoButton.click,
                "Ctrl+Shift+Z": bar.ui.redoButton.click,
            },
        )
        self.ui.promptSegmentSelector.connect("currentIndexChanged(int)", lambda _index: self._segment_chosen())
        layout = qt.QVBoxLayout(self.ui.editorPlace)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(editor.widget)
        bar.ui.propagateButton.connect("clicked()", self._clicked)
        bar.ui.undoButton.connect("clicked()", self._undo)
        bar.ui.redoButton.connect("clicked()", self._redo)
        correcting.changed.connect(self.update)
        self._placing.changed.connect(self._placing_changed)
        segmenting.state_changed.connect(self._run_changed)
        segmenting.progressed.connect(self._progressed)
        segmenting.failed.connect(lambda _fault: self._ended(_("The run failed; the scene is as it was before.")))
        segmenting.told.connect(self._ended)
        self._say("")
        self.update()

    def exit(self) -> None:
        """The user leaves the module: clicks into the views are no longer for it."""
        self._placing.stop()
        self._by_itself.switch(False)
        self.editor.exit()
        self.keys.exit()

    def enter(self) -> None:
        """The user comes to the module."""
        self.editor.enter()
        self.keys.enter()
        self._by_itself.switch(bool(self.ui.byItselfCheckBox.checked))

    def cleanup(self) -> None:
        """Let go of Slicer's place mode, and of the scene."""
        self._by_itself.switch(False)
        self._placing.cleanup()
        self.keys.exit()
        self.editor.cleanup()

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
        self._show_actions()

    def _show_actions(self) -> None:
        running, proposal = self._segmenting.carries_on, self._segmenting.proposal
        self.editor.edit(proposal if self._segmenting.waits else None)
        missing, bar = self._correcting.missing(), self._bar.ui
        text, about = _("Propagate corrections"), _("Carry the corrections on to the slices beside them")
        if proposal is not None and proposal.is_first_case:
            text, about = _("Fill the volume"), _("Carry what you drew through the whole volume")
        button = bar.propagateButton
        button.text = _("Cancel") if running else text
        button.enabled = running or not missing
        button.toolTip = _("Stop; the scene is put back") if running else missing or about
        bar.undoButton.enabled = self._correcting.can_undo
        bar.redoButton.enabled = self._correcting.can_redo
        bar.progressBar.visible = running
        report = proposal.report if proposal is not None and not proposal.is_first_case else {}
        self.ui.teachCheckBox.visible = bool(report) and ReportView(report).learned_cases > 0

    @staticmethod
    def _knows(proposal: Proposal) -> bool:
        """Whether there are segments to correct: of a result, or of a first case that is drawn."""
        return bool(proposal.report) or proposal.is_first_case

    def _show_corrected(self) -> None:
        edited, corrected = self._correcting.edited, self._correcting.corrected
        links = [f'<a href="{index}">{index}</a>' for index in corrected]
        text, none = (
            _("Corrected slices: {slices}"),
            _("No slice is corrected yet: edit some, or place points or a box."),
        )
        if self._segmenting.state == DRAWN:
            text, none = _("Drawn slices: {slices}"), _("Nothing is drawn yet: draw a slice, or place points.")
        self.ui.correctedLabel.text = text.format(slices=", ".join(links)) if links else none
        about = [_("{index}: {segments}").format(index=i, segments=", ".join(names)) for i, names in edited.items()]
        about += [_("{index}: right as it is").format(index=i) for i in corrected if i not in edited]
        tip = _("Slices that count as right; they are never changed. Click a number to go there.")
        self.ui.correctedLabel.toolTip = "\n".join([tip, *about])

    def _show_segments(self) -> None:
        """Offer the segments of the result, with their colors."""
        proposal, box = self._segmenting.proposal, self.ui.promptSegmentSelector
        present = proposal.present_segments() if proposal is not None and self._knows(proposal) else {}
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
        known = index is not None and self._segmenting.waits
        text = _("Slice {index} is right as it is")
        if self._segmenting.state == DRAWN:
            text = _("Slice {index} is done; where it is empty, the structure ends before it")
        box.text = text.format(index=index) if known else _("The slice is right")
        box.checked = known and index in self._correcting.corrected
        # A slice that was edited is corrected by that.
        box.enabled = known and index not in self._correcting.edited
        for button in (
            self.ui.insideButton,
            self.ui.outsideButton,
            self.ui.strokeInsideButton,
            self.ui.strokeOutsideButton,
        ):
            button.enabled = self._segmenting.waits and bool(self._names)
        self.ui.promptSegmentSelector.enabled = self._segmenting.waits and bool(self._names)
        self.ui.boxButton.enabled = known and bool(self._names)

    def _show_prompts(self) -> None:
        prompts = self._correcting.prompts
        why_not = self._previewing.why_not
        self.ui.previewCheckBox.toolTip = why_not or self._about_preview
        points, strokes, boxes = prompts.count()
        self.ui.clearButton.enabled = not prompts.is_empty and self._segmenting.waits
        if prompts.is_empty:
            say(self.ui.promptsLabel, "")
            return
        try:
            counts = [wording.points(points), *([wording.strokes(strokes)] if strokes else []), wording.boxes(boxes)]
            text = _("{counts}; slices: {slices}").format(
                counts=", ".join(counts), slices=", ".join(map(str, prompts.slices()))
            )
        except SceneError as error:
            text = str(error)
        say(self.ui.promptsLabel, text)

    def _show_placing(self) -> None:
        name, node_id = choice(self.ui.promptSegmentSelector), self._placing.node_id
        about = self._correcting.prompts.about(node_id) if node_id else None
        stroke = node_id != "" and self._correcting.prompts.is_stroke(node_id)
        self.ui.insideButton.checked = about == (name, True) and not stroke
        self.ui.outsideButton.checked = about == (name, False) and not stroke
        self.ui.strokeInsideButton.checked = about == (name, True) and stroke
        self.ui.strokeOutsideButton.checked = about == (name, False) and stroke

    def _placing_changed(self) -> None:
        # Slicer is still busy with the node that it placed.
        qt.QTimer.singleShot(0, lambda: self._correcting.prompts.drop_empty_strokes(self._placing.node_id))
        self._show_placing()

    def _place(self, on: bool, positive: bool) -> None:
        name, color = self._segment()
        if not on or not name:
            self._placing.stop()
            return
        self._placing.start(self._correcting.prompts.point_list(name, color, positive))

    def _stroke(self, on: bool, positive: bool) -> None:
        name, color = self._segment()
        self._placing.stop()
        if on and name:
            self._placing.start(self._correcting.prompts.new_stroke(name, color, positive), one=True)

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
        segment_id = proposal.segment_ids[name]
        found = np.argwhere(segment_slice(proposal.segmentation, segment_id, proposal.volume, axis, self._slice))
        first, last = (size - 1) * (0.5 - 0.5 / _BOX_PART), (size - 1) * (0.5 + 0.5 / _BOX_PART)
        if len(found):
            found = found[:, ::-1]
            across = [other for other in range(3) if other != axis]
            first[across] = np.maximum(found.min(axis=0) - _BOX_MARGIN, 0)
            last[across] = np.minimum(found.max(axis=0) + _BOX_MARGIN, size[across] - 1)
        first[axis] = last[axis] = self._slice
        self._correcting.prompts.add_box(name, color, first.round(), last.round())

    def _paint(self) -> None:
        """Take up the brush for the chosen segment, or put it down."""
        proposal = self._segmenting.proposal
        if not self._segmenting.waits or self.editor.segment_id == "":
            return
        self._placing.stop()
        name = choice(self.ui.promptSegmentSelector)
        if name in proposal.present_segments():
            self.editor.choose(proposal.segment_ids[name])
        self.editor.take_up("" if self.editor.effect == "Paint" else "Paint")

    def _put_down(self) -> None:
        """No more points, strokes and brushes."""
        self._placing.stop()
        self.editor.take_up("")

    def _switch_preview(self, on: bool) -> None:
        self._previewing.on = on

    def _switch_teaching(self, on: bool) -> None:
        self._correcting.teaches = on

    def _clear(self) -> None:
        self._placing.stop()
        self._correcting.prompts.clear()

    def _mark(self, right: bool) -> None:
        if self._slice is not None:
            self._correcting.mark(self._slice, right)

    def _go_to(self, index: int) -> None:
        proposal = self._segmenting.proposal
        if proposal is None or not proposal.is_in_scene or not self._knows(proposal):
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
        self._bar.ui.progressBar.setRange(0, 0)
        if self._segmenting.state == RUNNING:
            self._say(_("Starting..."))

    def _undo(self) -> None:
        self._placing.stop()
        one = self._correcting.undo()
        self._by_itself.hold()
        self._say("" if one else _("Everything is as it was before the propagation; Redo brings it back."))

    def _redo(self) -> None:
        self._placing.stop()
        self._correcting.redo()
        self._by_itself.hold()
        self._say("")

    def _run_changed(self) -> None:
        if self._segmenting.state == RUNNING:
            self._carried = self._segmenting.carries_on
        elif self._carried:
            self._say(self._taught())  # and no more how far it was; whoever stopped or failed says so afterwards
        self.update()

    def _taught(self) -> str:
        """What the corrected slices have taught, after a propagation."""
        proposal = self._segmenting.proposal
        return "" if proposal is None else wording.taught((proposal.report.get("refinement") or {}).get("taught"))

    def _ended(self, text: str) -> None:
        if self._carried:
            self._say(text)

    def _progressed(self, stage: str, done: int, total: int, seconds_left: float | None) -> None:
        if not self._segmenting.carries_on:
            return
        self._bar.ui.progressBar.setRange(0, total)
        self._bar.ui.progressBar.setValue(done)
        self._say(wording.progress(stage, done, total, seconds_left))

    def _say(self, text: str) -> None:
        self._bar.tell(text)
