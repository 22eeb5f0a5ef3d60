"""Patches of examples for training: moved, bent, and in other intensities.

Place and bend are one resampling for all channels; MONAI's elastic transform smooths a field of the patch's full size,
which would take longer on a processor than a step of training. No flips: left and right stay different.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from ..network.plan import Three

_ON_A_SEGMENT = 0.75
"""Part of the patches that are placed on a voxel of a segment."""

_TURN = 0.25
_SCALE = 0.2
_SHEAR = 0.08
_BEND_VOXELS = 2.5
_HINT_LEFT_OUT = 0.15
"""How often a patch is shown without what the run, or the cases, say."""


@dataclass(frozen=True)
class Example:
    """A case as an expert sees it, on the grid of the plan.

    Attributes:
        inputs: float16 (channels, n, h, w): the image, then the hints: what the cases and the run say.
        truth: uint8 (segments, n, h, w): 0 or 255, or between at an outline that was resampled.
        known: bool (segments, n, h, w): where the case says whether the segment is there.
    """

    inputs: np.ndarray
    truth: np.ndarray
    known: np.ndarray


@dataclass(frozen=True)
class Batch:
    """Patches: inputs float32 (b, channels, ...), truth float32 and known bool (b, segments, ...)."""

    inputs: torch.Tensor
    truth: torch.Tensor
    known: torch.Tensor


class Patches:
    """Patches of some examples; each is drawn by the seed and its own number alone.

    Args:
        examples: At least one.
        size: Of a patch.
        spacing_mm: Of the grid: turns are those of the body, not of the array.
        batch: Patches a step.
        seed: Of everything that is drawn.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        size: Three,
        spacing_mm: tuple[float, float, float],
        batch: int,
        seed: int,
    ) -> None:
        self.size, self.spacing_mm, self.batch_size, self.seed = size, np.array(spacing_mm), batch, seed
        self.examples = [
            (torch.from_numpy(e.inputs), torch.from_numpy(e.truth), torch.from_numpy(e.known)) for e in examples
        ]
        # By segment, the examples that hold it and where.
        self._voxels: dict[int, list[tuple[int, np.ndarray]]] = {}
        for number, example in enumerate(examples):
            for segment in range(len(example.truth)):
                voxels = np.argwhere((example.truth[segment] > 127) & example.known[segment])
                if len(voxels):
                    self._voxels.setdefault(segment, []).append((number, voxels))

    def batch(self, step: int) -> Batch:
        """The patches of one step."""
        random = np.random.default_rng([self.seed, step])
        drawn = [self._one(random) for _ in range(self.batch_size)]
        return Batch(*(torch.cat([patch[part] for patch in drawn]) for part in range(3)))

    def _one(self, random: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        size = np.array(self.size)
        if self._voxels and random.random() < _ON_A_SEGMENT:
            segment = sorted(self._voxels)[int(random.integers(len(self._voxels)))]
            number, voxels = self._voxels[segment][int(random.integers(len(self._voxels[segment])))]
            centre = voxels[int(random.integers(len(voxels)))].astype(float)
        else:
            number = int(random.integers(len(self.examples)))
            centre = random.random(3) * np.array(self.examples[number][0].shape[1:])
        inputs, truth, known = self.examples[number]
        whole = np.array(inputs.shape[1:])
        # As near to the place drawn as a patch can be that looks at little but the example.
        room = np.maximum(0.0, (whole - size) / 2)
        middle = (whole - 1) / 2
        centre = np.clip(centre, middle - room, middle + room) + random.uniform(-0.1, 0.1, 3) * size
        grid = self._grid(random, centre, whole)
        moved = F.grid_sample(inputs[None].float(), grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        image = _other_intensities(moved[:, :1], random)
        hints = moved[:, 1:]
        if hints.shape[1] and random.random() < _HINT_LEFT_OUT:
            hints = hints * 0
        covered = F.grid_sample(truth[None].float(), grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        # Beyond the example nothing is known.
        said = F.grid_sample(known[None].float(), grid, mode="nearest", padding_mode="zeros", align_corners=False)
        return torch.cat([image, hints], dim=1), (covered > 127).float(), said > 0.5

    def _grid(self, random: np.random.Generator, centre: np.ndarray, whole: np.ndarray) -> torch.Tensor:
        """Where a patch looks, (1, n, h, w, 3) as `grid_sample` wants it."""
        turn = _turn(random.uniform(-_TURN, _TURN, 3))
        shear = np.eye(3) + random.uniform(-_SHEAR, _SHEAR, (3, 3)) * (1 - np.eye(3))
        scale = np.diag(2 ** random.uniform(-_SCALE, _SCALE, 3) * 2 ** random.uniform(-_SCALE, _SCALE))
        matrix = np.diag(1 / self.spacing_mm) @ turn @ shear @ scale @ np.diag(self.spacing_mm)
        lines = [torch.arange(n, dtype=torch.float32) - (n - 1) / 2 for n in self.size]
        points = torch.stack(torch.meshgrid(*lines, indexing="ij"), dim=-1) @ torch.from_numpy(matrix.T).float()
        knots = tuple(int(k) for k in np.clip(np.array(self.size) // 8, 2, 6))
        strength = random.uniform(0, _BEND_VOXELS) * self.spacing_mm.min() / self.spacing_mm
        field = random.standard_normal((1, *knots, 3)) * strength / 2
        bend = torch.from_numpy(field).float().permute(0, 4, 1, 2, 3)
        bend = F.interpolate(bend, size=self.size, mode="trilinear", align_corners=True)[0].permute(1, 2, 3, 0)
        places = points + bend + torch.from_numpy(centre).float()
        relative = (2 * places + 1) / torch.from_numpy(whole).float() - 1
        return relative.flip(-1)[None]


def _turn(angles: np.ndarray) -> np.ndarray:
    """Rotation by these angles around slices, rows and columns."""
    matrix = np.eye(3)
    for axis, angle in enumerate(angles):
        one = np.eye(3)
        i, j = [other for other in range(3) if other != axis]
        one[i, i] = one[j, j] = np.cos(angle)
        one[i, j], one[j, i] = -np.sin(angle), np.sin(angle)
        matrix = matrix @ one
    return matrix


def _other_intensities(image: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
    """Contrast, brightness, gamma, blur and noise."""
    image = image.clamp(0, 1) ** (2 ** float(random.uniform(-0.7, 0.7)))
    image = image * float(random.uniform(0.75, 1.25)) + float(random.uniform(-0.1, 0.1))
    if random.random() < 0.2:
        image = F.avg_pool3d(image, 3, stride=1, padding=1, count_include_pad=False)
    noise = torch.from_numpy(random.standard_normal(tuple(image.shape), dtype=np.float32))
    return image + noise * float(random.uniform(0, 0.08))
