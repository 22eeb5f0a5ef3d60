"""Reading a DICOM file's header with care: whether it is DICOM, what it holds, and whether it is whole."""

from __future__ import annotations

import contextlib
import math
import mmap
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_partial
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from .frame import DicomFile, Frame, Kind, Series, Stored

_MAGIC = slice(128, 132)
START_BYTES = 132
_SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
_STRUCTURES = "1.2.840.10008.5.1.4.1.1.481.3"
_NO_IMAGES = (
    "1.2.840.10008.5.1.4.1.1.481.2",  # RT Dose: pixels, but of a dose
    "1.2.840.10008.1.3.10",  # DICOMDIR
)
_STANDARD = "1.2.840.10008."
_PIXELS = {0x7FE00008: "FloatPixelData", 0x7FE00009: "DoubleFloatPixelData", 0x7FE00010: "PixelData"}
_UNDEFINED = 0xFFFFFFFF
_OF_FILE = (
    "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "SeriesNumber", "SeriesDescription", "Modality", "ImageType",
    "InstanceNumber", "NumberOfFrames", "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "ImagesInAcquisition", "NumberOfSlices",
)  # fmt: skip
_OF_SLICE = (
    "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SpacingBetweenSlices", "SliceThickness",
    "RescaleSlope", "RescaleIntercept",
)  # fmt: skip
# In the order in which they are asked what makes two slices at one position different images.
PARTS = {
    "TemporalPositionIdentifier": "time point",
    "TemporalPositionIndex": "time point",
    "EchoNumbers": "echo",
    "EchoTime": "echo time",
    "EffectiveEchoTime": "echo time",
    "DiffusionBValue": "b-value",
    "TriggerTime": "trigger time",
    "NominalCardiacTriggerDelayTime": "trigger time",
    "AcquisitionNumber": "acquisition",
    "ImageType": "image type",
    "FrameType": "image type",
    "AcquisitionTime": "time",
}
_SHARED, _PER_FRAME = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"
_TAGS: list[BaseTag | int] = [Tag(name) for name in (*_OF_FILE, *_OF_SLICE, *PARTS, _SHARED, _PER_FRAME)]
_COLOUR = "its slices are in colour"
_FILM = "its multi-frame file does not say where each frame lies (a film, or one of the old kinds)"
_MOST_FRAMES = 100_000
# All that pydicom raises on bytes that are no DICOM.
DICOM_ENDINGS = (".dcm", ".ima", ".dicom")
DAMAGE = (
    BytesLengthException, InvalidDicomError, EOFError, ValueError, LookupError, TypeError, AttributeError,
    NotImplementedError, struct.error, ArithmeticError, RecursionError, zlib.error, AssertionError,
)  # fmt: skip


class Damaged(Exception):
    """A DICOM file is not whole; the text is the fact, as a clause."""


def looks_like_dicom(start: bytes) -> bool:
    """Whether a file begins as DICOM does, with or without the preamble.

    Args:
        start: Its first `START_BYTES`.
    """
    if start[_MAGIC] == b"DICM":
        return True
    # Old files begin with group 2 or 8 at once: a VR of two capitals, or a short length.
    if start[:2] not in (b"\x02\x00", b"\x08\x00") or len(start) < 16:
        return False
    kind = start[4:6]
    return (kind.isalpha() and kind.isupper()) or int.from_bytes(start[4:8], "little") <= 64


@dataclass(frozen=True)
class _Pixels:
    """Where a file's pixels are.

    Attributes:
        keyword: The attribute that holds them.
        length: Bytes that it claims; `_UNDEFINED` for compressed ones.
        held: Bytes that are there from its beginning to the end of the file.
    """

    keyword: str
    length: int
    held: int


def read_dataset(path: Path, tags: Iterable[int] | None = None, *, without_pixels: bool = False) -> FileDataset:
    """A file's dataset, or these elements of it, or all before its pixels.

    Raises:
        Damaged: It is no DICOM, or not whole.
        OSError: It cannot be opened.
    """
    with _mapped(path) as content:
        try:
            dataset = pydicom.dcmread(
                cast(BinaryIO, content),
                force=True,
                stop_before_pixels=without_pixels,
                specific_tags=None if tags is None else list(tags),
            )
        except DAMAGE as error:
            raise Damaged("it is cut short or damaged") from error
    _check_elements(dataset)
    return dataset


def read_file(path: Path) -> DicomFile:
    """The header of a file.

    Raises:
        Damaged: It is no DICOM, or not whole.
        OSError: It cannot be opened.
    """
    pixels: list[_Pixels] = []

    def are_pixels(tag: BaseTag, _vr: str | None, length: int) -> bool:
        if tag not in _PIXELS:
            return False
        pixels.append(_Pixels(_PIXELS[tag], length, content.size() - content.tell()))
        return True

    with _mapped(path) as content:
        try:
            dataset = read_partial(cast(BinaryIO, content), are_pixels, force=True, specific_tags=_TAGS)
        except DAMAGE as error:
            raise Damaged("it is cut short or damaged") from error
    _check_elements(dataset)
    try:
        return _understood(path, dataset, pixels[0] if pixels else None)
    except DAMAGE as error:
        raise Damaged("its header is damaged") from error


@contextlib.contextmanager
def _mapped(path: Path) -> Iterator[mmap.mmap]:
    """A file's bytes: a map gives no more than there is, whatever length a damaged element claims."""
    with path.open("rb") as stream:
        if not stream.read(1):
            raise Damaged("it is empty (0 bytes)")
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            yield content


def _check_elements(dataset: FileDataset) -> None:
    """The last element may have been cut, and pydicom takes what there is."""
    for tag in list(dataset.keys()):  # noqa: SIM118 - to go over a dataset itself would decode its elements
        element: object = dataset.get_item(tag)
        if (
            isinstance(element, RawDataElement)
            and element.length != _UNDEFINED
            and len(element.value or b"") < element.length
        ):
            raise Damaged("it is cut short")


def _understood(path: Path, dataset: FileDataset, pixels: _Pixels | None) -> DicomFile:
    sop_class = str(dataset.get("SOPClassUID") or "")
    meta_class = str(dataset.file_meta.get("MediaStorageSOPClassUID") or "")
    series = Series(
        uid=str(dataset.get("SeriesInstanceUID") or ""),
        number=_whole(dataset.get("SeriesNumber")),
        description=" ".join(str(dataset.get("SeriesDescription") or "").split()),
        modality=str(dataset.get("Modality") or ""),
    )
    # Only a DICOMDIR has its class in the file's own header alone; what else lacks one was cut there.
    kind = _kind(sop_class or (meta_class if meta_class in _NO_IMAGES else ""), pixels is not None)
    instance = str(dataset.get("SOPInstanceUID") or "")
    if kind is not Kind.IMAGE:
        return DicomFile(path, kind, instance, series)
    if pixels is None or not dataset.get("Rows") or not dataset.get("Columns"):
        raise Damaged("it ends before its pixels, or has none")
    samples = _whole(dataset.get("SamplesPerPixel")) or 1
    photometric = str(dataset.get("PhotometricInterpretation") or "MONOCHROME2")
    colour = samples > 1 or photometric not in ("MONOCHROME1", "MONOCHROME2")
    frames = _frames(path, dataset, instance, pixels.keyword != "PixelData")
    deflated = dataset.file_meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian
    _check_length(pixels, frames, samples, photometric, deflated)
    image_type = [str(value).upper() for value in _several(dataset.get("ImageType"))]
    class_name = UID(sop_class).name
    return DicomFile(
        path,
        kind,
        instance,
        series,
        frames,
        unlike_a_slice=_COLOUR if colour else _FILM if len(frames) > 1 and _PER_FRAME not in dataset else None,
        aside="LOCALIZER" in image_type or "Secondary Capture" in class_name,
        instance_number=_whole(dataset.get("InstanceNumber")),
        announced=_whole(dataset.get("NumberOfSlices")) or _whole(dataset.get("ImagesInAcquisition")),
    )


def _kind(sop_class: str, has_pixels: bool) -> Kind:
    if sop_class in _SEGMENTATIONS:
        return Kind.SEGMENTATION
    if sop_class == _STRUCTURES:
        return Kind.STRUCTURES
    if sop_class in _NO_IMAGES:
        return Kind.OTHER
    name = UID(sop_class).name
    if "Image Storage" in name or "Parametric Map" in name or has_pixels:
        return Kind.IMAGE
    if not sop_class or (name == sop_class and sop_class.startswith(_STANDARD)):
        raise Damaged("it does not say what it is (no SOP class that is known)")
    return Kind.OTHER


def _frames(path: Path, dataset: Dataset, instance: str, real: bool) -> tuple[Frame, ...]:
    count = _whole(dataset.get("NumberOfFrames")) or 1
    if count > _MOST_FRAMES:
        raise Damaged(f"it claims {count} frames")
    shape = (int(dataset.Rows), int(dataset.Columns))
    stored = Stored(
        bits_allocated=int(dataset.BitsAllocated),
        bits_stored=int(dataset.get("BitsStored") or dataset.BitsAllocated),
        signed=bool(dataset.get("PixelRepresentation") or 0),
        real=real,
    )
    shared = _first(dataset, _SHARED)
    per_frame = list(dataset.get(_PER_FRAME) or [])
    if per_frame and len(per_frame) != count:
        raise Damaged(f"it says {count} frames and places {len(per_frame)}")
    frames = []
    for index in range(count):
        groups = [per_frame[index]] if per_frame else []
        groups += [] if shared is None else [shared]
        inside = [_inner(group) for group in groups]
        # Functional groups first; a file of one frame has the same attributes at its top.
        levels: list[Dataset] = [*(item for group in inside for item in group), dataset]
        frames.append(_frame(path, index, instance, shape, stored, levels))
    return tuple(frames)


def _inner(group: Dataset) -> list[Dataset]:
    """The items of a functional group's sequences."""
    return [item for element in group if element.VR == "SQ" and element.value for item in element.value[:1]]


def _frame(
    path: Path, index: int, instance: str, shape: tuple[int, int], stored: Stored, levels: list[Dataset]
) -> Frame:
    def value(name: str) -> Any:
        return next((found for level in levels if (found := level.get(name)) not in (None, "")), None)

    stated = value("RescaleSlope")
    slope = _number(stated, 1.0)
    if slope == 0:
        raise Damaged("its RescaleSlope is 0")
    return Frame(
        path=path,
        index=index,
        instance_uid=instance,
        shape=shape,
        position_mm=_numbers(value("ImagePositionPatient"), 3),
        orientation=_axes(_numbers(value("ImageOrientationPatient"), 6)),
        pixel_mm=_lengths(_numbers(value("PixelSpacing"), 2)),
        thickness_mm=_number(value("SliceThickness")) or abs(_number(value("SpacingBetweenSlices"))) or None,
        slope=slope,
        intercept=_number(value("RescaleIntercept"), 0.0),
        says_scale=stated is not None,
        stored=stored,
        stack=str(value("StackID") or ""),
        parts=tuple((name, str(found)) for name in PARTS if (found := value(name)) is not None),
    )


def _check_length(pixels: _Pixels, frames: tuple[Frame, ...], samples: int, photometric: str, deflated: bool) -> None:
    """Uncompressed pixels must be as many as the header says."""
    if pixels.length == _UNDEFINED or deflated:  # the decoder will tell
        return
    rows, columns = frames[0].shape
    needed = math.ceil(rows * columns * samples * len(frames) * frames[0].stored.bits_allocated / 8)
    held = min(pixels.length, pixels.held)
    if held < min(needed, pixels.length) or (held < needed and photometric != "YBR_FULL_422"):
        raise Damaged(f"it is cut short: its header claims {needed} bytes of pixels, and {held} are there")


def _first(dataset: Dataset, name: str) -> Dataset | None:
    items = dataset.get(name) or []
    return items[0] if len(items) else None


def _several(value: Any) -> list[Any]:
    if value is None or isinstance(value, str):
        return [] if not value else [value]
    return list(value)


def _whole(value: Any) -> int | None:
    return None if value in (None, "") else int(value)


def _number(value: Any, default: float = 0.0) -> float:
    if value in (None, ""):
        return default
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("not finite")
    return number


def _numbers(value: Any, count: int) -> tuple[float, ...] | None:
    if value in (None, "") or len(value) == 0:
        return None
    numbers = tuple(float(one) for one in value)
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        raise ValueError(f"not {count} numbers")
    return numbers


def _lengths(numbers: tuple[float, ...] | None) -> tuple[float, ...] | None:
    if numbers is not None and min(numbers) <= 0:
        raise ValueError("a spacing that is not above zero")
    return numbers


def _axes(numbers: tuple[float, ...] | None) -> tuple[float, ...] | None:
    """Both directions have to be there, and perpendicular to within what a header rounds."""
    if numbers is None:
        return None
    row, column = numbers[:3], numbers[3:]
    lengths = math.hypot(*row), math.hypot(*column)
    if abs(lengths[0] - 1) > 0.05 or abs(lengths[1] - 1) > 0.05:
        raise ValueError("directions that are no unit vectors")
    if abs(math.fsum(a * b for a, b in zip(row, column, strict=True))) > 0.05:
        raise ValueError("directions that are not perpendicular")
    return numbers
