"""Carrying drawn slices through a volume, both ways from each, as one view shows them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ...retrieval.index import SliceRetrieval, Support
from ...volumes import SliceStack
from ..confidence.quality_features import Signs
from ..engines.interface import Engine, ImageFeatures, Memory
from ..memory.support_memories import encode_slice, mask_to_input
from ..propagation.propagation import Propagation
from ..propagation.segmented_slice import SegmentedSlice
from ..spatial_prior.crops import View
from .appearance import Appearance, features
from .drawn import DrawnMasks
from .outlines import Outlines, distance_of
from .settings import FillSettings
from .ways import Way

TARGET = -1
"""The case number of the target's own slices, which are the supports here."""

_UNKNOWN, _SURE = 0.5, 0.9
"""Vote on presence beyond the last drawn slice, and between two that hold the structure."""


@dataclass(frozen=True)
class Reached:
    """What one structure came out as on one slice, on one way.

    Attributes:
        steps: Slices from the drawn one where the way starts.
        logits: float (s, s) of the view; None where the structure was not found.
        signs: Of how good it is.
        supports: Drawn slices that it drew on.
        attention: Share that each of them got.
    """

    steps: int
    logits: torch.Tensor | None
    signs: Signs
    supports: tuple[Support, ...]
    attention: tuple[float | None, ...]


class Shown:
    """One view: image features of the target's slices, and memories of the drawn ones.

    Args:
        engine: SAM 2.
        stack: The target's slices.
        view: Window and structures, by their rows of the run.
        masks: What was drawn, by row of the run.
        limit_bytes: What image features may hold of memory: ways from several drawn slices share them.
    """

    def __init__(self, engine: Engine, stack: SliceStack, view: View, masks: DrawnMasks, limit_bytes: int) -> None:
        self.engine, self.stack, self.view = engine, stack, view
        self.masks: DrawnMasks = {place: masks[row] for place, row in enumerate(view.rows)}
        self._limit_bytes = limit_bytes
        self._features: OrderedDict[int, ImageFeatures] = OrderedDict()
        self._memories: dict[int, Memory] = {}

    def features(self, index: int) -> ImageFeatures:
        """Of a slice."""
        if index not in self._features:
            made = encode_slice(self.engine, self.stack, index, self.view.window)
            each = sum(t.nbytes for t in (made.fine, made.middle, made.embedding, made.position))
            while self._features and (len(self._features) + 1) * each > self._limit_bytes:
                self._features.popitem(last=False)
            self._features[index] = made
        return self._features[index]

    def get(self, key: tuple[int, int], device: torch.device) -> Memory:  # noqa: ARG002
        """The memories of a drawn slice, all structures in one batch; of one not drawn there, that it is absent."""
        index = key[1]
        if index not in self._memories:
            nothing = np.zeros(self.stack.frame.shape[1:], dtype=bool)
            masks = torch.cat(
                [
                    mask_to_input(
                        of_row.get(index, nothing), self.view.window, self.stack.spacing_mm, self.engine.image_size
                    )
                    for of_row in self.masks.values()
                ]
            ).to(self.engine.device)
            shown = self.features(index).expand(len(masks))
            self._memories[index] = self.engine.encode_support(shown, masks).rounded()
        return self._memories[index]

    def cells(self, index: int) -> np.ndarray:
        """The slice in cells of the decoder's masks, float (s, s) in [0, 1]."""
        image = torch.from_numpy(self.stack.image(index))[None]
        found: np.ndarray = self.view.window.to_input(image, self.stack.spacing_mm, self.engine.mask_size)[0].numpy()
        return found


class Carrier:
    """Goes the ways of one view.

    Args:
        shown: The view.
        settings: Of the fill.
    """

    def __init__(self, shown: Shown, settings: FillSettings) -> None:
        self._shown, self._settings = shown, settings
        cells = shown.engine.mask_size
        self._outlines = Outlines(shown.stack, shown.view.window, cells, shown.masks, settings.unsure_mm)
        self._looks = {row: self._learnt(row) for row in shown.masks} if settings.appearance_weight else {}

    def area_mm2(self, row: int, index: int) -> float:
        """The area of a structure of the view that the drawn slices let expect."""
        return self._outlines.area_mm2(row, index)

    def go(self, way: Way) -> Iterator[tuple[int, dict[int, Reached]]]:
        """What the slices of a way come out as, by row of the view; structures that have ended are left out."""
        shown, settings = self._shown, self._settings
        going, missed = set(way.ends), dict.fromkeys(way.ends, 0)
        before: dict[int, np.ndarray | None] = dict.fromkeys(way.ends)
        said: dict[tuple[int, int], torch.Tensor] = {}

        def place(index: int, row: int) -> torch.Tensor | None:
            if row not in going:
                return None
            if (index, row) not in said:
                odds = self._outlines.log_odds(way, row, index, before[row])
                look = self._looks.get(row)
                if look is not None:
                    seen = features(shown.cells(index), self._outlines.cell_mm)
                    odds = odds + settings.appearance_weight * look.log_odds(seen)
                said[index, row] = torch.from_numpy(odds).float().sigmoid()
            return said[index, row]

        plan = [[self._asked(way, row, index) for row in shown.masks] for index in range(len(shown.stack))]
        propagation = Propagation(
            shown.engine,
            shown,
            plan,
            shown.features,
            settings.of_propagation,
            place,
            absent=lambda index, row: row not in going,
        )
        memory = shown.get((TARGET, way.start), shown.engine.device)
        first = {row: Memory(memory.spatial[row : row + 1], memory.pointer[row : row + 1]) for row in going}
        propagation.go_from(way.start, first)
        for index in way:
            going -= {row for row in going if (way.ends[row] - index) * way.towards <= 0}
            if not going:
                return
            segmented = propagation.step(index, way.towards)
            found = {row: self._reached(segmented, row, plan[index][row].supports, way) for row in sorted(going)}
            said.clear()
            yield index, found
            for row, one in found.items():
                distance = None if one.logits is None else distance_of(one.logits, self._outlines.cell_mm)
                before[row] = before[row] if distance is None else distance
                missed[row] = missed[row] + 1 if distance is None else 0
            going -= {row for row in going if missed[row] >= settings.patience}

    def _asked(self, way: Way, row: int, index: int) -> SliceRetrieval:
        """The drawn slices that a slice attends to, and the vote on whether the structure is there."""
        end = way.ends.get(row)
        if end is None or not (index - way.start) * way.towards > 0 or not (end - index) * way.towards > 0:
            return SliceRetrieval((), 0.0, 0.0)
        of_row = self._shown.masks[row]
        nearest = sorted(of_row, key=lambda drawn: (abs(drawn - index), drawn))[: self._settings.supports]
        between = end in of_row and bool(of_row[end].any())
        supports = tuple(Support(TARGET, drawn, 1.0) for drawn in nearest)
        return SliceRetrieval(supports, _SURE if between else _UNKNOWN, self.area_mm2(row, index))

    def _reached(self, segmented: SegmentedSlice, row: int, supports: Sequence[Support], way: Way) -> Reached:
        return Reached(
            abs(segmented.index - way.start),
            segmented.logits[row].cpu() if segmented.present[row] else None,
            segmented.signs[row],
            tuple(supports),
            segmented.shares(row, len(supports)),
        )

    def _learnt(self, row: int) -> Appearance | None:
        shown = self._shown
        return Appearance.learnt(
            [
                (features(shown.cells(index), self._outlines.cell_mm), self._outlines.distance_mm(row, index))
                for index in shown.masks[row]
            ]
        )
