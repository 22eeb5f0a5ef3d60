"""Where the aligned cases have their segments: how likely each place of the target is to show one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage

from ...alignment import Alignment, Deformation, Field
from ...retrieval.evidence import CaseSlices
from ...volumes import SliceStack
from ...volumes.overlap import dice

_LONGEST = 256
"""Pixels along the longer side of a slice, at most."""

_AS_FINE = 1.5
"""An axis is thinned out with the finest one where its voxels are no more than this much longer."""

_AGREEMENT_OF_ONE = 0.35
"""What a single case is believed to be like the next one: nobody can tell."""


_SURE = 0.6
"""Cases whose masks foretell each other this well are believed where they all have none."""


_SHARPNESS_AROUND = 0.2
"""A bent case counts exp(similarity around a place / this) there. Chosen on tune cases."""


@dataclass(frozen=True)
class _Share:
    """What one case says of a segment on the target's grid.

    Attributes:
        weight: What it counts.
        says: bool (n,), in which slices it says anything.
        likeness: How alike the case is around a place, where that is known; it counts more where it is.
        box: Of the grid, around its mask; of no size where it has none here.
        coverage: uint8, of the box: how much of each voxel is covered (0 to 255).
    """

    weight: float
    says: np.ndarray
    likeness: Field | None = None
    box: tuple[slice, slice, slice] = (slice(0, 0),) * 3
    coverage: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 0), dtype=np.uint8))

    def covers(self, index: int) -> bool:
        """Whether it has any of the segment in a slice of the target."""
        depth = self.box[0]
        return depth.start <= index < depth.stop and bool(self.coverage[index - depth.start].any())

    def weights_at(self, places_mm: Sequence[np.ndarray]) -> np.ndarray:
        """What it counts in one slice, float32 (m, k).

        Args:
            places_mm: As for `Field.on_grid`, of one plane along the slices.
        """
        if self.likeness is None:
            return np.full((len(places_mm[1]), len(places_mm[2])), self.weight, dtype=np.float32)
        around: np.ndarray = self.likeness.on_grid(places_mm)[0, 0].numpy()
        return np.float32(self.weight) * np.exp(around / np.float32(_SHARPNESS_AROUND))


@dataclass(frozen=True)
class MapPart:
    """A grid within that of the maps: some of its planes along slices, rows and columns.

    Attributes:
        box: Of the grid of the maps.
        step: Planes of the maps from one to the next, by axis.
        spacing_mm: float64 (3,), between them.
        planes_mm: Their middles, by axis.
    """

    box: tuple[slice, slice, slice]
    step: tuple[int, int, int]
    spacing_mm: np.ndarray
    planes_mm: Sequence[np.ndarray]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Planes, by axis."""
        depth, rows, columns = (len(planes) for planes in self.planes_mm)
        return depth, rows, columns


@dataclass(frozen=True)
class CorrectedMap:
    """How likely a segment is in a part of the maps, by more than the cases' masks (`corrective_learning`).

    Attributes:
        part: The part.
        likely: uint8, on the part, in 1/255.
        reliability: As `PlaceMaps.reliability`.
    """

    part: MapPart
    likely: np.ndarray
    reliability: float

    def filled_in(self) -> CorrectedMap:
        """On all planes of the maps in its box, linear between those that it has."""
        if max(self.part.step) == 1:
            return self
        part, box = self.part, self.part.box
        spacing = part.spacing_mm / part.step
        corner = np.array([planes[0] for planes in part.planes_mm]) - part.spacing_mm / 2
        planes = [(np.arange(s.start, s.stop) + 0.5) * mm for s, mm in zip(box, spacing, strict=True)]
        values = torch.from_numpy(self.likely.astype(np.float32))[None]
        full = Field(values, corner, part.spacing_mm).on_grid(planes)[0].numpy()
        return replace(self, part=MapPart(box, (1, 1, 1), spacing, planes), likely=full.round().astype(np.uint8))


@dataclass
class _Known:
    shares: list[_Share] = field(default_factory=list)
    complete: bool = False
    corrected: CorrectedMap | None = None


class PlaceMaps:
    """Mean masks of aligned cases on the grid of the target's slices; those of some segments may be corrected.

    Where a case ends, or is not annotated, it has no say; a bent one counts more where it is alike. Only boxes around
    the segments are kept.

    Args:
        target: The target's slices.
        values: The segments.
    """

    def __init__(self, target: SliceStack, values: Sequence[int]) -> None:
        count, *size = target.frame.shape
        self.shape = (count, *size_on_maps(size))
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
        spacing = np.array([case.stack.frame.slice_spacing_mm, *case.stack.spacing_mm])
        nearest = self._slices_of_case(alignment, spacing[0])
        inside = (nearest >= 0) & (nearest < len(case.stack))
        for value, known in self._known.items():
            if value not in case.labels or (values is not None and value not in values):
                continue
            counts = weight[value] if isinstance(weight, Mapping) else weight
            known.complete |= bool(case.annotated[value].all())
            says = inside & case.annotated[value][np.clip(nearest, 0, len(case.stack) - 1)]
            share = _Share(counts, says, alignment.likeness if isinstance(alignment, Deformation) else None)
            layer, label = case.labels[value]
            drawn = self._drawn(filled(layer == label, case.annotated[value]), alignment, spacing)
            if drawn is not None:
                box, covered = drawn
                coverage = (covered * says[box[0]][:, None, None] * 255).round().astype(np.uint8)
                share = replace(share, box=box, coverage=coverage)
            known.shares.append(share)

    def _drawn(
        self, mask: np.ndarray, alignment: Alignment | Deformation, spacing: np.ndarray
    ) -> tuple[tuple[slice, slice, slice], np.ndarray] | None:
        """A mask (n, h, w) of a case on the target's grid: a box, and how much of its voxels is covered, 0 to 1.

        Args:
            mask: In the case's slices.
            alignment: How the case lies.
            spacing: float64 (3,), of the case.

        Returns:
            None where the mask is empty or lies outside.
        """
        found = ndimage.find_objects(mask.view(np.uint8))
        if not found:
            return None
        affine = alignment.affine if isinstance(alignment, Deformation) else alignment
        # From an index on the target's grid to an index of the case.
        matrix = affine.matrix * self.spacing_mm / spacing[:, None]
        offset = (affine.to_case(self.spacing_mm / 2)) / spacing - 0.5
        low = np.array([s.start for s in found[0]]) - 1
        high = np.array([s.stop for s in found[0]])
        corners = np.array(np.meshgrid(*zip(low, high, strict=True), indexing="ij")).reshape(3, -1).T
        moved = (corners - offset) @ np.linalg.inv(matrix).T
        reach = alignment.reach_mm / self.spacing_mm if isinstance(alignment, Deformation) else np.zeros(3)
        first = np.clip(np.floor(moved.min(0) - reach).astype(int), 0, self.shape)
        last = np.clip(np.ceil(moved.max(0) + reach).astype(int) + 1, first, self.shape)
        if (last <= first).any():
            return None
        box = (slice(first[0], last[0]), slice(first[1], last[1]), slice(first[2], last[2]))
        if isinstance(alignment, Deformation):
            return box, mask_at(mask, alignment.on_grid(self._planes_mm(box)), spacing)
        inner = mask[found[0]].astype(np.float32)
        start = matrix @ first + offset - (low + 1)
        covered = ndimage.affine_transform(inner, matrix, start, tuple(last - first), order=1, mode="grid-constant")
        return box, covered

    def _planes_mm(self, box: Sequence[slice]) -> list[np.ndarray]:
        """Middles of the planes of a box of the grid, along slices, rows and columns."""
        return [(np.arange(s.start, s.stop) + 0.5) * mm for s, mm in zip(box, self.spacing_mm, strict=True)]

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

    def part(self, low_mm: np.ndarray, high_mm: np.ndarray, most_voxels: int) -> MapPart:
        """The planes of the maps in a box: every one, or, where that is too much, every second of the finest axes, ...

        Args:
            low_mm: Corner (slices, rows, columns).
            high_mm: The opposite corner.
            most_voxels: It may have.
        """
        first = np.clip(np.floor(low_mm / self.spacing_mm).astype(int), 0, np.array(self.shape) - 1)
        last = np.clip(np.ceil(high_mm / self.spacing_mm).astype(int), first + 1, self.shape)
        step = np.ones(3, dtype=int)
        while np.prod(-(-(last - first) // step)) > most_voxels:
            spacing = self.spacing_mm * step
            step[spacing < _AS_FINE * spacing.min()] += 1
        indices = [np.arange(a, b, s) for a, b, s in zip(first, last, step, strict=True)]
        planes = [(index + 0.5) * mm for index, mm in zip(indices, self.spacing_mm, strict=True)]
        depth, rows, columns = (slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
        a, b, c = step.tolist()
        return MapPart((depth, rows, columns), (a, b, c), self.spacing_mm * step, planes)

    def on_part(self, value: int, part: MapPart) -> np.ndarray:
        """The mean mask of a segment on a part, uint8 in 1/255; 0 where no case says anything."""
        depth, rows, columns = (slice(s.start, s.stop, step) for s, step in zip(part.box, part.step, strict=True))
        mean = np.zeros(part.shape, dtype=np.uint8)
        for place, index in enumerate(range(depth.start, depth.stop, depth.step)):
            known = self.mean(value, index)
            if known is not None:
                mean[place] = as_bytes(known[rows, columns])
        return mean

    def with_corrected(self, corrected: Mapping[int, CorrectedMap]) -> PlaceMaps:
        """These, with the maps of some segments corrected."""
        some = self.of(tuple(self._known))
        for value, one in corrected.items():
            some._known[value] = replace(self._known[value], corrected=one.filled_in())
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
        """How likely a segment is in one slice of the target, float32 (h', w') in [0, 1]; None where no case says."""
        says = [share for share in self._known[value].shares if share.says[index]]
        if not says:
            return None
        mean = np.zeros(self.shape[1:], dtype=np.float32)
        covering = [share for share in says if share.covers(index)]
        if covering:
            # Where none of them has the segment it does not matter what they count.
            _, rows, columns = _around(covering)
            places = self._planes_mm((slice(index, index + 1), rows, columns))
            weights = np.zeros((rows.stop - rows.start, columns.stop - columns.start), dtype=np.float32)
            for share in says:
                counts = share.weights_at(places)
                weights += counts
                if share.covers(index):
                    depth, *own = share.box
                    inside = _within(own, (rows, columns))
                    mean[own[0], own[1]] += counts[inside] / 255 * share.coverage[index - depth.start]
            mean[rows, columns] /= weights
        corrected = self._known[value].corrected
        if corrected is not None:
            depth, rows, columns = corrected.part.box
            if depth.start <= index < depth.stop:
                mean[rows, columns] = corrected.likely[index - depth.start] / np.float32(255)
        return mean

    def reliability(self, value: int) -> float:
        """How well the map of a segment foretells it, in [0, 1].

        Of a corrected map the mean Dice on cases that it has not learned from, else how well the cases agree.
        """
        corrected = self._known[value].corrected
        return self.agreement(value) if corrected is None else corrected.reliability

    def agreement(self, value: int) -> float:
        """How well the cases' masks of a segment foretell each other where they lie now, in [0, 1].

        The mean, over the cases, of the Dice of a case's mask and the mean mask of all others, both cut at a half:
        what the mean mask is worth for a target that is like them.
        """
        shares = [share for share in self._known[value].shares if share.coverage.size]
        if len(shares) < 2:
            return _AGREEMENT_OF_ONE
        around = _around(shares)
        weights = sum(share.weight for share in shares)
        total = np.zeros([side.stop - side.start for side in around], dtype=np.float32)
        places = [_within(share.box, around) for share in shares]
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
        if not all(any(share.says[i] for share in known.shares) for i in beside):
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


def size_on_maps(size: Sequence[int]) -> tuple[int, int]:
    """Rows and columns of a slice on the maps, of those that it has."""
    scale = min(1.0, _LONGEST / max(size))
    rows, columns = (max(1, round(count * scale)) for count in size)
    return rows, columns


def as_bytes(share: np.ndarray) -> np.ndarray:
    """Shares in [0, 1] as uint8 in 1/255."""
    rounded: np.ndarray = (share * 255).round().astype(np.uint8)
    return rounded


def _around(shares: Sequence[_Share]) -> tuple[slice, slice, slice]:
    """The box around those of some shares that have one."""
    boxes = [share.box for share in shares]
    depth, rows, columns = (
        slice(min(s.start for s in side), max(s.stop for s in side)) for side in zip(*boxes, strict=True)
    )
    return depth, rows, columns


def _within(box: Sequence[slice], around: Sequence[slice]) -> tuple[slice, ...]:
    """A box as seen from another one around it."""
    return tuple(slice(s.start - a.start, s.stop - a.start) for s, a in zip(box, around, strict=True))


def mask_at(mask: np.ndarray, places: torch.Tensor, spacing_mm: np.ndarray) -> np.ndarray:
    """A case's mask, bool, as `looked_up` looks it up; only the part that holds anything is copied."""
    found = ndimage.find_objects(mask.view(np.uint8))
    if not found:
        return np.zeros(places.shape[1:], dtype=np.float32)
    corner = np.array([side.start for side in found[0]]) * spacing_mm
    return looked_up(mask[found[0]].astype(np.float32), places, corner, spacing_mm)


def looked_up(
    part: np.ndarray, places: torch.Tensor, corner_mm: np.ndarray, spacing_mm: np.ndarray, beyond: str = "zeros"
) -> np.ndarray:
    """A part of a case's mask or image, float32 (d, h, w), at places (3, n, m, k) in mm of the case, linear between.

    Args:
        part: The part.
        places: Along slices, rows and columns.
        corner_mm: (3,), outer corner of the part's first voxel.
        spacing_mm: (3,), of its voxels.
        beyond: What is outside: ``zeros``, or as at the ``border``.

    Returns:
        float32 (n, m, k).
    """
    extent_mm = spacing_mm * part.shape
    sides = [2 * (places[axis] - float(corner_mm[axis])) / float(extent_mm[axis]) - 1 for axis in range(3)]
    grid = torch.stack(sides[::-1], dim=-1)
    values = torch.from_numpy(part)[None, None]
    seen: np.ndarray = F.grid_sample(values, grid[None], padding_mode=beyond, align_corners=False)[0, 0].numpy()
    return seen


def filled(mask: np.ndarray, annotated: np.ndarray) -> np.ndarray:
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
