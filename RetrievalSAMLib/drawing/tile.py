"""One slice: its picture in true proportions, with outlines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import Normal, Stroke
from numpy.typing import NDArray

from ..volumes import Color

Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True)
class Tile:
    """One slice to be drawn.

    Attributes:
        image: (h, w) in [0, 1].
        spacing_mm: Between rows and between columns.
        outlines: Masks (h, w) with their colours.
        caption: Beneath the picture, for whoever lays out the page; `draw_tile` writes no text.
        detail: More of it, smaller: at the right end of the caption.
        detail_beneath: Whether the detail has a line of its own.
        reference: Masks of the truth, dashed in white.
    """

    image: NDArray[np.float32]
    spacing_mm: tuple[float, float]
    outlines: Sequence[tuple[Mask, Color]]
    caption: str = ""
    detail: str = ""
    detail_beneath: bool = False
    reference: Sequence[Mask] = ()


def draw_tile(axes: Axes, tile: Tile, proportion: float, line_points: float = 1.5) -> None:
    """Draw a slice in mm in the middle of its axes, with outlines over it.

    Args:
        axes: Where.
        tile: What.
        proportion: Height of the axes as a part of their width.
        line_points: Width of the outlines.
    """
    rows, columns = tile.image.shape
    height, width = rows * tile.spacing_mm[0], columns * tile.spacing_mm[1]
    axes.set_facecolor("black")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.imshow(
        tile.image,
        cmap="gray",
        vmin=0,
        vmax=1,
        extent=(0, width, height, 0),
        interpolation="bicubic",
        aspect="auto",
    )
    for mask, color in tile.outlines:
        _outline(axes, mask, tile.spacing_mm, color, line_points, "solid")
    for mask in tile.reference:
        _outline(axes, mask, tile.spacing_mm, (1, 1, 1), line_points * 8 / 15, "dashed")
    shown_width = max(width, height / proportion)
    shown_height = shown_width * proportion
    axes.set_xlim((width - shown_width) / 2, (width + shown_width) / 2)
    axes.set_ylim((height + shown_height) / 2, (height - shown_height) / 2)


def _outline(axes: Axes, mask: Mask, spacing_mm: tuple[float, float], color: Color, width: float, style: str) -> None:
    if not mask.any():
        return
    # A rim of background closes outlines at the edge of the slice.
    rimmed = np.pad(mask.astype(np.float32), 1)
    y = (np.arange(rimmed.shape[0]) - 0.5) * spacing_mm[0]
    x = (np.arange(rimmed.shape[1]) - 0.5) * spacing_mm[1]
    lines = axes.contour(x, y, rimmed, levels=[0.5], colors=[color], linewidths=width, linestyles=style)
    if style == "solid":
        lines.set_path_effects([Stroke(linewidth=width * 1.8, foreground="black", alpha=0.6), Normal()])
    else:
        lines.set_linestyle([(0, (3, 2))])
