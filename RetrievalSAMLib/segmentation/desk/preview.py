"""One slice of one segment as points and a box change it, at once: the image features of what is looked at are kept."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import torch

from ...models.window import Window
from ...volumes import SliceStack
from ..engines.interface import Engine, ImageFeatures
from ..first_case.clicks import clicked_mask, held_mask, looked
from ..memory.support_memories import encode_slice
from ..prompts.points_and_boxes import OnSlice
from ..prompts.prompted_slices import INSIDE, OWN_MARGIN, sees
from ..spatial_prior.crops import part_shown, window_around

_LIMIT_BYTES = 256 * 2**20


class SlicePreview:
    """Previews of one volume.

    Args:
        engine: SAM 2.
        stack: The slices of the volume.
        limit_bytes: What image features may hold of memory; those of the slice looked at last always stay.
    """

    def __init__(self, engine: Engine, stack: SliceStack, limit_bytes: int = _LIMIT_BYTES) -> None:
        self.stack = stack
        self._engine, self._limit_bytes = engine, limit_bytes
        self._features: OrderedDict[tuple[int, Window], ImageFeatures] = OrderedDict()
        self._windows: dict[int, Window] = {}

    @torch.inference_mode()
    def mask(self, index: int, before: np.ndarray, on_slice: OnSlice) -> np.ndarray:
        """A segment on one slice, bool (h, w); every point and the box hold in it.

        Args:
            index: Of the slice.
            before: bool (h, w), the segment so far; where it is empty, what is pointed at is looked for.
            on_slice: All that a person set there.
        """
        if not before.any():
            return clicked_mask(self._engine, self.stack, index, on_slice, self._encoded)
        window = self._windows.get(index)
        if window is None or not sees(window, on_slice) or part_shown(before, window, self.stack) < INSIDE:
            window = self._windows[index] = self._around(before, on_slice)
        found = looked(self._engine, self.stack, index, window, before, on_slice, self._encoded)
        # What lies beyond the window is as it was.
        unseen = before & ~_shown(window, self.stack)
        return held_mask(found.mask | unseen, on_slice, self.stack)

    def _around(self, before: np.ndarray, on_slice: OnSlice) -> Window:
        spacing, (rows, columns) = np.array(self.stack.spacing_mm), np.nonzero(before)
        first, last = on_slice.extent_mm
        first = np.minimum(first, np.array([rows.min(), columns.min()]) * spacing)
        last = np.maximum(last, np.array([rows.max() + 1, columns.max() + 1]) * spacing)
        return window_around((np.array([0, *first]), np.array([0, *last])), self.stack, OWN_MARGIN)

    def _encoded(self, index: int, window: Window) -> ImageFeatures:
        key = index, window
        if key in self._features:
            self._features.move_to_end(key)
            return self._features[key]
        made = encode_slice(self._engine, self.stack, index, window)
        each = sum(t.nbytes for t in (made.fine, made.middle, made.embedding, made.position))
        while self._features and (len(self._features) + 1) * each > self._limit_bytes:
            self._features.popitem(last=False)
        self._features[key] = made
        return made


def _shown(window: Window, stack: SliceStack) -> np.ndarray:
    """The pixels whose middles a window shows, bool (h, w)."""
    rows, columns = (
        np.abs((np.arange(size) + 0.5) * mm - middle) <= side / 2
        for size, mm, middle, side in zip(
            stack.frame.shape[1:], stack.spacing_mm, window.centre_mm, window.side_mm, strict=True
        )
    )
    shown: np.ndarray = rows[:, None] & columns[None]
    return shown
