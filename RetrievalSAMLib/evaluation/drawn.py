"""What was drawn in a case, by segment: where, how much, in which slices. No pixels are kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..library.case import Case
from ..library.segments import as_segment
from ..volumes import Geometry, SliceFrame


@dataclass(frozen=True)
class DrawnSegment:
    """A segment of a case.

    Attributes:
        name: In this case.
        value: The same in all cases.
        key: Terminology code or name, see `Segment.key`.
        complete: Whether every slice is annotated, so that its volume is known.
        annotated: Slices (file index) that are annotated; None for all.
        voxels: In annotated slices.
        volume_mm3: Of these voxels.
        centre_mm: Mean place of these voxels in the patient (left, posterior, superior); None where there is none.
        color: Red, green, blue in 0..1, or None where it has none of its own.
    """

    name: str
    value: int
    key: str
    complete: bool
    annotated: tuple[int, ...] | None
    voxels: int
    volume_mm3: float
    centre_mm: tuple[float, float, float] | None
    color: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class DrawnCase:
    """What a case's segmentation says. ``segments`` by value."""

    name: str
    segments: dict[int, DrawnSegment]


@dataclass(frozen=True)
class DrawnSlices:
    """The masks of one case along its own plane.

    Attributes:
        frame: How its file is sliced.
        masks: By value, bool (n, h, w).
        annotated: By value, bool (n,): slices whose mask says something.
    """

    frame: SliceFrame
    masks: dict[int, np.ndarray]
    annotated: dict[int, np.ndarray]


def drawn_slices(case: Case) -> DrawnSlices:
    """Load a case's masks.

    Raises:
        DamagedLibraryError: The file is missing or not what was written.
    """
    segmentation = case.load_segmentation()
    frame = SliceFrame(segmentation.geometry, case.plane)
    count = frame.shape[0]
    masks, annotated = {}, {}
    for index, segment in enumerate(case.segments):
        known = np.array([segment.is_annotated(frame.file_index(i)) for i in range(count)])
        masks[segment.value] = frame.to_slices(segmentation.mask(index)) & known[:, None, None]
        annotated[segment.value] = known
    return DrawnSlices(frame, masks, annotated)


def drawn_case(case: Case, slices: DrawnSlices) -> DrawnCase:
    """Sum up what was drawn."""
    geometry = slices.frame.geometry
    found = {}
    for own in case.segments:
        mask = slices.frame.from_slices(slices.masks[own.value])
        voxels = int(np.count_nonzero(mask))
        found[own.value] = DrawnSegment(
            name=own.name,
            value=own.value,
            key=as_segment(own).key,
            complete=bool(slices.annotated[own.value].all()),
            annotated=own.annotated_slices,
            voxels=voxels,
            volume_mm3=voxels * geometry.voxel_volume_mm3,
            centre_mm=_centre_mm(mask, geometry) if voxels else None,
            color=own.color,
        )
    return DrawnCase(case.name, found)


def _centre_mm(mask: np.ndarray, geometry: Geometry) -> tuple[float, float, float]:
    along = [mask.sum(axis=tuple(other for other in range(3) if other != axis)) for axis in range(3)]
    index = [float(counts @ np.arange(len(counts)) / counts.sum()) for counts in along]
    direction = np.array(geometry.direction).reshape(3, 3)
    x, y, z = np.array(geometry.origin_mm) + direction @ (np.array(index) * np.array(geometry.spacing_mm))
    return float(x), float(y), float(z)
