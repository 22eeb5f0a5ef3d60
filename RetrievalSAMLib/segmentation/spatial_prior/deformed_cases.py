"""Cases that are bent to fit the target, but for segments for which that makes the cases disagree with each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ...alignment import Alignment, Deformation, SmallImage, deform
from ...retrieval.evidence import CaseSlices
from ...volumes import SliceStack
from .crops import Box
from .neighbours import union
from .prior_maps import PlaceMaps
from .registered_cases import each

_SHARPNESS = 0.07
"""A case counts exp(similarity where the segment lies / this). Chosen on tune cases."""


_AGREED, _TORN = 0.6, 0.2
"""Masks that agreed this well before, and agree less by so much after bending, were torn apart by it.

Where they agreed less well, affine maps may be wrong in the same way by chance. On tune volumes the masks of four of 90
segments agreed less after bending, by up to 0.16; all four were better for it, by 3 to 36 points of Dice.
"""


@dataclass(frozen=True)
class DeformedCases:
    """How cases lie once they are bent to fit.

    Attributes:
        place: Mean masks, of the segments for which bending is believed.
        by_segment: By value of these segments and number of the case, the affine map that is nearest to it there.
        deformations: By number of the case, all on one grid of the target.
    """

    place: PlaceMaps
    by_segment: Mapping[int, Mapping[int, Alignment]]
    deformations: Mapping[int, Deformation]


def deformed_cases(
    alignments: Mapping[int, Alignment],
    images: Mapping[int, SmallImage],
    fixed: SmallImage,
    before: PlaceMaps,
    boxes: Mapping[int, Box],
    load: Callable[[int], CaseSlices],
    target: SliceStack,
    progress: Callable[[int], None] = lambda done: None,
) -> DeformedCases:
    """Bend every case to the target, around all of the segments.

    Images are alike after bending whatever they show. Whether the right things lie on each other is told by the cases'
    masks, which nobody bent to fit: a segment is not taken from the bent cases where these foretell each other clearly
    less well than before.

    Args:
        alignments: By number, how the cases lie.
        images: Of the cases, by number.
        fixed: That of the target.
        before: Mean masks as the cases lie.
        boxes: By value, where the segments are looked for.
        load: Loads a case; one at a time is in memory.
        target: The target's slices.
        progress: Told how many cases are done.
    """
    if not boxes:
        return DeformedCases(PlaceMaps(target, ()), {}, {})
    low, high = union(list(boxes.values()))
    place = PlaceMaps(target, tuple(boxes))
    by_segment: dict[int, dict[int, Alignment]] = {value: {} for value in boxes}

    def bent(numbered: tuple[int, Alignment]) -> Deformation:
        number, alignment = numbered
        return deform(fixed, images[number], alignment, low, high)

    bendings = each(bent, alignments.items())
    deformations = {}
    for done, (number, deformation) in enumerate(zip(alignments, bendings, strict=True)):
        deformations[number] = deformation
        case = load(number)
        own = {value: deformation.near(*box) for value, box in boxes.items() if case.has(value)}
        weights = {value: weight_in(deformation, box) for value, box in boxes.items()}
        place.add(case, deformation, weights)
        del case  # before the next one is read
        for value, alignment in own.items():
            by_segment[value][number] = alignment
        progress(done + 1)
    believed = [value for value in boxes if not _torn(before.agreement(value), place.agreement(value))]
    return DeformedCases(place.of(believed), {value: by_segment[value] for value in believed}, deformations)


def _torn(before: float, after: float) -> bool:
    return before >= _AGREED and after < before - _TORN


def weight_in(deformation: Deformation, box: Box) -> float:
    """What a bent case counts for a segment that lies in a box."""
    return float(np.exp(deformation.similarity_in(*box) / _SHARPNESS))
