"""Slices as pictures: intensities in true proportions, segments as outlines in their colours."""

from __future__ import annotations

from .colors import Color, segment_colors
from .tile import Mask, Tile, draw_tile

__all__ = ["Color", "Mask", "Tile", "draw_tile", "segment_colors"]
