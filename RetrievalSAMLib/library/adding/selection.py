"""Some of a segmentation: its segments by name, and the slices that were drawn in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.library.names import same_name_key
from RetrievalSAMLib.volumes.plane import Plane
from RetrievalSAMLib.volumes.slicing import SliceFrame, choose_plane
from RetrievalSAMLib.volumes.volume import Segmentation


def with_segments(segmentation: Segmentation, names: Sequence[str]) -> Segmentation:
    """A segmentation with only the segments of these names, in its own order, on its own grid.

    Values, colours and terminology stay; the voxels of the other segments are gone from the layers too.

    Args:
        segmentation: Any.
        names: At least one; upper and lower case count as one.

    Raises:
        InputError: No name is given, or there is no segment of that name.
    """
    known = {same_name_key(name) for name in segmentation.names}
    choice = f"The segments are: {', '.join(f'`{name}`' for name in segmentation.names) or 'none'}."
    if not names:
        raise InputError("segments", "none is chosen", choice)
    unknown = [name for name in names if same_name_key(name) not in known]
    if unknown:
        raise InputError(f"segment `{unknown[0]}`", "the segmentation has no such segment", choice)
    wanted = {same_name_key(name) for name in names}
    kept = [index for index, name in enumerate(segmentation.names) if same_name_key(name) in wanted]
    segments = [segmentation.segments[index] for index in kept]
    masks = (segmentation.mask(index) for index in kept)
    return Segmentation.from_masks(segments, masks, segmentation.geometry).with_notes(*segmentation.notes)


def slices_drawn_in(segmentation: Segmentation, plane: Plane | str | None) -> tuple[int, ...]:
    """The slices that hold any segment: what a person drew who drew a few slices only, each of them whole.

    Args:
        segmentation: On the grid of its image.
        plane: The plane of the slices; chosen by the grid unless given.

    Returns:
        Indices along the sliced axis, ascending.
    """
    frame = SliceFrame(segmentation.geometry, Plane(plane or choose_plane(segmentation.geometry)))
    others = tuple(axis for axis in range(3) if axis != frame.plane_axis)
    found: set[int] = set()
    for index in range(len(segmentation.segments)):
        found.update(np.flatnonzero(segmentation.mask(index).any(axis=others)).tolist())
    return tuple(sorted(found))
