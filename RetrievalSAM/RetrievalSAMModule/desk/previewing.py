"""What points and boxes make of the slice that they are on, shown at once; no other slice is touched.

A slice that was shown so counts as corrected, as one that was painted does: what the user saw is what is carried on.
Where there is no preview (a server does the runs, it failed, the user was faster), points and boxes go with the next
propagation instead.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import qt

from ..clients.worker_client import WorkerClient, WorkerFault
from ..runs.correcting import Correcting
from ..runs.run_place import is_on_server
from ..runs.segmenting import Segmenting
from ..scene.masks.segment_masks import segment_slice, write_slices
from ..scene.proposal import Proposal
from ..scene.slice_views import plane_across
from ..scene.volume_files import SceneError

_QUIET_MS = 60
Place = tuple[str, int]
"""Name of the segment, index of the slice."""


@dataclass
class _Shown:
    """One slice of one segment: what it was before, what was asked for last, and whether that was answered."""

    before: np.ndarray
    asked: dict[str, Any]
    answered: bool = False


class Previewing:
    """Follows the points and boxes of the result that waits.

    Attributes:
        on: Whether slices are shown at once.
        why_not: Why the last one could not be; an empty text where it could.
    """

    def __init__(self, worker: WorkerClient, segmenting: Segmenting, correcting: Correcting) -> None:
        self._worker = worker
        self._segmenting = segmenting
        self._correcting = correcting
        self._proposal: Proposal | None = None
        self._shown: dict[Place, _Shown] = {}
        self.on = True
        self.why_not = ""
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(_QUIET_MS)
        self._timer.connect("timeout()", self._look)
        correcting.prompts.changed.connect(self._changed)
        segmenting.state_changed.connect(self._follow)

    def cleanup(self) -> None:
        """Let go of everything, and hear of nothing any more: what ends after this takes its points away."""
        self._correcting.prompts.changed.disconnect(self._changed)
        self._segmenting.state_changed.disconnect(self._follow)
        self._end()

    def _changed(self) -> None:
        if self._segmenting.waits:
            self._timer.start()

    def _follow(self) -> None:
        if not self._segmenting.waits or self._segmenting.proposal is not self._proposal:
            self._end()

    def _end(self) -> None:
        self._timer.stop()
        self._shown.clear()
        self._correcting.previewed.clear()
        self._proposal = None

    def _look(self) -> None:
        """Ask for every slice whose points or boxes are others than before."""
        proposal = self._segmenting.proposal
        if not self.on or not self._segmenting.waits or not proposal.is_in_scene:
            return
        if is_on_server(proposal.settings.get("folder", "")):
            return
        try:
            there = self._correcting.prompts.by_place()
        except SceneError as error:
            self.why_not = str(error)
            return
        if self._proposal is not proposal:
            self._end()
            self._proposal = proposal
        for place in [place for place in self._shown if place not in there]:
            self._write(place, self._shown.pop(place).before)
            self._correcting.previewed.discard(place)
        for place, prompts in there.items():
            known = self._shown.get(place)
            if known is None and place in self._correcting.previewed:  # undo has brought it back as it was shown
                known = self._shown[place] = _Shown(self._slice(*place), prompts, True)
            if place[0] in proposal.present_segments() and (known is None or known.asked != prompts):
                self._ask(place, prompts)

    def _ask(self, place: Place, prompts: dict[str, Any]) -> None:
        proposal, (name, index) = self._proposal, place
        known = self._shown.get(place)
        before = known.before if known is not None else self._slice(name, index)
        shown = self._shown[place] = _Shown(before, prompts)

        def failed(error: SceneError) -> None:
            self._failed(place, shown, WorkerFault(str(error)))

        try:
            self._segmenting.image.ask(proposal.volume, lambda image: self._send(place, shown, image), failed)
        except SceneError as error:
            failed(error)

    def _send(self, place: Place, shown: _Shown, image: Path) -> None:
        proposal = self._proposal
        if self._shown.get(place) is not shown or proposal is None or not proposal.is_in_scene:
            return
        before = shown.before
        bits = base64.b64encode(np.packbits(before).tobytes()).decode("ascii") if before.any() else ""
        self._worker.request(
            "preview",
            {
                "image": str(image),
                "plane": plane_across(proposal.volume, proposal.axis),
                "model": proposal.settings["model"],
                "device": proposal.settings["device"],
                "before": bits,
                **shown.asked,
            },
            on_result=lambda result: self._show(place, shown, result["mask"]),
            on_fault=lambda fault: self._failed(place, shown, fault),
        )

    def _show(self, place: Place, shown: _Shown, bits: str) -> None:
        if self._shown.get(place) is not shown or not self._segmenting.waits:
            return  # it was asked for anew, or carried on, meanwhile
        flat = np.unpackbits(np.frombuffer(base64.b64decode(bits), np.uint8))
        mask = flat[: shown.before.size].reshape(shown.before.shape) != 0
        self._write(place, mask & (shown.before | ~self._of_others(place)))
        shown.answered, self.why_not = True, ""
        self._correcting.previewed.add(place)
        self._correcting.changed.emit()

    def _failed(self, place: Place, shown: _Shown, fault: WorkerFault) -> None:
        if self._shown.get(place) is shown:
            self.why_not = fault.message
            self._correcting.previewed.discard(place)
            self._correcting.changed.emit()

    def _of_others(self, place: Place) -> np.ndarray:
        """What belongs to other segments on a slice: it is never painted over."""
        name, index = place
        others = [self._slice(other, index) for other in self._proposal.present_segments() if other != name]
        return np.any([np.zeros_like(self._shown[place].before), *others], axis=0)

    def _slice(self, name: str, index: int) -> np.ndarray:
        """A segment on one slice of the volume, bool, its axes in the order (k, j, i)."""
        proposal = self._proposal
        segment_id = proposal.segment_ids[name]
        return segment_slice(proposal.segmentation, segment_id, proposal.volume, proposal.axis, index)

    def _write(self, place: Place, pixels: np.ndarray) -> None:
        proposal, (name, index) = self._proposal, place
        if proposal is None or not proposal.is_in_scene or name not in proposal.present_segments():
            return
        self._correcting.catch_up()
        segment_id = proposal.segment_ids[name]
        write_slices(proposal.segmentation, segment_id, proposal.volume, {(proposal.axis, index): pixels})
        self._correcting.written(name)
