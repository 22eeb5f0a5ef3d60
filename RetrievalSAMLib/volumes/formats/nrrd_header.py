"""NRRD headers, read strictly before anything else reads them.

Format: https://teem.sourceforge.net/nrrd/format.html
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...errors import InputError
from ..claims import (
    MAX_HEADER_BYTES,
    check_beside,
    check_claim,
    check_surplus,
    damaged_content,
    size_of,
    spare_bytes,
    unpack,
)

_WHOLE = re.compile("[0-9]{1,18}")
_QUOTED = re.compile(r'"([^"]*)"')
_LONGEST_FIELD = 1000
_MOST_AXES = 16
# Every name that the format has for a type.
_NAMES = {
    "i1": "signed char|int8|int8_t",
    "u1": "uchar|unsigned char|uint8|uint8_t",
    "i2": "short|short int|signed short|signed short int|int16|int16_t",
    "u2": "ushort|unsigned short|unsigned short int|uint16|uint16_t",
    "i4": "int|signed int|int32|int32_t",
    "u4": "uint|unsigned int|uint32|uint32_t",
    "i8": "longlong|long long|long long int|signed long long|signed long long int|int64|int64_t",
    "u8": "ulonglong|unsigned long long|unsigned long long int|uint64|uint64_t",
    "f4": "float",
    "f8": "double",
}
_DTYPES = {name: np.dtype(code) for code, names in _NAMES.items() for name in names.split("|")}
_ENCODINGS = {
    "raw": "raw", "txt": "text", "text": "text", "ascii": "text", "hex": "text",
    "gz": "gzip", "gzip": "gzip", "bz2": "bzip2", "bzip2": "bzip2",
}  # fmt: skip
_NUMBER = r"[-+]?(?:[0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40}|nan|inf)(?:e[-+]?[0-9]{1,3})?"
_VECTOR = rf"none|\(\s*{_NUMBER}(?:\s*,\s*{_NUMBER}){{1,3}}\s*\)"
_BY_AXIS = {
    **dict.fromkeys(("spacings", "thicknesses", "axismins", "axismaxs"), rf"(?<!\S){_NUMBER}(?!\S)"),
    **dict.fromkeys(("kinds", "centers", "centerings"), r"[\w?.-]+"),
    **dict.fromkeys(("labels", "units"), r'"[^"]*"'),
    "sizes": r"(?<!\S)[0-9]{1,18}(?!\S)",
    "spacedirections": _VECTOR,
}
_SINGLE = {
    **dict.fromkeys(("dimension", "spacedimension"), r"(?<!\S)[0-9]{1,2}(?!\S)"),
    **dict.fromkeys(("lineskip", "byteskip"), r"(?<!\S)-?[0-9]{1,9}(?!\S)"),
    **dict.fromkeys(("min", "max", "oldmin", "oldmax"), rf"(?<!\S){_NUMBER}(?!\S)"),
    **dict.fromkeys(("type", "encoding", "endian", "space"), r"[\w -]+"),
    "spaceorigin": _VECTOR,
}
_ANY_NUMBER = {
    **dict.fromkeys(("content", "sampleunits"), r".+"),
    "datafile": r"(?s:.+)",
    "spaceunits": r'"[^"]*"',
    "measurementframe": _VECTOR,
}
_COUNTS = dict.fromkeys(_SINGLE, 1)
_FORMS = {field: re.compile(form, re.IGNORECASE) for field, form in {**_BY_AXIS, **_SINGLE, **_ANY_NUMBER}.items()}
"""By field, what its values look like."""


class NrrdHeader(NamedTuple):
    """The text before the voxels.

    Attributes:
        fields: The format's own (``field: value``), by name in lower case without blanks.
        key_values: The others (``key:=value``), unescaped.
        comments: Without their sign.
        bytes: Of the text, the empty line at its end included.
    """

    fields: dict[str, str]
    key_values: dict[str, str]
    comments: list[str]
    bytes: int

    @property
    def data_files(self) -> list[str]:
        """Files that hold the voxels; none where they follow the header."""
        return self.fields["datafile"].split("\n") if "datafile" in self.fields else []

    def layout(self, name: str) -> tuple[tuple[int, ...], np.dtype, str]:
        """Voxels along every axis, their type, and the encoding (``raw``, ``text``, ``gzip``, ``bzip2``).

        Raises:
            InputError: The header does not say.
        """
        dtype = _DTYPES.get(self.fields.get("type", "").lower())
        encoding = _ENCODINGS.get(self.fields.get("encoding", "").lower())
        sizes = self.fields.get("sizes", "").split()
        if dtype is None or encoding is None or not sizes or not all(_WHOLE.fullmatch(one) for one in sizes):
            raise _damaged(name, "type, sizes or encoding of the voxels cannot be read")
        size = tuple(map(int, sizes))
        if min(size) < 1:
            raise InputError(name, "it is empty: an axis has no voxels", "Export it again.")
        if dtype.itemsize > 1 and encoding != "text" and self.fields.get("endian", "").lower() not in ("little", "big"):
            raise _damaged(name, "it does not say the byte order of its voxels")
        return size, dtype.newbyteorder(">" if self.fields.get("endian", "").lower() == "big" else "<"), encoding

    def check_claims(self, path: Path, name: str) -> int:
        """Refuse a header that claims more than there is, or voxels from elsewhere.

        Returns:
            Bytes of all voxels, unpacked.

        Raises:
            InputError: It does.
        """
        size, dtype, encoding = self.layout(name)
        self._check_form(name, len(size))
        check_beside(name, [file for file in self.data_files if file != "LIST"])
        self._check_units(name)
        held = size_of(path)
        if self.data_files:
            held = size_of(path.parent / self.data_files[0]) if len(self.data_files) == 1 else None
        elif held is not None:
            held -= self.bytes
        needed = check_claim(name, size, dtype.itemsize, held, encoding)
        if encoding == "raw" and held is not None and not self._skips:
            check_surplus(name, size, needed, held)
        return needed

    @property
    def can_be_read_here(self) -> bool:
        """Whether `read_nrrd_voxels` reads it; else SimpleITK does."""
        encoding = _ENCODINGS.get(self.fields.get("encoding", "").lower())
        files = self.data_files
        one = len(files) < 2 and "LIST" not in files and not any("%" in file for file in files)
        return one and encoding != "text" and not self._skips

    @property
    def _skips(self) -> bool:
        """Whether the voxels do not follow right after the header, or at the beginning of their file."""
        return bool({"lineskip", "byteskip"} & self.fields.keys())

    def _check_units(self, name: str) -> None:
        units = {unit for unit in _QUOTED.findall(self.fields.get("spaceunits", "")) if unit.strip()}
        if units - {"mm", "millimeter", "millimeters", "millimetre"}:
            shown = ", ".join(sorted(unit[:20] for unit in units))
            raise InputError(name, f"its lengths are not in mm ({shown})", "Save it with spacing and origin in mm.")

    def _check_form(self, name: str, axes: int) -> None:
        """Refuse fields that are not as the format has them: teem's reader, in ITK, crashes over some."""
        for field, value in self.fields.items():
            form = _FORMS.get(field) if len(value) <= _LONGEST_FIELD or field == "datafile" else None
            parts = form.findall(value) if form else []
            if form is None or form.sub("", value).strip():
                raise _damaged(name, f"the field '{field[:20]}' is unknown or not as the format has it")
            wanted = _COUNTS.get(field, axes if field in _BY_AXIS else len(parts))
            if len(parts) != wanted:
                raise _damaged(name, f"the field '{field}' has {len(parts)} values, not {wanted}")
        if self.fields.get("dimension") != str(axes) or axes > _MOST_AXES:
            raise _damaged(name, f"it has {axes} sizes, and not as many dimensions, or more than {_MOST_AXES}")


def read_nrrd_voxels(path: Path, name: str, header: NrrdHeader) -> np.ndarray:
    """The voxels, in the order of the file's axes, with the checksum of what is packed looked at.

    Args:
        path: The file with the header.
        name: Its name as the user typed it, for messages.
        header: Its own; `NrrdHeader.can_be_read_here`.

    Raises:
        InputError: They are damaged, or fewer or more than the header claims.
        OSError: The file cannot be read.
    """
    size, dtype, encoding = header.layout(name)
    needed = header.check_claims(path, name)
    file = path.parent / header.data_files[0] if header.data_files else path
    with file.open("rb") as stream:
        stream.seek(0 if header.data_files else header.bytes)
        try:
            content = unpack(stream, needed, encoding, spare=spare_bytes(size, needed))
        except ValueError as error:
            raise damaged_content(name, error) from error
    if len(content) < needed:
        fact = f"it is cut short: {len(content)} of {needed} bytes of voxels are there"
        raise InputError(name, fact, "Copy or download it again.")
    voxels = np.frombuffer(content, dtype).reshape(size, order="F")
    return voxels.astype(dtype.newbyteorder("="), copy=False)


def read_nrrd_header(path: Path, name: str) -> NrrdHeader | None:
    """The header of a NRRD file, decoded as UTF-8; None where the file is none.

    Raises:
        InputError: The header has no end.
        OSError: The file cannot be read.
    """
    with path.open("rb") as stream:
        if not stream.read(4).startswith(b"NRRD"):
            return None
        stream.seek(0)
        raw = stream.read(MAX_HEADER_BYTES)
    header = NrrdHeader({}, {}, [], _end_of(raw))
    if header.bytes == MAX_HEADER_BYTES:
        raise _damaged(name, f"its header has over {MAX_HEADER_BYTES >> 20} MB")
    if b"\0" in raw[: header.bytes]:
        raise _damaged(name, "its header holds null characters")
    is_listing = False
    for line in raw[: header.bytes].decode("utf-8", "replace").split("\n")[1:]:
        line = line.rstrip("\r")
        key, is_pair, value = line.partition(":=")
        field, is_field, content = line.partition(":")
        if line.startswith("#"):
            header.comments.append(line.lstrip("# "))
        elif is_listing and line.strip():
            header.fields["datafile"] += f"\n{line.strip()}"
        elif is_pair:
            header.key_values[key] = _unescape(value)
        elif is_field:
            field = field.strip().lower().replace(" ", "")
            if field in header.fields:
                raise _damaged(name, f"it has the field '{field[:20]}' twice")
            header.fields[field] = content.strip()
            is_listing = field == "datafile" and content.split()[:1] == ["LIST"]
    return header


def _end_of(raw: bytes) -> int:
    found = re.search(rb"\n\r?\n", raw)
    return found.end() if found else len(raw)


def _damaged(name: str, fact: str) -> InputError:
    return InputError(name, f"it is cut short, damaged, or not a NRRD file ({fact})", "Copy or export it again.")


def _unescape(text: str) -> str:
    return text.replace("\\\\", "\0").replace("\\n", "\n").replace("\0", "\\")
