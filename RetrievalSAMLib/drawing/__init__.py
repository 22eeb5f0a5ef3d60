"""Slices as pictures: intensities in true proportions, segments as outlines in their colours."""

from __future__ import annotations

from .choosing import slices_with_segments, spread
from .strip import Strip, draw_strip
from .tile import Mask, Tile, draw_tile

__all__ = ["Mask", "Strip", "Tile", "draw_strip", "draw_tile", "slices_with_segments", "spread"]
