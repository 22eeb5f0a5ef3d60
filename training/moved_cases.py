"""Cases as another scanner would show them: turned, mirrored, cropped, with headers that say so, do not, or lie."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.volumes import Geometry, Segmentation, Volume
from RetrievalSAMLib.volumes.slicing import SliceFrame

AXES = ("slices", "rows", "columns")
"""What a case is turned about: the axis along which slices follow each other, rows do, or columns do."""


def turned_case(case: MemoryCase, degrees: float, axis: str = "slices", true_header: bool = True) -> MemoryCase:
    """A case turned about its middle, on a grid of the same spacing that is large enough for all of it.

    Args:
        case: The case; its segments must not overlap.
        degrees: How far.
        axis: One of `AXES`.
        true_header: Whether the directions of the new grid tell of the turn; else they are those of the old one.
    """
    geometry = case.image.geometry
    if degrees % 360 == 0:
        return case
    frame = SliceFrame(geometry, case.plane)
    about = (frame.plane_axis, frame.row_axis, frame.column_axis)[AXES.index(axis)]
    # From mm along the new axes to mm along the old ones.
    turn = Rotation.from_rotvec(np.radians(degrees) * np.eye(3)[about]).as_matrix()
    spacing, size = np.array(geometry.spacing_mm), np.array(geometry.size)
    corners = np.stack(np.meshgrid(*([-0.5, 0.5],) * 3, indexing="ij"), -1).reshape(-1, 3) * size * spacing
    larger = np.maximum(np.ceil(2 * np.abs(corners @ turn).max(axis=0) / spacing - 1e-6).astype(int), 1)
    matrix = turn * spacing / spacing[:, None]
    offset = (size - 1) / 2 - matrix @ ((larger - 1) / 2)
    directions = geometry.direction_matrix @ turn if true_header else geometry.direction_matrix
    middle = geometry.affine[:3] @ [*((size - 1) / 2), 1]
    x, y, z = middle - directions @ ((larger - 1) / 2 * spacing)
    i, j, k = (int(n) for n in larger)
    grid = Geometry((i, j, k), geometry.spacing_mm, (x, y, z), tuple(directions.ravel()))
    voxels = case.image.voxels
    image = ndimage.affine_transform(
        voxels.astype(np.float32), matrix, offset, grid.size, order=1, cval=float(voxels.min())
    )
    if np.issubdtype(voxels.dtype, np.integer):
        image = np.rint(image)
    labels = ndimage.affine_transform(case.segmentation.labelmap(), matrix, offset, grid.size, order=0)
    return _on_grid(case, image.astype(voxels.dtype), labels, grid)


def mirrored_case(case: MemoryCase) -> MemoryCase:
    """A case whose slices run the other way under the same header."""
    about = SliceFrame(case.image.geometry, case.plane).plane_axis
    image, labels = (np.flip(array, about).copy() for array in (case.image.voxels, case.segmentation.labelmap()))
    return _on_grid(case, image, labels, case.image.geometry)


def without_spacing(case: MemoryCase) -> MemoryCase:
    """A case all of whose voxels are said to be 1 mm."""
    grid = replace(case.image.geometry, spacing_mm=(1.0, 1.0, 1.0))
    return _on_grid(case, case.image.voxels, case.segmentation.labelmap(), grid)


def scaled_case(case: MemoryCase, factor: float) -> MemoryCase:
    """A case all of whose voxels are so many times as long along every axis: another size of body."""
    geometry = case.image.geometry
    x, y, z = (mm * factor for mm in geometry.spacing_mm)
    grid = replace(geometry, spacing_mm=(x, y, z))
    return _on_grid(case, case.image.voxels, case.segmentation.labelmap(), grid)


def cropped_case(case: MemoryCase, margin: float = 0.5) -> MemoryCase:
    """What lies around its structures: their box, and this part of its sides more at each end, as far as there is any.

    Raises:
        ValueError: No voxel of the case is labelled.
    """
    geometry, labels = case.image.geometry, case.segmentation.labelmap()
    places = np.argwhere(labels)
    if not len(places):
        raise ValueError(f"{case.name} has no structure to crop to")
    low, high = places.min(axis=0), places.max(axis=0) + 1
    more = np.ceil((high - low) * margin).astype(int)
    low, high = np.maximum(low - more, 0), np.minimum(high + more, geometry.size)
    part = tuple(slice(a, b) for a, b in zip(low.tolist(), high.tolist(), strict=True))
    i, j, k = (high - low).tolist()
    x, y, z = (geometry.affine @ [*low.tolist(), 1])[:3].tolist()
    grid = replace(geometry, size=(i, j, k), origin_mm=(x, y, z))
    return _on_grid(case, case.image.voxels[part].copy(), labels[part].copy(), grid)


def with_wrong_header(case: MemoryCase, degrees: float = 90.0) -> MemoryCase:
    """A case whose header tells of a turn within the slices that its image does not show."""
    geometry = case.image.geometry
    about = SliceFrame(geometry, case.plane).plane_axis
    turn = Rotation.from_rotvec(np.radians(degrees) * np.eye(3)[about]).as_matrix()
    grid = replace(geometry, direction=tuple((geometry.direction_matrix @ turn).ravel().tolist()))
    return _on_grid(case, case.image.voxels, case.segmentation.labelmap(), grid)


def _on_grid(case: MemoryCase, image: np.ndarray, labels: np.ndarray, grid: Geometry) -> MemoryCase:
    segmentation = Segmentation.from_masks(
        case.segmentation.segments, [labels == segment.value for segment in case.segmentation.segments], grid
    )
    return MemoryCase(case.name, Volume(image, grid), segmentation, case.plane)
