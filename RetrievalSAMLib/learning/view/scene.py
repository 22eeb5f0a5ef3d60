"""What an expert looks at: the part of a volume in which a run, or the cases, have a segment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...alignment import stack_extent_mm
from ...segmentation.spatial_prior.prior_maps import PlaceMaps, as_bytes
from ...volumes import SliceStack
from .grids import Box, Grid, resampled

MARGIN_MM = 10.0
"""So far around what was found, or is likely, an expert looks."""

_LIKELY = 0.15
"""Where this part of the aligned cases has a segment, an expert looks for it."""

_STEEPEST = 16.0
"""Logits beyond this say no more."""


@dataclass(frozen=True)
class Scene:
    """A part of a volume, on the grid of its slices, and what a run says of it.

    Attributes:
        grid: Of the part.
        box: The part, in voxels of the stack.
        image: float32 on the grid, in [0, 1].
        probability: By value of a segment, uint8 on the grid: the run's probability in 1/255.
        prior: By value, uint8 on the grid: the mean mask of the aligned cases in 1/255. Lacks segments of which the
            cases say nothing.
    """

    grid: Grid
    box: Box
    image: np.ndarray
    probability: Mapping[int, np.ndarray]
    prior: Mapping[int, np.ndarray]

    def part(self, box: Box) -> Scene:
        """A part of it, in voxels of its grid."""
        starts = [side.start for side in self.box]
        a, b, c = (slice(s + side.start, s + side.stop) for s, side in zip(starts, box, strict=True))
        return Scene(
            self.grid.part(box),
            (a, b, c),
            self.image[box],
            {value: one[box] for value, one in self.probability.items()},
            {value: one[box] for value, one in self.prior.items()},
        )


def stack_grid(stack: SliceStack) -> Grid:
    """The voxels of a stack."""
    frame = stack.frame
    return Grid((0.0, 0.0, 0.0), (frame.slice_spacing_mm, *stack.spacing_mm), frame.shape)


def image_part(stack: SliceStack, box: Box) -> np.ndarray:
    """The normalised image of a box, float32."""
    depth, rows, columns = box
    return np.stack([stack.image(index)[rows, columns] for index in range(depth.start, depth.stop)])


def region_of(
    stack: SliceStack, found: Sequence[np.ndarray], place: PlaceMaps | None, values: Sequence[int]
) -> tuple[np.ndarray, np.ndarray] | None:
    """Corners in mm of where an expert is to look; None where nothing was found and nothing is likely.

    Args:
        stack: The target's slices.
        found: By segment, bool (n, h, w): what the run found.
        place: Where the aligned cases have their segments.
        values: Of the segments.
    """
    grid = stack_grid(stack)
    spacing = np.array(grid.spacing_mm)
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    for mask in found:
        for axis in range(3):
            seen = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
            if len(seen):
                low[axis] = min(low[axis], seen[0] * spacing[axis])
                high[axis] = max(high[axis], (seen[-1] + 1) * spacing[axis])
    for value in values if place is not None else ():
        likely = place.box_mm(value, _LIKELY) if place is not None else None
        if likely is not None:
            low, high = np.minimum(low, likely[0]), np.maximum(high, likely[1])
    if np.isinf(low).any():
        return None
    extent = stack_extent_mm(stack)
    return np.clip(low - MARGIN_MM, 0, extent), np.clip(high + MARGIN_MM, 0, extent)


def prior_on(stack: SliceStack, place: PlaceMaps | None, value: int, grid: Grid) -> np.ndarray | None:
    """The mean mask of a segment on a grid, uint8 in 1/255; None where no case says anything."""
    if place is None:
        return None
    extent = stack_extent_mm(stack)
    a, b, c = (float(mm) / n for mm, n in zip(extent, place.shape, strict=True))
    maps = Grid((0.0, 0.0, 0.0), (a, b, c), place.shape)
    # Only the slices that the grid reaches, and one beyond at either end.
    first = max(0, int(grid.low_mm[0] / a) - 1)
    last = min(place.shape[0], int(np.ceil((grid.low_mm[0] + grid.size[0] * grid.spacing_mm[0]) / a)) + 1)
    slices = [place.mean(value, index) for index in range(first, last)]
    if all(one is None for one in slices):
        return None
    nothing = np.zeros(place.shape[1:], dtype=np.float32)
    known = np.stack([nothing if one is None else one for one in slices])
    source = maps.part((slice(first, last), slice(0, place.shape[1]), slice(0, place.shape[2])))
    return as_bytes(resampled(known, source, grid, outside=0.0))


def scene_of(
    stack: SliceStack,
    corners_mm: tuple[np.ndarray, np.ndarray],
    logits: np.ndarray,
    place: PlaceMaps | None,
    values: Sequence[int],
) -> Scene:
    """Gather what an expert needs.

    Args:
        stack: The target's slices.
        corners_mm: Of the part.
        logits: Of the run, float (segments, n, h, w), from before segments competed.
        place: Where the aligned cases have their segments.
        values: Of the run's segments, in the order of its rows.
    """
    whole = stack_grid(stack)
    box = whole.box(*corners_mm)
    grid = whole.part(box)
    prior = {}
    for value in values:
        known = prior_on(stack, place, value, grid)
        if known is not None:
            prior[value] = known
    probability = {value: as_bytes(sigmoid(logits[row][box])) for row, value in enumerate(values)}
    return Scene(grid, box, image_part(stack, box), probability, prior)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Probabilities, float32."""
    clipped = np.clip(np.asarray(logits, dtype=np.float32), -_STEEPEST, _STEEPEST)
    result: np.ndarray = 1 / (1 + np.exp(-clipped))
    return result


def logit(probability: np.ndarray) -> np.ndarray:
    """The inverse of `sigmoid`, within what it keeps apart."""
    least = np.float32(1e-6)
    p = np.clip(np.asarray(probability, dtype=np.float32), least, 1 - least)
    result: np.ndarray = np.log(p / (1 - p))
    return result
