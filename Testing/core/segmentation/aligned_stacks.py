"""Stacks, cases and masks without any symmetry, for tests of what lies where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from RetrievalSAMLib.retrieval.evidence import CaseSlices, MemoryCase
from RetrievalSAMLib.volumes import Geometry, Plane, Segment, Segmentation, SliceStack, Volume

Triple = tuple[float, float, float]
Shape = tuple[int, int, int]


def geometry_of(shape: Shape, spacing_mm: Triple) -> Geometry:
    """An axial grid with the given number and distance of slices, rows, columns."""
    (n, h, w), (between, rows, columns) = shape, spacing_mm
    return Geometry((w, h, n), (columns, rows, between), (3.0, -8.0, 20.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))


def stack_of(shape: Shape, spacing_mm: Triple) -> SliceStack:
    """A stack of noise."""
    voxels = np.random.default_rng(0).normal(100, 10, shape[::-1]).astype(np.int16)
    return SliceStack.of(Volume(voxels, geometry_of(shape, spacing_mm)), Plane.AXIAL)


def lump(shape: Shape) -> np.ndarray:
    """A mask (n, h, w) that looks like none of its mirror images, nor like any turned by a right angle."""
    n, h, w = shape
    mask = np.zeros(shape, dtype=bool)
    mask[n // 4 : n // 2 + 1, h // 4 : h // 2, w // 5 : w // 3] = True
    mask[n // 4, h // 4 : h - h // 5, w // 5 : w // 4] = True
    mask[n // 2, h // 4 : h // 3, w // 5 : w - w // 4] = True
    return mask


def case_of(
    masks: Mapping[int, np.ndarray],
    spacing_mm: Triple,
    annotated_slices: Mapping[int, Sequence[int]] | None = None,
) -> MemoryCase:
    """A case whose segments are the masks (n, h, w), by value."""
    shape = next(iter(masks.values())).shape
    geometry = geometry_of((shape[0], shape[1], shape[2]), spacing_mm)
    segments = [Segment(f"Segment {value}", value) for value in masks]
    voxels = np.random.default_rng(1).normal(100, 10, geometry.size).astype(np.int16)
    segmentation = Segmentation.from_masks(segments, (mask.transpose(2, 1, 0) for mask in masks.values()), geometry)
    return MemoryCase("case", Volume(voxels, geometry), segmentation, Plane.AXIAL, annotated_slices)


def slices_of(
    masks: Mapping[int, np.ndarray],
    spacing_mm: Triple,
    annotated_slices: Mapping[int, Sequence[int]] | None = None,
) -> CaseSlices:
    """The same, loaded."""
    return CaseSlices.load(case_of(masks, spacing_mm, annotated_slices), Plane.AXIAL)
