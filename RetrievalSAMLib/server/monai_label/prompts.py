"""Points and boxes of MONAI Label's interactive models (voxels of the image) as this project's (LPS in mm)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...volumes import Geometry, SliceFrame, choose_plane
from ..messages import Box, Point, Position
from ..problems import Problem

BACKGROUND = "background"
"""What MONAI Label calls points that are of no label."""


def points_of(params: dict[str, Any], names: Sequence[str], geometry: Geometry) -> list[Point]:
    """The points of a request.

    As for `deepedit`, a list of points by the name of each label, and `background`, of which no label is; or, as for
    `deepgrow`, `foreground` and `background` of the one `label`.

    Args:
        params: Of the request. A point is three whole numbers, the voxel's indices along the image's axes.
        names: Labels of the model.
        geometry: Of the image.

    Raises:
        Problem: A point is none, or outside the image.
    """
    label = params.get("label")
    found = [(name, True, _voxels(params.get(name), name, geometry)) for name in names]
    if label in names:
        found.append((str(label), True, _voxels(params.get("foreground"), "foreground", geometry)))
    negative = [str(label)] if "foreground" in params and label in names else names
    outside = _voxels(params.get(BACKGROUND), BACKGROUND, geometry)
    found += [(name, False, outside) for name in negative]
    return [
        Point(segment=name, position_mm=_position(voxel, geometry), positive=positive)
        for name, positive, voxels in found
        for voxel in voxels
    ]


def boxes_of(params: dict[str, Any], names: Sequence[str], geometry: Geometry) -> list[Box]:
    """The box around the `label` in one slice, where `roi` gives one as 3D Slicer's module does.

    Args:
        params: Of the request; `roi` is first and last voxel by axis, either of them the lower one; what reaches beyond
            the image is cut off. The slice is `slice` along the sliced axis, by default the one in the middle.
        names: Labels of the model.
        geometry: Of the image.

    Raises:
        Problem: It is no box, outside the image, or of no label.
    """
    roi = params.get("roi")
    if not roi:
        return []
    if params.get("label") not in names:
        raise Problem(422, "request", "roi", "it does not say of which label it is", "Send `label` with it.")
    if not isinstance(roi, list) or len(roi) != 6:
        raise Problem(422, "request", "roi", "it is not six numbers", "Give first and last voxel of each axis.")
    corners = _clipped(_numbers([roi[0::2], roi[1::2]], "roi"), geometry)
    axis = SliceFrame(geometry, choose_plane(geometry)).plane_axis
    where = params.get("slice")
    if not isinstance(where, int) or isinstance(where, bool):
        where = (corners[0][axis] + corners[1][axis]) // 2
    first, last = ([*corner[:axis], where, *corner[axis + 1 :]] for corner in corners)
    _check_inside(first, "slice", geometry)
    return [Box(segment=str(params["label"]), corners_mm=(_position(first, geometry), _position(last, geometry)))]


def _clipped(corners: list[list[int]], geometry: Geometry) -> list[list[int]]:
    """The part of a box that lies in the image: 3D Slicer's boxes are drawn by hand, in either direction of each axis.

    Raises:
        Problem: There is none.
    """
    lowest, highest = np.sort(np.array(corners), axis=0)
    size = np.array(geometry.size)
    if (highest < 0).any() or (lowest >= size).any():
        raise Problem(422, "request", "roi", f"it is outside the image of {_size(geometry)} voxels", "Set it again.")
    return [np.clip(corner, 0, size - 1).tolist() for corner in (lowest, highest)]


def _voxels(given: object, thing: str, geometry: Geometry) -> list[list[int]]:
    voxels = _numbers(given, thing)
    for voxel in voxels:
        _check_inside(voxel, thing, geometry)
    return voxels


def _numbers(given: object, thing: str) -> list[list[int]]:
    voxels = []
    for point in given if isinstance(given, list) else []:
        numbers = point if isinstance(point, list) else []
        if len(numbers) != 3 or any(not isinstance(n, (int, float)) or not math.isfinite(n) for n in numbers):
            raise Problem(422, "request", thing, "a point is not three numbers", "Give indices of voxels: i, j, k.")
        voxels.append([round(n) for n in numbers])
    return voxels


def _check_inside(voxel: Sequence[int], thing: str, geometry: Geometry) -> None:
    if any(not 0 <= n < size for n, size in zip(voxel, geometry.size, strict=True)):
        fact = f"a point is outside the image of {_size(geometry)} voxels"
        raise Problem(422, "request", thing, fact, "Set it again.")


def _size(geometry: Geometry) -> str:
    return " x ".join(map(str, geometry.size))


def _position(voxel: Sequence[int], geometry: Geometry) -> Position:
    x, y, z = (float(part) for part in geometry.index_to_lps(np.array(voxel, dtype=float)))
    return x, y, z
