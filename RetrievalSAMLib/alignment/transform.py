"""Which point of a case corresponds to which point of the target."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..volumes import SliceStack

_LARGEST_CHANGE = 1.3
"""People differ in size by about this factor."""


def stack_extent_mm(stack: SliceStack) -> np.ndarray:
    """Extent of a stack along slices, rows and columns, float64 (3,) in mm."""
    spacing = (stack.frame.slice_spacing_mm, *stack.spacing_mm)
    return np.array(stack.frame.shape, dtype=float) * np.array(spacing)


def stack_places_mm(stack: SliceStack, mask: np.ndarray) -> np.ndarray:
    """Middles of the voxels of a mask (n, h, w) in stack coordinates, float64 (m, 3) in mm."""
    spacing = np.array([stack.frame.slice_spacing_mm, *stack.spacing_mm])
    places: np.ndarray = (np.argwhere(mask) + 0.5) * spacing
    return places


@dataclass(frozen=True)
class Alignment:
    """An affine map from the target's stack to a case's stack.

    Both in stack coordinates: mm along slices, rows and columns, from the outer corner of the first voxel. Rows and
    columns of a stack run the same way through every patient (see `SliceFrame`) as far as headers are right and slices
    are not oblique: often such a map is near the identity but for scale and shift, and it may be any turn.

    Attributes:
        matrix: float64 (3, 3).
        offset_mm: float64 (3,).
        similarity: Correlation of the two images after alignment, at most 1; NaN where it was not measured.
    """

    matrix: np.ndarray
    offset_mm: np.ndarray
    similarity: float

    @classmethod
    def centred(cls, target_extent_mm: np.ndarray, case_extent_mm: np.ndarray) -> Alignment:
        """Centre on centre in mm: what holds where nothing was measured.

        Args:
            target_extent_mm: float (3,), see `stack_extent_mm`.
            case_extent_mm: float (3,).
        """
        return cls(np.eye(3), (case_extent_mm - target_extent_mm) / 2, float("nan"))

    @property
    def scale(self) -> np.ndarray:
        """How long in the case is what is 1 mm long along slices, rows and columns of the target, float64 (3,)."""
        scale: np.ndarray = np.linalg.norm(self.matrix, axis=0)
        return scale

    @property
    def stretch(self) -> float:
        """How much more it lengthens one direction than another, as the logarithm of their ratio; 0 for a turn."""
        lengths = np.linalg.svd(self.matrix, compute_uv=False)
        return float(np.log(lengths[0] / max(lengths[-1], 1e-6)))

    def straightened(self, point_mm: np.ndarray) -> Alignment:
        """The turn and scale that are nearest to it, which take a point of the target (3,) to where it takes it."""
        left, lengths, right = np.linalg.svd(self.matrix)
        matrix = left @ right * np.exp(np.log(np.maximum(lengths, 1e-6)).mean())
        return Alignment(matrix, self.to_case(point_mm) - matrix @ point_mm, self.similarity)

    def onto(self, target_mm: np.ndarray, case_mm: np.ndarray) -> Alignment:
        """This map, moved and scaled in the slices so that what was found in the target lies on the same in the case.

        Mean place goes to mean place; scale follows the spread of the voxels, but not far: what was found may be too
        much or too little. Across the slices nothing is changed, as too few slices are found at either end to go by.

        Args:
            target_mm: float (n, 3), places (slices, rows, columns) of the voxels that were found.
            case_mm: float (m, 3), those of the same in the case.
        """
        here, there = target_mm.mean(axis=0), case_mm.mean(axis=0)
        spreads = [float(np.sqrt(points[:, 1:].var(axis=0).sum())) for points in (target_mm @ self.matrix.T, case_mm)]
        change = float(np.clip(spreads[1] / max(spreads[0], 1e-6), 1 / _LARGEST_CHANGE, _LARGEST_CHANGE))
        matrix = self.matrix * np.array([1.0, change, change])[:, None]
        offset = there - matrix @ here
        offset[0] = self.offset_mm[0]
        return Alignment(matrix, offset, float("nan"))

    def to_case(self, points_mm: np.ndarray) -> np.ndarray:
        """Points of the target, float (..., 3), in the case."""
        moved: np.ndarray = points_mm @ self.matrix.T + self.offset_mm
        return moved

    def to_target(self, points_mm: np.ndarray) -> np.ndarray:
        """Points of the case, float (..., 3), in the target."""
        moved: np.ndarray = (points_mm - self.offset_mm) @ np.linalg.inv(self.matrix).T
        return moved

    def depth_in_target(self, case_depth_mm: np.ndarray, row_mm: float, column_mm: float) -> np.ndarray:
        """Where slices of a case lie along the target's stack, on the line through one point of the target's slices.

        Args:
            case_depth_mm: float (n,), depths in the case.
            row_mm: The point's place along the target's rows.
            column_mm: The point's place along its columns.

        Returns:
            float (n,), depths in the target in mm; may lie outside the stack.
        """
        across = self.matrix[0, 1] * row_mm + self.matrix[0, 2] * column_mm + self.offset_mm[0]
        return (np.asarray(case_depth_mm) - across) / self.matrix[0, 0]


def turn_within_slices(degrees: float) -> np.ndarray:
    """A rotation of points (slices, rows, columns) about the first axis, float64 (3, 3)."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[1.0, 0.0, 0.0], [0.0, cosine, -sine], [0.0, sine, cosine]])
