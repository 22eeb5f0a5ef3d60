"""Points and boxes that a person sets: as they are given, in mm, and where they lie in the target's slices."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from ...errors import InputError
from ...json_files import JsonError, read_json
from ...library.names import same_name_key
from ...volumes import Segment, SliceFrame

Position = tuple[float, float, float]

_FORMAT = "docs/formats.md shows what a file of points looks like."
_FACE = 0.5 + 1e-6
"""From the middle of a voxel to its outer face, in voxels, with room for rounding."""


class PointPrompt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A point, LPS in mm, and whether what it points at belongs to a segment (by name)."""

    segment: str
    position_mm: Position
    positive: bool


class BoxPrompt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two opposite corners, LPS in mm, of a box in one slice that holds all of a segment (by name) there."""

    segment: str
    corners_mm: tuple[Position, Position]


@dataclass(frozen=True)
class PersonsPrompts:
    """All points and boxes for one volume, LPS."""

    points: tuple[PointPrompt, ...] = ()
    boxes: tuple[BoxPrompt, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.points or self.boxes)


NO_PROMPTS = PersonsPrompts()


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    coordinate_system: Literal["LPS", "RAS"]
    points: tuple[PointPrompt, ...] = ()
    boxes: tuple[BoxPrompt, ...] = ()


@dataclass(frozen=True)
class PlacedPoint:
    """A point in its slice.

    Attributes:
        place_mm: (row, column) from the outer corner of pixel (0, 0).
        pixel: (row, column) of the pixel that holds it.
        positive: Whether that pixel belongs to the segment.
    """

    place_mm: tuple[float, float]
    pixel: tuple[int, int]
    positive: bool


@dataclass(frozen=True)
class PlacedBox:
    """A box in its slice: (row, column) of two opposite corners in mm from the outer corner of pixel (0, 0)."""

    first_mm: tuple[float, float]
    last_mm: tuple[float, float]

    def inside(self, shape: tuple[int, int], spacing_mm: tuple[float, float]) -> np.ndarray:
        """Pixels whose middle lies in it, bool (h, w); of a box that holds none, the one in which its middle lies."""
        rows, columns = self._held(shape, spacing_mm)
        inside: np.ndarray = rows[:, None] & columns[None]
        return inside

    def outer(self, shape: tuple[int, int], spacing_mm: tuple[float, float]) -> PlacedBox:
        """The outer edges of these pixels: what lies between a corner and the edge of its pixel belongs to the box."""
        ends = [
            (float(found.min()) * mm, float(found.max() + 1) * mm)
            for held, mm in zip(self._held(shape, spacing_mm), spacing_mm, strict=True)
            for found in [np.flatnonzero(held)]
        ]
        return PlacedBox((ends[0][0], ends[1][0]), (ends[0][1], ends[1][1]))

    def _held(self, shape: tuple[int, int], spacing_mm: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
        """Which rows and which columns."""
        axes = []
        for axis in (0, 1):
            middles = (np.arange(shape[axis]) + 0.5) * spacing_mm[axis]
            first, last = self.first_mm[axis], self.last_mm[axis]
            within = (middles >= first - 1e-6) & (middles <= last + 1e-6)
            if not within.any():
                within[min(int((first + last) / 2 / spacing_mm[axis]), shape[axis] - 1)] = True
            axes.append(within)
        return axes[0], axes[1]


@dataclass(frozen=True)
class OnSlice:
    """What a person set for one segment in one slice: points, a box, or both."""

    points: tuple[PlacedPoint, ...]
    box: PlacedBox | None

    def holds_in(self, mask: np.ndarray) -> bool:
        """Whether a mask (h, w) agrees with every point already. What a box wants beyond its bounds, no mask tells."""
        return self.box is None and all(mask[point.pixel] == point.positive for point in self.points)

    def widened(self, shape: tuple[int, ...], spacing_mm: tuple[float, float]) -> OnSlice:
        """The same with the box at the outer edges of the pixels (h, w) that it holds."""
        if self.box is None:
            return self
        height, width = shape
        return OnSlice(self.points, self.box.outer((height, width), spacing_mm))

    @property
    def extent_mm(self) -> tuple[np.ndarray, np.ndarray]:
        """First and last corner (row, column) of what holds all of it."""
        places = [point.place_mm for point in self.points]
        if self.box is not None:
            places += [self.box.first_mm, self.box.last_mm]
        return np.min(places, axis=0), np.max(places, axis=0)


Placed = Mapping[int, Mapping[int, OnSlice]]
"""By value of the segment, by slice of the stack."""


def read_prompts(path: Path) -> PersonsPrompts:
    """Points and boxes of a file, as LPS.

    Raises:
        InputError: It cannot be read, is not such a file, or holds nothing.
    """
    try:
        given = read_json(path, _File)
    except OSError as error:
        fact = f"it cannot be read ({error.strerror or type(error).__name__})"
        raise InputError(str(path), fact, "Name a file of points.") from error
    except JsonError as error:
        raise InputError(str(path), f"it is no file of points: {error}", _FORMAT) from error
    prompts = PersonsPrompts(given.points, given.boxes)
    if not prompts:
        raise InputError(str(path), "it holds neither points nor boxes", _FORMAT)
    return prompts if given.coordinate_system == "LPS" else _turned(prompts)


def place_prompts(prompts: PersonsPrompts, frame: SliceFrame, segments: Sequence[Segment]) -> Placed:
    """Where points and boxes lie in the slices of a target.

    Args:
        prompts: LPS.
        frame: Of the target.
        segments: That may be pointed at.

    Raises:
        InputError: A segment is unknown, something lies outside the volume, a slice has two boxes for one segment, or
            what is said contradicts itself. The message names the point or box by its number and segment.
    """
    values = {same_name_key(s.name): s.value for s in segments}
    names = ", ".join(s.name for s in segments)
    points: dict[tuple[int, int], list[PlacedPoint]] = {}
    boxes: dict[tuple[int, int], PlacedBox] = {}
    for number, point in enumerate(prompts.points, start=1):
        thing = f"point {number} ({point.segment})"
        value = _value(point.segment, values, thing, names)
        index, placed = _place_point(point, frame, thing)
        before = [p for p in points.get((value, index), []) if p.pixel == placed.pixel]
        if any(p.positive != placed.positive for p in before):
            fact = "the same pixel is said to belong to the segment and not to belong to it"
            raise InputError(thing, fact, "Remove one of the two points.")
        points.setdefault((value, index), []).append(placed)
    for number, box in enumerate(prompts.boxes, start=1):
        thing = f"box {number} ({box.segment})"
        value = _value(box.segment, values, thing, names)
        index, bounds = _place_box(box, frame, thing)
        if (value, index) in boxes:
            raise InputError(thing, "its slice has another box for this segment", "Set one box a slice and segment.")
        boxes[value, index] = bounds
        inside = bounds.inside(frame.shape[1:], (frame.row_spacing_mm, frame.column_spacing_mm))
        if any(p.positive and not inside[p.pixel] for p in points.get((value, index), [])):
            fact = "a point of its slice that is said to belong to the segment lies outside it"
            raise InputError(thing, fact, "Make the box larger, or remove the point.")
    placed_all: dict[int, dict[int, OnSlice]] = {}
    for value, index in sorted(points.keys() | boxes.keys()):
        both = OnSlice(tuple(points.get((value, index), ())), boxes.get((value, index)))
        placed_all.setdefault(value, {})[index] = both
    return placed_all


def check_rivals(placed: Placed, segments: Sequence[Segment], free: Collection[int]) -> None:
    """Refuse a pixel that is said to belong to two segments, unless these may share voxels.

    Args:
        placed: Points and boxes.
        segments: Of the run.
        free: Values of those that may share voxels with others.

    Raises:
        InputError: There is one.
    """
    names = {s.value: s.name for s in segments}
    owner: dict[tuple[int, int, int], int] = {}
    for value, slices in placed.items():
        if value in free:
            continue
        for index, on_slice in slices.items():
            for pixel in (p.pixel for p in on_slice.points if p.positive):
                other = owner.setdefault((index, *pixel), value)
                if other != value:
                    raise InputError(
                        f"points ({names[other]}, {names[value]})",
                        "one pixel is said to belong to both segments, which do not overlap",
                        "Remove one of the two points.",
                    )


def _turned(prompts: PersonsPrompts) -> PersonsPrompts:
    """From RAS to LPS, or back."""

    def turned(position: Position) -> Position:
        return -position[0], -position[1], position[2]

    return PersonsPrompts(
        tuple(PointPrompt(p.segment, turned(p.position_mm), p.positive) for p in prompts.points),
        tuple(BoxPrompt(b.segment, (turned(b.corners_mm[0]), turned(b.corners_mm[1]))) for b in prompts.boxes),
    )


def _value(name: str, values: Mapping[str, int], thing: str, names: str) -> int:
    if same_name_key(name) not in values:
        raise InputError(thing, "there is no such segment here", f"Choose among {names}.")
    return values[same_name_key(name)]


def _place_point(point: PointPrompt, frame: SliceFrame, thing: str) -> tuple[int, PlacedPoint]:
    place = frame.slice_places(np.array(point.position_mm))
    if not _is_inside(place, frame):
        raise _outside(thing)
    index, row, column = (_nearest(value, count) for value, count in zip(place, frame.shape, strict=True))
    spacing = (frame.row_spacing_mm, frame.column_spacing_mm)
    place_mm = (float(place[1] + 0.5) * spacing[0], float(place[2] + 0.5) * spacing[1])
    return index, PlacedPoint(place_mm, (row, column), point.positive)


def _place_box(box: BoxPrompt, frame: SliceFrame, thing: str) -> tuple[int, PlacedBox]:
    corners = frame.slice_places(np.array(box.corners_mm))
    middle = corners.mean(axis=0)
    count, height, width = frame.shape
    low = np.maximum(corners.min(axis=0)[1:], -0.5)
    high = np.minimum(corners.max(axis=0)[1:], [height - 0.5, width - 0.5])
    if not -_FACE <= middle[0] <= count - 1 + _FACE or (low > high).any():
        raise _outside(thing)
    spacing = np.array([frame.row_spacing_mm, frame.column_spacing_mm])
    first, last = (low + 0.5) * spacing, (high + 0.5) * spacing
    bounds = PlacedBox((float(first[0]), float(first[1])), (float(last[0]), float(last[1])))
    return _nearest(middle[0], count), bounds


def _is_inside(place: np.ndarray, frame: SliceFrame) -> bool:
    return bool(((place >= -_FACE) & (place <= np.array(frame.shape) - 1 + _FACE)).all())


def _nearest(place: float, count: int) -> int:
    return min(max(int(np.floor(place + 0.5)), 0), count - 1)


def _outside(thing: str) -> InputError:
    return InputError(thing, "it lies outside the volume", "Check the volume, and the coordinate system (LPS or RAS).")
