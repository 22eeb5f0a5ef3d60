"""MetaImage headers, looked at before ITK reads them: it believes every number in them.

Format: https://itk.org/Wiki/ITK/MetaIO/Documentation
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...errors import InputError
from ..claims import check_beside, check_claim, check_surplus, damaged_content, size_of, spare_bytes, unpack

# Sizes are MetaIO's own, whatever a `long` is elsewhere.
_DTYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_ASCII_CHAR": "i1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4",
    "MET_UINT": "u4", "MET_LONG": "i4", "MET_ULONG": "u4", "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}  # fmt: skip
_WHOLE = re.compile("[0-9]{1,18}")
# ITK keeps a line in a buffer of fixed length, and at most ten dimensions.
_LONGEST_LINE_BYTES = 2048
_MOST_LINES = 1000
_MOST_DIMENSIONS = 10
_IN_THIS_FILE = "LOCAL"
_SLOPE, _OFFSET = "ElementToIntensityFunctionSlope", "ElementToIntensityFunctionOffset"


class MetaImageHeader(NamedTuple):
    """What a header says of its voxels, held against the files there are.

    Attributes:
        size: Voxels along every axis.
        channels: Numbers a voxel.
        dtype: Of one of them, byte order included.
        encoding: ``raw``, ``zlib`` or ``text``.
        file: That holds the voxels; None where several do.
        start: Byte at which they start in it.
    """

    size: tuple[int, ...]
    channels: int
    dtype: np.dtype
    encoding: str
    file: Path | None
    start: int

    @property
    def can_be_read_here(self) -> bool:
        """Whether `read_metaimage_voxels` reads it; else SimpleITK does."""
        return self.file is not None and self.encoding != "text" and self.channels == 1


def check_metaimage(path: Path, name: str) -> MetaImageHeader:
    """Refuse a header that claims more than there is, or less, or voxels from elsewhere.

    Args:
        path: A .mha or .mhd file.
        name: Its name as the user typed it, for messages.

    Raises:
        InputError: It does, or it cannot be read.
    """
    fields, header_bytes = metaimage_fields(path, name)
    dimensions = _numbers(fields, "NDims", name)
    if len(dimensions) != 1 or not 1 <= dimensions[0] <= _MOST_DIMENSIONS:
        raise _damaged(name, "NDims is no number of dimensions")
    size = _numbers(fields, "DimSize", name)
    if len(size) != dimensions[0]:
        raise _damaged(name, "NDims and DimSize contradict each other")
    if min(size) < 1:
        raise InputError(name, "it is empty: an axis has no voxels", "Export it again.")
    _check_counts(fields, dimensions[0], name)
    kind = _DTYPES.get(fields.get("ElementType", "").removesuffix("_ARRAY"))
    if kind is None:
        raise _damaged(name, "ElementType is no type of numbers")
    if (_number(fields, _SLOPE, 1.0, name), _number(fields, _OFFSET, 0.0, name)) != (1.0, 0.0):
        fact = f"its header scales the voxels ({_SLOPE}, {_OFFSET}), which few programs heed"
        raise InputError(name, fact, "Save it with the values that are meant, as .nrrd or .nii.gz.")
    order = ">" if _is_true(fields, "ElementByteOrderMSB") or _is_true(fields, "BinaryDataByteOrderMSB") else "<"
    dtype = np.dtype(order + kind)
    channels = _numbers(fields, "ElementNumberOfChannels", name)[0] if "ElementNumberOfChannels" in fields else 1
    packed = _is_true(fields, "CompressedData")
    encoding = "text" if not _is_true(fields, "BinaryData", "True") else "zlib" if packed else "raw"
    file, start = _place_of_voxels(fields, path, header_bytes, name)
    held = None if file is None else size_of(file)
    if held is not None:
        held = max(0, held - max(0, start))
    needed = check_claim(name, (*size, channels), dtype.itemsize, held, "gzip" if encoding == "zlib" else encoding)
    if held is not None and encoding == "raw" and start >= 0:
        check_surplus(name, size, needed, held)
    if "CompressedDataSize" in fields and held is not None and encoding == "zlib":
        claimed = _numbers(fields, "CompressedDataSize", name)[0]
        if claimed != held and claimed:
            which = "more" if claimed > held else "less"
            raise _damaged(name, f"CompressedDataSize is {which} than there is")
    if file is not None and start < 0:
        start = (size_of(file) or 0) - needed
    return MetaImageHeader(size, channels, dtype, encoding, file, start)


def read_metaimage_voxels(header: MetaImageHeader, name: str) -> np.ndarray:
    """The voxels, in the order of the file's axes, with the checksum of what is packed looked at.

    Args:
        header: Of `check_metaimage`; `MetaImageHeader.can_be_read_here`.
        name: The file as the user typed it.

    Raises:
        InputError: They are damaged.
        OSError: The file cannot be read.
    """
    assert header.file is not None
    needed = math.prod(header.size) * header.dtype.itemsize
    with header.file.open("rb") as stream:
        stream.seek(header.start)
        try:
            content = unpack(stream, needed, header.encoding, spare=spare_bytes(header.size, needed))
        except ValueError as error:
            raise damaged_content(name, error) from error
    if len(content) < needed:
        fact = f"it is cut short: {len(content)} of {needed} bytes of voxels are there"
        raise InputError(name, fact, "Copy or download it again.")
    voxels = np.frombuffer(content, header.dtype).reshape(header.size, order="F")
    return voxels.astype(header.dtype.newbyteorder("="), copy=False)


def _check_counts(fields: dict[str, str], dimensions: int, name: str) -> None:
    for field in ("Offset", "Position", "Origin", "ElementSpacing", "ElementSize"):
        if field in fields and len(fields[field].split()) != dimensions:
            raise _damaged(name, f"{field} has not as many values as there are dimensions")
    for field in ("TransformMatrix", "Rotation", "Orientation"):
        if field in fields and len(fields[field].split()) != dimensions**2:
            raise _damaged(name, f"{field} has not as many values as there are dimensions")


def _place_of_voxels(fields: dict[str, str], path: Path, header_bytes: int, name: str) -> tuple[Path | None, int]:
    """The file that holds the voxels, None for several, and where they start; below 0: at its end."""
    source = fields.get("ElementDataFile", "")
    if source.upper() == _IN_THIS_FILE:
        return path, header_bytes
    listed = source.split()[:1] == ["LIST"]
    several = listed or "%" in source
    check_beside(name, [] if listed else [source.split(" ")[0] if several else source])
    if several:
        return None, 0
    skipped = fields.get("HeaderSize", "0")
    if not re.fullmatch("-1|[0-9]{1,18}", skipped):
        raise _damaged(name, "HeaderSize cannot be read")
    return path.parent / source, int(skipped)


def _is_true(fields: dict[str, str], field: str, default: str = "False") -> bool:
    return fields.get(field, default).lower().startswith(("t", "1"))


def _number(fields: dict[str, str], field: str, default: float, name: str) -> float:
    try:
        return float(fields.get(field, default))
    except ValueError as error:
        raise _damaged(name, f"{field} is no number") from error


def metaimage_fields(path: Path, name: str) -> tuple[dict[str, str], int]:
    """The header's fields, and where it ends.

    Raises:
        InputError: It cannot be read, or has no end.
    """
    fields: dict[str, str] = {}
    try:
        with path.open("rb") as stream:
            for _ in range(_MOST_LINES):
                line = stream.readline(_LONGEST_LINE_BYTES)
                if len(line) == _LONGEST_LINE_BYTES:
                    break
                key, separator, value = line.decode("utf-8", "replace").partition("=")
                if separator:
                    fields[key.strip()] = value.strip()
                if key.strip() == "ElementDataFile" or not line:
                    return fields, stream.tell()
    except OSError as error:
        raise InputError(name, f"it cannot be opened ({error.strerror})", "Check that you may read it.") from error
    raise _damaged(name, "its header has a line, or lines, without end")


def _numbers(fields: dict[str, str], field: str, name: str) -> tuple[int, ...]:
    parts = fields.get(field, "").split()
    if not parts or not all(_WHOLE.fullmatch(part) for part in parts):
        raise _damaged(name, f"{field} cannot be read")
    return tuple(map(int, parts))


def _damaged(name: str, fact: str) -> InputError:
    return InputError(name, f"it is cut short, damaged, or not a .mha file ({fact})", "Copy or export it again.")
