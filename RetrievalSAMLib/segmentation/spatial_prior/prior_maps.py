"""Where the aligned cases have their segments: how likely each place of the target is to show one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage

from ...alignment import Alignment, Deformation
from ...retrieval.evidence import CaseSlices
from ...volumes import SliceStack
from ...volumes.overlap import dice

_LONGEST = 256
"""Pixels along the longer side of a slice, at most."""

_AGREEMENT_OF_ONE = 0.35
"""What a single case is believed to be like the next one: nobody can tell."""


_SURE = 0.6
"""Cases whose masks foretell each other this well are believed where they all have none."""


@dataclass(frozen=True)
class _Share:
    """One case's segment on the target's grid: a box, and how much of each of its voxels is covered (0 to 255)."""

    weight: float
    box: tuple[slice, slice, slice]
    coverage: np.ndarray

    def covers(self, index: int) -> bool:
        """Whether it has any of the segment in a slice of the target."""
        depth = self.box[0]
        return depth.start <= index < depth.stop and bool(self.coverage[index - depth.start].any())


@dataclass
class _Known:
    shares: list[_Share] = field(default_factory=list)
    weights: np.ndarray | None = None
    complete: bool = False


class PlaceMaps:
    """Mean masks of aligned cases on the grid of the target's slices.

    Where a case ends, or is not annotated, it has no say. Only boxes around the segments are kept.

    Args:
        target: The target's slices.
        values: The segments.
    """

    def __init__(self, target: SliceStack, values: Sequence[int]) -> None:
        count, height, width = target.frame.shape
        scale = min(1.0, _LONGEST / max(height, width))
        self.shape = (count, max(1, round(height * scale)), max(1, round(width * scale)))
        extent = np.array(target.extent_mm)
        self.spacing_mm = np.array([target.frame.slice_spacing_mm, *(extent / self.shape[1:])])
        self._known = {value: _Known() for value in values}

    def add(
        self,
        case: CaseSlices,
        alignment: Alignment | Deformation,
        weight: float | Mapping[int, float],
        values: Sequence[int] | None = None,
    ) -> None:
        """Lay a case's masks over the target: those of some segments; of all unless ``values`` are given.

        Args:
            case: The case.
            alignment: How it lies.
            weight: What it counts in the mean; by segment where it is not the same for all.
            values: The segments.
        """
        affine = alignment.affine if isinstance(alignment, Deformation) else alignment
        spacing = np.array([case.stack.frame.slice_spacing_mm, *case.stack.spacing_mm])
        # From an index on the target's grid to an index of the case.
        matrix = affine.matrix * self.spacing_mm / spacing[:, None]
        offset = (affine.to_case(self.spacing_mm / 2)) / spacing - 0.5
        inverse = np.linalg.inv(matrix)
        nearest = self._slices_of_case(alignment, spacing[0])
        inside = (nearest >= 0) & (nearest < len(case.stack))
        for value, known in self._known.items():
            if value not in case.labels or (values is not None and value not in values):
                continue
            counts = weight[value] if isinstance(weight, Mapping) else weight
            known.complete |= bool(case.annotated[value].all())
            says = inside & case.annotated[value][np.clip(nearest, 0, len(case.stack) - 1)]
            known.weights = counts * says + (0 if known.weights is None else known.weights)
            layer, label = case.labels[value]
            mask = _filled(layer == label, case.annotated[value])
            found = ndimage.find_objects(mask.view(np.uint8))
            if not found:
                continue
            low = np.array([s.start for s in found[0]]) - 1
            high = np.array([s.stop for s in found[0]])
            corners = np.array(np.meshgrid(*zip(low, high, strict=True), indexing="ij")).reshape(3, -1).T
            moved = (corners - offset) @ inverse.T
            reach = alignment.reach_mm / self.spacing_mm if isinstance(alignment, Deformation) else np.zeros(3)
            first = np.clip(np.floor(moved.min(0) - reach).astype(int), 0, self.shape)
            last = np.clip(np.ceil(moved.max(0) + reach).astype(int) + 1, first, self.shape)
            if (last <= first).any():
                continue
            inner = mask[found[0]].astype(np.float32)
            if isinstance(alignment, Deformation):
                sides = [(np.arange(a, b) + 0.5) * mm for a, b, mm in zip(first, last, self.spacing_mm, strict=True)]
                covered = _looked_up(inner, alignment.on_grid(sides), (low + 1) * spacing, spacing)
            else:
                start = matrix @ first + offset - (low + 1)
                size = tuple(last - first)
                covered = ndimage.affine_transform(inner, matrix, start, size, order=1, mode="grid-constant")
            box = tuple(slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
            coverage = (covered * says[box[0]][:, None, None] * 255).round().astype(np.uint8)
            known.shares.append(_Share(counts, (box[0], box[1], box[2]), coverage))

    def of(self, values: Sequence[int]) -> PlaceMaps:
        """Those of some of the segments."""
        some = PlaceMaps.__new__(PlaceMaps)
        some.shape, some.spacing_mm = self.shape, self.spacing_mm
        some._known = {value: self._known[value] for value in values}
        return some

    def replaced(self, others: PlaceMaps) -> PlaceMaps:
        """These, with other maps for the segments that have any there."""
        some = self.of(())
        some._known = {**self._known, **others._known}
        return some

    def _slices_of_case(self, alignment: Alignment | Deformation, slice_mm: float) -> np.ndarray:
        """Which slice of a case, int (n,), the middle of each slice of the target lies in; may be none of its own."""
        middles = [(np.arange(self.shape[0]) + 0.5) * self.spacing_mm[0]]
        middles += [np.array([count * mm / 2]) for count, mm in zip(self.shape[1:], self.spacing_mm[1:], strict=True)]
        if isinstance(alignment, Deformation):
            depth = alignment.on_grid(middles)[0, :, 0, 0].numpy().astype(float)
        else:
            depth = alignment.to_case(np.stack(np.broadcast_arrays(*middles), axis=-1))[:, 0]
        nearest: np.ndarray = np.round(depth / slice_mm - 0.5).astype(int)
        return nearest

    def mean(self, value: int, index: int) -> np.ndarray | None:
        """Mean mask of a segment in one slice of the target, float32 (h', w') in [0, 1]; None where no case says."""
        known = self._known[value]
        if known.weights is None or known.weights[index] <= 0:
            return None
        total = np.zeros(self.shape[1:], dtype=np.float32)
        for share in known.shares:
            depth, rows, columns = share.box
            if depth.start <= index < depth.stop:
                total[rows, columns] += share.weight / 255 * share.coverage[index - depth.start]
        mean: np.ndarray = total / np.float32(known.weights[index])
        return mean

    def agreement(self, value: int) -> float:
        """How well the cases' masks of a segment foretell each other where they lie now, in [0, 1].

        The mean, over the cases, of the Dice of a case's mask and the mean mask of all others, both cut at a half:
        what the mean mask is worth for a target that is like them.
        """
        shares = self._known[value].shares
        if len(shares) < 2:
            return _AGREEMENT_OF_ONE
        first = np.min([[side.start for side in share.box] for share in shares], axis=0)
        last = np.max([[side.stop for side in share.box] for share in shares], axis=0)
        weights = sum(share.weight for share in shares)
        total = np.zeros(last - first, dtype=np.float32)
        places = [
            tuple(slice(s.start - f, s.stop - f) for s, f in zip(share.box, first, strict=True)) for share in shares
        ]
        for share, place in zip(shares, places, strict=True):
            total[place] += share.weight / 255 * share.coverage
        found = []
        for share, place in zip(shares, places, strict=True):
            others = total.copy()
            others[place] -= share.weight / 255 * share.coverage
            foretold, drawn = others > 0.5 * (weights - share.weight), np.zeros(total.shape, dtype=bool)
            drawn[place] = share.coverage > 127
            found.append(dice(drawn, foretold))
        return float(np.mean(found))

    def surely_absent(self, value: int, index: int) -> bool:
        """Whether the cases, which agree on where a segment is, all know that it is not in a slice nor beside it.

        Args:
            value: The segment.
            index: Of a slice of the target.
        """
        known = self._known[value]
        beside = [i for i in (index - 1, index, index + 1) if 0 <= i < self.shape[0]]
        if known.weights is None or (known.weights[beside] <= 0).any():
            return False
        if any(share.covers(i) for share in known.shares for i in beside):
            return False
        return self.agreement(value) >= _SURE

    def complete(self, value: int) -> bool:
        """Whether a case has the segment drawn in all its slices: only then is its box all of where it may be."""
        return self._known[value].complete

    def box_mm(self, value: int, threshold: float) -> tuple[np.ndarray, np.ndarray] | None:
        """Corners (slices, rows, columns) in mm of where a segment is at least this likely; None if it is nowhere."""
        low, high = np.full(3, np.inf), np.full(3, -np.inf)
        for index in range(self.shape[0]):
            mean = self.mean(value, index)
            if mean is None:
                continue
            rows, columns = np.nonzero(mean >= threshold)
            if len(rows):
                low = np.minimum(low, [index, rows.min(), columns.min()])
                high = np.maximum(high, [index + 1, rows.max() + 1, columns.max() + 1])
        return None if np.isinf(low).any() else (low * self.spacing_mm, high * self.spacing_mm)


def _looked_up(mask: np.ndarray, places: torch.Tensor, corner_mm: np.ndarray, spacing_mm: np.ndarray) -> np.ndarray:
    """A part of a case's mask, float32 (d, h, w), at places (3, n, m, k) in mm of the case; 0 outside, between linear.

    Args:
        mask: The part.
        places: Along slices, rows and columns.
        corner_mm: (3,), outer corner of the part's first voxel.
        spacing_mm: (3,), of its voxels.
    """
    extent_mm = spacing_mm * mask.shape
    sides = [2 * (places[axis] - float(corner_mm[axis])) / float(extent_mm[axis]) - 1 for axis in range(3)]
    grid = torch.stack(sides[::-1], dim=-1)
    part = torch.from_numpy(mask)[None, None]
    seen: np.ndarray = F.grid_sample(part, grid[None], padding_mode="zeros", align_corners=False)[0, 0].numpy()
    return seen


def _filled(mask: np.ndarray, annotated: np.ndarray) -> np.ndarray:
    """A mask (n, h, w) with every slice that is not annotated as the nearest one that is (the later of two).

    What lies between two slices is interpolated, and an empty slice that nobody drew in would thin out its neighbour.
    """
    known = np.flatnonzero(annotated)
    if len(known) in (0, len(annotated)):
        return mask
    numbers = np.arange(len(annotated))
    after = np.clip(np.searchsorted(known, numbers), 0, len(known) - 1)
    before = np.clip(after - 1, 0, None)
    nearest = np.where(numbers - known[before] < known[after] - numbers, known[before], known[after])
    filled: np.ndarray = mask[nearest]
    return filled
