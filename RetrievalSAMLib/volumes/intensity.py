"""Intensities of a volume on one scale: robust percentiles of the whole volume, never of a slice."""

from __future__ import annotations

import numpy as np

from .counting import value_counts
from .volume import Volume

_LOW_PERCENT, _HIGH_PERCENT = 0.5, 99.5
# The least value is taken for padding or air, and left out of the percentiles, where it fills this part of
# the voxels.
_PADDING_PART = 0.1
# Beyond p95 + this many times (p95 - p50), the 99.5th percentile is an artefact, not tissue.
_TAIL_LIMIT = 20.0


def intensity_window(voxels: Volume | np.ndarray) -> tuple[float, float]:
    """The intensities that `normalise` maps to 0 and 1: percentiles 0.5 and 99.5 of the foreground.

    `Volume.padding` is no intensity. The least value is ignored where it fills over a tenth of the rest (padding, air).
    The upper end is
    held to p95 + 20 (p95 - p50), so that a broken region of extreme values does not darken everything else.
    Percentiles are of all voxels, so the order of the axes does not matter. Where the foreground has one
    value only, the ends are the least and the greatest value.

    Args:
        voxels: A volume, or an array of any shape and any real dtype.

    Returns:
        (low, high), low <= high.
    """
    array = voxels.voxels if isinstance(voxels, Volume) else np.asarray(voxels)
    # Memory order, so that nothing is copied for a transposed view.
    flat = array.ravel(order="K")
    if isinstance(voxels, Volume) and voxels.padding is not None and not voxels.padding.all():
        flat = array[~voxels.padding]
    least, most = float(flat.min()), float(flat.max())
    few_values = flat.dtype.kind in "iu" and flat.dtype.itemsize <= 2
    low, middle, high95, high = _by_counting(flat) if few_values else _by_partition(flat)
    if high95 > middle:
        high = min(high, high95 + _TAIL_LIMIT * (high95 - middle))
    return (low, high) if low < high else (least, most)


def _positions(count: int) -> list[int]:
    return [round(percent / 100 * (count - 1)) for percent in (_LOW_PERCENT, 50, 95, _HIGH_PERCENT)]


def _by_counting(flat: np.ndarray) -> list[float]:
    """The percentiles of integers of up to 16 bits."""
    least = int(flat.min())
    counts = value_counts(flat, least, int(flat.max()))
    if _PADDING_PART * flat.size < counts[0] < flat.size:
        counts[0] = 0
    cumulative = np.cumsum(counts)
    positions = _positions(int(cumulative[-1]))
    return [float(least + np.searchsorted(cumulative, position, side="right")) for position in positions]


def _by_partition(flat: np.ndarray) -> list[float]:
    """The percentiles of values of any other type."""
    least = flat.min()
    padding = np.count_nonzero(flat == least)
    if _PADDING_PART * flat.size < padding < flat.size:
        flat = flat[flat > least]
    positions = _positions(flat.size)
    parted = np.partition(flat, positions)
    return [float(parted[position]) for position in positions]


def normalise(voxels: Volume | np.ndarray, window: tuple[float, float] | None = None) -> np.ndarray:
    """Intensities as float32 in [0, 1], by one linear map for the whole volume, clipped at its ends.

    Args:
        voxels: A volume, or all its slices in one array; give the whole volume, never a slice, unless
            ``window`` is given too.
        window: (low, high) that become 0 and 1, for example a CT window in HU; None takes `intensity_window`.

    Returns:
        A new array of the same shape. Where the window has no width, voxels above it are 1, the others 0.

    Raises:
        ValueError: If the window is not finite or its low end is above its high end.
    """
    array = voxels.voxels if isinstance(voxels, Volume) else np.asarray(voxels)
    low, high = intensity_window(array) if window is None else window
    if not (np.isfinite(low) and np.isfinite(high) and low <= high):
        raise ValueError(f"window ({low}, {high}) is not a range of finite numbers")
    if high == low:
        return (array > high).astype(np.float32)
    # float32 cannot tell large 32-bit intensities apart before the low end is taken off.
    wide = array.dtype.kind == "f" and array.dtype.itemsize > 4 or array.dtype.kind in "iu" and array.dtype.itemsize > 2
    result: np.ndarray = array.astype(np.float64 if wide else np.float32)
    np.subtract(result, low, out=result)
    np.multiply(result, 1.0 / (high - low), out=result)
    np.clip(result, 0.0, 1.0, out=result)
    return result.astype(np.float32, copy=False)
