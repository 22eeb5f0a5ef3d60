"""Volumes: grids, reading and writing, slicing, intensities. Imports neither torch nor Slicer.

What is asked for is imported then: commands that only list cases need neither numpy nor SimpleITK.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .display.colors import Color, shown_color
    from .fitting import GridChoice, check_same_grid, fit_to_grid
    from .geometry import AnatomicalAxis, Geometry, NiftiForm
    from .intensity import intensity_window, normalise
    from .plane import Plane
    from .reading import FORMATS, read_segmentation, read_volume
    from .reading_choices import ReadingChoices
    from .slicing import SliceFrame, choose_plane
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
    "GridChoice",
    "NiftiForm",
    "Plane",
    "ReadingChoices",
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

_MODULES = {
    "display.colors": (
        "Color",
        "shown_color",
    ),
    "fitting": (
        "GridChoice",
        "check_same_grid",
        "fit_to_grid",
    ),
    "geometry": (
        "AnatomicalAxis",
        "Geometry",
        "NiftiForm",
    ),
    "intensity": (
        "intensity_window",
        "normalise",
    ),
    "reading": (
        "FORMATS",
        "read_segmentation",
        "read_volume",
    ),
    "reading_choices": ("ReadingChoices",),
    "plane": ("Plane",),
    "slicing": (
        "SliceFrame",
        "choose_plane",
    ),
    "stack": ("SliceStack",),
    "volume": (
        "Segment",
        "Segmentation",
        "Volume",
    ),
    "writing": (
        "SEGMENTATION_FORMATS",
        "VOLUME_FORMATS",
        "check_output",
        "write_segmentation",
        "write_staged",
        "write_volume",
    ),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__} has no {name}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
