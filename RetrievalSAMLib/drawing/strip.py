"""A row of slices with outlines as one small picture, without a word in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..volumes import Color, SliceStack
from .tile import Mask, Tile, draw_tile

TILE_PIXELS = 200
GAP_PIXELS = 4
_DPI = 100
_LOWEST, _HIGHEST = 0.5, 1.25
"""Height of a tile as a part of its width, at least and at most."""


@dataclass(frozen=True)
class Strip:
    """Slices of a segmented volume side by side.

    Attributes:
        stack: The volume's slices.
        masks: Of its segments, (n, h, w) in the stack's orientation.
        colors: Of its segments.
        shown: Indices of the slices, from the left.
        columns: Slices that there is room for.
    """

    stack: SliceStack
    masks: Sequence[Mask]
    colors: Sequence[Color]
    shown: Sequence[int]
    columns: int


def draw_strip(strip: Strip, path: Path) -> None:
    """Write the picture as PNG: as wide as all its columns, also where there are fewer slices."""
    height_mm, width_mm = strip.stack.extent_mm
    tall = round(TILE_PIXELS * float(np.clip(height_mm / width_mm, _LOWEST, _HIGHEST)))
    wide = strip.columns * (TILE_PIXELS + GAP_PIXELS) - GAP_PIXELS
    figure = Figure(figsize=(wide / _DPI, tall / _DPI), dpi=_DPI, facecolor="black")
    for column, index in enumerate(strip.shown):
        left = column * (TILE_PIXELS + GAP_PIXELS)
        axes = figure.add_axes((left / wide, 0.0, TILE_PIXELS / wide, 1.0))
        outlines = [(mask[index], color) for mask, color in zip(strip.masks, strip.colors, strict=True)]
        tile = Tile(strip.stack.image(index), strip.stack.spacing_mm, outlines)
        draw_tile(axes, tile, tall / TILE_PIXELS, line_points=1.0)
    with path.open("wb") as stream:
        FigureCanvasAgg(figure).print_png(stream, metadata={"Software": None})
