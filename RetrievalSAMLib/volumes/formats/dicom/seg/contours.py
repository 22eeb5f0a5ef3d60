"""An RT structure set as a segmentation: its contours filled on the grid of the image that they were drawn on.

A pixel belongs to a contour where its centre lies inside. Contours of one structure in one slice are taken by the
even-odd rule, so that one inside another is a hole, as planning systems have it.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from matplotlib.path import Path as Polygon
from pydicom.dataset import Dataset

from .....errors import InputError
from ....display.colors import Color
from ....geometry import Geometry
from ....volume import Segment, Segmentation
from ..header import DAMAGE, Damaged, read_dataset
from ..quiet import quiet
from .codes import terminology_of

_CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR", "CLOSED_PLANAR_XOR")
# How far a contour may lie off the middle of a slice, and how far it may be out of one plane, as a part of a voxel.
_OFF_SLICE, _OUT_OF_PLANE = 0.4, 0.1


def read_structures(path: Path, name: str, grid: Geometry | None) -> Segmentation:
    """The structures of an RTSTRUCT that have closed contours.

    Args:
        path: The file.
        name: Its name as the user typed it, for messages.
        grid: Of the image that the contours were drawn on.

    Raises:
        InputError: There is no grid to fill them on, the file is damaged, or none of its contours lies in the image.
        OSError: It cannot be opened.
    """
    if grid is None:
        fact = "it holds contours (RTSTRUCT), which need the image that they were drawn on"
        raise InputError(name, fact, "Give it where an image is given too, as to `library add`.")
    with quiet():
        try:
            dataset = read_dataset(path)
            segments, masks, skipped, empty = _filled(dataset, grid)
        except Damaged as error:
            raise InputError(name, str(error), "Copy or export it again.") from error
        except DAMAGE as error:
            remedy = "Export it again from the program that made it."
            raise InputError(name, "its contours are damaged", remedy) from error
    if not segments:
        fact = "none of its structures has a closed contour in a slice of the image"
        raise InputError(name, fact, "Give the structure set that was drawn on this image.")
    notes = [f"{count} contours were left out: {reason}" for reason, count in skipped.items()]
    if empty:
        notes.append(f"{empty} structures without a closed contour in the image were left out")
    return Segmentation.from_masks(segments, masks, grid).with_notes(*notes)


def _filled(dataset: Dataset, grid: Geometry) -> tuple[list[Segment], list[np.ndarray], Counter[str], int]:
    """Segments with their masks, contours that were left out by reason, and structures without any."""
    names = {int(item.ROINumber): str(item.get("ROIName") or "") for item in dataset.StructureSetROISequence}
    codes = {
        int(item.ReferencedROINumber): terminology_of(item)
        for item in dataset.get("RTROIObservationsSequence") or []
        if item.get("ReferencedROINumber") is not None
    }
    skipped: Counter[str] = Counter()
    empty = 0
    segments: list[Segment] = []
    masks: list[np.ndarray] = []
    for item in dataset.get("ROIContourSequence") or []:
        number = int(item.ReferencedROINumber)
        mask = np.zeros(grid.size, bool, order="F")
        for contour in item.get("ContourSequence") or []:
            reason = _fill(contour, grid, mask)
            if reason is not None:
                skipped[reason] += 1
        if mask.any():
            name = " ".join(names.get(number, "").split()) or f"segment_{number}"
            value = len(segments) + 1
            segments.append(Segment(name, value, _color(item), codes.get(number)))
            masks.append(mask)
        else:
            empty += 1
    return segments, masks, skipped, empty


def _fill(contour: Dataset, grid: Geometry, mask: np.ndarray) -> str | None:
    """Turn what lies inside a contour over; why not, where it cannot be."""
    if str(contour.get("ContourGeometricType") or "") not in _CLOSED:
        return "points or open lines"
    points = np.array([float(value) for value in contour.ContourData]).reshape(-1, 3)
    if len(points) < 3:
        return "fewer than three points"
    indices = grid.lps_to_index(points)
    spans = np.ptp(indices, axis=0)
    axis = int(spans.argmin())
    if spans[axis] > _OUT_OF_PLANE:
        return "not in the plane of a slice"
    place = float(indices[:, axis].mean())
    slice_ = round(place)
    if not 0 <= slice_ < grid.size[axis]:
        return "outside the image"
    if abs(place - slice_) > _OFF_SLICE:
        return "between two slices of the image"
    others = [other for other in range(3) if other != axis]
    outline = indices[:, others]
    low = np.maximum(np.floor(outline.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(outline.max(axis=0)).astype(int) + 1, [grid.size[other] for other in others])
    if (high <= low).any():
        return "outside the image"
    centres = np.stack(np.meshgrid(*(np.arange(a, b) for a, b in zip(low, high, strict=True)), indexing="ij"), axis=-1)
    inside = Polygon(outline, closed=False).contains_points(centres.reshape(-1, 2)).reshape(centres.shape[:2])
    where: list[slice | int] = [slice_] * 3
    for other, a, b in zip(others, low, high, strict=True):
        where[other] = slice(int(a), int(b))
    mask[tuple(where)] ^= inside
    return None


def _color(item: Dataset) -> Color | None:
    value = item.get("ROIDisplayColor")
    if value is None or len(value) != 3:
        return None
    red, green, blue = (min(255, max(0, int(one))) / 255 for one in value)
    return red, green, blue
