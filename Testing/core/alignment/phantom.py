"""A body with a few soft organs in it, whose image can be taken on any grid and from anywhere."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.spatial.transform import Rotation

from RetrievalSAMLib.alignment import Alignment
from RetrievalSAMLib.volumes import Geometry, Plane, SliceStack, Volume

EXTENT_MM = np.array([100.0, 120.0, 140.0])
"""Of the usual field of view along slices, rows and columns."""

SHAPE, SPACING_MM = (25, 60, 70), (4.0, 2.0, 2.0)
"""The usual grid: all of the field of view."""

ORGANS = (
    ((38.0, 50.0, 45.0), 9.0, 0.50),
    ((60.0, 66.0, 92.0), 11.0, -0.35),
    ((48.0, 84.0, 66.0), 7.0, 0.45),
    ((64.0, 44.0, 62.0), 8.0, 0.40),
    ((32.0, 66.0, 96.0), 6.0, 0.50),
)
"""Centre (slices, rows, columns) in mm, radius in mm, and how much brighter than the body."""

CENTRES_MM = np.array([centre for centre, _, _ in ORGANS])

Body = Callable[[np.ndarray], np.ndarray]
"""Brightness (...) at points (..., 3) in mm."""


def body(points_mm: np.ndarray) -> np.ndarray:
    """The phantom; no symmetry, and air around it."""
    from_centre = np.linalg.norm((points_mm - (50.0, 62.0, 70.0)) / (36.0, 46.0, 54.0), axis=-1)
    value = 0.45 / (1 + np.exp(np.minimum(25 * (from_centre - 1), 50)))
    for centre, radius, brightness in ORGANS:
        value = value + brightness * np.exp(-((points_mm - np.array(centre)) ** 2).sum(-1) / 2 / radius**2)
    return np.asarray(value)


def stack(
    known: Alignment | None = None,
    shape: tuple[int, int, int] = SHAPE,
    spacing_mm: tuple[float, float, float] = SPACING_MM,
    of: Body = body,
    stated_mm: tuple[float, float, float] | None = None,
) -> SliceStack:
    """Slices of the body as a case shows it that lies to the body as ``known`` says.

    Args:
        known: From the body to the stack; lies as the body unless given.
        shape: (slices, rows, columns).
        spacing_mm: Of the grid.
        of: What is imaged.
        stated_mm: The spacing that the file states, where that is another one.
    """
    return SliceStack.of(volume(known, shape, spacing_mm, of, stated_mm), Plane.AXIAL)


def volume(
    known: Alignment | None = None,
    shape: tuple[int, int, int] = SHAPE,
    spacing_mm: tuple[float, float, float] = SPACING_MM,
    of: Body = body,
    stated_mm: tuple[float, float, float] | None = None,
) -> Volume:
    """The same as a volume, whose array axes 0, 1, 2 are columns, rows, slices."""
    index = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), -1)
    places = (index + 0.5) * np.array(spacing_mm)
    if known is not None:
        places = (places - known.offset_mm) @ np.linalg.inv(known.matrix).T
    stated = stated_mm or spacing_mm
    geometry = Geometry(
        (shape[2], shape[1], shape[0]),
        (stated[2], stated[1], stated[0]),
        (-40.0, 3.0, 900.0),
        (1, 0, 0, 0, 1, 0, 0, 0, 1),
    )
    return Volume((1000 * of(places)).astype(np.int16).transpose(2, 1, 0), geometry)


def about_centre(matrix: np.ndarray, shift_mm: tuple[float, float, float]) -> Alignment:
    """Turns and scales about the middle of the field of view, and moves that by ``shift_mm``."""
    centre = EXTENT_MM / 2
    return Alignment(matrix, centre - matrix @ centre + np.array(shift_mm), float("nan"))


def turn(axis: tuple[float, float, float], degrees: float) -> np.ndarray:
    """A rotation about an axis (slices, rows, columns)."""
    matrix: np.ndarray = Rotation.from_rotvec(np.radians(degrees) * np.array(axis) / np.linalg.norm(axis)).as_matrix()
    return matrix


def stated(
    known: Alignment, spacing_mm: tuple[float, float, float], stated_mm: tuple[float, float, float]
) -> Alignment:
    """A known alignment in the mm that a file states instead of its own."""
    factor = np.array(stated_mm) / np.array(spacing_mm)
    return Alignment(factor[:, None] * known.matrix, factor * known.offset_mm, known.similarity)
