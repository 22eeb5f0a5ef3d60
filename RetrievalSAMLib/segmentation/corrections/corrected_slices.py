"""What the slices that a person corrected say of those beside them: presence, and place."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping

import numpy as np
import torch
from scipy import ndimage

from ...models.window import Window
from ...volumes import SliceStack
from ..memory.support_memories import mask_to_input

_TRUST = 0.9
"""How much the slice next to a corrected one is believed to show what that one shows."""

_HALF_SLICES = 2.0
"""After so many slices more it is half of that."""

_SLOPE = 0.5
"""An outline moves by about this part of the distance between slices, in mm a mm."""


_MOVE_SLICES = 4.0
"""After so many slices half of what a correction moved an outline by is carried over."""

_VAGUE = 0.5
"""How sharp the outline is that is carried over, in pixels of the decoder's masks."""

_NEAR_PIXELS = 4.0
"""So far from an outline, in pixels of the decoder's masks, its distance function goes on."""

_PRESENCE = 0.4
"""What a correction that made a segment appear, or vanish, changes in the vote on the slice beside it."""

Masks = np.ndarray | Mapping[int, np.ndarray]
"""Bool (h, w) by slice."""


class Corrections:
    """The corrected slices of one target, and what they say.

    Args:
        stack: The target's slices.
        slices: By segment, numbers of the slices in which it was corrected.
        masks: By segment, bool (n, h, w), corrected slices included.
        were: By segment, by corrected slice, bool (h, w): its mask before, as far as that is known.
    """

    def __init__(
        self,
        stack: SliceStack,
        slices: Mapping[int, Collection[int]],
        masks: Mapping[int, np.ndarray],
        were: Mapping[int, Mapping[int, np.ndarray]],
    ) -> None:
        self.stack = stack
        self.slices = {s: sorted(set(slices[s])) for s in masks}
        self.masks = masks
        self.were = were
        self._present = {s: np.asarray(mask.any(axis=(1, 2))) for s, mask in masks.items()}
        self._ended = {s: self._beyond_ends(s) for s in masks}
        self._distances: dict[tuple[int, int, Window, int], np.ndarray] = {}

    def holds(self, segment: int, index: int) -> bool:
        """Whether a slice shows a segment, as the masks have it."""
        return bool(self._present[segment][index])

    def beside(self, segment: int, index: int) -> list[int]:
        """The nearest slice below in which a segment was corrected and the nearest one above, nearest first."""
        slices = self.slices[segment]
        below, above = bisect_left(slices, index), bisect_right(slices, index)
        found = [*slices[max(below - 1, 0) : below], *slices[above : above + 1]]
        return sorted(found, key=lambda corrected: (abs(corrected - index), corrected))

    def trust(self, corrected: int, index: int) -> float:
        """How much a corrected slice counts for another one, in [0, 1]."""
        return _TRUST * _faded(abs(corrected - index) - 1, _HALF_SLICES)

    def presence(self, segment: int, index: int, vote: float) -> float:
        """Probability that a segment is in a slice, before SAM 2 has looked at it.

        The vote, moved by what the corrected slices beside it changed, the less the further away; and, between two
        corrected slices that both show the segment or both do not, drawn to what these say.

        Args:
            segment: The segment.
            index: A slice in which it was not corrected.
            vote: What retrieval says.
        """
        if index in self._ended[segment]:
            return 0.0
        beside = self.beside(segment, index)
        for c in beside:
            change = float(self.holds(segment, c)) - self._was_there(segment, c)
            vote += _PRESENCE * _faded(abs(c - index) - 1, _HALF_SLICES) * change
        said = {self.holds(segment, c) for c in beside}
        if len(beside) == 2 and len(said) == 1:
            both = min(self.trust(c, index) for c in beside)
            vote = both * float(said.pop()) + (1 - both) * vote
        return min(max(vote, 0.0), 1.0)

    def _was_there(self, segment: int, index: int) -> float:
        """Whether a corrected slice showed a segment before; where that is not known, how many neighbours do."""
        was = self.were.get(segment, {}).get(index)
        if was is not None:
            return float(was.any())
        near = self._uncorrected(segment, index)
        return sum(self.holds(segment, i) for i in near) / len(near) if near else float(self.holds(segment, index))

    def _uncorrected(self, segment: int, index: int) -> list[int]:
        slices = self.slices[segment]
        return [i for i in (index - 1, index + 1) if 0 <= i < len(self.stack) and i not in slices]

    def ended(self, segment: int, empty: Collection[int]) -> set[int]:
        """Slices beyond some corrected ones in which the segment has ended."""
        return {index for index, cause in self._ended[segment].items() if cause in empty}

    def place(self, segment: int, index: int, window: Window, size: int) -> torch.Tensor | None:
        """How likely each pixel of a view is, by the slice's own mask so far and the corrected slices beside it.

        The mask's distance function, moved as those of the corrected slices were moved by whoever corrected them, the
        less the further away. Where the slice has no mask, the outlines of the corrected slices themselves,
        interpolated by their distance functions (Raya and Udupa, IEEE Trans Med Imaging 9, 1990).

        Args:
            segment: The segment.
            index: A slice in which it was not corrected.
            window: Of the view.
            size: Pixels a side.

        Returns:
            float (size, size) in [0, 1]; None where no corrected slice beside it shows the segment.
        """
        beside = [c for c in self.beside(segment, index) if self.holds(segment, c)]
        if not beside:
            return None
        pixel = window.side_mm[0] / size
        share = 1 / np.array([abs(c - index) for c in beside], dtype=float)
        share /= share.sum()
        if self.holds(segment, index):
            distance = self._near_mm(self.masks[segment], index, window, size)
            for c, part in zip(beside, share, strict=True):
                moved = self._moved_mm(segment, c, window, size)
                if moved is not None:
                    distance = distance + _faded(abs(c - index), _MOVE_SLICES) * part * moved
            vague = _VAGUE * pixel
        else:
            parts = [
                part * self._distance_mm(self.masks[segment], c, window, size)
                for c, part in zip(beside, share, strict=True)
            ]
            distance = np.sum(parts, axis=0)
            vague = 0.5 * pixel + _SLOPE * abs(beside[0] - index) * self.stack.frame.slice_spacing_mm
        return torch.from_numpy(distance / vague).float().sigmoid()

    def _moved_mm(self, segment: int, index: int, window: Window, size: int) -> np.ndarray | None:
        """By how much a correction moved the outline, as a difference of distance functions; None where unknown."""
        before = self.were.get(segment, {})
        if index in before:
            if not before[index].any():
                return None
            was = self._near_mm(before, index, window, size)
        else:
            # What was found there is lost: the neighbours show about the same.
            near = [i for i in self._uncorrected(segment, index) if self.holds(segment, i)]
            if not near:
                return None
            was = np.mean([self._near_mm(self.masks[segment], i, window, size) for i in near], axis=0)
        return self._near_mm(self.masks[segment], index, window, size) - was

    def _near_mm(self, masks: Masks, index: int, window: Window, size: int) -> np.ndarray:
        """The same as far as an outline is near: what is far from two outlines has not moved between them."""
        limit = _NEAR_PIXELS * window.side_mm[0] / size
        return np.clip(self._distance_mm(masks, index, window, size), -limit, limit)

    def _distance_mm(self, masks: Masks, index: int, window: Window, size: int) -> np.ndarray:
        """Distance to the outline in a view (size, size) in mm, positive inside."""
        key = (id(masks), index, window, size)
        if key not in self._distances:
            mask = mask_to_input(masks[index], window, self.stack.spacing_mm, size)[0].numpy() > 0.5
            inside = ndimage.distance_transform_edt(mask)
            outside = ndimage.distance_transform_edt(~mask) if mask.any() else np.full(mask.shape, float(size))
            pixel = window.side_mm[0] / size
            # Half a pixel from the middle of a pixel to its edge.
            self._distances[key] = (np.where(mask, inside - 0.5, 0.5 - outside)) * pixel
        return self._distances[key]

    def _beyond_ends(self, segment: int) -> dict[int, int]:
        """Slices that held a segment, beyond corrected ones that do not (the values): the shorter side of each.

        Where an end was drawn too far, what lies behind it is wrong as well. A stretch that holds a corrected slice
        with the segment is none, and of two about equally long ones neither is.
        """
        present, corrected = self._present[segment], set(self.slices[segment])
        found: dict[int, int] = {}
        for empty in self.slices[segment]:
            if present[empty]:
                continue
            sides = []
            for step in (-1, 1):
                stretch, index = [], empty + step
                while 0 <= index < len(present) and (present[index] or index in corrected):
                    stretch.append(index)
                    index += step
                sides.append(stretch)
            shorter, longer = sorted(sides, key=len)
            if 2 * len(shorter) <= len(longer) and not any(present[i] for i in shorter if i in corrected):
                found.update((i, empty) for i in shorter if i not in corrected)
        return found


def _faded(distance: int, half: float) -> float:
    return float(0.5 ** (distance / half))
