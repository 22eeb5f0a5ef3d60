"""The colour in which a segment is shown: its own, else one of a palette by its value, wherever it is shown."""

from __future__ import annotations

from typing import TypeAlias

Color: TypeAlias = tuple[float, float, float]
"""Red, green, blue from 0 to 1."""

# Distinct in hue and lightness: Paul Tol's "bright" and "vibrant" schemes.
_PALETTE = (
    "4477aa", "ee6677", "228833", "ccbb44", "66ccee", "aa3377", "ee7733", "009988", "cc3311", "33bbee",
    "ee3377", "bbbbbb",
)  # fmt: skip


def shown_color(color: Color | None, value: int) -> Color:
    """The colour of a segment.

    Args:
        color: Its own, or None.
        value: Its value, from 1.
    """
    if color is not None:
        return color
    red, green, blue = (byte / 255 for byte in bytes.fromhex(_PALETTE[(value - 1) % len(_PALETTE)]))
    return red, green, blue
