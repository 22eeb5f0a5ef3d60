"""What is used of a DICOM file's header: each frame of it with its place, and what tells stacks of frames apart.

A file of one slice and a file of a thousand frames (enhanced CT, MR, PET) become the same thing here. No tag of the
patient is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np


class Kind(Enum):
    """What a DICOM file is to this program."""

    IMAGE = "image"
    SEGMENTATION = "segmentation"
    STRUCTURES = "structure set"
    OTHER = "other object"


@dataclass(frozen=True)
class Stored:
    """How a frame keeps its numbers.

    Attributes:
        bits_allocated: Of one number in the file.
        bits_stored: Of these, the bits that are used.
        signed: Whether they are a two's complement.
        real: Floats in place of integers.
    """

    bits_allocated: int
    bits_stored: int
    signed: bool
    real: bool = False


@dataclass(frozen=True)
class Series:
    """A series as a person knows it.

    Attributes:
        uid: SeriesInstanceUID.
        number: SeriesNumber, None where the file has none.
        description: SeriesDescription, perhaps empty.
        modality: Such as MR.
    """

    uid: str
    number: int | None
    description: str
    modality: str


@dataclass(frozen=True)
class Frame:
    """One slice.

    Attributes:
        path: Its file.
        index: Of the frame in the file.
        instance_uid: SOPInstanceUID of the file.
        shape: Rows and columns.
        position_mm: LPS position of the centre of the first pixel, or None where the file does not say.
        orientation: Unit vectors along a row and along a column, LPS, six numbers; or None.
        pixel_mm: Distance between the centres of neighbouring rows, and of neighbouring columns; or None.
        thickness_mm: SliceThickness, else SpacingBetweenSlices; or None.
        slope: What a stored number is multiplied by.
        intercept: What is then added.
        says_scale: Whether the file states a slope.
        stored: How the numbers are kept.
        stack: StackID of a multi-frame file.
        parts: (name, value) of what may make two frames at one place different images: time, echo, b-value.
    """

    path: Path
    index: int
    instance_uid: str
    shape: tuple[int, int]
    position_mm: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    pixel_mm: tuple[float, ...] | None
    thickness_mm: float | None
    slope: float
    intercept: float
    says_scale: bool
    stored: Stored
    stack: str
    parts: tuple[tuple[str, str], ...]

    @property
    def axes(self) -> np.ndarray:
        """(3, 3) float64: rows are the unit vectors along a row, along a column, and their normal; LPS."""
        assert self.orientation is not None
        row, column = np.array(self.orientation[:3]), np.array(self.orientation[3:])
        row = row / np.linalg.norm(row)
        column = column - row * (row @ column)
        column = column / np.linalg.norm(column)
        return np.stack([row, column, np.cross(row, column)])


@dataclass(frozen=True)
class DicomFile:
    """A DICOM file that is whole, so far as its header tells.

    Attributes:
        path: The file.
        kind: What it is.
        instance_uid: SOPInstanceUID.
        series: Of the file.
        frames: Of an image, in the file's order; of another object none.
        unlike_a_slice: Why it is no slice of a volume (colours, a film), as a clause; None for others.
        aside: Whether it is made to find one's way or to document (localiser, screenshot), not to be read.
        instance_number: InstanceNumber, or None.
        announced: How many images its acquisition has, where it says so.
    """

    path: Path
    kind: Kind
    instance_uid: str
    series: Series
    frames: tuple[Frame, ...] = ()
    unlike_a_slice: str | None = None
    aside: bool = False
    instance_number: int | None = None
    announced: int | None = None
