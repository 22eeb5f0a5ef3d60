"""What the user draws: while corrections are carried on it is not lost, and stroke by stroke it is undone.

Slicer's Segment Editor keeps a history of its own, which knows nothing of points, previews and propagations. What it
did is seen here instead: by what segments hold, before and after.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..proposal import Proposal
from .cropped_mask import CroppedMask
from .result_snapshot import ResultSnapshot
from .segment_masks import segment_mask, write_slices

_MOST = 100

Place = tuple[str, int, int]
"""ID of the segment, sliced axis of the voxels, index of the slice along it."""


class Strokes:
    """Slices that were drawn since the scene was last written to; they are put on top of what comes after.

    Attributes:
        written: The segments as they were last written, by somebody else than the user.
    """

    def __init__(self, proposal: Proposal, written: ResultSnapshot) -> None:
        self._proposal = proposal
        self._drawn: dict[str, dict[int, np.ndarray]] = {}
        self._versions: dict[str, tuple[Any, ...]] = {}
        self.written = written
        self._note_versions()

    def collect(self) -> None:
        """Keep what was drawn; to be called before the scene is written to."""
        proposal = self._proposal
        if not proposal.is_in_scene:
            return
        for name, segment_id in proposal.present_segments().items():
            if self._versions.get(name) == proposal.version(name):
                continue
            mask = segment_mask(proposal.segmentation, segment_id, proposal.volume)
            for index, (_was, drawn) in self.written.changes(name, mask, proposal.axis).items():
                self._drawn.setdefault(name, {})[index] = drawn

    def note(self, names: Iterable[str]) -> None:
        """Segments were written; to be called after that."""
        proposal = self._proposal
        for name in names:
            segment_id = proposal.segment_ids[name]
            self.written.take(name, segment_mask(proposal.segmentation, segment_id, proposal.volume))
        self._note_versions()

    def put_on_top(self) -> None:
        """Draw what was kept again, slice by slice, on what is there now."""
        proposal = self._proposal
        if not proposal.is_in_scene:
            return
        for name, segment_id in proposal.present_segments().items():
            if name not in self._drawn:
                continue
            slices = {(proposal.axis, index): drawn for index, drawn in self._drawn[name].items()}
            write_slices(proposal.segmentation, segment_id, proposal.volume, slices)

    def _note_versions(self) -> None:
        # Segments share labelmaps: writing one gives its neighbors a new version too.
        self._versions = {name: self._proposal.version(name) for name in self._proposal.present_segments()}


@dataclass(frozen=True)
class _Slice:
    """A segment on one slice before and after a stroke, a bit a pixel."""

    shape: tuple[int, ...]
    before: np.ndarray
    after: np.ndarray

    @classmethod
    def of(cls, before: np.ndarray, after: np.ndarray) -> _Slice:
        return cls(before.shape, np.packbits(before), np.packbits(after))

    def pixels(self, was: bool) -> np.ndarray:
        """Bool, as it was before, or as it was after."""
        bits = np.unpackbits(self.before if was else self.after, count=int(np.prod(self.shape)))
        return bits.reshape(self.shape) != 0


@dataclass(frozen=True)
class _Stroke:
    """One step.

    Attributes:
        slices: What it changed.
        order: How many points and boxes had been set when it was painted, or had been taken back when it was undone.
    """

    slices: dict[Place, _Slice]
    order: int


class Painting:
    """The strokes in the result that waits, since it was last written by somebody else than the user."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """There are none: another result, or the same was put back; how it is, is seen when it is looked at."""
        self._known = ResultSnapshot()
        self._seen: set[str] = set()
        self._found: dict[Place, _Slice] = {}
        self._done: list[_Stroke] = []
        self._undone: list[_Stroke] = []

    def begin(self, snapshot: ResultSnapshot, segment_ids: Mapping[str, str]) -> None:
        """There are none in a result that was just written; ``segment_ids`` by the names of the snapshot."""
        self.forget()
        self._known, self._seen = snapshot.renamed(segment_ids), set(segment_ids.values())

    def written(self, segment_id: str, mask: CroppedMask | None) -> None:
        """A segment was written, and not by the user; None for an empty one."""
        self._seen.add(segment_id)
        self._known.take(segment_id, mask)

    def look(self, segment_id: str, mask: CroppedMask | None, axis: int) -> None:
        """See what the user has painted in a segment; of one that was never looked at, how it is now."""
        changes = self._known.changes(segment_id, mask, axis) if segment_id in self._seen else {}
        for index, (before, after) in changes.items():
            place = segment_id, axis, index
            begun = self._found.get(place)  # a stroke that was looked at while it was drawn
            self._found[place] = _Slice.of(before if begun is None else begun.pixels(True), after)
        if changes or segment_id not in self._seen:
            self.written(segment_id, mask)

    def end_stroke(self, acts: int) -> bool:
        """What was seen since the last time is one stroke; whether there was one.

        Args:
            acts: How many points and boxes have been set by now.
        """
        if not self._found:
            return False
        self._done = [*self._done, _Stroke(self._found, acts)][-_MOST:]
        self._undone.clear()
        self._found = {}
        return True

    def forget_undone(self) -> None:
        """Something else was done since: strokes that were undone do not come back."""
        self._undone.clear()

    @property
    def last(self) -> int | None:
        """The `order` of the stroke that is undone next; None where there is none."""
        return self._done[-1].order if self._done else None

    @property
    def next(self) -> int | None:
        """The `order` of the stroke that is done again next; None where there is none."""
        return self._undone[-1].order if self._undone else None

    def undo(self, proposal: Proposal, taken_back: int) -> None:
        """Without the last stroke; ``taken_back``: how many points and boxes are taken back by now."""
        stroke = self._done.pop()
        self._write(proposal, stroke, True)
        self._undone.append(replace(stroke, order=taken_back))

    def redo(self, proposal: Proposal, acts: int) -> None:
        """With the stroke that was undone last; ``acts`` as for `end_stroke`."""
        stroke = self._undone.pop()
        self._write(proposal, stroke, False)
        self._done.append(replace(stroke, order=acts))

    def _write(self, proposal: Proposal, stroke: _Stroke, was: bool) -> None:
        present = set(proposal.present_segments().values())
        wanted: dict[str, dict[tuple[int, int], np.ndarray]] = {}
        grows: dict[str, int] = {}
        for (segment_id, axis, index), one in stroke.slices.items():
            if segment_id in present:
                pixels = one.pixels(was)
                wanted.setdefault(segment_id, {})[axis, index] = pixels
                grows[segment_id] = grows.get(segment_id, 0) + int(pixels.sum()) - int(one.pixels(not was).sum())
        # Those that shrink first, so that none is written where another one still is.
        for segment_id in sorted(wanted, key=lambda one: grows[one]):
            write_slices(proposal.segmentation, segment_id, proposal.volume, wanted[segment_id])
            self.written(segment_id, segment_mask(proposal.segmentation, segment_id, proposal.volume))
