"""What the verbs of correcting and trying take, and what others share with them. Python's own library only."""

from __future__ import annotations

from dataclasses import dataclass, field

from .library_parameters import DeviceChoice, PlaneChoice


@dataclass(frozen=True)
class Point:
    """A point, LPS in mm, and whether what it points at belongs to a segment (by name)."""

    segment: str
    position_mm: tuple[float, float, float]
    positive: bool


@dataclass(frozen=True)
class Box:
    """Two opposite corners, LPS in mm, of a box in one slice that holds all of a segment (by name) there."""

    segment: str
    corners_mm: tuple[tuple[float, float, float], tuple[float, float, float]]


@dataclass(frozen=True)
class Preview:
    """`preview`: one slice of one segment as points and boxes change it.

    Attributes:
        image: The volume; it stays in memory for the requests that follow.
        before: The segment on that slice so far: a bit a pixel over the file's two other axes, the first one fastest,
            in base64; empty for nothing.
        plane: Of the slice.
        model: The segmenter.
        encoder: As for `start`.
        device: Where to compute.
        points: All that were set on that slice for that segment.
        boxes: The same.
    """

    image: str
    before: str = ""
    plane: PlaneChoice = "auto"
    model: str = "bundled"
    encoder: str | None = None
    device: DeviceChoice = "auto"
    points: list[Point] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)


@dataclass(frozen=True)
class Numbers:
    """`numbers`: volume, surface, diameter and intensities of the segments of a result.

    Attributes:
        image: The volume.
        segmentation: On its grid, or a part of it.
        name: Of the volume in the table.
        confidence: By segment, as far as a run tells it.
        corrected: Indices of the slices that a person corrected.
    """

    image: str
    segmentation: str
    name: str
    confidence: dict[str, float] = field(default_factory=dict)
    corrected: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class ExampleFolder:
    """`example`: made-up volumes to try everything with.

    Attributes:
        folder: Where the files go; made if it is not there.
    """

    folder: str
