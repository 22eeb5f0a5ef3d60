"""Alignment of cases to a target: coarse, and then bent to fit."""

from .affine import align, align_from, centred, gained_by_turn, refine
from .backwards import BackwardsFit, backwards_fit
from .deformable import deform
from .deformation import Deformation, Field
from .images import SmallImage
from .poses import Example, Pose, PoseSearch
from .surroundings import Surroundings, lay_together
from .transform import Alignment, stack_extent_mm, stack_places_mm

__all__ = [
    "Alignment",
    "BackwardsFit",
    "Deformation",
    "Example",
    "Field",
    "Pose",
    "PoseSearch",
    "SmallImage",
    "Surroundings",
    "align",
    "align_from",
    "backwards_fit",
    "centred",
    "deform",
    "gained_by_turn",
    "lay_together",
    "refine",
    "stack_extent_mm",
    "stack_places_mm",
]
