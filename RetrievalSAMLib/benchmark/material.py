"""The made-up volumes that a benchmark runs on: the demonstration's subjects, cut or stretched to size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..demo.cohort import make_subject
from ..demo.subject import Subject
from ..retrieval.evidence import MemoryCase
from ..volumes import Geometry, Plane, Segment, Segmentation, Volume

_AXIS = 2
"""The subjects' axial slices lie along the third axis of their arrays."""


@dataclass(frozen=True)
class Material:
    """A volume to segment and the annotated cases to do it with.

    Attributes:
        target: The volume.
        cases: The cases; all have the same segments.
    """

    target: Volume
    cases: tuple[MemoryCase, ...]


def make_material(slices: int, segments: int, cases: int, pixels: int | None = None) -> Material:
    """Make a volume and cases.

    Args:
        slices: Of each; the middle ones of a subject, where it has as many, else the subject is stretched.
        segments: The first organs of a subject; beyond six, organs are cut into pieces.
        cases: How many.
        pixels: Along the longer side of a slice, by default as a subject has them.
    """
    annotated = []
    for number in range(1, cases + 1):
        subject = sized(make_subject(number), slices, pixels)
        case = MemoryCase(
            subject.name, subject.image, cut_into(subject.segmentation, segments), sliced_along=Plane.AXIAL
        )
        annotated.append(case)
    return Material(sized(make_subject(cases + 1), slices, pixels).image, tuple(annotated))


def sized(subject: Subject, slices: int, pixels: int | None) -> Subject:
    """A subject with so many slices: its middle ones, or stretched over the same space.

    Args:
        subject: Its segments do not overlap.
        slices: How many.
        pixels: Along the longer side of a slice, None for its own.
    """
    image, drawn = subject.image, subject.segmentation
    count = image.geometry.size[_AXIS]
    voxels, labels, geometry = image.voxels, drawn.labelmap(), image.geometry
    if slices < count:
        first = (count - slices) // 2
        part = (slice(None), slice(None), slice(first, first + slices))
        voxels, labels, geometry = voxels[part], labels[part], _without(geometry, first, slices)
    longest = max(geometry.size[:2])
    scale = 1.0 if pixels is None else pixels / longest
    rows, columns, depth = geometry.size
    size = (max(1, round(rows * scale)), max(1, round(columns * scale)), max(slices, depth))
    if size != geometry.size:
        factors = [new / old for new, old in zip(size, geometry.size, strict=True)]
        voxels = ndimage.zoom(voxels, factors, order=1, mode="nearest", grid_mode=True)
        labels = ndimage.zoom(labels, factors, order=0, mode="nearest", grid_mode=True)
        geometry = _stretched(geometry, size)
    layers = (np.asfortranarray(labels),)
    values = tuple(s.value for s in drawn.segments)
    segmentation = Segmentation(drawn.segments, layers, (0,) * len(values), values, geometry)
    return Subject(subject.name, Volume(np.asfortranarray(voxels), geometry), segmentation)


def _without(geometry: Geometry, first: int, slices: int) -> Geometry:
    """The grid of some slices."""
    columns = np.array(geometry.direction).reshape(3, 3)
    origin = np.array(geometry.origin_mm) + columns[:, _AXIS] * geometry.spacing_mm[_AXIS] * first
    size = (*geometry.size[:_AXIS], slices)
    return Geometry((size[0], size[1], size[2]), geometry.spacing_mm, _three(origin), geometry.direction)


def _stretched(geometry: Geometry, size: tuple[int, int, int]) -> Geometry:
    """A grid of other steps over the same block of space."""
    before = np.array(geometry.spacing_mm)
    spacing = before * geometry.size / size
    columns = np.array(geometry.direction).reshape(3, 3)
    origin = np.array(geometry.origin_mm) + columns @ ((spacing - before) / 2)
    return Geometry(size, _three(spacing), _three(origin), geometry.direction)


def _three(values: np.ndarray) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in values)
    return x, y, z


def cut_into(drawn: Segmentation, count: int) -> Segmentation:
    """As many segments as are asked for: the first ones, or each cut into slabs of equal volume along the first axis.

    Args:
        drawn: Whole segments that do not overlap.
        count: How many are wanted.
    """
    pieces = -(-count // len(drawn.segments))
    labels = np.zeros(drawn.geometry.size, dtype=np.uint8, order="F")
    segments = []
    for value, (segment, mask) in enumerate(_slabs(drawn, pieces), start=1):
        if value > count:
            break
        labels[mask] = value
        segments.append(Segment(segment.name, value, segment.color, segment.terminology))
    values = tuple(s.value for s in segments)
    return Segmentation(tuple(segments), (labels,), (0,) * len(values), values, drawn.geometry)


def _slabs(drawn: Segmentation, pieces: int) -> Iterator[tuple[Segment, np.ndarray]]:
    for index, segment in enumerate(drawn.segments):
        mask = drawn.mask(index)
        if pieces == 1:
            yield segment, mask
            continue
        place = np.nonzero(mask)[0]
        borders = np.quantile(place, np.linspace(0, 1, pieces + 1)) if len(place) else np.zeros(pieces + 1)
        borders[-1] += 1
        along = np.arange(mask.shape[0])
        for piece in range(pieces):
            inside = (along >= borders[piece]) & (along < borders[piece + 1])
            # Of its own: two pieces with one code would be one structure.
            yield Segment(f"{segment.name} {piece + 1}", 1, segment.color), mask & inside[:, None, None]
