"""Some of a segmentation's segments alone."""

from __future__ import annotations

from collections.abc import Sequence

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.library.names import same_name_key
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
    return Segmentation.from_masks(
        segments, (segmentation.mask(index) for index in kept), segmentation.geometry
    )
