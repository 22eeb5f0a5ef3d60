"""Slices that make no rectangular grid resampled to one: gantry tilt, shifted slices, uneven distances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .line import Line


@dataclass(frozen=True)
class Straight:
    """Slices on a rectangular grid.

    Attributes:
        voxels: (slice, row, column), of the type of the slices.
        first_mm: LPS position of the first pixel of the first slice.
        step_mm: Distance of the slices.
        told: What was done, as a clause.
    """

    voxels: np.ndarray
    first_mm: np.ndarray
    step_mm: float
    told: str


def straightened(line: Line, voxels: np.ndarray) -> Straight:
    """Resample linearly: in the plane where slices are shifted, between slices where their distances differ.

    The grid keeps the pixels of the first slice and grows in the plane by whole pixels, so that no slice is cut off;
    beyond a slice is the volume's least value (air in CT).

    Args:
        line: The slices in order.
        voxels: (slice, row, column) of them.
    """
    told = []
    first = np.array(line.frames[0].position_mm)
    if not line.is_upright or line.off_line_mm().max() > line.plane_limit_mm:
        told.append(f"a shear of {line.tilt_degrees:.3g} degrees (gantry tilt) was resampled away")
        voxels, low = _moved_back(line, voxels)
        first = first + (low * line.pixel_mm) @ line.axes[:2]
    step = line.step_mm
    if not line.is_even:
        gaps = np.diff(line.along_mm)
        told.append(
            f"slices {gaps.min():.4g} to {gaps.max():.4g} mm apart were resampled to {line.typical_mm:.4g} mm or so"
        )
        voxels, step = _evenly(line, voxels)
    return Straight(voxels, first, step, " and ".join(told) or "its slices were straight already")


def _moved_back(line: Line, voxels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slices moved by their shift, and the first pixel of the grid (column, row) as against that of the first slice."""
    shifts = line.shift_mm / np.array(line.pixel_mm)  # in columns and rows
    low = np.minimum(np.floor(shifts.min(axis=0)), 0).astype(int)
    high = np.maximum(np.ceil(shifts.max(axis=0)), 0).astype(int)
    count, rows, columns = voxels.shape
    wide, tall = columns + high[0] - low[0], rows + high[1] - low[1]
    air = voxels.min()
    moved = np.empty((count, tall, wide), voxels.dtype)
    for plane, shift, target in zip(voxels, shifts, moved, strict=True):
        # Pixel (r, c) of the target lies at r + low - shift of the slice.
        offset = (low[1] - shift[1], low[0] - shift[0])
        values = ndimage.affine_transform(
            plane.astype(np.float64), (1.0, 1.0), offset, (tall, wide), order=1, mode="constant", cval=float(air)
        )
        target[...] = _as(values, voxels.dtype)
    return moved, low


def _evenly(line: Line, voxels: np.ndarray) -> tuple[np.ndarray, float]:
    along = line.along_mm
    count = max(2, round(float(along[-1] - along[0]) / line.typical_mm) + 1)
    wanted = np.linspace(along[0], along[-1], count)
    below = np.clip(np.searchsorted(along, wanted, side="right") - 1, 0, len(along) - 2)
    weights = (wanted - along[below]) / (along[below + 1] - along[below])
    even = np.empty((count, *voxels.shape[1:]), voxels.dtype)
    for target, index, weight in zip(even, below, weights, strict=True):
        mixed = voxels[index] * (1 - weight) + voxels[index + 1] * weight
        target[...] = _as(mixed, voxels.dtype)
    return even, float(wanted[1] - wanted[0])


def _as(values: np.ndarray, kind: np.dtype) -> np.ndarray:
    return values.astype(kind) if kind.kind == "f" else np.rint(values).astype(kind)
