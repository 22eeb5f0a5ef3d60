"""The library's expert, taught by the slices that a person corrected, as a refinement's second look."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from ...segmentation.corrections.second_look import AfterCorrections, Seen
from ...segmentation.output.report import TaughtReport
from ...segmentation.supports.verdict import UNLIKE
from ..expert.opinion import LearnedOpinion, expert_grid
from ..network.build import IMAGE
from ..view.grids import Box, Grid, resampled
from ..view.scene import Scene, image_part, region_of, stack_grid
from .fusing import decided, near, share_of_mask
from .teaching import Lesson, Teaching, teach

_STAGE = "learning"
_MOST_TRUTH_BYTES = 1 << 29
"""Masks that are learned from, on the expert's grid; what would need more is not learned."""


@dataclass(frozen=True)
class TaughtByCorrections:
    """Teaches a copy of an expert for one volume and mixes what it says into the result, as far as it is believed.

    Attributes:
        opinion: The library's expert with its proof.
        teaching: How the copy is taught.
    """

    opinion: LearnedOpinion
    teaching: Teaching = Teaching()

    def look(self, after: AfterCorrections) -> Seen:
        """Masks with what the copy says of them; see `SecondLook`."""
        weights = self._weights(after)
        scene = self._scene(after)
        reason = self._reason(after, weights, scene)
        if scene is None or reason:
            nowhere: Box = (slice(0, 0), slice(0, 0), slice(0, 0))
            return Seen(nowhere, {}, TaughtReport(self.opinion.sha256, reason))
        expert = self.opinion.expert
        lesson = self._lesson(after, weights, scene, expert_grid(scene, expert.plan))
        began = time.monotonic()
        # A refinement computes without gradients.
        with torch.inference_mode(False), torch.enable_grad():
            taught = teach(expert, lesson, self.teaching, lambda done, total: after.progress(_STAGE, done, total))
        seconds = time.monotonic() - began
        said = taught.expert.probabilities(scene, (IMAGE,))[IMAGE]
        shares = {}
        for n, weight in weights.items():
            if n in after.corrected:
                result = share_of_mask(after.masks[n][scene.box], scene.grid.spacing_mm)
                copy_says = said[after.segments[n].value].astype(np.float32) / np.float32(255)
                believed = near(weight, range(scene.box[0].start, scene.box[0].stop), after.drawn)
                shares[n] = (1 - believed) * result + believed * copy_says
        free = [n for n in shares if after.segments[n].value in after.overlapping]
        report = TaughtReport(
            self.opinion.sha256,
            "",
            {after.segments[n].name: weight for n, weight in weights.items() if n in after.corrected},
            taught.steps,
            round(seconds, 3),
            round(taught.loss_before, 4),
            round(taught.loss_after, 4),
        )
        return Seen(scene.box, decided(shares, free), report)

    def _weights(self, after: AfterCorrections) -> dict[int, float]:
        """By segment, how far networks that see the image alone are believed, where they are."""
        believed = {proof.value: proof.trust.image for proof in self.opinion.proofs}
        weights = {n: believed.get(after.segments[n].value, 0.0) for n in sorted(after.masks)}
        return {n: weight for n, weight in weights.items() if weight > 0}

    def _scene(self, after: AfterCorrections) -> Scene | None:
        """The part around what was found and drawn; None where that is nothing."""
        values = [after.segments[n].value for n in sorted(after.masks)]
        corners = region_of(after.stack, [after.masks[n] for n in sorted(after.masks)], None, values)
        if corners is None:
            return None
        whole = stack_grid(after.stack)
        box = whole.box(*corners)
        return Scene(whole.part(box), box, image_part(after.stack, box), {}, {})

    def _reason(self, after: AfterCorrections, weights: Mapping[int, float], scene: Scene | None) -> str:
        """Why nothing is learned, as a clause; empty where something is."""
        if after.verdict.name == UNLIKE:
            return "the volume is unlike the cases that the expert has learned from"
        if after.backwards:
            return "the volume's slices were taken in reverse"
        plane = after.stack.frame.plane
        if plane != self.opinion.plane:
            return f"the expert has learned from {self.opinion.plane} slices, and these are {plane}"
        if not set(weights) & set(after.corrected):
            return "the expert's networks that see the image alone are believed in none of the corrected segments"
        if scene is None:
            return "nothing is drawn and nothing was found"
        if not any(scene.box[0].start <= index < scene.box[0].stop for index in after.drawn):
            return "the corrected slices lie far from what was found"
        size = expert_grid(scene, self.opinion.expert.plan).size
        if len(weights) * int(np.prod(size)) > _MOST_TRUTH_BYTES:
            return "the part of the volume that it would learn from is too large"
        return ""

    def _lesson(self, after: AfterCorrections, weights: Mapping[int, float], scene: Scene, grid: Grid) -> Lesson:
        values = [value for _, value in self.opinion.expert.segments]
        truth = [
            resampled(after.masks[n][scene.box].astype(np.float32), scene.grid, grid, outside=0.0) > 0.5
            for n in weights
        ]
        # A slice of the grid stands for the slice of the volume that it lies nearest to.
        middle = grid.low_mm[0] + (np.arange(grid.size[0]) + 0.5) * grid.spacing_mm[0]
        nearest = np.floor((middle - scene.grid.low_mm[0]) / scene.grid.spacing_mm[0]).astype(int) + scene.box[0].start
        return Lesson(
            resampled(scene.image, scene.grid, grid),
            tuple(values.index(after.segments[n].value) for n in weights),
            np.stack(truth),
            np.isin(nearest, sorted(after.drawn)),
        )
