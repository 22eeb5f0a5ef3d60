"""Cases registered with a target."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from ...alignment import Alignment, Example, SmallImage, align_from, gained_by_turn, refine
from ...alignment.threads import quiet_on_one_thread
from ...retrieval.evidence import CaseSlices
from ...side_by_side import side_by_side
from ...volumes.slicing import SliceFrame
from .crops import Box

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

TRUSTED = 0.45
"""Correlation from which on an alignment is believed."""

ALIKE = 0.75
"""Mean correlation of target and cases from which on they are taken to lie alike."""

_TURNED_DEGREES = 30.0
"""From so much on a header is said not to tell how a target lies: people lie, and are looked at, otherwise by less."""

_SHOWN = 0.05
"""Correlation that a turn has to gain on the mean: round bodies come to any turn, and none is seen in them."""

_STRUCTURES = 8
"""Segments by whose masks a case is laid on others, at most: the largest ones."""

_COARSE_MASK = 64
"""Voxels a side of coarse masks, or up to twice as many."""


@dataclass(frozen=True)
class RegisteredCase:
    """A case and how it lies on the target."""

    example: Example
    alignment: Alignment

    def turned_degrees(self, frame: SliceFrame) -> float:
        """How far a target whose stack has this frame is turned within its slices, beyond what the headers tell."""
        told = self.example.directions.T @ frame.directions
        change = self.alignment.matrix[1:, 1:] @ told[1:, 1:].T
        return float(np.degrees(np.arctan2(change[1, 0] - change[0, 1], np.trace(change))))

    def registered_again(self, fixed: SmallImage) -> RegisteredCase:
        """Registered as a whole, beginning from how it lies."""
        return replace(self, alignment=align_from(self.alignment, fixed, self.example.image))

    def refined(self, fixed: SmallImage, boxes: Sequence[Box]) -> RegisteredCase:
        """Where some boxes lie in the target; as it is where there is none."""
        if not boxes:
            return self
        low, high = np.min([box[0] for box in boxes], axis=0), np.max([box[1] for box in boxes], axis=0)
        return replace(self, alignment=refine(self.alignment, fixed, self.example.image, low, high))


def refined_cases(
    cases: Mapping[int, RegisteredCase], fixed: SmallImage, boxes: Sequence[Box]
) -> dict[int, RegisteredCase]:
    """Cases registered once more where some boxes lie."""
    return dict(zip(cases, each(lambda one: one.refined(fixed, boxes), cases.values()), strict=True))


def turned_against_headers(cases: Mapping[int, RegisteredCase], fixed: SmallImage, frame: SliceFrame) -> float | None:
    """How far a target is turned within its slices, against cases that fit it, beyond what the headers tell.

    Args:
        cases: As the images have them.
        fixed: The target.
        frame: Of the target's stack.

    Returns:
        Degrees, the median of the cases that fit; None where it is too little to be more than how people differ, where
        the images fit about as well without, or none fits.
    """
    fitting = [one for one in cases.values() if one.alignment.similarity >= TRUSTED]
    if not fitting:
        return None
    apart = np.radians([one.turned_degrees(frame) for one in fitting])
    # Angles have a median where they are close together: measured from their mean direction.
    mean = np.angle(np.exp(1j * apart).mean())
    turned = float(np.degrees(mean + np.median(np.angle(np.exp(1j * (apart - mean))))))
    turned = (turned + 180) % 360 - 180
    if abs(turned) < _TURNED_DEGREES:
        return None
    gained = [gained_by_turn(one.alignment, fixed, one.example.image, one.turned_degrees(frame)) for one in fitting]
    return round(turned, 1) if np.mean(gained) >= _SHOWN else None


def each(register: Callable[[_Item], _Result], items: Iterable[_Item]) -> Iterator[_Result]:
    """Registrations side by side, each on one thread."""
    with quiet_on_one_thread():
        yield from side_by_side(register, items)


def example_of(case: CaseSlices, values: Sequence[int]) -> Example:
    """A case by whose example some segments are to be found: its image and coarse masks."""
    masks = {}
    for value in values:
        if case.has(value):
            layer, label = case.labels[value]
            drawn = np.flatnonzero(case.annotated[value])
            depth, rows, columns = (_thinned(count) for count in layer.shape)
            # A slice that nobody drew in is taken to be as the nearest one that somebody did.
            nearest = drawn[np.abs(depth[:, None] - drawn).argmin(axis=1)] if len(drawn) else depth
            mask = layer[np.ix_(nearest, rows, columns)] == label
            if mask.any():
                masks[value] = mask
    largest = sorted(masks, key=lambda value: (-np.count_nonzero(masks[value]), value))[:_STRUCTURES]
    masks = {value: masks[value] for value in sorted(largest)}
    frame = case.stack.frame
    return Example(SmallImage.of(case.stack), masks, frame.directions, frame.lost_spacing)


def _thinned(count: int) -> np.ndarray:
    """Every n-th of so many, so that few enough are left."""
    step = max(1, count // _COARSE_MASK)
    return np.arange(step // 2, count, step)
