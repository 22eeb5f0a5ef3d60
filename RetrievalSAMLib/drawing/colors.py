"""Colours of segments, also of those that have none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

Color: TypeAlias = tuple[float, float, float]

# For segments without a colour: Paul Tol's "bright" scheme.
_PALETTE = ("4477aa", "ee6677", "228833", "ccbb44", "66ccee", "aa3377", "bbbbbb")


def segment_colors(colors: Iterable[Color | None]) -> list[Color]:
    """A colour for each segment, in order.

    Args:
        colors: Red, green, blue from 0 to 1, or None for a segment that has no colour of its own.
    """
    chosen: list[Color] = []
    for number, own in enumerate(colors):
        red, green, blue = (byte / 255 for byte in bytes.fromhex(_PALETTE[number % len(_PALETTE)]))
        chosen.append(own or (red, green, blue))
    return chosen
