"""Where a slice lies, as the slice views of 3D Slicer show it: a letter and mm."""

from __future__ import annotations

import numpy as np

from ..geometry import Geometry

# By right-left, anterior-posterior, inferior-superior: the letter of Slicer's views, and LPS to RAS.
_LETTERS = (("R", -1.0), ("A", -1.0), ("S", 1.0))


def slice_place(geometry: Geometry, axis: int, index: int) -> str:
    """The place of a slice, for example `S -380.5 mm`.

    It is that of the middle of the slice, along the side of the patient that the axis runs along; on an oblique
    grid other places of the slice differ.

    Args:
        geometry: Of the volume.
        axis: The array axis that is sliced.
        index: Of the slice along it, from 0.
    """
    middle = (np.array(geometry.size, dtype=np.float64) - 1) / 2
    middle[axis] = index
    place_mm = geometry.affine @ np.append(middle, 1.0)
    side = next(side for side in range(3) if geometry.anatomical_axis(side).array_axis == axis)
    letter, sign = _LETTERS[side]
    return f"{letter} {sign * place_mm[side]:.1f} mm"
