"""What every verb of the protocol takes: one dataclass a verb. Python's own library only.

Paths are absolute. `folder` is the support library's. See docs/worker.md for what comes back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .desk_parameters import Box, ExampleFolder, Numbers, Point, Preview
from .library_parameters import (
    DeviceChoice,
    GridChoice,
    LibraryAdd,
    LibraryAddFiles,
    LibraryCase,
    LibraryCreate,
    LibraryDescribe,
    LibraryExport,
    LibraryFolder,
    LibraryImport,
    LibraryLearn,
    LibraryPairs,
    LibraryPrivacy,
    LibraryRename,
    LibraryReview,
    LibrarySlices,
    LibrarySuggest,
    LibraryTune,
    LibraryUnnamed,
    PlaneChoice,
    Spacing,
)


@dataclass(frozen=True)
class Nothing:
    """`ping`, `environment`, `shutdown`."""


@dataclass(frozen=True)
class Cancel:
    """`cancel`: ``of`` is the id of the request that shall end."""

    of: str


@dataclass(frozen=True)
class ModelName:
    """`models.download`, `models.remove`: a name of the catalogue."""

    name: str


@dataclass(frozen=True)
class ModelFolder:
    """`models.import`: a folder that holds official files of weights."""

    folder: str


@dataclass(frozen=True)
class DicomSeries:
    """`dicom.series`: a folder with DICOM files, or one of these files."""

    source: str


@dataclass(frozen=True)
class NamesCheck:
    """`names.check`; ``files`` are volumes whose headers are looked at."""

    names: list[str]
    files: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Estimate:
    """`estimate`: a grid instead of a file; ``direction`` holds the cosines row by row."""

    folder: str
    size: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    direction: tuple[float, float, float, float, float, float, float, float, float]
    segments: list[str] | None = None
    plane: PlaneChoice = "auto"
    roi: tuple[int, int, int, int, int, int] | None = None
    preset: str = "default"
    model: str = "bundled"
    encoder: str | None = None
    device: DeviceChoice = "auto"


def _check_seed(seed: int) -> None:
    if not -(2**63) <= seed < 2**63:
        raise ValueError("the seed has more than 64 bits")


@dataclass(frozen=True)
class Segment:
    """`segment`.

    Attributes:
        folder: The library.
        image: The volume.
        output: Where the result goes, .seg.nrrd.
        partial: A folder for what there is so far, or None for none.
        segments: Names; by default all.
        plane: Anatomical plane to slice along.
        roi: First and last-plus-one voxel of the image file by axis, or None for everything.
        preset: A name of `RetrievalSAMLib.segmentation.settings.presets`.
        model: The segmenter.
        encoder: For retrieval; by default the one that goes with the segmenter.
        device: Where to compute.
        seed: Of every random generator.
        points: Set by a person, and carried on once everything is segmented.
        boxes: The same.
        spacing_mm: As for `library.add`.
        learned: Whether to use what the library has learned and tuned.
        trust_header: Keep the order of slices that headers tell, also where images speak for the reverse one.
        clean: What is done with the masks: names of `RetrievalSAMLib.segmentation.settings.cleaning`; None for what is
            usual.
        series: Number, UID or description of the DICOM series, where the image is a folder with several.
        straighten: Resample a tilted or unevenly spaced DICOM series to a straight grid.
    """

    folder: str
    image: str
    output: str
    partial: str | None = None
    segments: list[str] | None = None
    plane: PlaneChoice = "auto"
    roi: tuple[int, int, int, int, int, int] | None = None
    preset: str = "default"
    model: str = "bundled"
    encoder: str | None = None
    device: DeviceChoice = "auto"
    seed: int = 0
    points: list[Point] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    spacing_mm: Spacing | None = None
    learned: bool = True
    trust_header: bool = False
    clean: list[str] | None = None
    series: str | None = None
    straighten: bool = False

    def __post_init__(self) -> None:
        _check_seed(self.seed)


@dataclass(frozen=True)
class Refine:
    """`refine`.

    Attributes:
        folder: The library.
        image: The volume.
        segmentation: A result of `segment` in which slices were corrected, on the volume's grid or a part of it.
        corrected: Indices of these slices along the sliced axis of the image file; may be empty with points or boxes.
        output: Where the result goes, .seg.nrrd.
        partial: As for `segment`.
        segments: Names of those that are carried on; by default all. The others stay as they are.
        plane: As for `segment`, as what follows.
        points: Set by a person: their slices are segmented again, for the segments that they name, and carried on.
        boxes: The same.
        spacing_mm: As for `library.add`.
        grid: The same.
        learned: As for `segment`.
        teach: Whether corrected slices teach a copy of what the library has learned; not without ``learned``.
        trust_header: As for `segment`.
        clean: As for `segment`.
        series: As for `segment`.
        straighten: As for `segment`.
    """

    folder: str
    image: str
    segmentation: str
    corrected: list[int]
    output: str
    partial: str | None = None
    segments: list[str] | None = None
    plane: PlaneChoice = "auto"
    roi: tuple[int, int, int, int, int, int] | None = None
    preset: str = "default"
    model: str = "bundled"
    encoder: str | None = None
    device: DeviceChoice = "auto"
    seed: int = 0
    points: list[Point] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    spacing_mm: Spacing | None = None
    grid: GridChoice = "own"
    learned: bool = True
    teach: bool = True
    trust_header: bool = False
    clean: list[str] | None = None
    series: str | None = None
    straighten: bool = False

    def __post_init__(self) -> None:
        _check_seed(self.seed)


@dataclass(frozen=True)
class Start:
    """`start`: a first case, without a library.

    Attributes:
        image: The volume.
        output: Where the result goes, .seg.nrrd.
        slices: A segmentation in which some slices are drawn, on the volume's grid or a part of it; None with points or
            boxes alone.
        drawn: Indices of the drawn slices along the sliced axis of the image file, each drawn whole: a structure that
            is not in it ends before it. None: all slices that hold any structure.
        plane: Of the drawn slices.
        model: The segmenter.
        encoder: As for `segment`: not used, and loaded for the runs that follow.
        device: Where to compute.
        seed: Of every random generator.
        points: Set by a person: their slices become drawn ones. Segments that nobody drew may be named.
        boxes: The same.
        series: As for `segment`.
        straighten: As for `segment`.
        spacing_mm: As for `library.add`.
        grid: The same.
        clean: As for `segment`; the drawn slices take the cases' place.
    """

    image: str
    output: str
    slices: str | None = None
    drawn: list[int] | None = None
    plane: PlaneChoice = "auto"
    model: str = "bundled"
    encoder: str | None = None
    device: DeviceChoice = "auto"
    seed: int = 0
    points: list[Point] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    series: str | None = None
    straighten: bool = False
    spacing_mm: Spacing | None = None
    grid: GridChoice = "own"
    clean: list[str] | None = None

    def __post_init__(self) -> None:
        _check_seed(self.seed)


PARAMETERS: dict[str, type[Any]] = {
    "ping": Nothing,
    "environment": Nothing,
    "models.download": ModelName,
    "models.import": ModelFolder,
    "models.remove": ModelName,
    "library.create": LibraryCreate,
    "library.describe": LibraryDescribe,
    "library.add": LibraryAdd,
    "library.unnamed": LibraryUnnamed,
    "library.rename": LibraryRename,
    "library.remove": LibraryCase,
    "library.restore": LibraryCase,
    "library.verify": LibraryFolder,
    "library.repair": LibraryFolder,
    "library.export": LibraryExport,
    "library.import": LibraryImport,
    "library.pairs": LibraryPairs,
    "library.add_files": LibraryAddFiles,
    "library.case": LibraryCase,
    "library.slices": LibrarySlices,
    "library.review": LibraryReview,
    "library.last_review": LibraryFolder,
    "library.suggest": LibrarySuggest,
    "library.learn": LibraryLearn,
    "library.learned": LibraryFolder,
    "library.tune": LibraryTune,
    "library.tuned": LibraryFolder,
    "library.privacy": LibraryPrivacy,
    "names.check": NamesCheck,
    "dicom.series": DicomSeries,
    "estimate": Estimate,
    "segment": Segment,
    "refine": Refine,
    "start": Start,
    "example": ExampleFolder,
    "preview": Preview,
    "numbers": Numbers,
    "cancel": Cancel,
    "shutdown": Nothing,
}
"""The verbs."""
