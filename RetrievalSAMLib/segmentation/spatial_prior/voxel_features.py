"""What corrective learning sees of a voxel: the image around it, and where the cases' masks lie around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

_SMOOTHED = (1.0, 2.0, 4.0)
_MAPS_SMOOTHED = (1.5, 3.0)
"""Standard deviations, in voxels of the finest axis. Without smoothed maps tune hippocampi lose half a point, made-up
trunks and the organs of head and neck a whole one; with neighbours two voxels away as well, nothing is better."""

_SLOPE = 2.0
_SUREST = 0.01
_REACH = 4.0
"""Standard deviations as far as a smoothed map is taken to reach."""

IMAGE_CHANNELS = 5 + 6
"""The image, smoothed ones, its gradient's magnitude; and its six neighbours."""


@dataclass(frozen=True)
class VoxelFeatures:
    """A picture from which the features of its voxels are taken.

    Attributes:
        image: By channel, float32 (d, h, w); the first is the image itself.
        maps: By segment, how likely it is by the cases' masks, uint8 (d, h, w) in 1/255; then this smoothed.
    """

    image: Sequence[np.ndarray]
    maps: Sequence[Sequence[np.ndarray]]

    @classmethod
    def of(cls, image: np.ndarray, maps: Mapping[int, np.ndarray], spacing_mm: np.ndarray) -> VoxelFeatures:
        """Of an image and the maps of some segments.

        Args:
            image: float32 (d, h, w).
            maps: By segment, uint8 (d, h, w) in 1/255.
            spacing_mm: (3,), between voxels.
        """
        finest = spacing_mm.min() / spacing_mm
        smoothed = [ndimage.gaussian_filter(image, sigma * finest) for sigma in _SMOOTHED]
        slope = _SLOPE * ndimage.gaussian_gradient_magnitude(image, finest)
        return cls(
            [image, *smoothed, slope],
            [[one, *(_smoothed(one, sigma * finest) for sigma in _MAPS_SMOOTHED)] for one in maps.values()],
        )

    def at(self, voxels: np.ndarray) -> np.ndarray:
        """The features of some voxels, float32 (v, `IMAGE_CHANNELS` and 3 a segment).

        Args:
            voxels: Flat indices.
        """
        shape = self.image[0].shape
        seen = [one.ravel()[voxels] for one in self.image]
        place = np.array(np.unravel_index(voxels, shape))
        for axis, count in enumerate(shape):
            for towards in (-1, 1):
                beside = place.copy()
                beside[axis] = np.clip(beside[axis] + towards, 0, count - 1)
                seen.append(self.image[0][tuple(beside)])
        for likely, *smoothed in self.maps:
            p = np.clip(likely.ravel()[voxels] / np.float32(255), _SUREST, 1 - _SUREST)
            seen.append(np.log(p / (1 - p)) / 2)
            seen += [one.ravel()[voxels] / np.float32(127.5) - 1 for one in smoothed]
        return np.stack(seen, axis=1).astype(np.float32, copy=False)

    def said_at(self, voxels: np.ndarray) -> np.ndarray:
        """How likely every segment is there by the cases' masks alone, float32 (v, segments) in [0, 1]."""
        return np.stack([likely.ravel()[voxels] for likely, *_ in self.maps], axis=1) / np.float32(255)


def _smoothed(map_: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """A map smoothed where it is not 0, uint8."""
    found = ndimage.find_objects((map_ > 0).view(np.uint8))
    smoothed = np.zeros_like(map_)
    if found:
        reach = np.ceil(_REACH * sigma).astype(int)
        box = tuple(
            slice(max(0, side.start - r), min(count, side.stop + r))
            for side, r, count in zip(found[0], reach, map_.shape, strict=True)
        )
        smoothed[box] = ndimage.gaussian_filter(map_[box].astype(np.float32), sigma, truncate=_REACH).round()
    return smoothed
