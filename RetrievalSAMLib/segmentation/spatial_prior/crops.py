"""Through which windows a target is looked at: the whole slice, or where its segments are expected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...alignment import Alignment
from ...models.window import MovedWindow, Window
from ...volumes import SliceStack
from .neighbours import MANY, neighbours, union

Box = tuple[np.ndarray, np.ndarray]
"""Two opposite corners (slices, rows, columns) in mm."""

_WORTHWHILE = 0.7
"""A closer look pays where its side is at most this part of the whole slice's."""

_LEAST_PIXELS = 24
"""Side of the smallest view in pixels of the target: enlarging fewer shows nothing but blur."""

_DETAILED = 8.0
"""Where the whole slice gives every pixel of the target this many of the network's a side, a closer look shows nothing
new: SAM 2's decoder draws masks at a quarter of its input's resolution, so these are twice as fine as the target, as
structures of two or three pixels need."""

_LIKE_SIZE = 0.5
"""Segments share a view where each alone would get one of at least this part of its side."""


@dataclass(frozen=True)
class View:
    """A window and the segments that are looked for in it.

    Attributes:
        window: In the target's slices.
        rows: The segments' places in the run.
    """

    window: Window
    rows: tuple[int, ...]


def whole_view(window: Window, segments: int) -> list[View]:
    """One view for all segments."""
    return [View(window, tuple(range(segments)))]


def one_by_one(views: Sequence[View]) -> list[View]:
    """The same views, each with one segment: they take more time and less memory together."""
    return [View(view.window, (row,)) for view in views for row in view.rows]


def close_views(
    boxes: Sequence[Box | None], target: SliceStack, whole: Window, margin: float, image_size: int
) -> list[View]:
    """Views around where the segments are expected, as few as show each at about its own scale.

    One for all of them where the slices have so few pixels that the network sees all of these in the whole one.

    Args:
        boxes: By segment; one without a box is looked for in the whole slice.
        target: The target's slices.
        whole: The window that shows the whole slice.
        margin: Side of a view, as a multiple of the box's longer side.
        image_size: Pixels a side of the network's input.
    """
    if image_size * min(target.spacing_mm) >= _DETAILED * whole.side_mm[0]:
        return whole_view(whole, len(boxes))
    alone: list[tuple[float, int, Window]] = []
    wide: list[int] = []
    for row, box in enumerate(boxes):
        window = None if box is None else window_around(box, target, margin)
        if window is None or window.side_mm[0] > _WORTHWHILE * whole.side_mm[0]:
            wide.append(row)
        else:
            alone.append((window.side_mm[0], row, window))
    if len(boxes) > MANY:
        found = _of_neighbours({row: box for _, row, _ in alone if (box := boxes[row])}, target, margin, image_size)
        return found + ([View(whole, tuple(wide))] if wide else [])
    views: list[tuple[Window, list[int]]] = []
    for side, row, window in sorted(alone, key=lambda item: (-item[0], item[1])):
        for shared, rows in views:
            if side >= _LIKE_SIZE * shared.side_mm[0] and _within(window, shared, margin):
                rows.append(row)
                break
        else:
            views.append((window, [row]))
    found = [View(window, tuple(sorted(rows))) for window, rows in views]
    return found + ([View(whole, tuple(wide))] if wide else [])


def _of_neighbours(boxes: Mapping[int, Box], target: SliceStack, margin: float, image_size: int) -> list[View]:
    """Views of many segments: one around all that lie together, by row of the run.

    They may grow as long as a view gives every pixel of the target as many of the network's as show all of it.
    """
    rows = sorted(boxes)
    within_slices = [(boxes[row][0][1:], boxes[row][1][1:]) for row in rows]
    detailed_mm = image_size * min(target.spacing_mm) / _DETAILED
    views = []
    for group in neighbours(within_slices, detailed_mm / margin):
        members = [rows[number] for number in group]
        around = union([boxes[row] for row in members])
        views.append(View(window_around(around, target, margin), tuple(members)))
    return views


def seen_in_case(window: Window, alignment: Alignment, case_depth_mm: float) -> MovedWindow:
    """A window of the target as it lies in one slice of an aligned case.

    The slice is taken to lie flat in the target, at the depth where it passes through the window's centre: an
    alignment's tilt turns the picture by less than a slice's thickness.

    Args:
        window: In the target's slices.
        alignment: Of the case.
        case_depth_mm: Depth of the slice in the case.
    """
    centre = window.centre_mm
    depth = float(alignment.depth_in_target(np.array([case_depth_mm]), *centre)[0])
    matrix = alignment.matrix[1:, 1:]
    place = alignment.to_case(np.array([depth, *centre]))[1:]
    return MovedWindow(window, matrix, place - matrix @ np.array(centre))


def window_around(box: Box, target: SliceStack, margin: float) -> Window:
    """A square around the middle of a box, its side a multiple of the box's longer side."""
    (_, top, left), (_, bottom, right) = box
    side = max(float(max(bottom - top, right - left)) * margin, _LEAST_PIXELS * min(target.spacing_mm))
    return Window((float(top + bottom) / 2, float(left + right) / 2), (side, side))


def part_shown(mask: np.ndarray, window: Window, stack: SliceStack) -> float:
    """The part of a mask (h, w) that a window shows; 1 for an empty one."""
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return 1.0
    inside = np.ones(len(rows), dtype=bool)
    for axis, pixels in enumerate((rows, columns)):
        place = (pixels + 0.5) * stack.spacing_mm[axis]
        inside &= np.abs(place - window.centre_mm[axis]) <= window.side_mm[axis] / 2
    return float(inside.mean())


def _within(window: Window, other: Window, margin: float) -> bool:
    """Whether what a window was made around lies in another window, with half the margin left."""
    room = (other.side_mm[0] - window.side_mm[0] * (1 + margin) / 2 / margin) / 2
    return all(abs(a - b) <= room for a, b in zip(window.centre_mm, other.centre_mm, strict=True))
