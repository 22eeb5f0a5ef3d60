"""A segmentation on the grid of its image: axes turned, a cropped one put back, nothing ever resampled."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from ..errors import InputError
from .formats.nifti_places import qform_grid
from .geometry import Geometry
from .volume import Segmentation

GridChoice = Literal["own", "of-image"]
OWN: GridChoice = "own"
OF_IMAGE: GridChoice = "of-image"
_REMEDY = (
    "Give the segmentation that was drawn on this image, or resample it to the image's grid (in 3D Slicer: export it "
    "with the image as reference)."
)
_OF_IMAGE_REMEDY = (
    "Give the segmentation that was drawn on this image; or, if this one was and only lost its place, have it laid on "
    "the image's grid, voxel on voxel (on the command line: --grid of-image)."
)


def check_same_grid(a: Geometry, name_a: str, b: Geometry, name_b: str) -> None:
    """Refuse two grids that differ by more than rounding.

    Args:
        a: The grid to be found wrong, for example of a segmentation.
        name_a: What the user knows it as.
        b: The grid it should be on, for example of the image.
        name_b: What the user knows that as.

    Raises:
        InputError: Says what differs.
    """
    difference = a.difference(b)
    if difference is not None:
        raise _other_grid(a, name_a, b, name_b, difference)


def fit_to_grid(
    segmentation: Segmentation,
    name: str,
    geometry: Geometry,
    image_name: str,
    grid: GridChoice = OWN,
    *,
    cropped: bool = True,
) -> Segmentation:
    """A segmentation on exactly the grid of its image.

    Axes in another order are turned to the image's. A segmentation that Slicer cropped to its segments (the same
    voxels, fewer of them) is put back in its place; nothing is resampled. A grid that differs only by rounding is
    replaced by the image's.

    Args:
        segmentation: The segmentation.
        name: What the user knows it as.
        geometry: The image's grid.
        image_name: What the user knows the image as.
        grid: ``of-image``: where its own grid is another one of the same size, lay it on the image's, voxel on voxel;
            told in `Segmentation.notes`.
        cropped: Whether it may have fewer voxels than the image.

    Raises:
        InputError: If voxels of one do not lie on voxels of the other, if it has the image's size and lies whole voxels
            off (so it was not cropped), or if a segment reaches outside the image.
    """
    turned = _turned(segmentation, geometry)
    own = turned.geometry
    difference = own.difference(geometry)
    if difference is None:
        return replace(turned, geometry=geometry)
    if grid == OF_IMAGE and segmentation.geometry.size == geometry.size:
        what = segmentation.geometry.difference(geometry)
        note = f"its own grid ({what}) was left out: its voxels were laid on those of the image"
        return replace(segmentation, geometry=geometry, notes=(*segmentation.notes, note))
    start = voxel_offset(own, geometry)
    if start is None or own.size == geometry.size or not cropped:
        if start is not None and own.size == geometry.size:
            whole = " x ".join(map(str, map(abs, start)))
            difference = f"it has the image's size, but lies whole voxels off ({whole}): {difference}"
        raise _other_grid(own, name, geometry, image_name, difference)
    to = tuple(slice(max(0, s), max(0, min(s + n, m))) for s, n, m in zip(start, own.size, geometry.size, strict=True))
    source = tuple(slice(t.start - s, max(t.start, t.stop) - s) for t, s in zip(to, start, strict=True))
    layers = []
    for layer in turned.layers:
        whole_layer = np.zeros(geometry.size, dtype=layer.dtype, order="F")
        inside = layer[source]
        if np.count_nonzero(inside) != np.count_nonzero(layer):
            raise InputError(
                name,
                f"its segments reach outside {image_name}",
                "Give the segmentation that was drawn on this image, or crop it to the image.",
            )
        if inside.size:
            whole_layer[to] = inside
        layers.append(whole_layer)
    return replace(turned, layers=tuple(layers), geometry=geometry)


def voxel_offset(part: Geometry, whole: Geometry) -> tuple[int, int, int] | None:
    """The voxel of a grid on which the first voxel of another one lies; it may lie outside.

    Returns:
        None where voxels of one do not lie on voxels of the other.
    """
    start = np.rint(whole.lps_to_index(np.array(part.origin_mm))).astype(int)
    affine = whole.affine
    origin = affine[:3, :3] @ start + affine[:3, 3]
    moved = Geometry(part.size, whole.spacing_mm, tuple(origin), whole.direction)
    i, j, k = (int(index) for index in start)
    return (i, j, k) if part.difference(moved) is None else None


def misplaced(part: Geometry, whole: Geometry) -> str | None:
    """Why a segmentation's grid cannot be that of an image, as a clause for the user; None where it can.

    Judged by the grids alone: where the segments lie is not looked at.
    """
    part = part.reordered(part.axes_like(whole))
    difference = part.difference(whole)
    if difference is None:
        return None
    start = voxel_offset(part, whole)
    if start is None or part.size == whole.size:
        return f"the segmentation is not on the grid of the image: {difference}"
    # Slicer may save a segmentation cropped to its segments.
    if any(s + n <= 0 or s >= m for s, n, m in zip(start, part.size, whole.size, strict=True)):
        return "the segmentation lies outside the image"
    return None


def _turned(segmentation: Segmentation, geometry: Geometry) -> Segmentation:
    """With the axes in the order of another grid; no voxel is changed."""
    axes = segmentation.geometry.axes_like(geometry)
    if axes.changes_nothing:
        return segmentation
    layers = tuple(np.asfortranarray(axes.of_array(layer)) for layer in segmentation.layers)
    return replace(segmentation, layers=layers, geometry=segmentation.geometry.reordered(axes))


def _other_grid(own: Geometry, name: str, geometry: Geometry, image_name: str, difference: str) -> InputError:
    fact = f"it is not on the grid of {image_name}: {difference}"
    cause = _cause(own, name, geometry, image_name)
    remedy = _OF_IMAGE_REMEDY if own.size == geometry.size else _REMEDY
    return InputError(name, f"{fact}. {cause}" if cause else fact, remedy)


def _cause(own: Geometry, name: str, geometry: Geometry, image_name: str) -> str | None:
    """Where one of the two is a NIfTI file that places its voxels twice: whether that is why they differ."""
    for placed_twice, by, other, other_name in ((geometry, image_name, own, name), (own, name, geometry, image_name)):
        second = qform_grid(placed_twice)
        if second is not None and other.reordered(other.axes_like(second)).difference(second) is None:
            return f"The cause: {by} has a qform and a sform that disagree; {other_name} lies by the qform"
    return None
