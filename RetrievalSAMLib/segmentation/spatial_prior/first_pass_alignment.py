"""Aligning cases that the whole image could not align, by what a first look finds in the target."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ...alignment import Alignment, SmallImage, Surroundings, lay_together, refine, stack_places_mm
from ...retrieval.evidence import CaseSlices
from ...stages import PLACE, timed
from ...volumes import SliceStack
from ...volumes.counting import value_counts
from .aligned_cases import AlignedCases, likely_boxes, weight_of
from .deformed_cases import deformed_cases
from .prior_maps import PlaceMaps

_MOST = (1, 99)
"""Percentiles of the places between which nearly all that was found lies."""

_PARTS = 3
_WORTHWHILE = 0.15
"""Parts of what was found that are looked at: the largest ones, of at least this part of the largest's size."""

_WORSE = 0.1
"""Cases whose masks agree by so much less than before, in the mean over the segments, were laid on the wrong thing."""


@dataclass(frozen=True)
class _Left:
    """A case to lay on what was found: its structure's voxels (n, 3) in mm, and what is around them."""

    places_mm: np.ndarray
    surroundings: Surroundings


@timed(PLACE)
def aligned_by_finding(
    found: np.ndarray,
    before: AlignedCases,
    load: Callable[[int], CaseSlices],
    target: SliceStack,
    values: Sequence[int],
    deformable: bool = True,
) -> AlignedCases | None:
    """Align the cases that were left out by what a first pass found.

    What a first pass finds may be the neighbour that looks like the structure, or both. So there are two hypotheses:
    the structure is the largest part of what was found, or it is nearby, where the images around it are most like
    those around it in the cases. A third one is the pose that was looked for before, where one was. Every case is
    registered from each; the one under which the images fit best, over all cases, is kept. A case keeps the alignment
    that it had where that fits better still. At the end the cases are bent to fit, as far as that is believed.

    Args:
        found: bool (n, h, w), the segments in the target.
        before: The cases as they were in the first pass.
        load: Loads one.
        target: The target's slices.
        values: The segments.
        deformable: Whether the cases are bent.

    Returns:
        The cases that have any of the segments; None where none has, nothing was found, nothing changed, or the cases'
        masks agreed better with each other before. Those left out before are so again, for the next time.
    """
    parts, count = ndimage.label(found)
    if not count:
        return None
    alignments = dict(before.alignments)
    for number, alignment in _laid(parts, _left_out(before, load, values), before.posed, target).items():
        # Cases that lie centre on centre were not registered: nothing is known of how well they fit.
        known = before.place is not None and number in alignments
        if not known or alignment.similarity > alignments[number].similarity:
            alignments[number] = alignment
    if all(alignment is before.alignments.get(number) for number, alignment in alignments.items()):
        return None
    place = PlaceMaps(target, values)
    kept, images = {}, {}
    for number, alignment in sorted(alignments.items()):
        case = load(number)
        if len(case.places_mm(values)):
            kept[number], images[number] = alignment, SmallImage.of(case.stack)
            place.add(case, alignment, weight_of(alignment))
        del case  # before the next one is read
    by_segment: Mapping[int, Mapping[int, Alignment]] = {}
    bent = None
    if deformable:
        boxes = {v: box for v, box in zip(values, likely_boxes(place, values), strict=True) if box is not None}
        bent = deformed_cases(kept, images, SmallImage.of(target), place, boxes, load, target)
        place, by_segment = place.replaced(bent.place), bent.by_segment
    if before.place is not None and _agreement(place, values) < _agreement(before.place, values) - _WORSE:
        return None
    turned = before.turned_degrees
    return AlignedCases(kept, place, before.left_out, by_segment, posed=before.posed, turned_degrees=turned, bent=bent)


def _agreement(place: PlaceMaps, values: Sequence[int]) -> float:
    return float(np.mean([place.agreement(value) for value in values]))


def _left_out(before: AlignedCases, load: Callable[[int], CaseSlices], values: Sequence[int]) -> dict[int, _Left]:
    left = {}
    for number in sorted(before.left_out):
        case = load(number)
        places = case.places_mm(values)
        if len(places):
            left[number] = _Left(places, Surroundings.of(SmallImage.of(case.stack), before.left_out[number], places))
        del case  # before the next one is read
    return left


def _laid(
    parts: np.ndarray, left: Mapping[int, _Left], posed: Mapping[int, Alignment], target: SliceStack
) -> dict[int, Alignment]:
    """The cases under the best of the hypotheses; ``parts`` numbers (n, h, w) what hangs together from 1."""
    if not left:
        return {}
    sizes = value_counts(parts, 0, int(parts.max()))
    sizes[0] = 0
    largest = [p for p in np.argsort(-sizes, kind="stable")[:_PARTS] if sizes[p] >= _WORTHWHILE * sizes.max()]
    places = [stack_places_mm(target, parts == part) for part in largest]
    fixed = SmallImage.of(target)
    around = {number: case.surroundings for number, case in left.items()}

    def registered(starts: Mapping[int, Alignment], low: np.ndarray, high: np.ndarray) -> dict[int, Alignment]:
        return {n: refine(start, fixed, around[n].case, low, high) for n, start in starts.items()}

    low, high = np.percentile(places[0], _MOST, axis=0)
    on_it = registered({n: around[n].start.onto(places[0], left[n].places_mm) for n in left}, low, high)
    middles = np.stack([points.mean(axis=0) for points in places])
    starts = dict(zip(left, lay_together(fixed, list(around.values()), middles), strict=True))
    low, high = np.median([around[n].box_in_target(start) for n, start in starts.items()], axis=0)
    nearby = registered(starts, low, high)
    hypotheses = [on_it, nearby]
    if left.keys() <= posed.keys():
        hypotheses.append({number: posed[number] for number in left})
    return max(hypotheses, key=lambda laid: sum(alignment.similarity for alignment in laid.values()))
