"""All slices of a volume as a few pictures that a browser loads from beside its page: greys, and outlines over them.

Sheets hold `COLUMNS` x `ROWS` slices in the stack's order; `ID.1.jpg` and `ID.1.png` are the greys and the outlines of
the first ones. Outlines are a picture of their own, so that what lies beneath can be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from contourpy import LineType, contour_generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ...drawing import Mask
from ...volumes import Color, SliceStack, write_staged

COLUMNS, ROWS = 6, 6
LONGEST_SIDE = 320
"""Pixels of the longer side of a slice."""

_QUALITY = 85
_ENLARGED = 2
"""Outlines are drawn so many times larger and then reduced, so that they are smooth."""
_LINE, _HALO = 3, 6
"""Widths of a line and of the dark one beneath it, enlarged."""


def tile_size(extent_mm: tuple[float, float]) -> tuple[int, int]:
    """Width and height in pixels of a slice of that height and width in mm: as a person has them, not as pixels lie."""
    height_mm, width_mm = extent_mm
    scale = LONGEST_SIDE / max(height_mm, width_mm)
    return max(1, round(width_mm * scale)), max(1, round(height_mm * scale))


def sheet_count(slices: int) -> int:
    """How many sheets so many slices fill."""
    return -(-slices // (COLUMNS * ROWS))


def draw_sheets(stack: SliceStack, masks: Sequence[Mask], colors: Sequence[Color], folder: Path, stem: str) -> None:
    """Write the sheets of a volume.

    Args:
        stack: Its slices.
        masks: Of its segments, (n, h, w) in the stack's orientation.
        colors: Of its segments.
        folder: Where.
        stem: What the names of the files begin with.

    Raises:
        InputError: The folder cannot be written to.
    """
    size = tile_size(stack.extent_mm)
    for number in range(sheet_count(len(stack))):
        held = range(number * COLUMNS * ROWS, min((number + 1) * COLUMNS * ROWS, len(stack)))
        rows = -(-len(held) // COLUMNS)
        greys = Image.new("L", (COLUMNS * size[0], rows * size[1]))
        lines = Image.new("RGBA", greys.size)
        for place, index in enumerate(held):
            corner = (place % COLUMNS * size[0], place // COLUMNS * size[1])
            grey = Image.fromarray(np.rint(stack.image(index) * 255).astype(np.uint8))
            greys.paste(grey.resize(size, Image.Resampling.BICUBIC), corner)
            lines.paste(_outlines([mask[index] for mask in masks], colors, size), corner)
        _save(greys, folder / f"{stem}.{number + 1}.jpg")
        _save(lines, folder / f"{stem}.{number + 1}.png")


def _save(picture: Image.Image, file: Path) -> None:
    write_staged(file, lambda staged: picture.save(staged, quality=_QUALITY))


def _outlines(masks: Sequence[NDArray[np.bool_]], colors: Sequence[Color], size: tuple[int, int]) -> Image.Image:
    """The outlines on one slice, on nothing."""
    drawn = Image.new("RGBA", (size[0] * _ENLARGED, size[1] * _ENLARGED))
    pen = ImageDraw.Draw(drawn)
    rings = [(ring, color) for mask, color in zip(masks, colors, strict=True) for ring in _rings(mask, drawn.size)]
    for ring, _ in rings:
        pen.line(ring, fill=(0, 0, 0, 150), width=_HALO, joint="curve")
    for ring, color in rings:
        red, green, blue = (round(part * 255) for part in color)
        pen.line(ring, fill=(red, green, blue, 255), width=_LINE, joint="curve")
    return drawn.reduce(_ENLARGED)


def _rings(mask: NDArray[np.bool_], size: tuple[int, int]) -> list[list[tuple[float, float]]]:
    """Where a mask ends, in pixels of a picture that it fills; at the edge of the slice too."""
    if not mask.any():
        return []
    rows, columns = mask.shape
    rimmed = np.pad(mask.astype(np.float32), 1)
    lines = contour_generator(z=rimmed, line_type=LineType.Separate).lines(0.5)
    # Pixel 0 has index 1 behind the rim, and its middle lies half a pixel inside the picture.
    scale = np.array([size[0] / columns, size[1] / rows])
    return [[(float(x), float(y)) for x, y in (np.asarray(line) - 0.5) * scale] for line in lines]
