"""What every verb of the protocol takes: one dataclass a verb. Python's own library only.

Paths are absolute. `folder` is the support library's. See docs/worker.md for what comes back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

PlaneChoice = Literal["auto", "axial", "coronal", "sagittal"]
DeviceChoice = Literal["auto", "cpu", "cuda", "mps"]


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
class LibraryCreate:
    """`library.create`."""

    folder: str
    name: str | None = None


@dataclass(frozen=True)
class LibraryDescribe:
    """`library.describe`; ``thumbnails`` is a folder for pictures of the cases, or None for none."""

    folder: str
    thumbnails: str | None = None


@dataclass(frozen=True)
class MadeBy:
    """How a segmentation came about, where a model took part; never who.

    Attributes:
        model: Its name, as the report of the run has it.
        model_sha256: Of its weights, likewise.
        corrected: Slices that a person corrected, as indices along the sliced axis; None where nobody did.
    """

    model: str
    model_sha256: str
    corrected: list[int] | None = None


@dataclass(frozen=True)
class LibraryAdd:
    """`library.add`.

    Attributes:
        folder: The library.
        image: The volume.
        segmentation: Of it.
        name: Of the case; numbered unless given.
        modality: Such as MR.
        plane: Of the slices; by default chosen by the grid.
        segments: Names of those to keep, by default all.
        annotated_slices: ``drawn``: only the slices that hold a segment say anything; ``all``: empty ones too.
        made_by: None for what a person drew. With it, ``plane`` should be the one that the run sliced.
    """

    folder: str
    image: str
    segmentation: str
    name: str | None = None
    modality: str | None = None
    plane: PlaneChoice | None = None
    segments: list[str] | None = None
    annotated_slices: Literal["all", "drawn"] = "all"
    made_by: MadeBy | None = None


@dataclass(frozen=True)
class LibraryCase:
    """`library.remove`, `library.restore`, `library.case`: a case by its name or id."""

    folder: str
    case: str


@dataclass(frozen=True)
class LibraryFolder:
    """`library.verify`, `library.repair`, `library.last_review`."""

    folder: str


@dataclass(frozen=True)
class LibraryExport:
    """`library.export`; ``cases`` are ids or names, by default all."""

    folder: str
    file: str
    cases: list[str] | None = None


@dataclass(frozen=True)
class LibraryImport:
    """`library.import`; the library must exist."""

    folder: str
    file: str


@dataclass(frozen=True)
class LibraryPairs:
    """`library.pairs`: a folder to look for images with their segmentations in."""

    source: str


@dataclass(frozen=True)
class FilePair:
    """An image file and its segmentation."""

    image: str
    segmentation: str
    name: str | None = None


@dataclass(frozen=True)
class LibraryAddFiles:
    """`library.add_files`: many at once; one that cannot be added does not keep the others out."""

    folder: str
    pairs: list[FilePair]
    modality: str | None = None


@dataclass(frozen=True)
class SupportSlice:
    """One slice of a case: name or id, index along the sliced axis of the case's file."""

    case: str
    slice: int


@dataclass(frozen=True)
class LibrarySlices:
    """`library.slices`; ``thumbnails`` is the folder that the pictures go to."""

    folder: str
    slices: list[SupportSlice]
    thumbnails: str


@dataclass(frozen=True)
class LibraryReview:
    """`library.review`: leave-one-out; what is finished is kept in the library's cache."""

    folder: str
    preset: str = "fast"
    model: str = "bundled"
    encoder: str | None = None
    device: DeviceChoice = "auto"


@dataclass(frozen=True)
class LibrarySuggest:
    """`library.suggest`; ``files`` are volumes without a segmentation, ``reports`` files of reports on some of them."""

    folder: str
    files: list[str]
    reports: list[str] | None = None
    plane: PlaneChoice = "auto"
    encoder: str = "bundled"
    device: DeviceChoice = "auto"


@dataclass(frozen=True)
class NamesCheck:
    """`names.check`; ``files`` are volumes whose headers are looked at."""

    names: list[str]
    files: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class LibraryPrivacy:
    """`library.privacy`: what looks like patient data in cases, by default all, before they leave the library."""

    folder: str
    cases: list[str] | None = None


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
        preset: A name of `RetrievalSAMLib.segmentation.presets`.
        model: The segmenter.
        encoder: For retrieval; by default the one that goes with the segmenter.
        device: Where to compute.
        seed: Of every random generator.
        points: Set by a person, and carried on once everything is segmented.
        boxes: The same.
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
    "library.privacy": LibraryPrivacy,
    "names.check": NamesCheck,
    "estimate": Estimate,
    "segment": Segment,
    "refine": Refine,
    "cancel": Cancel,
    "shutdown": Nothing,
}
"""The verbs."""
