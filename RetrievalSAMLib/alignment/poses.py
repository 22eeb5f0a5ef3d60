"""How a target lies to all cases at once: one turn, one scale and one place, searched for by the images.

One case alone is like the target at several angles. But the cases' masks tell how the cases lie to each other, so that
only one pose is to be found for all of them, and their pictures of the structures and of what is around them have one
say together. The search is over all angles within the slices and all places at once (a normalised cross-correlation by
FFT; Lewis, Fast normalized cross-correlation, Vision Interface 1995), at low resolution; the best few are looked at
again at twice the resolution, tilted too where there are slices enough.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from scipy.spatial.transform import Rotation

from .images import SmallImage
from .pictures import (
    DEPTH,
    RADIUS,
    correlation_everywhere,
    correlation_within,
    cylinder,
    sampled,
    shrunk,
    standardised,
    voxels_at,
)
from .transform import Alignment, turn_within_slices

_STEP_DEGREES = 15
_INNER = 0.58
"""What of that radius shows the structures and little more. Correlations of the whole picture and of this part have one
say each: what is around the structures tells their place, they themselves how they are turned."""

_HALF_SIDE = 1.5
"""Half the side of a box around the structures, likewise."""

_COARSE, _FINE = 7, 14
"""Voxels from the middle of the picture to its rim, in the search and in the second look."""

_MOST = 48
"""Voxels along the target's longest side in the search, at most; twice as many in the second look."""

_SCALES = (0.8, 1.0, 1.25)
"""People differ in size by about this much."""

_SCALES_OF_PIXELS = (0.64, 0.8, 1.0, 1.25, 1.56)
"""The same where nobody's spacing is known: pixels of one kind of picture differ by as much again."""

_MM_A_PIXEL = (0.4, 0.51, 0.64, 0.8, 1.0, 1.25)
"""What a target measures in pixels of 2.5 to 0.8 mm that are said to be 1 mm."""

_NEARER, _TURNS = (0.9, 1.0, 1.11), (-10.0, -5.0, 0.0, 5.0, 10.0)
"""Scales and degrees that the second look tries about each pose."""

_TILTS = (-30.0, -15.0, 15.0, 30.0)
_SLICES_TO_TILT = 16

_ALIKE_DEGREES = 5.0
"""Half the step of the search: alignments that differ by less turn a case alike."""

_POSES = 3
_APART_DEGREES = 30.0
"""Poses that differ by less than this, and by less than the spread of the structures, are one."""

_UNTURNED = 0.02
"""By so much the correlation of another pose has to be larger, before a volume is taken to be turned, or its header to
be wrong about how it lies."""

_DOUBLED = 0.15
"""By so much the correlation has to be larger for a target to be taken for twice as large, or as small: a small picture
is like some place or other more easily than a large one."""

_ALIKE_UNTURNED = 0.15
"""By so much pictures and masks of two cases, both together, have to be more alike for one to be taken to be turned."""


@dataclass(frozen=True)
class Example:
    """A case by whose example structures are to be found.

    Attributes:
        image: The case.
        masks: By value, its structures: bool (d, h, w) over all of the stack, at any resolution.
        directions: float (3, 3), see `SliceFrame.directions`.
        lost_spacing: Whether its mm are none, see `SliceFrame.lost_spacing`.
    """

    image: SmallImage
    masks: Mapping[int, np.ndarray]
    directions: np.ndarray
    lost_spacing: bool = False


@dataclass(frozen=True)
class Pose:
    """How a target lies to the cases.

    Attributes:
        turns: By case, rotation float (3, 3) from the target's stack to the case's.
        scale: Size in the target of what is 1 mm large in the cases: across the slices and within them.
        place_mm: float (3,), middle of the structures in the target.
        score: Correlation of the pictures, at most 1.
        degrees: Turn within the slices; from the target to the case that lies as most do.
        mirrored: Whether the slices run the other way.
        by_header: Whether the turns are those that the headers tell.
    """

    turns: tuple[np.ndarray, ...]
    scale: tuple[float, float]
    place_mm: np.ndarray
    score: float
    degrees: float
    mirrored: bool = False
    by_header: bool = False

    @property
    def worth(self) -> float:
        """The correlation less what speaks against such a scale beforehand."""
        return self.score - _DOUBLED * abs(float(np.log2(self.scale[1])))

    def is_like(self, other: Pose, reach_mm: float) -> bool:
        """Whether it is about the same pose."""
        if self.mirrored != other.mirrored:
            return False
        apart = np.degrees(Rotation.from_matrix(self.turns[0] @ other.turns[0].T).magnitude())
        return bool(apart <= _APART_DEGREES and np.linalg.norm((self.place_mm - other.place_mm)[1:]) < reach_mm)


class PoseSearch:
    """Looks for a target's pose.

    Args:
        examples: The cases; each has a voxel of the structures.
    """

    def __init__(self, examples: Sequence[Example]) -> None:
        self.examples = list(examples)
        shared = set.intersection(*(set(example.masks) for example in self.examples))
        places = [_places_mm(example, shared or set(example.masks)) for example in self.examples]
        self._centres = [points.mean(axis=0) for points in places]
        # Half a voxel at least: a structure may lie in one slice.
        self._spreads = np.array([[points[:, 0].std(), np.sqrt(points[:, 1:].var(axis=0).sum())] for points in places])
        self._spreads = np.maximum(self._spreads, [[e.image.extent_mm[0] / 128, 1e-3] for e in self.examples])
        self.spread = np.median(self._spreads, axis=0)
        self._values = shared
        self.angles = self._relative_angles()

    def search(self, target: SmallImage, directions: np.ndarray, lost_spacing: bool = False) -> list[Pose]:
        """The likeliest poses at low resolution, the best one first; not tilted.

        Args:
            target: The fixed image.
            directions: Of its stack, see `SliceFrame.directions`.
            lost_spacing: Whether its mm are none.
        """
        degrees = [float(d) for d in range(0, 360, _STEP_DEGREES)]
        turned = [[turn_within_slices(d + own) for d in degrees] for own in self.angles]
        told = [example.directions.T @ directions for example in self.examples]
        fixed, steps = voxels_at(target, self._step(target, _COARSE, _MOST))
        found = []
        for scale in self._scales(target, lost_spacing):
            found += self._searched(fixed, steps, turned, degrees, scale)
            if not _is_unturned(told):
                angle = float(np.degrees(np.arctan2(told[0][2, 1] - told[0][1, 2], told[0][1, 1] + told[0][2, 2])))
                poses = self._searched(fixed, steps, [[turn] for turn in told], [angle], scale)
                found += [replace(pose, by_header=True) for pose in poses]
        return _distinct(found, float(self.spread[1]))[:_POSES]

    def closer(self, target: SmallImage, poses: Sequence[Pose]) -> list[Pose]:
        """The best poses near some, at twice the resolution and tilted where there are slices enough; best first."""
        return _distinct([self._closer(target, pose) for pose in poses], float(self.spread[1]))

    def mirrored(self, target: SmallImage, pose: Pose) -> Pose:
        """The best pose near one whose slices run the other way, at any depth."""
        turns = tuple(turn * np.array([-1.0, 1, 1]) for turn in pose.turns)
        return self._closer(target, replace(pose, turns=turns, mirrored=not pose.mirrored), all_depths=True)

    def alignments(self, pose: Pose) -> list[Alignment]:
        """By case, how it lies under a pose."""
        linear = [self._linear(number, turn, pose.scale) for number, turn in enumerate(pose.turns)]
        return [
            Alignment(matrix, centre - matrix @ pose.place_mm, pose.score)
            for matrix, centre in zip(linear, self._centres, strict=True)
        ]

    def agree(self, some: Mapping[int, Alignment], others: Mapping[int, Alignment]) -> bool:
        """Whether most of some alignments, by number of the case, lay the structures about as others do."""
        apart, away = [], []
        for number in some.keys() & others.keys():
            one, other = some[number], others[number]
            change = one.matrix[1:, 1:] @ other.matrix[1:, 1:].T
            apart.append(abs(np.degrees(np.arctan2(change[1, 0] - change[0, 1], np.trace(change)))))
            centre = self._centres[number]
            here = one.to_target(centre) - other.to_target(centre)
            away.append(np.linalg.norm(here[1:]) * np.abs(np.linalg.det(one.matrix[1:, 1:])) ** 0.5)
        return bool(apart and np.median(apart) <= _ALIKE_DEGREES and np.median(away) < self.spread[1] / 2)

    def box_mm(self, pose: Pose) -> tuple[np.ndarray, np.ndarray]:
        """Corners (slices, rows, columns) in mm of where the structures lie in the target under a pose."""
        half = np.array([DEPTH, _HALF_SIDE, _HALF_SIDE]) * (self.spread * pose.scale)[[0, 1, 1]]
        return pose.place_mm - half, pose.place_mm + half

    def likeness(self, target: SmallImage, alignments: Mapping[int, Alignment]) -> float:
        """Mean correlation of the cases' pictures with the target under some alignments, by number of the case."""
        found = []
        for number, alignment in alignments.items():
            scale = np.abs(np.linalg.det(alignment.matrix[1:, 1:])) ** 0.5
            spread = self._spreads[number] / [max(float(np.linalg.norm(alignment.matrix[:, 0])), 1e-6), scale]
            step = float(spread[1]) * RADIUS / _COARSE
            fixed, steps = voxels_at(target, step)
            axes, weight = cylinder(steps, spread)
            offsets = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
            there = self._centres[number]
            here = alignment.to_target(there)
            own = sampled(fixed, target.extent_mm, offsets[None] + here)
            content, _ = voxels_at(self.examples[number].image, step * scale)
            other = sampled(
                content, self.examples[number].image.extent_mm, (offsets @ alignment.matrix.T + there)[None]
            )
            one, two = standardised(own, weight), standardised(other, weight)
            found.append(float((one * two).sum()))
        return float(np.mean(found))

    def _scales(self, target: SmallImage, lost: bool) -> list[tuple[float, float]]:
        """Across the slices and within them: those by which people differ, and many more where mm are none."""
        without = float(np.mean([example.lost_spacing for example in self.examples])) > 0.5
        if lost == without:
            return [(1.0, scale) for scale in (_SCALES if not lost else _SCALES_OF_PIXELS)]
        # What is known of the depth is that stacks of one kind cover about the same.
        depth = float(np.median([target.extent_mm[0] / example.image.extent_mm[0] for example in self.examples]))
        return [(depth, scale if lost else 1 / scale) for scale in _MM_A_PIXEL]

    def _step(self, target: SmallImage, voxels: int, most: int) -> float:
        return max(float(self.spread[1]) * RADIUS / voxels, float(target.extent_mm.max()) / most)

    def _linear(self, number: int, turn: np.ndarray, scale: tuple[float, float]) -> np.ndarray:
        """From mm of the target to mm of a case."""
        own = self._spreads[number] / self.spread
        there = np.array([own[0], own[1], own[1]])[:, None]
        matrix: np.ndarray = there * turn / np.array([scale[0], scale[1], scale[1]])
        return matrix

    def _searched(
        self,
        fixed: torch.Tensor,
        steps: np.ndarray,
        turns: Sequence[Sequence[np.ndarray]],
        degrees: Sequence[float],
        scale: tuple[float, float],
    ) -> list[Pose]:
        """By turn, the best place; turns by case, then by degrees."""
        pictures = self._templates(turns, scale, steps)
        everywhere = torch.stack([correlation_everywhere(fixed, templates, weight) for templates, weight in pictures])
        likeness = everywhere.mean(dim=0).flatten(1).max(dim=1)
        return [
            Pose(
                tuple(of_case[number] for of_case in turns),
                scale,
                (np.array(np.unravel_index(place, fixed.shape)) + 0.5) * steps,
                score,
                degrees[number],
            )
            for number, (score, place) in enumerate(
                zip(likeness.values.tolist(), likeness.indices.tolist(), strict=True)
            )
        ]

    def _templates(
        self, turns: Sequence[Sequence[np.ndarray]], scale: tuple[float, float], steps: np.ndarray
    ) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Mean of the cases' pictures, each standardised, float (turns, d, h, w), and where they lie, (d, h, w).

        Of all of the picture, and of its inner part.
        """
        axes, weight = cylinder(steps, self.spread * scale)
        offsets = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
        within = np.hypot(offsets[..., 1], offsets[..., 2]) <= self.spread[1] * scale[1] * RADIUS * _INNER
        weights = [weight, torch.from_numpy(within).float()]
        totals = [torch.zeros(len(turns[0]), *weight.shape) for _ in weights]
        for number, (example, own) in enumerate(zip(self.examples, turns, strict=True)):
            linear = np.stack([self._linear(number, turn, scale) for turn in own])
            content, _ = voxels_at(example.image, float(steps[1:].min() * np.linalg.norm(linear[0][:, 1])))
            points = np.einsum("aij,dhwj->adhwi", linear, offsets) + self._centres[number]
            pictures = sampled(content, example.image.extent_mm, points)
            for total, weight in zip(totals, weights, strict=True):
                total += standardised(pictures, weight)
        return [(total / len(turns), weight) for total, weight in zip(totals, weights, strict=True)]

    def _closer(self, target: SmallImage, pose: Pose, all_depths: bool = False) -> Pose:
        """The best pose near one, at twice the resolution: first tilted, then turned and scaled."""
        coarse = self._step(target, _COARSE, _MOST)
        fixed, steps = voxels_at(target, self._step(target, _FINE, 2 * _MOST))
        reach = np.maximum(np.ceil(coarse / steps), 1).astype(int)
        if all_depths:
            reach[0] = len(fixed)
        best = self._best_near(fixed, steps, pose, [np.eye(3)], pose.scale, reach)
        if min(len(fixed), *(e.image.image.GetSize()[2] for e in self.examples)) >= _SLICES_TO_TILT:
            tilts = [
                Rotation.from_rotvec(np.radians(d) * np.eye(3)[axis]).as_matrix()
                for axis, d in itertools.product((1, 2), _TILTS)
            ]
            tilted = self._best_near(fixed, steps, pose, tilts, pose.scale, reach)
            if tilted.score > best.score + _UNTURNED:
                best = replace(tilted, by_header=False)
        turns = [turn_within_slices(d) for d in _TURNS]
        scales = [(best.scale[0], best.scale[1] * change) for change in _NEARER]
        nearer = [self._best_near(fixed, steps, best, turns, scale, reach) for scale in scales]
        return max(nearer, key=lambda p: p.worth)

    def _best_near(
        self,
        fixed: torch.Tensor,
        steps: np.ndarray,
        pose: Pose,
        changes: Sequence[np.ndarray],
        scale: tuple[float, float],
        reach: np.ndarray,
    ) -> Pose:
        """The best of a pose's places and changes: rotations (3, 3) of the target."""
        turns = [[turn @ change for change in changes] for turn in pose.turns]
        pictures = self._templates(turns, scale, steps)
        middle = np.clip(np.floor(pose.place_mm / steps).astype(int), 0, np.array(fixed.shape) - 1)
        low, high = np.maximum(middle - reach, 0), np.minimum(middle + reach + 1, fixed.shape)
        half = [(n - 1) // 2 for n in pictures[0][1].shape]
        padded = F.pad(fixed, [p for h in reversed(half) for p in (h, h)])
        part = padded[tuple(slice(a, b + 2 * h) for a, b, h in zip(low, high, half, strict=True))][None, None]
        likeness = torch.stack([correlation_within(part, templates, weight) for templates, weight in pictures]).mean(
            dim=0
        )
        number, *place = np.unravel_index(int(likeness.argmax()), likeness.shape)
        change = changes[int(number)]
        return replace(
            pose,
            turns=tuple(of_case[int(number)] for of_case in turns),
            scale=scale,
            place_mm=(np.array(place) + low + 0.5) * steps,
            score=float(likeness.max()),
            degrees=float((pose.degrees + np.degrees(np.arctan2(change[2, 1], change[1, 1]))) % 360),
        )

    def _relative_angles(self) -> list[float]:
        """By case, how it is turned within the slices to one that lies as most do: by masks and images together."""
        degrees = [float(d) for d in range(0, 360, _STEP_DEGREES)]
        axis = np.arange(-_COARSE, _COARSE + 1) / _COARSE * RADIUS
        depth = np.linspace(-DEPTH, DEPTH, 5)
        offsets = np.stack(np.meshgrid(depth, axis, axis, indexing="ij"), -1)
        weight = torch.from_numpy(np.hypot(offsets[..., 1], offsets[..., 2]) <= RADIUS).float()
        seen = []
        for example, centre, spread in zip(self.examples, self._centres, self._spreads, strict=True):
            linear = np.stack([np.diag([spread[0], spread[1], spread[1]]) @ turn_within_slices(d) for d in degrees])
            points = np.einsum("aij,dhwj->adhwi", linear, offsets) + centre
            extent, step = example.image.extent_mm, float(spread[1]) * RADIUS / _COARSE
            content, _ = voxels_at(example.image, step)
            image = standardised(sampled(content, extent, points), weight).flatten(1)
            masks = [
                sampled(shrunk(example.masks[value], extent, step), extent, points) * weight
                for value in sorted(self._values)
            ]
            if masks:
                drawn = torch.cat([mask.flatten(1) for mask in masks], dim=1)
                image = torch.cat([image, F.normalize(drawn - drawn.mean(dim=1, keepdim=True))], dim=1)
            seen.append(image)
        # How alike case i as it is and case j at every angle are.
        alike = torch.stack([torch.stack([turned @ one[0] for turned in seen]) for one in seen]).numpy()
        alike[:, :, 0] += _ALIKE_UNTURNED
        count = len(seen)
        for own in range(count):
            alike[own, own] = 0
        first = int(alike.max(axis=2).sum(axis=1).argmax())
        angle = [0 if n == first else int(alike[first, n].argmax()) for n in range(count)]
        for _, n in itertools.product(range(2), range(count)):
            if n != first:
                angle[n] = int(sum(np.roll(alike[other, n], angle[other]) for other in range(count)).argmax())
        return [degrees[a] for a in angle]


def _is_unturned(turns: Sequence[np.ndarray]) -> bool:
    return all(Rotation.from_matrix(turn).magnitude() < np.radians(_STEP_DEGREES / 2) for turn in turns)


def _rank(pose: Pose) -> float:
    """Lower is better: poses that differ little are told apart by what the headers say."""
    return -pose.worth - _UNTURNED * (pose.by_header or abs((pose.degrees + 180) % 360 - 180) <= _STEP_DEGREES)


def _distinct(poses: Sequence[Pose], reach_mm: float) -> list[Pose]:
    kept: list[Pose] = []
    for pose in sorted(poses, key=_rank):
        if not any(pose.is_like(other, reach_mm) for other in kept):
            kept.append(pose)
    return kept


def _places_mm(example: Example, values: set[int]) -> np.ndarray:
    found = np.any([example.masks[value] for value in values], axis=0)
    places: np.ndarray = (np.argwhere(found) + 0.5) * example.image.extent_mm / found.shape
    return places
