"""The grid of a volume: where each voxel lies in the patient."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import permutations, product
from typing import Any, NamedTuple

import numpy as np

_ORTHOGONALITY_TOLERANCE = 1e-3
_LONGEST_AXIS = 1 << 31
# Towards which side of the patient the LPS coordinates fall and rise.
_SIDES = (("R", "L"), ("A", "P"), ("I", "S"))


class AnatomicalAxis(NamedTuple):
    """The array axis that runs most nearly along an anatomical axis.

    Attributes:
        array_axis: 0, 1 or 2.
        sign: +1 where the index rises towards the patient's left, posterior or superior side
            (the positive LPS directions), -1 where it falls.
    """

    array_axis: int
    sign: int


class AxisOrder(NamedTuple):
    """How to turn an array's axes, and where they begin, without touching a voxel.

    Attributes:
        order: For each new axis, the old one; as for `numpy.transpose`.
        flipped: For each new axis, whether it runs the other way.
    """

    order: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]

    def of_array(self, voxels: np.ndarray) -> np.ndarray:
        """A view of an array (i, j, k) with its axes in this order."""
        view: np.ndarray = voxels.transpose(self.order)
        return view[tuple(slice(None, None, -1 if flip else 1) for flip in self.flipped)]

    @property
    def changes_nothing(self) -> bool:
        """Whether the axes stay as they are."""
        return self == AxisOrder((0, 1, 2), (False, False, False))


@dataclass(frozen=True)
class NiftiForm:
    """The header fields of a NIfTI-1 file that place its voxels, as they stand in the file.

    NIfTI keeps geometry as float32, in two redundant ways. A grid that was read from NIfTI keeps the original
    numbers, so that a result written to NIfTI has the very same ones. They say nothing about a person.

    Attributes:
        pixdim: The 8 values of ``pixdim``; the first is the handedness ``qfac``.
        qform_code: Meaning of the quaternion, 0 where there is none.
        sform_code: Meaning of the matrix, 0 where there is none.
        quaternion: ``quatern_b``, ``quatern_c``, ``quatern_d``.
        offset: ``qoffset_x``, ``qoffset_y``, ``qoffset_z`` in mm, RAS.
        srow: The 12 values of ``srow_x``, ``srow_y``, ``srow_z`` in mm, RAS.
        xyzt_units: Code of the units.
        grid: Spacing, origin and direction (15 values) that the file was read as. The form belongs to this
            grid only; a geometry that differs from it (one that was cropped, say) drops the form.
    """

    pixdim: tuple[float, ...]
    qform_code: int
    sform_code: int
    quaternion: tuple[float, ...]
    offset: tuple[float, ...]
    srow: tuple[float, ...]
    xyzt_units: int
    grid: tuple[float, ...] = ()


@dataclass(frozen=True)
class Geometry:
    """Size, spacing, origin and axis directions of a voxel grid, in LPS millimetres as in SimpleITK.

    Array axes 0, 1, 2 are SimpleITK's x, y, z everywhere in this project. Two geometries are equal where
    size, spacing, origin and direction are the same to the last bit.

    Attributes:
        size: Voxels along array axes 0, 1, 2.
        spacing_mm: Distance between voxel centres along array axes 0, 1, 2.
        origin_mm: LPS position of the centre of voxel (0, 0, 0).
        direction: 3 x 3 matrix, row major; column a is the unit vector along array axis a in LPS.
        nifti: Where the grid was read from a NIfTI file: that file's own numbers. Not compared.

    Raises:
        ValueError: If a value is not finite, a size or spacing not positive, or the axes are not
            perpendicular.
    """

    size: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]
    direction: tuple[float, float, float, float, float, float, float, float, float]
    nifti: NiftiForm | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        for name, length, kind in (
            ("size", 3, int), ("spacing_mm", 3, float), ("origin_mm", 3, float), ("direction", 9, float)
        ):  # fmt: skip
            values = tuple(kind(value) for value in getattr(self, name))
            if len(values) != length:
                raise ValueError(f"{name} has {len(values)} values, not {length}")
            if kind is int and max(values) > _LONGEST_AXIS:
                raise ValueError(f"size has an axis of over {_LONGEST_AXIS} voxels")
            if not np.isfinite(values).all():
                raise ValueError(f"{name} {values} is not finite")
            object.__setattr__(self, name, values)
        if min(self.size) < 1:
            raise ValueError(f"size {self.size} has an axis without voxels")
        if min(self.spacing_mm) <= 0:
            raise ValueError(f"spacing {self.spacing_mm} mm is not positive")
        if self.nifti is not None and self.nifti.grid != self.placement:
            object.__setattr__(self, "nifti", None)
        gram = self.direction_matrix.T @ self.direction_matrix
        if np.abs(gram - np.eye(3)).max() > _ORTHOGONALITY_TOLERANCE:
            raise ValueError(f"the axes {self.direction} are not perpendicular unit vectors")

    @property
    def placement(self) -> tuple[float, ...]:
        """Spacing, origin and direction in one tuple of 15 values."""
        return (*self.spacing_mm, *self.origin_mm, *self.direction)

    @cached_property
    def direction_matrix(self) -> np.ndarray:
        """(3, 3) float64; column a is the unit vector along array axis a in LPS."""
        return np.array(self.direction, dtype=np.float64).reshape(3, 3)

    @cached_property
    def affine(self) -> np.ndarray:
        """(4, 4) float64 matrix from homogeneous voxel indices to LPS mm."""
        affine = np.eye(4)
        affine[:3, :3] = self.direction_matrix * np.array(self.spacing_mm)
        affine[:3, 3] = self.origin_mm
        return affine

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel in cubic millimetres."""
        return float(np.prod(self.spacing_mm))

    @property
    def extent_mm(self) -> tuple[float, float, float]:
        """Length of the grid along array axes 0, 1, 2, from outer face to outer face."""
        a, b, c = (n * spacing for n, spacing in zip(self.size, self.spacing_mm, strict=True))
        return (a, b, c)

    @cached_property
    def anatomical_axes(self) -> tuple[AnatomicalAxis, AnatomicalAxis, AnatomicalAxis]:
        """For right-left, anterior-posterior, inferior-superior: the array axis and its sign.

        Always a permutation, for oblique grids too: the one with the largest sum of absolute cosines. Near
        ties (grids turned by 45 degrees) fall to the first in lexical order, whatever the last bits say.
        """
        cosines = np.abs(self.direction_matrix)
        orders = list(permutations(range(3)))
        scores = [sum(cosines[side, axis] for side, axis in enumerate(order)) for order in orders]
        order = next(o for o, score in zip(orders, scores, strict=True) if score >= max(scores) - 1e-6)
        r, a, i = (
            AnatomicalAxis(axis, 1 if self.direction_matrix[side, axis] >= 0 else -1) for side, axis in enumerate(order)
        )
        return (r, a, i)

    def anatomical_axis(self, axis: int) -> AnatomicalAxis:
        """One of `anatomical_axes`: 0 right-left, 1 anterior-posterior, 2 inferior-superior."""
        return self.anatomical_axes[axis]

    @property
    def orientation(self) -> str:
        """Three letters, for example "LPS" or "PIR": the side of the patient each index rises towards."""
        letters = [""] * 3
        for side, (axis, sign) in enumerate(self.anatomical_axes):
            letters[axis] = _SIDES[side][sign > 0]
        return "".join(letters)

    def index_to_lps(self, indices: np.ndarray) -> np.ndarray:
        """LPS positions in mm (..., 3) of voxel indices (..., 3)."""
        return np.asarray(indices, dtype=np.float64) @ self.affine[:3, :3].T + self.affine[:3, 3]

    def lps_to_index(self, positions_mm: np.ndarray) -> np.ndarray:
        """Continuous voxel indices (..., 3) of LPS positions in mm (..., 3)."""
        inverse = np.linalg.inv(self.affine[:3, :3])
        return (np.asarray(positions_mm, dtype=np.float64) - self.affine[:3, 3]) @ inverse.T

    def axes_like(self, other: Geometry) -> AxisOrder:
        """The order in which this grid's axes run most nearly as those of another grid."""
        own, theirs = self.anatomical_axes, other.anatomical_axes
        order, flipped = [0, 0, 0], [False, False, False]
        for mine, wanted in zip(own, theirs, strict=True):
            order[wanted.array_axis] = mine.array_axis
            flipped[wanted.array_axis] = mine.sign != wanted.sign
        return AxisOrder((order[0], order[1], order[2]), (flipped[0], flipped[1], flipped[2]))

    def reordered(self, axes: AxisOrder) -> Geometry:
        """The same places, with the array's axes in another order."""
        first = [self.size[old] - 1 if flip else 0 for old, flip in zip(axes.order, axes.flipped, strict=True)]
        corner = np.zeros(3)
        corner[list(axes.order)] = first
        x, y, z = (float(part) for part in self.index_to_lps(corner))
        i, j, k = axes.order
        signs = np.where(axes.flipped, -1.0, 1.0)
        direction = tuple((self.direction_matrix[:, list(axes.order)] * signs).ravel().tolist())
        return Geometry(
            (self.size[i], self.size[j], self.size[k]),
            (self.spacing_mm[i], self.spacing_mm[j], self.spacing_mm[k]),
            (x, y, z),
            direction,
        )

    def difference(self, other: Geometry, tolerance_voxels: float = 0.01) -> str | None:
        """What makes another grid differ from this one, in words; None where they are the same.

        Args:
            other: The grid to compare with.
            tolerance_voxels: How far apart the same corner of both grids may lie, as a part of the smallest
                spacing. What float32 headers round away is allowed on top of it.

        Returns:
            A clause such as "its size is 64 x 64 x 20, not 64 x 64 x 21", about ``self`` as against
            ``other``.
        """
        if self.size != other.size:
            return f"its size is {_times(self.size)}, not {_times(other.size)}"
        corners = np.array(list(product(*((0, n - 1) for n in self.size))), dtype=np.float64)
        mine, theirs = self.index_to_lps(corners), other.index_to_lps(corners)
        rounding_mm = 4 * float(np.finfo(np.float32).eps) * max(np.abs(mine).max(), np.abs(theirs).max())
        tolerance_mm = tolerance_voxels * min(*self.spacing_mm, *other.spacing_mm) + rounding_mm
        distance_mm = float(np.linalg.norm(mine - theirs, axis=1).max())
        turned = float(np.abs(self.direction_matrix - other.direction_matrix).max())
        # A single voxel has no extent that would show a different spacing or direction.
        span_mm = max(n * spacing for n, spacing in zip(self.size, self.spacing_mm, strict=True))
        relative = max(abs(a / b - 1) for a, b in zip(self.spacing_mm, other.spacing_mm, strict=True))
        if distance_mm <= tolerance_mm and turned * min(self.spacing_mm) <= tolerance_mm and relative <= 0.01:
            return None
        facts = []
        if relative * span_mm > tolerance_mm:
            facts.append(f"its spacing is {_times(self.spacing_mm)} mm, not {_times(other.spacing_mm)} mm")
        if self.orientation != other.orientation:
            facts.append(f"its axes run towards {self.orientation}, not {other.orientation}")
        elif turned * span_mm > tolerance_mm:
            facts.append(f"its axes are turned by {self._angle_degrees(other):.3g} degrees")
        if not facts:
            facts.append(f"it is shifted by {distance_mm:.3g} mm")
        return " and ".join(facts)

    def _angle_degrees(self, other: Geometry) -> float:
        rotation = self.direction_matrix @ np.linalg.inv(other.direction_matrix)
        return float(np.degrees(np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1))))

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and lists for JSON; floats survive to the last bit. The inverse of `from_dict`."""
        record: dict[str, Any] = {
            "size": list(self.size),
            "spacing_mm": list(self.spacing_mm),
            "origin_mm": list(self.origin_mm),
            "direction": list(self.direction),
        }
        if self.nifti is not None:
            values = {key: value for key, value in vars(self.nifti).items() if key != "grid"}
            record["nifti"] = {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}
        return record

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Geometry:
        """The geometry that `to_dict` described."""
        grid: dict[str, Any] = {key: tuple(record[key]) for key in ("size", "spacing_mm", "origin_mm", "direction")}
        geometry = cls(**grid)
        stored = record.get("nifti")
        if stored is None:
            return geometry
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in stored.items()}
        return geometry.with_nifti(NiftiForm(**values))

    def with_nifti(self, form: NiftiForm) -> Geometry:
        """This grid with the header fields of the NIfTI file that it was read from."""
        return replace(self, nifti=replace(form, grid=self.placement))


def _times(values: tuple[float, ...]) -> str:
    return " x ".join(f"{value:g}" for value in values)
