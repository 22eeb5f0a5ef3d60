"""Corrections travel as the part of a result that was corrected; here it is cut out, and put back in its place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from ..errors import InputError
from ..volumes import Segmentation
from ..volumes.fitting import voxel_offset


def changed_part(
    before: Segmentation, after: Segmentation, also: Iterable[int] = (), axis: int = 2
) -> Segmentation | None:
    """The smallest box of whole slices in which two segmentations differ, from the later one.

    Args:
        before: What the other side has.
        after: On the same grid.
        also: Indices along `axis` that shall be in it whether they changed or not.
        axis: Of the array, along which the slices lie.

    Returns:
        None where the segments are others: then all of `after` has to travel.
    """
    if set(before.names) != set(after.names) or before.geometry.difference(after.geometry) is not None:
        return None
    others = tuple(one for one in range(3) if one != axis)
    changed = set(also)
    for name in after.names:
        changed.update(np.flatnonzero((before.mask(name) != after.mask(name)).any(axis=others)).tolist())
    first, last = (min(changed), max(changed)) if changed else (0, 0)
    box = [slice(0, n) for n in after.geometry.size]
    box[axis] = slice(first, last + 1)
    x, y, z = (float(part) for part in after.geometry.index_to_lps(np.array([side.start for side in box])))
    a, b, c = (side.stop - side.start for side in box)
    geometry = replace(after.geometry, size=(a, b, c), origin_mm=(x, y, z))
    return Segmentation.from_masks(after.segments, [after.mask(name)[tuple(box)] for name in after.names], geometry)


def pasted(result: Segmentation, part: Segmentation) -> Segmentation:
    """A result with a part of it as it was corrected.

    Args:
        result: On its whole grid.
        part: Voxels of that grid, for some or all of its segments, by their names.

    Raises:
        InputError: The part does not lie on the result's grid, or has a segment that the result has not.
    """
    thing, remedy = "the corrected part", "Send the whole segmentation."
    start = voxel_offset(part.geometry, result.geometry)
    size = result.geometry.size
    if start is None or any(s < 0 or s + n > m for s, n, m in zip(start, part.geometry.size, size, strict=True)):
        raise InputError(thing, "it does not lie on the grid of the result that it corrects", remedy)
    unknown = [name for name in part.names if name not in result.names]
    if unknown:
        raise InputError(thing, "it has a segment that the result has not", remedy)
    box = tuple(slice(s, s + n) for s, n in zip(start, part.geometry.size, strict=True))
    masks = []
    for name in result.names:
        mask = result.mask(name)
        if name in part.names:
            mask[box] = part.mask(name)
        masks.append(mask)
    return Segmentation.from_masks(result.segments, masks, result.geometry)
