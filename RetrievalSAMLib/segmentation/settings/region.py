"""A box of a volume that a run is limited to, and back to the whole grid."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...errors import InputError
from ...volumes import Geometry, Segmentation, SliceFrame, Volume

Triple = tuple[int, int, int]
Box = tuple[int, int, int, int, int, int]


def box_of(text: str, thing: str) -> Box:
    """A box of voxels as a person writes it: (x0, x1, y0, y1, z0, z1), of each axis the first and the last plus one.

    Args:
        text: `0,64,0,64,10,20`.
        thing: What it is called where it was written.

    Raises:
        InputError: It is something else.
    """
    try:
        x0, x1, y0, y1, z0, z1 = (int(part) for part in text.split(","))
    except ValueError:
        raise InputError(
            thing,
            f"'{text}' is not six whole numbers",
            "Give x0,x1,y0,y1,z0,z1 in voxels, for example 0,64,0,64,10,20.",
        ) from None
    return x0, x1, y0, y1, z0, z1


@dataclass(frozen=True)
class Region:
    """A box of voxels: ``start`` is its first voxel, ``stop`` one past its last."""

    start: Triple
    stop: Triple

    @classmethod
    def of(cls, geometry: Geometry, roi: tuple[int, int, int, int, int, int] | None) -> Region:
        """The box of (x0, x1, y0, y1, z0, z1), or the whole grid.

        Raises:
            InputError: If it is empty or reaches beyond the grid.
        """
        if roi is None:
            return cls((0, 0, 0), geometry.size)
        start, stop = (roi[0], roi[2], roi[4]), (roi[1], roi[3], roi[5])
        for axis, name in enumerate("xyz"):
            if not 0 <= start[axis] < stop[axis] <= geometry.size[axis]:
                raise InputError(
                    "--roi",
                    f"{name} from {start[axis]} to {stop[axis]} is not a part of the volume's "
                    f"{geometry.size[axis]} voxels",
                    "Give x0,x1,y0,y1,z0,z1 in voxels: the first one inside and the first one behind it.",
                )
        return cls(start, stop)

    @property
    def _slices(self) -> tuple[slice, ...]:
        return tuple(slice(a, b) for a, b in zip(self.start, self.stop, strict=True))

    def slices_of(self, frame: SliceFrame) -> range:
        """The slices that reach into the box."""
        axis = frame.plane_axis
        ends = (frame.slice_index(self.start[axis]), frame.slice_index(self.stop[axis] - 1))
        return range(min(ends), max(ends) + 1)

    def inside(self, frame: SliceFrame) -> np.ndarray:
        """Which pixels of a slice (h, w) lie in the box, bool."""
        box = np.zeros(frame.geometry.size, dtype=bool)
        box[self._slices] = True
        inside: np.ndarray = frame.to_slices(box)[self.slices_of(frame).start]
        return inside

    def crop(self, volume: Volume) -> Volume:
        """The box as a volume of its own, where it was in space."""
        if self.start == (0, 0, 0) and self.stop == volume.geometry.size:
            return volume
        geometry = volume.geometry
        origin = geometry.affine @ np.array([*self.start, 1.0])
        x, y, z = (float(v) for v in origin[:3])
        a, b, c = (stop - start for start, stop in zip(self.start, self.stop, strict=True))
        padding = None if volume.padding is None else volume.padding[self._slices]
        return Volume(volume.voxels[self._slices], replace(geometry, size=(a, b, c), origin_mm=(x, y, z)), padding)

    def restore(self, segmentation: Segmentation, geometry: Geometry) -> Segmentation:
        """A segmentation of the box on the whole grid, bit for bit the grid that is given."""
        if segmentation.geometry.size == geometry.size:
            return replace(segmentation, geometry=geometry)
        layers = []
        for layer in segmentation.layers:
            whole = np.zeros(geometry.size, dtype=layer.dtype, order="F")
            whole[self._slices] = layer
            layers.append(whole)
        return replace(segmentation, layers=tuple(layers), geometry=geometry)
