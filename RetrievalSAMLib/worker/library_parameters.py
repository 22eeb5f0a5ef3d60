"""What the verbs about support libraries take: one dataclass a verb. Python's own library only.

Paths are absolute. `folder` is the support library's. See docs/worker.md for what comes back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

PlaneChoice = Literal["auto", "axial", "coronal", "sagittal"]
DeviceChoice = Literal["auto", "cpu", "cuda", "mps"]
GridChoice = Literal["own", "of-image"]
Spacing = tuple[float, float, float]


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
class SegmentName:
    """A name for the segment that has a value."""

    value: int
    name: str


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
        spacing_mm: Between voxels along the array's axes, for pictures (TIFF, PNG), which do not say.
        grid: ``of-image``: a segmentation of the image's size that lost its place is laid on the image's voxels.
        series: As for `segment`.
        straighten: As for `segment`.
        names: For values of a label map, as they are in the file; the others take those of the library.
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
    spacing_mm: Spacing | None = None
    grid: GridChoice = "own"
    series: str | None = None
    straighten: bool = False
    names: list[SegmentName] = field(default_factory=list)


@dataclass(frozen=True)
class LibraryCase:
    """`library.remove`, `library.restore`, `library.case`: a case by its name or id."""

    folder: str
    case: str


@dataclass(frozen=True)
class LibraryRename:
    """`library.rename`: in a case (name or id), and in all others that have the values."""

    folder: str
    case: str
    segments: list[SegmentName]


@dataclass(frozen=True)
class LibraryFolder:
    """`library.verify`, `library.repair`, `library.last_review`, `library.learned`, `library.tuned`."""

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
    """`library.add_files`: many at once; one that cannot be added does not keep the others out.

    Attributes:
        folder: The library.
        pairs: Images with their segmentations.
        modality: Of all.
        names: For values of label maps that neither these nor the library name.
    """

    folder: str
    pairs: list[FilePair]
    modality: str | None = None
    names: list[SegmentName] = field(default_factory=list)


@dataclass(frozen=True)
class LibraryUnnamed:
    """`library.unnamed`: ``files`` are segmentations that are to be added."""

    folder: str
    files: list[str]


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
class LibraryRuns:
    """What is asked of a library whose cases are segmented by the others, and of the runs that do it."""

    folder: str
    preset: str = "default"
    model: str = "bundled"
    encoder: str | None = None
    device: DeviceChoice = "auto"


@dataclass(frozen=True)
class LibraryReview(LibraryRuns):
    """`library.review`: leave-one-out; what is finished is kept in the library's cache."""

    preset: str = "fast"


@dataclass(frozen=True)
class LibraryLearn(LibraryRuns):
    """`library.learn`: about ``minutes`` long; what was done before a cancel is not repeated the next time."""

    minutes: float = 10.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**31:
            raise ValueError("the seed is not between 0 and 2147483647")


@dataclass(frozen=True)
class LibraryTune(LibraryRuns):
    """`library.tune`: after ``minutes`` no further value is tried; runs made before a cancel are not made again."""

    minutes: float = 60.0

    def __post_init__(self) -> None:
        if not self.minutes > 0:
            raise ValueError("minutes is not more than 0")


@dataclass(frozen=True)
class LibrarySuggest:
    """`library.suggest`; ``files`` are volumes without a segmentation, ``reports`` files of reports on some of them.

    ``series``, ``straighten`` and ``spacing_mm`` are as for `segment`, for the files that they can be about.
    """

    folder: str
    files: list[str]
    reports: list[str] | None = None
    plane: PlaneChoice = "auto"
    encoder: str = "bundled"
    device: DeviceChoice = "auto"
    series: str | None = None
    straighten: bool = False
    spacing_mm: Spacing | None = None


@dataclass(frozen=True)
class LibraryPrivacy:
    """`library.privacy`: what looks like patient data in cases, by default all, before they leave the library."""

    folder: str
    cases: list[str] | None = None
