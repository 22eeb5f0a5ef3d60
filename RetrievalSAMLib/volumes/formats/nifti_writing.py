"""NIfTI-1 files written so that their geometry survives to the last bit.

SimpleITK writes geometry through float32 quaternions that differ from those it read. Layout:
https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h
"""

from __future__ import annotations

import struct

import numpy as np

from ... import NOTICE
from ..geometry import Geometry, NiftiForm
from .nifti import DATA_OFFSET, DTYPES, HEADER_BYTES

_MM = 2
_DESCRIPTION_BYTES = 79
_SCANNER = 1
_CODES = {np.dtype(name): code for code, name in DTYPES.items()}


def nifti_bytes(voxels: np.ndarray, geometry: Geometry, comment: str | None = None) -> bytes:
    """A NIfTI-1 file in memory, not compressed.

    Args:
        voxels: (i, j, k) of a dtype that NIfTI knows.
        geometry: The grid. Where it was read from NIfTI the file gets the same header fields. Any other grid
            is stored as nearly as float32 can hold it, in the matrix and in the quaternion.
        comment: Stands before the notice in the description, as far as there is room (some 30 letters).
    """
    dtype = voxels.dtype.newbyteorder("=")
    form = geometry.nifti if geometry.nifti is not None else nifti_form(geometry)
    header = bytearray(DATA_OFFSET)
    struct.pack_into("<i", header, 0, HEADER_BYTES)
    header[38] = ord("r")
    struct.pack_into("<8h", header, 40, 3, *geometry.size, 1, 1, 1, 1)
    struct.pack_into("<hh", header, 70, _CODES[dtype], dtype.itemsize * 8)
    struct.pack_into("<8f", header, 76, *form.pixdim)
    struct.pack_into("<3f", header, 108, DATA_OFFSET, 1.0, 0.0)
    header[123] = form.xyzt_units
    before = f"{comment[: _DESCRIPTION_BYTES - len(NOTICE) - 2]}. " if comment else ""
    description = f"{before}{NOTICE}".encode("ascii", "replace")
    header[148 : 148 + len(description)] = description
    struct.pack_into("<hh", header, 252, form.qform_code, form.sform_code)
    struct.pack_into("<3f", header, 256, *form.quaternion)
    struct.pack_into("<3f", header, 268, *form.offset)
    struct.pack_into("<12f", header, 280, *form.srow)
    header[344:348] = b"n+1\0"
    return bytes(header) + voxels.astype(dtype.newbyteorder("<"), copy=False).tobytes(order="F")


def nifti_form(geometry: Geometry) -> NiftiForm:
    """The NIfTI header fields for a grid that was not read from NIfTI."""
    to_ras = np.diag([-1.0, -1.0, 1.0])
    rotation = to_ras @ geometry.direction_matrix
    offset = to_ras @ np.array(geometry.origin_mm)
    qfac = 1.0 if np.linalg.det(rotation) > 0 else -1.0
    columns = [_matrix_column(rotation[:, axis], geometry.spacing_mm[axis]) for axis in range(3)]
    srow = np.column_stack([*columns, offset])
    return NiftiForm(
        pixdim=(qfac, *_singles(geometry.spacing_mm), 0.0, 0.0, 0.0, 0.0),
        qform_code=_SCANNER,
        sform_code=_SCANNER,
        quaternion=_singles(_quaternion(rotation * np.array([1.0, 1.0, qfac]))),
        offset=_singles(offset),
        srow=_singles(srow.ravel()),
        xyzt_units=_MM,
    )


def _matrix_column(unit: np.ndarray, spacing: float) -> np.ndarray:
    """The float32 column of the matrix that is nearest to a unit vector times a spacing.

    ITK takes the direction from the column and the length from ``pixdim``: among the neighbours of the
    product there is the very column that a grid was read from, if it was read from NIfTI.
    """
    base = (unit * spacing).astype(np.float32)
    steps = [np.arange(-3, 4) if value != 0 else np.zeros(1) for value in base]
    offsets = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 3)
    candidates = (base + offsets * np.spacing(np.abs(base)).astype(np.float64)).astype(np.float32)
    wide = candidates.astype(np.float64)
    length = np.linalg.norm(wide, axis=1)
    turned = np.abs(wide / length[:, None] - unit).max(axis=1)
    stretched = np.abs(length / spacing - 1)
    # Candidates are 1e-8 apart: a direction this near is the one that was read.
    found = turned < 1e-14
    chosen: np.ndarray = candidates[np.argmin(np.where(found, stretched - 1, stretched + turned))]
    return chosen


def _singles(values: np.ndarray | tuple[float, ...]) -> tuple[float, ...]:
    return tuple(float(np.float32(value)) for value in values)


def _quaternion(rotation: np.ndarray) -> tuple[float, float, float]:
    """b, c, d of the unit quaternion of a rotation, with a >= 0."""
    # The eigenvector of the largest eigenvalue of Bar-Itzhack's matrix: stable for every rotation.
    r = rotation
    k = np.array([
        [r[0, 0] - r[1, 1] - r[2, 2], r[0, 1] + r[1, 0], r[0, 2] + r[2, 0], r[2, 1] - r[1, 2]],
        [r[0, 1] + r[1, 0], r[1, 1] - r[0, 0] - r[2, 2], r[1, 2] + r[2, 1], r[0, 2] - r[2, 0]],
        [r[0, 2] + r[2, 0], r[1, 2] + r[2, 1], r[2, 2] - r[0, 0] - r[1, 1], r[1, 0] - r[0, 1]],
        [r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1], np.trace(r)],
    ])  # fmt: skip
    _, vectors = np.linalg.eigh(k)
    b, c, d, a = vectors[:, -1]
    sign = -1.0 if a < 0 else 1.0
    return (float(b * sign), float(c * sign), float(d * sign))
