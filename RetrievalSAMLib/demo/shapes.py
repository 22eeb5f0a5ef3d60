"""Closed-form solids for the made-up cohort, as approximate signed distances in mm: positive inside.

Each takes the coordinates of the points as three arrays of one shape (or that broadcast to one).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Point = tuple[float, float, float]

_TINY = np.float32(1e-6)


class Points:
    """Points in the body.

    Attributes:
        x: mm towards the patient's left.
        y: mm towards posterior.
        z: mm towards superior.
    """

    def __init__(self, x: Array, y: Array, z: Array) -> None:
        self.x, self.y, self.z = x, y, z

    def __getitem__(self, box: tuple[slice, ...]) -> Points:
        return Points(self.x[box], self.y[box], self.z[box])

    def around(self, centre: Point, turn_degrees: Point = (0.0, 0.0, 0.0)) -> tuple[Array, Array, Array]:
        """Coordinates relative to a centre, in axes turned about x, then y, then z."""
        x, y, z = (
            self.x - np.float32(centre[0]),
            self.y - np.float32(centre[1]),
            self.z - np.float32(centre[2]),
        )
        for degrees, axis in zip(turn_degrees, range(3), strict=True):
            if degrees == 0.0:
                continue
            cosine, sine = np.float32(np.cos(np.radians(degrees))), np.float32(np.sin(np.radians(degrees)))
            if axis == 0:
                y, z = cosine * y + sine * z, cosine * z - sine * y
            elif axis == 1:
                z, x = cosine * z + sine * x, cosine * x - sine * z
            else:
                x, y = cosine * x + sine * y, cosine * y - sine * x
        return x, y, z


def superellipsoid(
    points: Points, centre: Point, radii: Point, power: float = 2.0, turn_degrees: Point = (0, 0, 0)
) -> Array:
    """Solid |x/a|^p + |y/b|^p + |z/c|^p <= 1; the distance is that along the ray from the centre."""
    return _along_ray(points.around(centre, turn_degrees), radii, power)


def cylinder(points: Points, centre: tuple[float, float], radii: tuple[float, float], power: float = 2.0) -> Array:
    """Superelliptic cylinder along z without ends."""
    return _along_ray(points.around((*centre, 0.0))[:2], radii, power)


def _along_ray(offsets: Sequence[Array], radii: Sequence[float], power: float) -> Array:
    total = sum(_power(np.abs(offset / np.float32(r)), power) for offset, r in zip(offsets, radii, strict=True))
    # 1 on the surface, and proportional to the distance from the centre.
    level = np.maximum(_power(np.asarray(total), 1.0 / power), _TINY)
    length = np.sqrt(np.asarray(sum(offset * offset for offset in offsets)))
    # At the centre itself the ray has no direction: the smallest radius is its depth.
    return np.where(level > 1e-3, length * (1 / level - 1), np.float32(min(radii))).astype(np.float32)


def _power(values: Array, power: float) -> Array:
    if power == 2.0:
        return values * values
    if power == 0.5:
        return np.sqrt(values)
    return values ** np.float32(power)


def swept(
    points: Points,
    levels_mm: Sequence[float],
    path_mm: Sequence[tuple[float, float]],
    radii_mm: Sequence[float],
) -> Array:
    """Round tube along z whose centre and radius follow smooth curves through knots.

    Args:
        points: Where.
        levels_mm: z of the knots, rising.
        path_mm: (x, y) of the centre at each knot.
        radii_mm: Radius at each knot.
    """
    x, y, radius = (curve(points.z, levels_mm, values) for values in (*zip(*path_mm, strict=True), radii_mm))
    distance = np.hypot(points.x - x, points.y - y)
    ends = np.minimum(points.z - np.float32(levels_mm[0]), np.float32(levels_mm[-1]) - points.z)
    result: Array = np.minimum(radius - distance, ends + radius * 0.5)
    return result


def curve(z: Array, levels_mm: Sequence[float], values: Sequence[float]) -> Array:
    """Cubic through knots (Catmull-Rom as a Hermite spline), constant beyond its ends."""
    levels = np.asarray(levels_mm, dtype=np.float64)
    heights = np.asarray(values, dtype=np.float64)
    slopes = np.gradient(heights, levels)
    fine = np.linspace(levels[0], levels[-1], 257)
    span = np.clip(np.searchsorted(levels, fine, side="right") - 1, 0, len(levels) - 2)
    width = levels[span + 1] - levels[span]
    t = (fine - levels[span]) / width
    table = (
        (2 * t**3 - 3 * t**2 + 1) * heights[span]
        + (t**3 - 2 * t**2 + t) * width * slopes[span]
        + (3 * t**2 - 2 * t**3) * heights[span + 1]
        + (t**3 - t**2) * width * slopes[span + 1]
    )
    return np.interp(z, fine, table).astype(np.float32)


def capsule(points: Points, start: Point, end: Point, radius_mm: float) -> Array:
    """A straight rod with round ends."""
    axis = np.subtract(end, start).astype(np.float32)
    x, y, z = points.around(start)
    t = np.clip((x * axis[0] + y * axis[1] + z * axis[2]) / np.float32(axis @ axis), 0, 1)
    distance = np.sqrt((x - t * axis[0]) ** 2 + (y - t * axis[1]) ** 2 + (z - t * axis[2]) ** 2)
    return (np.float32(radius_mm) - distance).astype(np.float32)


def joined(one: Array, other: Array, blend_mm: float) -> Array:
    """Union of two solids whose seam is rounded over a width."""
    k = np.float32(blend_mm)
    overlap = np.maximum(k - np.abs(one - other), 0) / k
    result: Array = np.maximum(one, other) + overlap * overlap * k * np.float32(0.25)
    return result
