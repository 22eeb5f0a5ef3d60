"""An expert at work: what it says of a scene, and what of that goes into a run's result."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from ...models.precision import choose_precision, multiplying
from ...segmentation.output.report import LearnedReport, LearnedSegment
from ...segmentation.spatial_prior.prior_maps import as_bytes
from ...segmentation.steps.second_opinion import Findings, Revision
from ...segmentation.supports.verdict import UNLIKE
from ...volumes import Plane
from ..network.build import HINTED, IMAGE, channels
from ..network.plan import NetworkPlan, padded
from ..proof.weights import Said, SegmentProof, Trust, fused
from ..view.grids import Box, Grid, resampled
from ..view.scene import Scene, logit, region_of, scene_of, sigmoid

_TILE_OVERLAP = 0.25
_TILES_AT_ONCE = 2


@dataclass(frozen=True)
class Expert:
    """Networks whose probabilities are averaged, each trained without one fold of the cases.

    Attributes:
        plan: Shape of the networks and of their input.
        segments: Names and values, in the order of their outputs.
        members: By fold, networks by kind (`network.build`), in evaluation mode.
    """

    plan: NetworkPlan
    segments: tuple[tuple[str, int], ...]
    members: tuple[nn.ModuleDict, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of networks that it has."""
        return tuple(kind for kind in (IMAGE, HINTED) if self.members and kind in self.members[0])

    def probabilities(self, scene: Scene, kinds: Collection[str]) -> Said:
        """What networks of some kinds say of a scene.

        Args:
            scene: Its image and hints.
            kinds: Of those that it has.
        """
        grid = expert_grid(scene, self.plan)
        inputs = torch.from_numpy(inputs_of(scene, grid, [value for _, value in self.segments]).astype(np.float32))
        said = {kind: self._mean(inputs[None], kind) for kind in kinds}
        return {
            kind: {value: as_bytes(resampled(one[n], grid, scene.grid)) for n, (_, value) in enumerate(self.segments)}
            for kind, one in said.items()
        }

    @torch.inference_mode()
    def _mean(self, inputs: torch.Tensor, kind: str) -> np.ndarray:
        """Mean probabilities (segments, n, h, w) of inputs (1, channels, n, h, w)."""
        from monai.inferers.utils import sliding_window_inference

        size = (int(inputs.shape[2]), int(inputs.shape[3]), int(inputs.shape[4]))
        # One tile just large enough where that is less than a patch.
        tile = tuple(min(a, b) for a, b in zip(self.plan.patch, padded(size, self.plan.pooled), strict=True))
        total = np.zeros((len(self.segments), *size), dtype=np.float32)
        for member in self.members:
            network = member[kind]
            device = next(network.parameters()).device
            with multiplying(device, choose_precision(device, small=False)):
                logits = sliding_window_inference(
                    inputs, tile, _TILES_AT_ONCE, network, overlap=_TILE_OVERLAP, mode="gaussian", sw_device=device,
                    device="cpu",
                )  # fmt: skip
            assert isinstance(logits, torch.Tensor)
            total += logits[0].float().sigmoid().numpy()
        mean: np.ndarray = total / len(self.members)
        return mean


def expert_grid(scene: Scene, plan: NetworkPlan) -> Grid:
    """The grid on which networks see a scene."""
    low = np.array(scene.grid.low_mm)
    return Grid.covering(low, low + np.array(scene.grid.size) * np.array(scene.grid.spacing_mm), plan.spacing_mm)


def inputs_of(scene: Scene, grid: Grid, values: Sequence[int]) -> np.ndarray:
    """What networks see: float16 (channels, n, h, w) on a grid; a hint that is not there is 0."""
    inputs = np.zeros((channels(len(values)), *grid.size), dtype=np.float16)
    inputs[0] = resampled(scene.image, scene.grid, grid)
    for number, value in enumerate(values):
        for kind, hints in enumerate((scene.prior, scene.probability)):
            if value in hints:
                channel = 1 + kind * len(values) + number
                inputs[channel] = resampled(hints[value], scene.grid, grid, outside=0.0) / np.float32(255)
    return inputs


@dataclass(frozen=True)
class LearnedOpinion:
    """An expert with its proof, as a run's second opinion.

    Attributes:
        expert: The networks.
        proofs: Of its segments.
        sha256: Of its weights.
        cases: That it has learned from.
        plane: In which it has seen them.
    """

    expert: Expert
    proofs: tuple[SegmentProof, ...]
    sha256: str
    cases: int
    plane: Plane

    def revise(self, findings: Findings) -> Revision | None:
        """Mix the expert's probabilities into the run's, where its proof says so; see `SecondOpinion`."""
        whole: Box = (slice(0, 0), slice(0, 0), slice(0, 0))
        rows = self._believed(findings)
        reason = self._reason(findings, rows)
        if reason:
            return Revision(whole, {}, self._report(reason))
        values = [segment.value for segment in findings.segments]
        found = [logits > 0 for logits in findings.logits]
        corners = region_of(findings.stack, found, findings.place, values)
        if corners is None:
            return Revision(whole, {}, self._report("nothing was found, and nothing is likely anywhere"))
        scene = scene_of(findings.stack, corners, findings.logits, findings.place, values)
        asked = {kind for _, trust in rows.values() for kind, weight in trust.by_kind.items() if weight}
        said = self.expert.probabilities(scene, asked)
        mixed = {}
        for row, (value, trust) in rows.items():
            run = sigmoid(findings.logits[row][scene.box])
            mixed[row] = logit(fused(run * np.float32(255), said, value, trust) / np.float32(255))
        return Revision(scene.box, mixed, self._report(""))

    def _believed(self, findings: Findings) -> dict[int, tuple[int, Trust]]:
        """By row of the run, value and trust of what the expert has a say in."""
        trust = {proof.value: proof.trust for proof in self.proofs if proof.weight > 0}
        return {
            row: (segment.value, trust[segment.value])
            for row, segment in enumerate(findings.segments)
            if segment.value in trust
        }

    def _reason(self, findings: Findings, rows: Mapping[int, object]) -> str:
        if findings.verdict.name == UNLIKE:
            return "the volume is unlike the cases that it has learned from"
        if findings.stack.frame.plane != self.plane:
            return f"it has learned from {self.plane} slices, and these are {findings.stack.frame.plane}"
        return "" if rows else "it is believed in none of these segments"

    def _report(self, left_out: str) -> LearnedReport:
        return LearnedReport(
            self.sha256,
            self.cases,
            left_out,
            {p.name: LearnedSegment(p.weight, p.hinted_weight, p.cases, p.run, p.expert, p.fused) for p in self.proofs},
        )
