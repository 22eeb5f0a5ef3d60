"""Slicing a volume along an anatomical axis, and putting slices back on the file's own grid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .geometry import Geometry
from .plane import Plane

# Spacings that differ by less than this part count as equal.
_EQUAL_SPACING = 0.02
# Where all three spacings differ, a slice axis must be this much coarser than both others.
_COARSE_SPACING = 1.5

# A stack of more than so many times as many rows or columns as slices is not isotropic.
_TOO_THIN = 8


# For each plane: the anatomical axes (0 R-L, 1 A-P, 2 I-S) of slices, rows and columns, each with the
# direction in which the slice, row or column number rises: +1 towards L, P or S.
_CANONICAL: dict[Plane, tuple[tuple[int, int], tuple[int, int], tuple[int, int]]] = {
    Plane.AXIAL: ((2, +1), (1, +1), (0, +1)),
    Plane.CORONAL: ((1, -1), (2, -1), (0, +1)),
    Plane.SAGITTAL: ((0, +1), (2, -1), (1, +1)),
}
_PLANE_ACROSS = {0: Plane.SAGITTAL, 1: Plane.CORONAL, 2: Plane.AXIAL}


def choose_plane(geometry: Geometry) -> Plane:
    """The plane a volume was most likely acquired in.

    In this order: across the axis with a single voxel; across the axis whose spacing differs from the two
    equal ones; where all spacings are equal, across the axis with under half the voxels of each other one;
    where all three differ, across the one at least 1.5 times as coarse as both others; else axial. Spacings
    within 2 % of each other count as equal.
    """
    axis = _slice_axis(geometry)
    return Plane.AXIAL if axis is None else plane_across(geometry, axis)


def plane_across(geometry: Geometry, axis: int) -> Plane:
    """The plane of the slices that follow each other along an array axis."""
    side = next(side for side, found in enumerate(geometry.anatomical_axes) if found.array_axis == axis)
    return _PLANE_ACROSS[side]


def _slice_axis(geometry: Geometry) -> int | None:
    size, spacing = geometry.size, geometry.spacing_mm
    others = ((1, 2), (0, 2), (0, 1))
    single = [axis for axis in range(3) if size[axis] == 1]
    if len(single) == 1:
        return single[0]
    if all(_equal(spacing[0], spacing[axis]) for axis in (1, 2)) and _equal(spacing[1], spacing[2]):
        thin = [axis for axis, (a, b) in enumerate(others) if 2 * size[axis] < min(size[a], size[b])]
        return thin[0] if thin else None
    odd = [
        axis
        for axis, (a, b) in enumerate(others)
        if _equal(spacing[a], spacing[b])
        and not _equal(spacing[axis], spacing[a])
        and not _equal(spacing[axis], spacing[b])
    ]
    if odd:
        return odd[0]
    coarse = [
        axis for axis, (a, b) in enumerate(others) if spacing[axis] >= _COARSE_SPACING * max(spacing[a], spacing[b])
    ]
    return coarse[0] if coarse else None


def _equal(a: float, b: float) -> bool:
    return abs(a - b) <= _EQUAL_SPACING * max(a, b)


@dataclass(frozen=True)
class SliceFrame:
    """How the grid of a file maps to slices in a canonical display orientation.

    Rows, columns and slices always run the same way through the patient, whatever the file's axis order:

    ========  =====================  ====================  =====================
    plane     slice number rises     row number rises      column number rises
    ========  =====================  ====================  =====================
    axial     inferior to superior   anterior to posterior  right to left
    coronal   posterior to anterior  superior to inferior   right to left
    sagittal  right to left          superior to inferior   anterior to posterior
    ========  =====================  ====================  =====================

    For oblique grids these hold for the nearest axes. Nothing is resampled: slices are the file's own voxels.

    Attributes:
        geometry: The file's grid.
        plane: The plane of the slices.
    """

    geometry: Geometry
    plane: Plane

    @cached_property
    def _axes(self) -> tuple[tuple[int, bool], ...]:
        """(array axis, reversed) of slices, rows, columns."""
        axes = []
        for side, direction in _CANONICAL[Plane(self.plane)]:
            axis, sign = self.geometry.anatomical_axes[side]
            axes.append((axis, sign != direction))
        return tuple(axes)

    @property
    def lost_spacing(self) -> bool:
        """Whether all voxels are said to be 1 mm, of a stack that would be too thin for any body."""
        n, h, w = self.shape
        return self.geometry.spacing_mm == (1.0, 1.0, 1.0) and _TOO_THIN * n < max(h, w)

    @property
    def directions(self) -> np.ndarray:
        """float64 (3, 3): columns are the unit vectors in LPS along which slice, row and column numbers rise."""
        ways = [self.geometry.direction_matrix[:, axis] * (-1 if reverse else 1) for axis, reverse in self._axes]
        return np.stack(ways, axis=1)

    @property
    def plane_axis(self) -> int:
        """The array axis of the file (0, 1, 2 as SimpleITK's x, y, z) that is sliced."""
        return self._axes[0][0]

    @property
    def row_axis(self) -> int:
        """The array axis of the file along which the row number runs."""
        return self._axes[1][0]

    @property
    def column_axis(self) -> int:
        """The array axis of the file along which the column number runs."""
        return self._axes[2][0]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(slices, rows, columns)."""
        n, h, w = (self.geometry.size[axis] for axis, _ in self._axes)
        return (n, h, w)

    @property
    def slice_spacing_mm(self) -> float:
        """Distance between slice centres."""
        return self.geometry.spacing_mm[self.plane_axis]

    @property
    def row_spacing_mm(self) -> float:
        """Distance between the centres of neighbouring rows."""
        return self.geometry.spacing_mm[self.row_axis]

    @property
    def column_spacing_mm(self) -> float:
        """Distance between the centres of neighbouring columns."""
        return self.geometry.spacing_mm[self.column_axis]

    def to_slices(self, array: np.ndarray) -> np.ndarray:
        """The voxels (i, j, k) of the file as slices (n, h, w): a view, axes permuted and reversed.

        Raises:
            ValueError: If the array is not on the frame's grid.
        """
        if array.shape != self.geometry.size:
            raise ValueError(f"array of shape {array.shape} on a grid of size {self.geometry.size}")
        return array.transpose([axis for axis, _ in self._axes])[self._reversal]

    def from_slices(self, slices: np.ndarray) -> np.ndarray:
        """Slices (n, h, w) as voxels (i, j, k) of the file: the exact inverse of `to_slices`, a view too.

        Raises:
            ValueError: If the shape is not the frame's.
        """
        if slices.shape != self.shape:
            raise ValueError(f"slices of shape {slices.shape} in a frame of shape {self.shape}")
        return slices[self._reversal].transpose(np.argsort([axis for axis, _ in self._axes]))

    def to_slice(self, pixels: np.ndarray) -> np.ndarray:
        """The pixels of one slice, over the file's two other axes in their order, as (h, w): a view."""
        turned = pixels.T if self.row_axis > self.column_axis else pixels
        return turned[self._reversal[1:]]

    def from_slice(self, pixels: np.ndarray) -> np.ndarray:
        """One slice (h, w) over the file's two other axes in their order: the inverse of `to_slice`, a view too."""
        turned = pixels[self._reversal[1:]]
        return turned.T if self.row_axis > self.column_axis else turned

    @property
    def _reversal(self) -> tuple[slice, ...]:
        return tuple(slice(None, None, -1) if reverse else slice(None) for _, reverse in self._axes)

    def file_index(self, slice_index: int) -> int:
        """Index along `plane_axis` in the file of a slice.

        Raises:
            IndexError: If there is no such slice.
        """
        count, reverse = self.shape[0], self._axes[0][1]
        if not 0 <= slice_index < count:
            raise IndexError(f"slice {slice_index} of {count}")
        return count - 1 - slice_index if reverse else slice_index

    def slice_index(self, file_index: int) -> int:
        """The slice at an index along `plane_axis` in the file: the inverse of `file_index`."""
        return self.file_index(file_index)

    def slice_position(self, slice_index: int) -> float:
        """Position of a slice along the stack, from 0 (first) to 1 (last); 0.5 where there is only one."""
        count = self.shape[0]
        return slice_index / (count - 1) if count > 1 else 0.5

    def voxel_index(self, slice_index: int, row: int, column: int) -> tuple[int, int, int]:
        """Voxel (i, j, k) of the file of a pixel."""
        index = [0, 0, 0]
        for (axis, reverse), value, count in zip(self._axes, (slice_index, row, column), self.shape, strict=True):
            index[axis] = count - 1 - value if reverse else value
        i, j, k = index
        return (i, j, k)

    def slice_places(self, positions_mm: np.ndarray) -> np.ndarray:
        """Where positions lie in the stack, as continuous numbers of slice, row and column.

        Args:
            positions_mm: (..., 3), LPS.

        Returns:
            float64 (..., 3); whole numbers are the middles of voxels, the volume reaches from -0.5 to n - 0.5.
        """
        indices = self.geometry.lps_to_index(positions_mm)
        places = [
            self.geometry.size[axis] - 1 - indices[..., axis] if reverse else indices[..., axis]
            for axis, reverse in self._axes
        ]
        return np.stack(places, axis=-1)
