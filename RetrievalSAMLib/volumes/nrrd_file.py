"""NRRD headers: the grid in and out to the last bit, and files written whole.

SimpleITK's NRRD writer multiplies direction by spacing and its reader divides again, which changes the last
bits. Here the space directions are chosen so that reading gives the grid back. Format:
https://teem.sourceforge.net/nrrd/
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import InputError
from .claims import MAX_HEADER_BYTES, check_beside, check_claim, size_of
from .geometry import Geometry

LPS, RAS, LAS = "left-posterior-superior", "right-anterior-superior", "left-anterior-superior"
_TO_LPS = {
    LPS: (1.0, 1.0, 1.0), "lps": (1.0, 1.0, 1.0),
    RAS: (-1.0, -1.0, 1.0), "ras": (-1.0, -1.0, 1.0),
    LAS: (1.0, -1.0, 1.0), "las": (1.0, -1.0, 1.0),
}  # fmt: skip
_TYPES = {
    "i1": "int8", "u1": "uint8", "i2": "int16", "u2": "uint16", "i4": "int32", "u4": "uint32", "i8": "int64",
    "u8": "uint64", "f4": "float", "f8": "double",
}  # fmt: skip
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
# How far from direction * spacing the search for exact space directions goes, in units in the last place.
_SEARCH = np.array([0, -1, 1, -2, 2, -3, 3])
_COMPRESSION = 4
_WHOLE = re.compile("[0-9]{1,18}")
_GRID_KEY = "RetrievalSAM_Grid"


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
        return size, dtype.newbyteorder(">" if self.fields.get("endian", "").lower() == "big" else "<"), encoding

    def check_claims(self, path: Path, name: str) -> int:
        """Refuse a header that claims more than there is, or voxels from elsewhere.

        Returns:
            Bytes of all voxels, unpacked.

        Raises:
            InputError: It does.
        """
        size, dtype, encoding = self.layout(name)
        check_beside(name, [file for file in self.data_files if file != "LIST"])
        held = size_of(path)
        if self.data_files:
            held = size_of(path.parent / self.data_files[0]) if len(self.data_files) == 1 else None
        elif held is not None:
            held -= self.bytes
        return check_claim(name, size, dtype.itemsize, held, encoding)


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
            field = field.lower().replace(" ", "")
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


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\r", "").replace("\n", "\\n")


def decode_geometry(
    size: tuple[int, ...], space: str | None, directions: np.ndarray, origin: np.ndarray, name: str
) -> Geometry:
    """The grid that a NRRD header describes, with the arithmetic of ITK's reader, bit for bit.

    Args:
        size: Voxels along the three spatial axes.
        space: The header's ``space``; left-posterior-superior where it has none.
        directions: (3, 3) float64, one row an axis: ``space directions``.
        origin: (3,) float64: ``space origin``.
        name: The file as the user typed it.

    Raises:
        InputError: If the space is not an anatomical one, or the axes have no length or are not
            perpendicular.
    """
    signs = _TO_LPS.get((space or LPS).strip().lower())
    if signs is None:
        raise InputError(name, f"its space is {space!r}", "Save it in left-posterior-superior space, as Slicer does.")
    spacing, unit = _split(directions)
    if not np.isfinite(spacing).all() or (spacing <= 0).any():
        raise InputError(
            name, "its spacing is not above zero along every axis", "Export it again with the right spacing."
        )
    direction = (unit * np.array(signs)).T
    try:
        return Geometry(
            tuple(int(n) for n in size),  # type: ignore[arg-type]
            tuple(spacing),
            tuple(origin * np.array(signs)),
            tuple(direction.ravel()),
        )
    except ValueError as error:
        raise InputError(name, str(error), "Resample it to a rectangular grid, then try again.") from error


def _split(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lengths (...,) and unit vectors (..., 3), rounded as teem's nrrdSpacingCalculate rounds them."""
    x, y, z = vectors[..., 0], vectors[..., 1], vectors[..., 2]
    length = np.sqrt(x * x + y * y + z * z)
    with np.errstate(divide="ignore", invalid="ignore"):
        return length, vectors * (1.0 / length)[..., None]


def space_directions(geometry: Geometry) -> np.ndarray:
    """(3, 3) rows to write as ``space directions``, so that a reader finds the very spacing and direction.

    A grid that came from NRRD always has such rows. For other grids the nearest ones within 3 units in the
    last place are taken; what is then lost is about 1e-16 of a unit vector.
    """
    rows = []
    for axis in range(3):
        unit, spacing = geometry.direction_matrix[:, axis], geometry.spacing_mm[axis]
        base = unit * spacing
        steps = [_SEARCH if value != 0 else _SEARCH[:1] for value in base]
        offsets = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 3)
        candidates = base + offsets * np.spacing(np.abs(base))
        length, found = _split(candidates)
        error = np.abs(length / spacing - 1) + np.abs(found - unit).max(axis=-1)
        # Among equals, the one nearest to the product.
        rows.append(candidates[np.lexsort((np.abs(offsets).sum(axis=-1), error))[0]])
    return np.array(rows)


def nrrd_bytes(layers: tuple[np.ndarray, ...], geometry: Geometry, fields: Mapping[str, str]) -> bytes:
    """A gzip-compressed NRRD file in memory.

    Args:
        layers: Arrays (i, j, k) of one dtype. Several are written as Slicer does, with a list axis first.
        geometry: The grid of each.
        fields: Key/value pairs for the header.
    """
    dtype = layers[0].dtype
    several = len(layers) > 1
    vectors = [_vector(row) for row in space_directions(geometry)]
    sizes = [str(n) for n in geometry.size]
    if several:
        vectors, sizes = ["none", *vectors], [str(len(layers)), *sizes]
    lines = [
        "NRRD0004",
        "# Complete NRRD file format specification at:",
        "# http://teem.sourceforge.net/nrrd/format.html",
        f"type: {_TYPES[dtype.str[1:]]}",
        f"dimension: {4 if several else 3}",
        f"space: {LPS}",
        f"sizes: {' '.join(sizes)}",
        f"space directions: {' '.join(vectors)}",
        f"kinds: {'list ' if several else ''}domain domain domain",
        *(["endian: little"] if dtype.itemsize > 1 else []),
        "encoding: gzip",
        f"space origin: {_vector(np.array(geometry.origin_mm))}",
        *(f"{key}:={_escape(value)}" for key, value in {**fields, **grid_field(geometry)}.items()),
    ]
    little = dtype.newbyteorder("<")
    if several:
        content = np.stack([layer.astype(little, copy=False).T for layer in layers], axis=-1).tobytes()
    else:
        content = layers[0].astype(little, copy=False).tobytes(order="F")
    header = "\n".join(lines) + "\n\n"
    return header.encode("utf-8") + gzip.compress(content, compresslevel=_COMPRESSION, mtime=0)


def grid_field(geometry: Geometry) -> dict[str, str]:
    """A key/value pair with the grid to the last bit: space directions cannot hold every oblique grid."""
    return {_GRID_KEY: " ".join(f"{value:.17g}" for value in geometry.placement)}


def exact_grid(geometry: Geometry, fields: Mapping[str, str]) -> Geometry:
    """The grid that `grid_field` wrote, where the file has it; else the given one.

    Another program may change the grid and keep the key, so it only counts where it agrees with the space
    directions: it restores the digits that rounding took.
    """
    try:
        values = [float(part) for part in fields[_GRID_KEY].split()]
        exact = Geometry(geometry.size, tuple(values[:3]), tuple(values[3:6]), tuple(values[6:]))  # type: ignore[arg-type]
    except (KeyError, ValueError):
        return geometry
    close = np.allclose(exact.placement, geometry.placement, rtol=1e-13, atol=1e-14)
    return exact if close else geometry


def _vector(values: np.ndarray) -> str:
    return "(" + ",".join(f"{value:.17g}" for value in values) + ")"
