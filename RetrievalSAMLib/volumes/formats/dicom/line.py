"""Where the slices of a stack lie: on one straight line along their normal, or why they make no rectangular grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ....errors import InputError
from .frame import Frame
from .stacks import Stack

# How far a slice may lie off its place on the line: by these parts of slice distance and pixel, or by what a scanner
# that writes positions to 0.1 mm rounds (0.05 mm at the slice and 0.05 mm at the ends of the line), if that is more,
# but never by so much that one of two neighbours could be missing.
_DISTANCE_PART, _PIXEL_PART, _MOST_PART = 0.02, 0.1, 0.4
_ROUNDED_MM = 0.11
_SAME_PLACE = 1e-3


@dataclass(frozen=True)
class Line:
    """Slices in order along their normal.

    Attributes:
        frames: The slices, by position.
        axes: (3, 3) float64: unit vectors along a row, along a column, and the normal; LPS.
        along_mm: (n,) positions along the normal.
        shift_mm: (n, 2) how far each slice is moved against the first one, along a row and along a column.
        pixel_mm: Distance of columns, and of rows.
    """

    frames: tuple[Frame, ...]
    axes: np.ndarray
    along_mm: np.ndarray
    shift_mm: np.ndarray
    pixel_mm: tuple[float, float]

    @property
    def step_mm(self) -> float:
        """Mean distance of the slices; of a single one, its thickness."""
        if len(self.frames) == 1:
            return self.frames[0].thickness_mm or 1.0
        return float(self.along_mm[-1] - self.along_mm[0]) / (len(self.frames) - 1)

    @property
    def typical_mm(self) -> float:
        """Median distance of neighbouring slices."""
        return float(np.median(np.diff(self.along_mm))) if len(self.frames) > 1 else self.step_mm

    @property
    def tilt_degrees(self) -> float:
        """Angle between the stack and the normal of its slices (gantry tilt)."""
        if len(self.frames) == 1:
            return 0.0
        shift = float(np.linalg.norm(self.shift_mm[-1]))
        return float(np.degrees(np.arctan2(shift, self.along_mm[-1] - self.along_mm[0])))

    def off_place_mm(self) -> np.ndarray:
        """(n,) how far each slice lies off equal distances, along the normal."""
        even = np.linspace(self.along_mm[0], self.along_mm[-1], len(self.frames))
        return np.abs(self.along_mm - even)

    def off_line_mm(self) -> np.ndarray:
        """(n,) how far each slice lies off the straight line, in its plane."""
        length = self.along_mm[-1] - self.along_mm[0]
        part = (self.along_mm - self.along_mm[0]) / length if length > 0 else np.zeros(len(self.frames))
        return np.linalg.norm(self.shift_mm - part[:, None] * self.shift_mm[-1], axis=1)

    @property
    def along_limit_mm(self) -> float:
        """How far a slice may lie off its place along the normal."""
        return _limit(self.typical_mm, _DISTANCE_PART)

    @property
    def plane_limit_mm(self) -> float:
        """How far a slice may lie off its place in its plane."""
        return _limit(min(self.typical_mm, *self.pixel_mm), _PIXEL_PART)

    @property
    def is_even(self) -> bool:
        """Whether the slices lie at equal distances."""
        return bool(self.off_place_mm().max() <= self.along_limit_mm)

    @property
    def is_upright(self) -> bool:
        """Whether they lie straight above each other."""
        return bool(np.linalg.norm(self.shift_mm, axis=1).max() <= self.plane_limit_mm)


def _limit(length_mm: float, part: float) -> float:
    return max(part * length_mm, min(_ROUNDED_MM, _MOST_PART * length_mm))


def line_of(stack: Stack, name: str) -> Line:
    """The slices of a stack in order.

    Args:
        stack: Slices that should be one volume.
        name: The folder as the user typed it.

    Raises:
        InputError: They are no slices of one volume: colours, no place in space, differing sizes, spacings or
            directions, or several at one position.
    """
    frames = stack.frames
    for file in stack.files:
        if file.unlike_a_slice:
            raise InputError(name, file.unlike_a_slice, "Give slices with one intensity a pixel, each with its place.")
    _check_stated(frames, name)
    _check_alike(frames, name)
    first = frames[0]
    axes = first.axes
    positions = np.array([frame.position_mm for frame in frames])
    along = positions @ axes[2]
    order = np.argsort(along, kind="stable")
    along, positions = along[order], positions[order]
    _check_distinct(along, [frames[index] for index in order], name)
    assert first.pixel_mm is not None
    return Line(
        frames=tuple(frames[index] for index in order),
        axes=axes,
        along_mm=along,
        shift_mm=(positions - positions[0]) @ axes[:2].T,
        pixel_mm=(first.pixel_mm[1], first.pixel_mm[0]),
    )


def check_rectangular(line: Line, name: str) -> None:
    """Refuse slices that make no rectangular grid as they lie.

    Raises:
        InputError: Slices are missing, not equally spaced, shifted, or the stack is tilted.
    """
    if len(line.frames) < 2:
        return
    gaps = np.diff(line.along_mm)
    typical = line.typical_mm
    if not line.is_even:
        at = int(np.abs(gaps - typical).argmax())
        where = f"{gaps[at]:.4g} mm between slices {at + 1} and {at + 2}, elsewhere {typical:.4g} mm"
        times = gaps[at] / typical
        if times > 1.5 and abs(times - round(times)) < 0.05 + _ROUNDED_MM / typical:
            raise InputError(
                name,
                f"slices are missing: {where}",
                "Copy the whole series into the folder; if there are no others, --straighten fills the gap in "
                "between the slices beside it.",
            )
        raise InputError(
            name,
            f"its slices are not equally spaced: {where}",
            "With --straighten it is resampled to equal distances.",
        )
    uneven = line.off_line_mm()
    if uneven.max() > line.plane_limit_mm:
        at = int(uneven.argmax())
        raise InputError(
            name,
            f"slice {at + 1} is shifted by {uneven[at]:.3g} mm in its plane",
            "With --straighten every slice is moved back by resampling.",
        )
    if not line.is_upright:
        raise InputError(
            name,
            f"its slices are sheared by {line.tilt_degrees:.3g} degrees (gantry tilt)",
            "With --straighten it is resampled to a straight grid.",
        )


def _check_stated(frames: Sequence[Frame], name: str) -> None:
    lacking = (
        (any(f.position_mm is None for f in frames), "ImagePositionPatient", "where they lie in space"),
        (any(f.orientation is None for f in frames), "ImageOrientationPatient", "which way they point"),
        (any(f.pixel_mm is None for f in frames), "PixelSpacing", "how large their pixels are"),
    )
    for missing, tag, meaning in lacking:
        if missing:
            raise InputError(
                name,
                f"its slices do not say {meaning} (no {tag})",
                "Export the series again from the archive with that tag; or load it in 3D Slicer, set what is missing "
                "in the Volumes module, and save it as .nrrd.",
            )


def _check_alike(frames: Sequence[Frame], name: str) -> None:
    first = frames[0]
    own_folder = "It holds images of several kinds: put the slices of one volume into a folder of their own."
    if len({frame.says_scale for frame in frames}) > 1:
        silent = next(frame for frame in frames if not frame.says_scale)
        raise InputError(
            name,
            f"its file {silent.path.name} has no RescaleSlope, and other slices have one",
            "Export the series again from the archive.",
        )
    if any(frame.shape != first.shape for frame in frames):
        raise InputError(name, "its slices differ in size", own_folder)
    if any(not _alike(frame.pixel_mm, first.pixel_mm, part=1e-3) for frame in frames):
        raise InputError(name, "its slices differ in pixel spacing", own_folder)
    if any(not _alike(frame.orientation, first.orientation, apart=1e-4) for frame in frames):
        raise InputError(
            name,
            "its slices are not parallel (a localiser, or a radial scan)",
            "Put the slices of one volume into a folder of their own.",
        )


def _alike(one: tuple[float, ...] | None, other: tuple[float, ...] | None, part: float = 0, apart: float = 0) -> bool:
    return one is not None and other is not None and np.allclose(one, other, rtol=part, atol=apart)


def _check_distinct(along: np.ndarray, frames: Sequence[Frame], name: str) -> None:
    if len(frames) < 2:
        return
    gaps = np.diff(along)
    if gaps.min() < _SAME_PLACE * max(float(np.median(gaps)), _SAME_PLACE):
        at = int(gaps.argmin())
        names = " and ".join(sorted({frame.path.name for frame in frames[at : at + 2]}))
        raise InputError(
            name,
            f"it has several slices at one position (time points, echoes, or copies), such as those of {names}",
            "Put the slices of one volume into a folder of their own.",
        )
