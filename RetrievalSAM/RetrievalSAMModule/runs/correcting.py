"""What the user corrects in a result: slices that they edited or looked at, points, boxes; carried on, and undone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from ..scene.masks.segment_masks import segment_mask
from ..scene.masks.strokes import Painting
from ..scene.prompts import KeptBox, KeptPoints, Prompts
from ..scene.proposal import Proposal, ProposalState
from ..scene.slice_views import axis_drawn_along
from ..scene.volume_files import SceneError
from ..signal import Signal
from ..turn_queue import TurnQueue
from .segmenting import DRAWN, RUNNING, Segmenting

_QUIET_MS = 250
_MOST_STEPS = 10
_WITHOUT_CORRECTIONS = "fate-sam"


@dataclass(frozen=True)
class _Moment:
    """Everything that undoing brings back."""

    result: ProposalState
    edited: dict[str, frozenset[int]]
    marked: frozenset[int]
    prompts: tuple[list[KeptPoints], list[KeptBox]]
    previewed: frozenset[tuple[str, int]]


class Correcting(VTKObservationMixin):
    """The corrections of the result that waits.

    Attributes:
        prompts: Points and boxes.
        teaches: Whether corrected slices teach a copy of what the library has learned, for this volume.
        previewed: Segments and slices on which they were shown: these count as edited, and are carried on as they are.
        changed: Told after every change of what is corrected, and of what can be done.
    """

    def __init__(self, segmenting: Segmenting) -> None:
        VTKObservationMixin.__init__(self)
        self._segmenting = segmenting
        self._proposal: Proposal | None = None
        self._edited: dict[str, frozenset[int]] = {}
        self._compared: dict[str, tuple[Any, ...]] = {}
        self._marked: frozenset[int] = frozenset()
        self._sent: tuple[Any, ...] | None = None
        self._undo: list[_Moment] = []
        self._redo: list[_Moment] = []
        self._steps = TurnQueue()
        self._painting = Painting()
        self._unseen = False  # whether segments may have changed since they were compared
        # Segments are compared when the user has put the brush down.
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(_QUIET_MS)
        self._timer.connect("timeout()", self._compare_in_turns)
        self.prompts = Prompts()
        self.teaches = True
        self.previewed: set[tuple[str, int]] = set()
        self.changed = Signal()
        self.prompts.changed.connect(self.changed.emit)
        self.prompts.acted.connect(self._painting.forget_undone)
        segmenting.refined.connect(self._refined)
        segmenting.state_changed.connect(self._follow)

    @property
    def edited(self) -> dict[int, list[str]]:
        """Names of the segments that the user has changed since the result came, by the index of the slice."""
        found: dict[int, list[str]] = {}
        for name, slices in self._edited.items():
            for index in slices:
                found.setdefault(index, []).append(name)
        return dict(sorted(found.items()))

    @property
    def corrected(self) -> list[int]:
        """Indices of the slices that are right: edited, looked at, or corrected before earlier propagations."""
        if self._proposal is None:
            return []
        return sorted(self._marked | self._proposal.corrected | set(self.edited))

    @property
    def can_undo(self) -> bool:
        """Whether a point, a box, what was painted, or a propagation can be taken back."""
        return (self.prompts.can_take_back or self._painting.last is not None or bool(self._undo)) and self._waits()

    @property
    def can_redo(self) -> bool:
        """Whether one that was taken back can be brought back."""
        return (self.prompts.can_set_again or self._painting.next is not None or bool(self._redo)) and self._waits()

    def missing(self) -> str:
        """Why nothing can be carried on, in words; an empty text where it can."""
        if not self._waits():
            return _("There is no result to correct.")
        if self._proposal.is_first_case:
            if not self.corrected and self.prompts.is_empty:
                return _("Draw the structure on one to three slices, or place points in it.")
            return ""
        if self._proposal.settings["preset"] == _WITHOUT_CORRECTIONS:
            return _("The published method FATE-SAM knows no corrections. Segment with another choice of speed.")
        if not self.edited and not self._marked and self.prompts.is_empty:
            return _("Correct a slice with the Segment Editor, or place points or a box.")
        return ""

    def mark(self, index: int, right: bool) -> None:
        """Say that a slice is right as it is, or that it is not."""
        if self._proposal is not None:
            self._marked = self._marked | {index} if right else self._marked - {index}
            if not right:
                self._proposal.corrected -= {index}
            self.changed.emit()

    def propagate(self) -> None:
        """Carry the corrections on.

        Raises:
            SceneError: They cannot be used; the message says why. Nothing was changed.
        """
        self._compare_now()
        missing = self.missing()
        if missing:
            raise SceneError(missing)
        left = [(place, told) for place, told in self.prompts.by_place().items() if place not in self.previewed]
        points = [point for _place, told in left for point in told.get("points", ())]
        boxes = [box for _place, told in left for box in told.get("boxes", ())]
        in_both = sorted({index for (_name, index), _told in left if index in self.corrected})
        if in_both:
            raise SceneError(
                _(
                    "There are points or a box on slice {slices}, which counts as corrected, and corrected slices are "
                    "never changed. Delete them there, or take the slice out of the corrected ones."
                ).format(slices=", ".join(map(str, in_both)))
            )
        sent = dict(self._edited), self._marked, self.prompts.keep(), frozenset(self.previewed)
        self._segmenting.refine(self.corrected, points, boxes, self.teaches)
        self._sent = sent

    def undo(self) -> bool:
        """Without the point, box or stroke that came last; where none came since, as before the last propagation.

        Returns:
            Whether it was such a single one.
        """
        self.catch_up()
        painted = self._painting.last
        if not self.can_undo:
            return True
        if painted is not None and not self.prompts.acted_since(painted):
            self._painting.undo(self._proposal, self.prompts.taken_back)
            self._compare_now()
        elif not self.prompts.take_back():
            self._exchange(self._undo, self._redo)
            return False
        return True

    def redo(self) -> None:
        """With what was taken back last."""
        self.catch_up()
        painted = self._painting.next
        if not self.can_redo:
            return
        if painted is not None and self.prompts.taken_back <= painted:
            self._painting.redo(self._proposal, self.prompts.acts)
            self._compare_now()
        elif not self.prompts.set_again():
            self._exchange(self._redo, self._undo)

    def catch_up(self) -> None:
        """See what the user has painted, now: before somebody else writes."""
        if self._unseen:
            self._compare_now()

    def written(self, name: str) -> None:
        """A segment was written by the module: that is no stroke."""
        proposal = self._proposal
        if proposal is not None and proposal.is_in_scene and name in proposal.present_segments():
            segment_id = proposal.segment_ids[name]
            self._painting.written(segment_id, segment_mask(proposal.segmentation, segment_id, proposal.volume))

    def corrected_for(self, proposal: Proposal) -> list[int]:
        """The slices of a result, accepted or not, that a person has corrected by now."""
        if proposal is self._proposal:
            self._compare_now()
            return self.corrected
        if not proposal.is_in_scene:
            return sorted(proposal.corrected)
        edited = (self._changed_slices(proposal, name) for name in proposal.present_segments())
        return sorted(proposal.corrected.union(*edited))

    def cleanup(self) -> None:
        """Let go of the scene; points and boxes go."""
        self._end()

    def _waits(self) -> bool:
        """Whether there is a result that can be corrected."""
        return self._segmenting.waits and self._proposal is not None and self._proposal.is_in_scene

    def _exchange(self, source: list[_Moment], target: list[_Moment]) -> None:
        wanted = source.pop()
        # What is there now is kept whole, edits since the propagation too.
        kept = dict(self._edited), self._marked, self.prompts.keep(), frozenset(self.previewed)
        now = _Moment(self._proposal.state(), *kept)
        self._segmenting.put(wanted.result)
        self._compared.clear()
        self._painting.forget()
        target.append(now)
        self._edited, self._marked = dict(wanted.edited), wanted.marked
        self.previewed = set(wanted.previewed)
        self.prompts.put_back(wanted.prompts)
        self._compare_in_turns()  # for the strokes that follow: how the segments are from now on
        self.changed.emit()

    def _refined(self, before: ProposalState) -> None:
        """Before the state changes, so that whoever shows the result sees it with its corrections."""
        sent, self._sent = self._sent, None
        if sent is None:
            return
        self._undo = [*self._undo, _Moment(before, *sent)][-_MOST_STEPS:]
        self._redo.clear()
        self._proposal.corrected = frozenset(self.corrected)
        self._marked = frozenset()
        self._edited.clear()
        self._compared.clear()
        self._painting.begin(self._proposal.snapshot, self._proposal.present_segments())
        if not self._proposal.is_first_case:  # there they stand for drawn slices, each time that the volume is filled
            self.prompts.clear()  # they have done their work; used twice they would weigh twice

    def _follow(self) -> None:
        """Another result, none, or the same in another state."""
        proposal = self._segmenting.proposal
        waits = self._segmenting.waits and proposal is not None
        if self._segmenting.state != RUNNING:
            self._sent = None
        if proposal is not self._proposal:
            self._end()
        if waits and self._proposal is None and proposal.is_in_scene:
            self._begin(proposal)
        if waits:
            self._touched()
        self.changed.emit()

    def _begin(self, proposal: Proposal) -> None:
        self._proposal = proposal
        self.prompts.begin(proposal.volume, proposal.axis)
        content = proposal.segmentation.GetSegmentation()
        for event in (
            slicer.vtkSegmentation.SourceRepresentationModified,
            slicer.vtkSegmentation.RepresentationModified,
            slicer.vtkSegmentation.SegmentAdded,
            slicer.vtkSegmentation.SegmentRemoved,
            slicer.vtkSegmentation.SegmentModified,
        ):
            self.addObserver(content, event, self._touched)
        moved = slicer.vtkMRMLTransformableNode.TransformModifiedEvent
        for node in (proposal.segmentation, proposal.volume):
            self.addObserver(node, moved, self._touched)

    def _end(self) -> None:
        self.removeObservers()
        self._timer.stop()
        self._steps.clear()
        self.prompts.clear()
        self._proposal = self._sent = None
        self._marked = frozenset()
        self._painting.forget()
        self._unseen = False
        for kept in (self._edited, self._compared, self._undo, self._redo):
            kept.clear()

    def _touched(self, _caller: Any = None, _event: Any = None) -> None:
        if self._segmenting.waits:
            self._unseen = True
            self._steps.clear()
            self._timer.start()

    def _compare_in_turns(self) -> None:
        """One segment in a turn of the event loop; only those that may have changed."""
        self._steps.clear()
        if self._proposal is None:
            return
        self._look_at_drawing()
        for name in self._proposal.segment_ids:
            self._steps.add(lambda name=name: self._compare(name))
        self._steps.add(self._all_seen)

    def _compare_now(self) -> None:
        self._timer.stop()
        self._steps.clear()
        self._look_at_drawing()
        for name in self._proposal.segment_ids if self._proposal is not None else ():
            self._compare(name)
        self._all_seen()
        self.changed.emit()

    def _all_seen(self) -> None:
        """All segments are compared: what the user has painted in them since the last time is one stroke."""
        self._unseen = False
        if self._painting.end_stroke(self.prompts.acts):
            self.prompts.forget_taken_back()
            self.changed.emit()

    def _look_at_drawing(self) -> None:
        """Of a first case: which structures there are by now, and along which axis they are drawn."""
        proposal = self._proposal
        if proposal is None or self._segmenting.state != DRAWN or not proposal.is_in_scene:
            return
        before = proposal.segment_ids
        proposal.name_drawn_segments()
        for name in before.keys() - proposal.segment_ids.keys():
            self._edited.pop(name, None)
        masks = (segment_mask(proposal.segmentation, one, proposal.volume) for one in proposal.segment_ids.values())
        axis = axis_drawn_along([mask for mask in masks if mask is not None])
        if axis is not None and axis != proposal.drawn_axis:
            proposal.drawn_axis = self.prompts.axis = axis
            self._compared.clear()
        if before != proposal.segment_ids:
            self.changed.emit()

    def _compare(self, name: str) -> None:
        proposal = self._proposal
        if proposal is None or not proposal.is_in_scene or not self._segmenting.waits:
            return
        if name not in proposal.present_segments():  # a segment that was deleted is not corrected, but not wanted
            self._compared.pop(name, None)
            if self._edited.pop(name, None):
                self.changed.emit()
            return
        key, before = (id(proposal.snapshot), *proposal.version(name)), self._edited.get(name, frozenset())
        if self._compared.get(name) != key:
            mask = segment_mask(proposal.segmentation, proposal.segment_ids[name], proposal.volume)
            self._edited[name] = proposal.snapshot.changed_slices(name, mask, proposal.axis)
            self._painting.look(proposal.segment_ids[name], mask, proposal.axis)
            self._compared[name] = key
            if self._edited[name] != before:
                self.changed.emit()

    @staticmethod
    def _changed_slices(proposal: Proposal, name: str) -> frozenset[int]:
        mask = segment_mask(proposal.segmentation, proposal.segment_ids[name], proposal.volume)
        return proposal.snapshot.changed_slices(name, mask, proposal.axis)
