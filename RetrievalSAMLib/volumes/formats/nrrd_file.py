"""NRRD: the grid in and out to the last bit, and files written whole.

SimpleITK's NRRD writer multiplies direction by spacing and its reader divides again, which changes the last
bits. Here the space directions are chosen so that reading gives the grid back. Format:
https://teem.sourceforge.net/nrrd/
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping

import numpy as np

from ...errors import InputError
from ..geometry import Geometry

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
# How far from direction * spacing the search for exact space directions goes, in units in the last place.
_SEARCH = np.array([0, -1, 1, -2, 2, -3, 3])
_COMPRESSION = 4
_GRID_KEY = "RetrievalSAM_Grid"


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


def nrrd_bytes(
    layers: tuple[np.ndarray, ...], geometry: Geometry, fields: Mapping[str, str], *, compressed: bool = True
) -> bytes:
    """A NRRD file in memory.

    Args:
        layers: Arrays (i, j, k) of one dtype. Several are written as Slicer does, with a list axis first.
        geometry: The grid of each.
        fields: Key/value pairs for the header.
        compressed: By gzip; else the voxels stand there as they are.
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
        f"encoding: {'gzip' if compressed else 'raw'}",
        f"space origin: {_vector(np.array(geometry.origin_mm))}",
        *(f"{key}:={_escape(value)}" for key, value in {**fields, **grid_field(geometry)}.items()),
    ]
    little = dtype.newbyteorder("<")
    if several:
        content = np.stack([layer.astype(little, copy=False).T for layer in layers], axis=-1).tobytes()
    else:
        content = layers[0].astype(little, copy=False).tobytes(order="F")
    header = "\n".join(lines) + "\n\n"
    packed = gzip.compress(content, compresslevel=_COMPRESSION, mtime=0) if compressed else content
    return header.encode("utf-8") + packed


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
