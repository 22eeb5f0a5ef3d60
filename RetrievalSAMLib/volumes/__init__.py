"""Volumes: grids, reading and writing, slicing, intensities. Imports neither torch nor Slicer."""

from __future__ import annotations

from .colors import Color, shown_color
from .geometry import AnatomicalAxis, Geometry, NiftiForm
from .intensity import intensity_window, normalise
from .reading import FORMATS, check_same_grid, fit_to_grid, read_segmentation, read_volume
from .slicing import Plane, SliceFrame, choose_plane
from .stack import SliceStack
from .volume import Segment, Segmentation, Volume
from .writing import (
    SEGMENTATION_FORMATS,
    VOLUME_FORMATS,
    check_output,
    write_segmentation,
    write_staged,
    write_volume,
)

__all__ = [
    "FORMATS",
    "SEGMENTATION_FORMATS",
    "VOLUME_FORMATS",
    "AnatomicalAxis",
    "Color",
    "Geometry",
    "NiftiForm",
    "Plane",
    "Segment",
    "Segmentation",
    "SliceFrame",
    "SliceStack",
    "Volume",
    "check_output",
    "check_same_grid",
    "choose_plane",
    "fit_to_grid",
    "intensity_window",
    "normalise",
    "read_segmentation",
    "read_volume",
    "shown_color",
    "write_segmentation",
    "write_staged",
    "write_volume",
]
