"""Where in a target the surroundings of a case's structure are seen again: a search over all places, by the images."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy import fft

from .images import SmallImage
from .threads import quiet_on_one_thread
from .transform import Alignment

_REACH = 7
"""Voxels from the middle of a picture of the surroundings to its side."""

_MARGIN = 1.6
"""Side of that picture, as a multiple of the structure's: enough to show what is beside it, and little more."""

_MOST = (1, 99)
"""Percentiles of the places between which nearly all of a structure lies."""

_SCALES = (0.76, 0.87, 1.0, 1.15, 1.32)
"""People differ in size by about this much."""


@dataclass(frozen=True)
class Surroundings:
    """A case, and which part of it is to be found again.

    Attributes:
        case: The case.
        start: From the target to the case; gives the scale to begin with.
        low_mm: Corner (slices, rows, columns) of the structure's box, in the case.
        high_mm: The opposite corner.
        centre_mm: The structure's centre of mass, in the case.
    """

    case: SmallImage
    start: Alignment
    low_mm: np.ndarray
    high_mm: np.ndarray
    centre_mm: np.ndarray

    @classmethod
    def of(cls, case: SmallImage, start: Alignment, places_mm: np.ndarray) -> Surroundings:
        """Around a structure given by its voxels, float (n, 3) in mm, n > 0; a few far ones do not count."""
        low, high = np.percentile(places_mm, _MOST, axis=0)
        return cls(case, start, low, high, places_mm.mean(axis=0))

    def box_in_target(self, alignment: Alignment) -> np.ndarray:
        """Opposite corners (2, 3) in mm of the structure's box as an alignment lays it over the target."""
        corners = np.array(list(itertools.product(*zip(self.low_mm, self.high_mm, strict=True))))
        moved = alignment.to_target(corners)
        return np.stack([moved.min(axis=0), moved.max(axis=0)])

    def half_side_mm(self) -> float:
        """Half the longer side of the structure within the slices, in the target's mm."""
        return float(((self.high_mm - self.low_mm) / self.start.scale)[1:].max()) / 2

    def depth_mm(self) -> float:
        """How deep in the target the start puts the structure's centre."""
        return float(self.start.to_target(self.centre_mm)[0])


def lay_together(target: SmallImage, parts: Sequence[Surroundings], near_mm: np.ndarray) -> list[Alignment]:
    """Lay all cases on one place of the target: where their surroundings together correlate best with it.

    Together, as one case alone is often more like a neighbour that looks alike. The place is at most half a structure
    away from one of some points, and about as deep as the starts put it: a dozen slices do not tell the depth.

    Args:
        target: The fixed image.
        parts: One a case.
        near_mm: float (k, 3), the points (slices, rows, columns), of which the depth is not used.

    Returns:
        By case. Its scale is the likeliest for that place; its similarity that of the picture of the surroundings.
    """
    with quiet_on_one_thread():
        half = float(np.median([part.half_side_mm() for part in parts]))
        fixed = target.coarser(max(half * _MARGIN / _REACH, 1e-3))
        step = np.array(fixed.GetSpacing())[::-1]
        voxels = sitk.GetArrayFromImage(fixed).astype(np.float32)
        depth = float(np.median([part.depth_mm() for part in parts]))
        allowed = _near(voxels.shape, step, near_mm, depth, half)
        maps = np.stack([[_likeness(voxels, _picture(part, step, scale)) for scale in _SCALES] for part in parts])
    agreed = maps.max(axis=1).mean(axis=0)
    depth_at, row, column = np.unravel_index(int(np.where(allowed, agreed, -np.inf).argmax()), agreed.shape)
    place = (np.array([depth_at, row, column]) + 0.5) * step
    found = []
    for part, by_scale in zip(parts, maps[:, :, depth_at, row, column], strict=True):
        matrix = part.start.matrix * _SCALES[int(by_scale.argmax())]
        found.append(Alignment(matrix, part.centre_mm - matrix @ place, float(by_scale.max())))
    return found


def _near(
    shape: tuple[int, ...], step: np.ndarray, near_mm: np.ndarray, depth_mm: float, reach_mm: float
) -> np.ndarray:
    """Voxels within reach of one of some points, and about as deep as said; bool of the shape."""
    depths, rows, columns = ((np.arange(n) + 0.5) * mm for n, mm in zip(shape, step, strict=True))
    deep = np.abs(depths - depth_mm) <= max(1.5 * step[0], np.abs(depths - depth_mm).min())
    beside = np.zeros(shape[1:], dtype=bool)
    for _, row, column in near_mm:
        away = np.hypot((rows - row)[:, None], columns - column)
        beside |= away <= max(reach_mm, float(away.min()))
    return deep[:, None, None] & beside


def _picture(part: Surroundings, step: np.ndarray, scale: float) -> tuple[np.ndarray, int]:
    """The surroundings on a grid as the target's: float32 (n, 15, 15), and the number of slices before the centre."""
    matrix = part.start.matrix * scale
    thick = part.start.scale * scale * step
    before = round(float((part.centre_mm - part.low_mm)[0] / thick[0]))
    behind = round(float((part.high_mm - part.centre_mm)[0] / thick[0]))
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(matrix[::-1, ::-1].ravel().tolist())
    transform.SetTranslation(part.centre_mm[::-1].tolist())
    origin = -np.array([before, _REACH, _REACH]) * step
    picture = sitk.Resample(
        part.case.coarser(float(thick[1:].min())),
        [2 * _REACH + 1, 2 * _REACH + 1, before + behind + 1],
        transform,
        sitk.sitkLinear,
        origin[::-1].tolist(),
        step[::-1].tolist(),
        np.eye(3).ravel().tolist(),
        0.0,
    )
    return sitk.GetArrayFromImage(picture), before


def _likeness(voxels: np.ndarray, picture: tuple[np.ndarray, int]) -> np.ndarray:
    """Pearson's correlation of a picture with every place of an image, 0 outside that; of the image's shape."""
    pattern, before = picture
    pattern = pattern - pattern.mean()
    padding = [(before, len(pattern) - 1 - before), (_REACH, _REACH), (_REACH, _REACH)]
    padded = np.pad(voxels, padding)
    # What wraps around lies outside of what is kept.
    shape = [fft.next_fast_len(n, real=True) for n in padded.shape]
    kept = tuple(slice(n) for n in voxels.shape)

    def sums(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        both = fft.rfftn(image, shape) * np.conj(fft.rfftn(kernel, shape))
        found: np.ndarray = fft.irfftn(both, shape)[kept]
        return found

    ones = np.ones_like(pattern)
    spread = np.maximum(sums(padded**2, ones) - sums(padded, ones) ** 2 / pattern.size, 1e-6 * pattern.size)
    scale = np.sqrt(spread * max(float((pattern**2).sum()), 1e-6 * pattern.size))
    likeness: np.ndarray = sums(padded, pattern) / scale
    return likeness
