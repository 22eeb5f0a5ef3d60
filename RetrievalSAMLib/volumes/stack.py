"""A volume as a stack of slices with intensities on one scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .intensity import intensity_window, normalise
from .plane import Plane
from .slicing import SliceFrame, choose_plane
from .volume import Volume


@dataclass(frozen=True)
class SliceStack:
    """The slices of a volume; each is normalised when it is asked for, by the volume's own percentiles.

    Attributes:
        voxels: (n, h, w), the file's own voxels in the frame's orientation (a view).
        frame: Where the slices lie on the file's grid.
        window: Intensities that become 0 and 1.
    """

    voxels: np.ndarray
    frame: SliceFrame
    window: tuple[float, float]

    @classmethod
    def of(cls, volume: Volume, plane: Plane | None = None, window: tuple[float, float] | None = None) -> SliceStack:
        """Slice a volume; the plane by default is the one it was most likely acquired in."""
        frame = SliceFrame(volume.geometry, plane or choose_plane(volume.geometry))
        return cls(frame.to_slices(volume.voxels), frame, window or intensity_window(volume))

    def __len__(self) -> int:
        return self.frame.shape[0]

    def image(self, index: int) -> np.ndarray:
        """One slice (h, w) as float32 in [0, 1]."""
        return normalise(self.voxels[index], self.window)

    @property
    def spacing_mm(self) -> tuple[float, float]:
        """Distance between rows and between columns."""
        return self.frame.row_spacing_mm, self.frame.column_spacing_mm

    @property
    def extent_mm(self) -> tuple[float, float]:
        """Height and width of a slice."""
        _, height, width = self.frame.shape
        return height * self.frame.row_spacing_mm, width * self.frame.column_spacing_mm
