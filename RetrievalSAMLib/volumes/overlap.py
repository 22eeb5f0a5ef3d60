"""How alike two masks are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Dice of two masks of one shape, 2 |A and B| / (|A| + |B|) (Dice, Ecology 26, 1945).

    1 where both are empty, 0 where one is.
    """
    together = np.count_nonzero(one) + np.count_nonzero(other)
    return float(2.0 * np.count_nonzero(one & other) / together) if together else 1.0
