"""Coarse alignment of cases to a target."""

from .affine import align, centred, refine
from .images import SmallImage
from .surroundings import Surroundings, lay_together
from .transform import Alignment, stack_extent_mm, stack_places_mm

__all__ = [
    "Alignment",
    "SmallImage",
    "Surroundings",
    "align",
    "centred",
    "lay_together",
    "refine",
    "stack_extent_mm",
    "stack_places_mm",
]
