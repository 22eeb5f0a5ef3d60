"""Slices as pictures: intensities in true proportions, segments as outlines in their colours."""

from __future__ import annotations

from .tile import Mask, Tile, draw_tile

__all__ = ["Mask", "Tile", "draw_tile"]
