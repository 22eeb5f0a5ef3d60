"""Through which views prompted slices are looked at, and what their answers change in a segmentation."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...models.window import Window
from ...volumes import Segmentation, SliceFrame, SliceStack
from ..output.mask_edits import painted, rivals_of
from ..run_state.run_context import RunContext
from ..spatial_prior.crops import View, part_shown, window_around
from .click_masks import outline
from .points_and_boxes import OnSlice
from .prompt_decoding import SAID_WEIGHT, Answer

INSIDE = 0.98
"""A view that shows less than this part of a mask looks at the wrong place."""

OWN_MARGIN = 2.0
"""Side of a view of its own, as a multiple of what it is made around: what lies beside may be larger, or elsewhere."""

_RIM = 0.05
"""A point so near to the edge of a view, as a part of its side, is not seen with what is around it."""


@dataclass(frozen=True)
class Look:
    """Prompted slices of some segments that are looked at through one view.

    Attributes:
        view: The view.
        number: Of the view in the context; None for one made for these prompts.
        slices: By segment, numbers of slices.
    """

    view: View
    number: int | None
    slices: Mapping[int, Sequence[int]]


def looks_at(
    prompts: Mapping[int, Mapping[int, OnSlice]],
    masks: Mapping[int, np.ndarray],
    context: RunContext,
    stack: SliceStack,
) -> Iterator[Look]:
    """The views of a run that show what was set; what they do not show, each in a view of its own.

    Args:
        prompts: By segment, by slice.
        masks: By segment, bool (n, h, w), as they are so far.
        context: Of the run.
        stack: The target's slices.
    """
    alone: list[Look] = []
    for number, view in enumerate(context.views):
        shown: dict[int, list[int]] = {}
        for row in view.rows:
            for index, on_slice in prompts.get(row, {}).items():
                mask = masks[row][index]
                if sees(view.window, on_slice) and part_shown(mask, view.window, stack) >= INSIDE:
                    shown.setdefault(row, []).append(index)
                else:
                    window = _around(on_slice, mask, stack, view.window)
                    alone.append(Look(View(window, (row,)), None, {row: [index]}))
        if shown:
            yield Look(view, number, shown)
    yield from alone


def with_answers(
    segmentation: Segmentation,
    frame: SliceFrame,
    answers: Mapping[int, Mapping[int, tuple[Answer, OnSlice]]],
    free: Collection[int],
) -> Segmentation:
    """A segmentation with the answers of prompted slices.

    Segments that do not overlap compete for a pixel, as everywhere: one that was not prompted by its mask so far, which
    the other's positive points push back. A positive point's own pixel is its segment's in any case.

    Args:
        segmentation: So far.
        frame: How its grid is sliced.
        answers: By place of the segment in the segmentation, by slice.
        free: Places of segments that may share voxels with others.
    """
    new: dict[int, dict[int, np.ndarray]] = {}
    for place, slices in answers.items():
        rivals = [] if place in free else rivals_of(segmentation, place, free)
        for index, (answer, on_slice) in slices.items():
            own = answer.mask.copy()
            forced = _positive_pixels(on_slice, own.shape)
            for rival in rivals:
                other = answers.get(rival, {}).get(index)
                if other is not None:
                    theirs, held = other[0].logits, other[0].mask & ~forced
                    own &= ~(held & _positive_pixels(other[1], own.shape))
                    # Equal ones go to the first.
                    wins = answer.logits > theirs if rival < place else answer.logits >= theirs
                    own &= ~held | wins | forced
                    continue
                held = new.get(rival, {}).get(index)
                if held is None:
                    held = frame.to_slices(segmentation.mask(rival))[index].copy()
                if not (held & own).any():
                    continue
                pushed_back = answer.weight * (answer.sign > 0)
                theirs = SAID_WEIGHT * (outline(held, answer.soft_pixels) * (1 - pushed_back) - pushed_back)
                own &= ~held | (answer.logits > theirs) | forced
                new.setdefault(rival, {})[index] = held & ~own
            new.setdefault(place, {})[index] = own
    return painted(segmentation, frame, new, free)


def _positive_pixels(on_slice: OnSlice, shape: tuple[int, ...]) -> np.ndarray:
    found = np.zeros(shape, dtype=bool)
    for point in on_slice.points:
        if point.positive:
            found[point.pixel] = True
    return found


def sees(window: Window, on_slice: OnSlice) -> bool:
    """Whether a window shows what was set on a slice, and what is around it."""
    first, last = on_slice.extent_mm
    middle, room = np.array(window.centre_mm), np.array(window.side_mm) * (0.5 - _RIM)
    return bool((first >= middle - room).all() and (last <= middle + room).all())


def _around(on_slice: OnSlice, mask: np.ndarray, stack: SliceStack, like: Window) -> Window:
    """Around what was set and the mask so far, at least as large as the view that was meant to show the segment."""
    first, last = on_slice.extent_mm
    rows, columns = np.nonzero(mask)
    if len(rows):
        spacing = np.array(stack.spacing_mm)
        first = np.minimum(first, np.array([rows.min(), columns.min()]) * spacing)
        last = np.maximum(last, np.array([rows.max() + 1, columns.max() + 1]) * spacing)
    window = window_around((np.array([0, *first]), np.array([0, *last])), stack, OWN_MARGIN)
    side = max(window.side_mm[0], like.side_mm[0])
    return Window(window.centre_mm, (side, side))
