"""How often each value occurs among integers, without an array of wider ones as large as the volume."""

from __future__ import annotations

import numpy as np

_AT_ONCE = 4_000_000


def value_counts(integers: np.ndarray, least: int, most: int) -> np.ndarray:
    """How often each value from the least to the most occurs.

    Args:
        integers: Of any shape and integer dtype, all of them within the two.
        least: The value that is counted first.
        most: The value that is counted last.

    Returns:
        int64 (most - least + 1,).
    """
    counts = np.zeros(most - least + 1, dtype=np.int64)
    flat = integers.ravel(order="K")  # memory order, so that nothing is copied for a transposed view
    for chunk in np.array_split(flat, max(1, flat.size // _AT_ONCE)):
        counts += np.bincount(chunk.astype(np.int64) - least, minlength=counts.size)
    return counts
