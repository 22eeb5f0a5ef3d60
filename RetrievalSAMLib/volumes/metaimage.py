"""MetaImage headers, looked at before ITK reads them: it believes every number in them.

Format: https://itk.org/Wiki/ITK/MetaIO/Documentation
"""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import InputError
from .claims import check_beside, check_claim, size_of

_BYTES = {"CHAR": 1, "SHORT": 2, "INT": 4, "LONG": 8, "LONG_LONG": 8, "FLOAT": 4, "DOUBLE": 8}
_TYPE = re.compile("MET_U?([A-Z_]+?)(_ARRAY)?")
_WHOLE = re.compile("[0-9]{1,18}")
# ITK keeps a line in a buffer of fixed length, and at most ten dimensions.
_LONGEST_LINE_BYTES = 2048
_MOST_LINES = 1000
_MOST_DIMENSIONS = 10
_IN_THIS_FILE = "LOCAL"


def check_metaimage(path: Path, name: str) -> None:
    """Refuse a header that claims more than there is, or voxels from elsewhere.

    Args:
        path: A .mha or .mhd file.
        name: Its name as the user typed it, for messages.

    Raises:
        InputError: It does, or it cannot be read.
    """
    fields, start = metaimage_fields(path, name)
    dimensions = _numbers(fields, "NDims", name)
    if len(dimensions) != 1 or not 1 <= dimensions[0] <= _MOST_DIMENSIONS:
        raise _damaged(name, "NDims is no number of dimensions")
    size = _numbers(fields, "DimSize", name)
    if len(size) != dimensions[0]:
        raise _damaged(name, "NDims and DimSize contradict each other")
    if min(size) < 1:
        raise InputError(name, "it is empty: an axis has no voxels", "Export it again.")
    for field, count in (("Offset", 1), ("Position", 1), ("Origin", 1), ("ElementSpacing", 1), ("ElementSize", 1)):
        if field in fields and len(fields[field].split()) != count * dimensions[0]:
            raise _damaged(name, f"{field} has not as many values as there are dimensions")
    for field in ("TransformMatrix", "Rotation", "Orientation"):
        if field in fields and len(fields[field].split()) != dimensions[0] ** 2:
            raise _damaged(name, f"{field} has not as many values as there are dimensions")
    kind = _TYPE.fullmatch(fields.get("ElementType", ""))
    if kind is None or kind[1] not in _BYTES:
        raise _damaged(name, "ElementType is no type of numbers")
    channels = _numbers(fields, "ElementNumberOfChannels", name) if "ElementNumberOfChannels" in fields else (1,)
    source = fields.get("ElementDataFile", "")
    packed = fields.get("CompressedData", "False").lower().startswith(("t", "1"))
    held = size_of(path)
    if source.upper() != _IN_THIS_FILE:
        listed = source.split()[:1] == ["LIST"] or "%" in source
        check_beside(name, [] if source.split()[:1] == ["LIST"] else [source.split(" ")[0] if listed else source])
        held = None if listed else size_of(path.parent / source)
    elif held is not None:
        held -= start
    if "CompressedDataSize" in fields and held is not None and _numbers(fields, "CompressedDataSize", name) > (held,):
        raise _damaged(name, "CompressedDataSize is more than there is")
    check_claim(name, (*size, *channels), _BYTES[kind[1]], held, "gzip" if packed else "raw")


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
