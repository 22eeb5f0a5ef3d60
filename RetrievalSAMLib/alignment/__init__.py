"""Coarse alignment of cases to a target."""

from .affine import align, centred, refine
from .images import SmallImage
from .transform import Alignment, stack_extent_mm, stack_places_mm

__all__ = ["Alignment", "SmallImage", "align", "centred", "refine", "stack_extent_mm", "stack_places_mm"]
