"""What drawn outlines say of the slices that nobody drew: interpolated between two of them, carried on beyond the last.

Shape-based interpolation: the signed distance to the outline is interpolated between the drawn slices (Raya and Udupa,
IEEE Transactions on Medical Imaging 1990).
"""

from __future__ import annotations

import numpy as np
import torch

from ...models.window import Window
from ...volumes import SliceStack
from ..memory.support_memories import mask_to_input
from ..prompts.click_masks import signed_distance
from .drawn import DrawnMasks
from .ways import Way

_SUREST = 4.0
"""Log odds that no outline exceeds."""


class Outlines:
    """The drawn outlines of one view.

    Args:
        stack: The target's slices.
        window: The view.
        cells: Pixels a side of the decoder's masks.
        masks: What was drawn, by row of the view.
        unsure_mm: How far from an outline its say is sure, for every mm between the slices.
    """

    def __init__(self, stack: SliceStack, window: Window, cells: int, masks: DrawnMasks, unsure_mm: float) -> None:
        self._stack, self._window, self._cells, self._masks = stack, window, cells, masks
        self._unsure_mm = unsure_mm
        self._distances: dict[tuple[int, int], np.ndarray] = {}
        self.cell_mm = window.side_mm[0] / cells

    def distance_mm(self, row: int, index: int) -> np.ndarray:
        """Of every cell of a drawn slice to the outline, float (cells, cells), positive inside."""
        if (row, index) not in self._distances:
            seen = mask_to_input(self._masks[row][index], self._window, self._stack.spacing_mm, self._cells)
            self._distances[row, index] = signed_distance(seen[0].numpy() > 0.5) * self.cell_mm
        return self._distances[row, index]

    def log_odds(self, way: Way, row: int, index: int, before: np.ndarray | None) -> np.ndarray:
        """That a cell belongs to a structure, by the outlines alone, float (cells, cells).

        Args:
            way: On which the slice is reached.
            row: The structure.
            index: The slice.
            before: Distances to the outline of the slice before it on the way, in mm; None for that of the start.
        """
        thickness = self._stack.frame.slice_spacing_mm
        end, start = way.ends[row], way.start
        ahead = self._masks[row].get(end)
        if ahead is not None and ahead.any():
            part = abs(index - start) / abs(end - start)
            distance = (1 - part) * self.distance_mm(row, start) + part * self.distance_mm(row, end)
            steps = min(abs(index - start), abs(end - index))
        else:
            distance, steps = (self.distance_mm(row, start) if before is None else before), 1
        unsure = 0.5 * self.cell_mm + self._unsure_mm * steps * thickness
        found: np.ndarray = np.clip(distance / unsure, -_SUREST, _SUREST)
        return found

    def area_mm2(self, row: int, index: int) -> float:
        """The area that the nearest drawn slices let expect: interpolated between two, that of the last beyond it."""
        drawn = sorted(self._masks[row])
        areas = [float(self._masks[row][c].sum()) * float(np.prod(self._stack.spacing_mm)) for c in drawn]
        return float(np.interp(index, drawn, areas))


def distance_of(logits: torch.Tensor, cell_mm: float) -> np.ndarray | None:
    """Distances in mm to the outline of a mask given as logits (cells, cells); None where it is empty."""
    mask = (logits > 0).cpu().numpy()
    return signed_distance(mask) * cell_mm if mask.any() else None
