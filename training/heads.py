"""Heads as a T1 image of MR shows them: skin, skull, brain with ventricles, eyes and nose; turned, never symmetric."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from RetrievalSAMLib.demo.shapes import Array, Point, Points, superellipsoid
from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.volumes import Geometry, Segmentation, Volume

NAMES = {1: "ventricles", 2: "cerebellum", 3: "R eye", 4: "L eye"}

_SHAPE, _SPACING_MM = (96, 112, 44), (2.2, 2.2, 4.0)
_COHORT = 999
"""Stands for the number of a subject where all of a cohort share a draw."""

_SKIN, _BONE, _BRAIN, _FLUID, _CEREBELLUM, _EYE, _AIR = 0.95, 0.2, 0.6, 0.15, 0.5, 0.3, 0.02


def head(seed: int, number: int) -> MemoryCase:
    """One subject of a cohort of heads, in axial slices, labelled with `NAMES`.

    Args:
        seed: Of the cohort: what tissues look like.
        number: Of the subject: sizes, places, and how the head lies in the picture.
    """
    tissues = np.random.default_rng([seed, _COHORT])
    bright = {value: value * tissues.uniform(0.85, 1.15) for value in (_SKIN, _BONE, _BRAIN, _FLUID, _CEREBELLUM, _EYE)}
    random = np.random.default_rng([seed, number])
    axes = [(np.arange(n) - (n - 1) / 2) * mm for n, mm in zip(_SHAPE, _SPACING_MM, strict=True)]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    points = Points(*(_bent(random, axis, (x, y, z)) for axis in (x, y, z)))
    nod = tuple(float(random.normal(0, degrees)) for degrees in (5, 3, 4))
    away = random.uniform(-1, 1, 3) * (8, 8, 10)
    points = Points(*(a - np.float32(d) for a, d in zip(points.around((0, 0, 0), nod), away, strict=True)))
    size = 1 + 0.06 * random.standard_normal(3)
    image = np.full(_SHAPE, _AIR, np.float32)

    def solid(centre: Point, radii: Point, power: float = 2.0) -> Array:
        moved = tuple(float(c * s + random.normal(0, 1.5)) for c, s in zip(centre, size, strict=True))
        grown = tuple(float(r * s * (1 + 0.05 * random.standard_normal())) for r, s in zip(radii, size, strict=True))
        return superellipsoid(points, moved, grown, power)

    def paint(depth_mm: Array, value: float) -> Array:
        nonlocal image
        part: Array = np.clip(depth_mm / _SPACING_MM[0] + 0.5, 0, 1)
        image = image + part * (value - image)
        return part

    paint(solid((0, 8, -70), (52, 52, 60)), bright[_SKIN] * 0.7)  # neck
    paint(np.maximum(solid((0, -88, -30), (11, 14, 18)), solid((0, -52, -52), (42, 34, 34), 2.4)), bright[_SKIN])
    skull = solid((0, 0, 0), (78, 98, 76))
    paint(skull, bright[_SKIN])
    paint(skull - 5, bright[_BONE])
    brain = np.minimum(skull - 11, solid((0, 2, 18), (76, 94, 68)))
    paint(brain, bright[_BRAIN])
    parts = {"cerebellum": paint(np.minimum(skull - 11, solid((0, 52, -34), (46, 28, 24))), bright[_CEREBELLUM])}
    paint(solid((0, 22, -42), (12, 11, 34)), bright[_BRAIN] * 0.9)  # brain stem
    horns = [solid((side * 13, -4, 16), (7, 30, 12)) for side in (-1, 1)]
    parts["ventricles"] = paint(np.maximum(*horns), bright[_FLUID])
    paint(np.minimum(solid((0, -58, -44), (16, 24, 26)), skull), _AIR)  # nasal cavity
    for name, side in (("R eye", -1), ("L eye", 1)):
        parts[name] = paint(solid((side * 31, -74, -18), (12.5, 12.5, 12.5)), bright[_EYE])
    coarse = random.standard_normal((3, 3, 3))
    bias = 1 + 0.15 * ndimage.zoom(coarse, [n / 3 for n in _SHAPE], order=1)
    image = ndimage.gaussian_filter(image, (0.6, 0.6, 0.3)) * bias + random.normal(0, 0.025, _SHAPE)
    geometry = Geometry(_SHAPE, _SPACING_MM, (0.0, 0.0, 0.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    labels = np.zeros(_SHAPE, np.uint8)
    for value, name in NAMES.items():
        labels[parts[name] > 0.5] = value
    volume = Volume(np.clip(image * 800, 0, None).astype(np.int16), geometry)
    return MemoryCase(f"head-{number}", volume, Segmentation.from_labelmap(labels, geometry, NAMES))


def _bent(random: np.random.Generator, straight: np.ndarray, places: tuple[np.ndarray, ...]) -> Array:
    """Coordinates along one axis, bent by a long and a short wave."""
    bend = np.zeros_like(straight)
    for length, height in ((190, 3.0), (90, 1.5)):
        way = random.standard_normal(3)
        way *= 2 * np.pi / length / np.linalg.norm(way)
        bend += height * np.sin(sum(w * p for w, p in zip(way, places, strict=True)) + random.uniform(0, 6.28))
    return (straight + bend).astype(np.float32)
