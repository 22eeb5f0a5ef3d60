"""The JSON of a support library: `library.json` and `cases/<uuid>/case.json`, as msgspec Structs.

Nothing in these files names a person, a machine, or a file outside the library. The only dates are those on
which the library, a case or a version was made (UTC). Unknown fields are refused: a change of the fields is a
new `FORMAT_VERSION`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec

from RetrievalSAMLib.errors import DamagedLibraryError, InputError, NewerLibraryError
from RetrievalSAMLib.json_files import JsonError, decode_json

FORMAT: Final = "retrievalsam-library"
FORMAT_VERSION = 1
LIBRARY_FILE = "library.json"
CASE_FILE = "case.json"
IMAGE_FILE = "image.nrrd"
SEGMENTATION_FILE = "segmentation.seg.nrrd"

Sha256 = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
CaseId = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")]
VersionName = Annotated[str, msgspec.Meta(pattern=r"\Av[1-9][0-9]{0,5}\Z")]
# The only two files a version has, in a folder of the case: a damaged or hostile record cannot point
# elsewhere.
ImagePath = Annotated[str, msgspec.Meta(pattern=r"\Av[1-9][0-9]{0,5}/image\.nrrd\Z")]
SegmentationPath = Annotated[str, msgspec.Meta(pattern=r"\Av[1-9][0-9]{0,5}/segmentation\.seg\.nrrd\Z")]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
UtcTime = Annotated[datetime, msgspec.Meta(tz=True)]
Unit = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
# What is larger is no file, and no database holds it.
_LARGEST = 2**62
SliceIndex = Annotated[int, msgspec.Meta(ge=0, le=_LARGEST)]
ByteCount = Annotated[int, msgspec.Meta(ge=0, le=_LARGEST)]

Record = TypeVar("Record", bound="msgspec.Struct")


class LibraryRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What `library.json` holds."""

    format: Literal["retrievalsam-library"] = FORMAT
    format_version: Annotated[int, msgspec.Meta(ge=1)] = FORMAT_VERSION
    name: Name
    created: UtcTime


class CaseSegment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One segment of a case.

    Attributes:
        name: The segment's name.
        value: Its value in a plain label map, >= 1.
        color: Red, green, blue in 0..1, or None.
        terminology: Slicer's serialised terminology entry, or None.
        annotated_slices: Indices along the sliced axis of the file's grid on which this segment is really
            annotated, ascending; None where every slice is. Only these slices are evidence, of presence or of
            absence.
    """

    name: Name
    value: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    color: tuple[Unit, Unit, Unit] | None = None
    terminology: Annotated[str, msgspec.Meta(max_length=8192)] | None = None
    annotated_slices: tuple[SliceIndex, ...] | None = None

    def is_annotated(self, slice_index: int) -> bool:
        """Whether the slice at this index along the sliced axis of the file is evidence for this segment."""
        return self.annotated_slices is None or slice_index in self.annotated_slices


class Provenance(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where a segmentation comes from: never who made it.

    Attributes:
        origin: Drawn by a person, made by a model, or made by a model and corrected by a person.
        model: Name of the model, where one took part.
        model_sha256: Hash of that model's weights.
        corrected_slices: For `corrected`, the indices (along the sliced axis of the file) that a person
            corrected.
    """

    origin: Literal["person", "model", "corrected"] = "person"
    model: Name | None = None
    model_sha256: Sha256 | None = None
    corrected_slices: tuple[SliceIndex, ...] | None = None

    @classmethod
    def of_run(cls, model: str, model_sha256: str, corrected: Iterable[int] | None) -> Provenance:
        """What a run made; ``corrected`` are the slices that a person corrected, None where nobody did."""
        return cls(
            origin="model" if corrected is None else "corrected",
            model=model,
            model_sha256=model_sha256,
            corrected_slices=None if corrected is None else tuple(sorted(set(corrected))),
        )


class ImageFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The image of a version; a correction keeps the file of the version before it."""

    path: ImagePath
    bytes: ByteCount
    sha256: Sha256


class SegmentationFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The segmentation of a version."""

    path: SegmentationPath
    bytes: ByteCount
    sha256: Sha256


class Version(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One version of a case: its first annotation, or a correction of it.

    Attributes:
        name: `v1`, `v2`, ...
        created: When it was added (UTC).
        provenance: Where the segmentation comes from.
        segments: The segments, by ascending value.
        image: Path below the case's folder, size and sha256.
        segmentation: The same for the segmentation.
        image_hash: Hash of the image's pixels and grid; the same in every version.
        content_hash: Hash of `image_hash` and of every segment's value, name, terminology and mask.
    """

    name: VersionName
    created: UtcTime
    provenance: Provenance
    segments: Annotated[tuple[CaseSegment, ...], msgspec.Meta(min_length=1)]
    image: ImageFile
    segmentation: SegmentationFile
    image_hash: Sha256
    content_hash: Sha256

    def __post_init__(self) -> None:
        for what, seen in (
            ("value", [segment.value for segment in self.segments]),
            ("name", [segment.name for segment in self.segments]),
        ):
            if len(set(seen)) != len(seen):
                raise ValueError(f"two segments of {self.name} have one {what}")


class CaseRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What `case.json` holds.

    `segments` and `provenance` are those of the latest version, for whoever reads the file.

    Attributes:
        id: UUID, also the name of the case's folder.
        name: Unique in the library, upper and lower case taken as one.
        modality: What the user calls it (`MR`, `CT`), or None.
        plane: The anatomical plane in which the case is sliced.
        versions: Oldest first; the last is in use.
    """

    id: CaseId
    name: Name
    modality: Annotated[str, msgspec.Meta(min_length=1, max_length=32)] | None
    plane: Literal["axial", "coronal", "sagittal"]
    segments: tuple[CaseSegment, ...]
    provenance: Provenance
    versions: Annotated[tuple[Version, ...], msgspec.Meta(min_length=1)]

    def __post_init__(self) -> None:
        names = [version.name for version in self.versions]
        if names != [f"v{number}" for number in range(1, len(names) + 1)]:
            raise ValueError("the versions are not numbered v1, v2, ...")
        if (self.segments, self.provenance) != (self.versions[-1].segments, self.versions[-1].provenance):
            raise ValueError("`segments` or `provenance` are not those of the latest version")


class _Preamble(msgspec.Struct):
    """What every version of the format has, to tell a newer one from a damaged one."""

    format: str
    format_version: int


def now() -> datetime:
    """The time in UTC, to the second."""
    return datetime.now(timezone.utc).replace(microsecond=0)


def encode(record: msgspec.Struct) -> bytes:
    """A record as JSON for people: UTF-8, indented, one line feed at the end.

    Raises:
        InputError: A value in it is one that could not be read again.
    """
    data = msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"
    try:
        msgspec.json.decode(data, type=type(record))
    except msgspec.ValidationError as error:
        fact = f"a value cannot be stored ({_in_one_line(error)})"
        raise InputError("description of the case or library", fact, "Correct that value.") from error
    return data


def decode_library(data: bytes, file: str) -> LibraryRecord:
    """Read `library.json`.

    Args:
        data: What the file holds.
        file: The file's name for messages.

    Raises:
        InputError: It is of a newer format version, or the JSON of something else.
        DamagedLibraryError: It is not what this version of the format says.
    """
    preamble = _decode(data, _Preamble, file)
    if preamble.format != FORMAT:
        raise InputError(file, f"it describes `{preamble.format}`, not a support library", "Choose another folder.")
    if preamble.format_version > FORMAT_VERSION:
        raise NewerLibraryError(
            file,
            f"its format version is {preamble.format_version}, this program knows up to {FORMAT_VERSION}",
            "Update RetrievalSAM to open it. Nothing was changed.",
        )
    return _decode(data, LibraryRecord, file)


def decode_case(data: bytes, file: str) -> CaseRecord:
    """Read `case.json`; raises DamagedLibraryError where it is not what the format says."""
    return _decode(data, CaseRecord, file)


def _decode(data: bytes, kind: type[Record], file: str) -> Record:
    try:
        return decode_json(data, kind)
    except JsonError as error:
        raise damaged(file, f"it cannot be read ({error})") from error


def damaged(file: str, fact: str) -> DamagedLibraryError:
    """The error for a damaged file of a library, with what to do about it."""
    return DamagedLibraryError(
        file,
        fact,
        "Put this file back from a backup, or remove its case from the library. "
        "`retrievalsam library verify` lists every damaged file.",
    )


def _in_one_line(error: Any) -> str:
    return " ".join(str(error).split())
