"""Checks on the voxels of label maps."""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from .counting import value_counts

MAX_SEGMENTS = 1000
MAX_VALUE = 65535
# Labels kept as floats may be this far from whole numbers.
_ROUNDING = 1e-4


def all_finite(voxels: np.ndarray) -> bool:
    """Whether no voxel is NaN or infinite, without a temporary array of the volume's size."""
    return bool(np.isfinite(voxels.min()) and np.isfinite(voxels.max()))


def as_labels(voxels: np.ndarray, thing: str) -> np.ndarray:
    """A label map as uint8 or uint16, whichever its largest value needs; not copied where it is one already.

    Args:
        voxels: Of any real dtype.
        thing: The name for messages.

    Raises:
        InputError: If values are not whole, not finite, negative or above 65535.
    """
    remedy = "A label map holds whole numbers from 0 (background) to 65535: give the segmentation, not the image."
    if voxels.dtype.kind == "f":
        if not all_finite(voxels):
            raise InputError(thing, "it has labels that are NaN or infinite", remedy)
        whole = np.rint(voxels)
        if np.abs(voxels - whole).max() > _ROUNDING:
            raise InputError(thing, "it has labels that are not whole numbers", remedy)
        voxels = whole
    elif voxels.dtype.kind not in "biu":
        raise InputError(thing, f"its voxels are of the type {voxels.dtype}, not integers", remedy)
    least, most = int(voxels.min()), int(voxels.max())
    if least < 0:
        raise InputError(thing, f"it has negative labels (down to {least})", remedy)
    if most > MAX_VALUE:
        raise InputError(thing, f"it has labels up to {most}", remedy)
    return voxels.astype(np.uint8 if most <= 255 else np.uint16, order="K", copy=False)


def label_values(labels: np.ndarray, thing: str = "label map") -> list[int]:
    """The values above 0 that occur in a label map of `as_labels`, rising.

    Raises:
        InputError: If there are more than 1000.
    """
    counts = value_counts(labels, 0, int(labels.max(initial=0)))
    values = [int(value) for value in np.flatnonzero(counts) if value > 0]
    if len(values) > MAX_SEGMENTS:
        raise InputError(
            thing,
            f"it has {len(values)} different labels, more than {MAX_SEGMENTS}",
            "It looks like an image: give its segmentation.",
        )
    return values
