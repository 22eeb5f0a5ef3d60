"""Where a person would click: in the largest region that is wrong."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from training.anatomy import integer


def wrong_place(found: np.ndarray, truth: np.ndarray, middle: bool = True) -> tuple[int, int, bool] | None:
    """A pixel of the largest region of error, and whether it belongs to the truth; None where nothing is wrong.

    Args:
        found: bool (h, w).
        truth: bool (h, w).
        middle: The pixel that is furthest from the region's edge; otherwise one drawn from the region.
    """
    largest, chosen, positive = 0, None, False
    for wrong, missing in ((truth & ~found, True), (found & ~truth, False)):
        regions, count = ndimage.label(wrong)
        if not count:
            continue
        areas = np.bincount(regions.ravel())[1:]
        if areas.max() > largest:
            largest, chosen, positive = int(areas.max()), regions == areas.argmax() + 1, missing
    if chosen is None:
        return None
    places = np.argwhere(chosen)
    if middle:
        depth = ndimage.distance_transform_edt(np.pad(chosen, 1))[1:-1, 1:-1]
        places = np.argwhere(depth == depth.max())
    row, column = places[len(places) // 2 if middle else integer(0, len(places))]
    return int(row), int(column), positive
