"""Volumes in the unit, and with the digits, that a person reads them by."""

from __future__ import annotations

_LEAST_ML = 0.1
"""Below it, cubic millimetres are told: what micro-CT sees would read 0.00 ml."""


def volume_text(volume_mm3: float, sign: str = "") -> str:
    """A volume with its unit, in about three digits: `1063 ml`, `12.3 ml`, `0.42 ml`, `12 mm3`.

    Args:
        volume_mm3: The volume, or a difference of two.
        sign: "+" to show the sign of a positive one too.
    """
    ml = volume_mm3 / 1000
    if volume_mm3 == 0:
        return "0 ml"
    if abs(ml) >= _LEAST_ML:
        decimals = 0 if abs(ml) >= 100 else 1 if abs(ml) >= 10 else 2
        return f"{ml:{sign}.{decimals}f} ml"
    return f"{volume_mm3:{sign}.0f} mm3" if abs(volume_mm3) >= 10 else f"{volume_mm3:{sign}.2g} mm3"
