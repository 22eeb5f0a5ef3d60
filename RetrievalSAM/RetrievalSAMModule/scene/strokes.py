"""What the user draws while corrections are carried on: the worker's results come over it, but it is not lost."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .proposal import Proposal
from .result_snapshot import ResultSnapshot
from .segmentation_files import replace_segment, segment_voxels


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
            mask = segment_voxels(proposal.segmentation, segment_id, proposal.volume)
            for index in self.written.changed_slices(name, mask, proposal.axis):
                shape = proposal.size[::-1]
                whole = np.zeros(shape, np.uint8) if mask is None else mask
                self._drawn.setdefault(name, {})[index] = np.take(whole, index, axis=2 - proposal.axis) != 0

    def note(self, names: Iterable[str]) -> None:
        """Segments were written; to be called after that."""
        proposal = self._proposal
        for name in names:
            segment_id = proposal.segment_ids[name]
            self.written.take(name, segment_voxels(proposal.segmentation, segment_id, proposal.volume))
        self._note_versions()

    def put_on_top(self) -> None:
        """Draw what was kept again, slice by slice, on what is there now."""
        proposal = self._proposal
        if not proposal.is_in_scene:
            return
        for name, segment_id in proposal.present_segments().items():
            if name not in self._drawn:
                continue
            mask = segment_voxels(proposal.segmentation, segment_id, proposal.volume)
            whole = np.zeros(proposal.size[::-1], np.uint8) if mask is None else np.asarray(mask != 0, np.uint8)
            for index, drawn in self._drawn[name].items():
                np.moveaxis(whole, 2 - proposal.axis, 0)[index] = drawn
            replace_segment(proposal.segmentation, segment_id, proposal.volume, whole)

    def _note_versions(self) -> None:
        # Segments share labelmaps: writing one gives its neighbors a new version too.
        self._versions = {name: self._proposal.version(name) for name in self._proposal.present_segments()}
