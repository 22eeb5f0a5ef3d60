"""NIfTI-1 files, read whole or not at all, and written so that their geometry survives to the last bit.

SimpleITK reads a truncated NIfTI file without complaint, refuses slightly sheared matrices, and writes
geometry through float32 quaternions that differ from those it read. So SimpleITK is asked where the voxels
lie, and the bytes are read and written here. Layout:
https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import SimpleITK as sitk

from .. import NOTICE
from ..errors import InputError
from .claims import MAX_HEADER_BYTES, check_claim, size_of, unpack
from .geometry import Geometry, NiftiForm

_HEADER_BYTES = 348
_DATA_OFFSET = 352
_MM = 2
_SCANNER = 1
_DTYPES = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8",
}  # fmt: skip
_CODES = {np.dtype(name): code for code, name in _DTYPES.items()}
_REFUSED = {
    1: "single bits", 32: "complex numbers", 128: "colours", 1536: "128-bit floats", 1792: "complex numbers",
    2048: "complex numbers", 2304: "colours",
}  # fmt: skip
# pixdim and the matrix must tell the same spacing to within this part.
_SPACING_AGREEMENT = 0.01
# The largest cosine between two axes that still counts as a slip of rounding (2 degrees).
_SHEAR = 0.035


class NiftiHeader(NamedTuple):
    """What is used of a NIfTI-1 header.

    Attributes:
        order: Byte order, "<" or ">".
        dim: The 8 values of ``dim``.
        datatype: Code of the voxels' type.
        offset: Byte at which the voxels start.
        slope: ``scl_slope``.
        intercept: ``scl_inter``.
        form: The fields that place the voxels.
    """

    order: str
    dim: tuple[int, ...]
    datatype: int
    offset: int
    slope: float
    intercept: float
    form: NiftiForm


def read_nifti(path: Path, name: str) -> tuple[np.ndarray, Geometry]:
    """Voxels (i, j, k) and grid of a 3D NIfTI-1 file, ``.nii`` or ``.nii.gz``.

    Voxels keep their dtype unless the header scales them (then float32, or float64 for 32-bit integers and
    wider). The grid is SimpleITK's reading of the header, with the header's own numbers in
    ``Geometry.nifti``.

    Args:
        path: The file.
        name: Its name as the user typed it, for messages.

    Raises:
        InputError: If the file is unreadable, cut short, not 3D, not of real numbers, or placed by
            contradictory or sheared axes.
    """
    with path.open("rb") as stream:
        encoding = "gzip" if stream.read(2) == b"\x1f\x8b" else "raw"
        header = _parse_header(_content(stream, _HEADER_BYTES, encoding, name, whole=False), name)
        size = _checked_size(header, name)
        dtype = np.dtype(header.order + _DTYPES[header.datatype])
        needed = check_claim(name, size, dtype.itemsize, size_of(path) if encoding == "gzip" else None, encoding)
        content = _content(stream, header.offset + needed, encoding, name)
    geometry = _geometry(path, name, header, size)
    if len(content) < header.offset + needed:
        raise InputError(
            name,
            f"it is cut short: {max(0, len(content) - header.offset)} of {needed} bytes of voxels are there",
            "Copy or download it again.",
        )
    flat = np.frombuffer(content, dtype=dtype, count=int(np.prod(size)), offset=header.offset)
    voxels = flat.reshape(size, order="F")
    if header.order == ">":
        voxels = voxels.astype(dtype.newbyteorder("="))
    slope, intercept = header.slope, header.intercept
    if np.isfinite(slope) and np.isfinite(intercept) and slope != 0 and (slope, intercept) != (1, 0):
        wide = dtype.kind in "iu" and dtype.itemsize > 2 or dtype.itemsize > 4
        scaled = voxels.astype(np.float64) * slope + intercept
        voxels = scaled if wide else scaled.astype(np.float32)
    return voxels, geometry


def _content(stream: BinaryIO, count: int, encoding: str, name: str, whole: bool = True) -> bytes:
    """The first bytes of the file, unpacked; with ``whole``, the rest is looked at too."""
    stream.seek(0)
    try:
        return unpack(stream, count, encoding, whole)
    except ValueError as error:
        raise InputError(
            name, f"its compressed content is cut short or damaged ({error})", "Copy or download it again."
        ) from error


def _parse_header(content: bytes, name: str) -> NiftiHeader:
    not_nifti = InputError(name, "it is not a NIfTI-1 file", "Save it again as NIfTI-1, NRRD or MetaImage.")
    if len(content) < _HEADER_BYTES:
        raise not_nifti
    order = next((o for o in "<>" if struct.unpack_from(f"{o}i", content)[0] == _HEADER_BYTES), None)
    if order is None:
        if any(struct.unpack_from(f"{o}i", content)[0] == 540 for o in "<>"):
            raise InputError(name, "it is a NIfTI-2 file", "Save it as NIfTI-1, NRRD or MetaImage.")
        raise not_nifti
    if content[344:348] == b"ni1\0":
        raise InputError(name, "its voxels are in a separate .img file", "Save it as one .nii or .nii.gz file.")
    if content[344:348] != b"n+1\0":
        raise not_nifti

    def floats(offset: int, count: int) -> tuple[float, ...]:
        return struct.unpack_from(f"{order}{count}f", content, offset)

    def shorts(offset: int, count: int) -> tuple[int, ...]:
        return struct.unpack_from(f"{order}{count}h", content, offset)

    offset, slope, intercept = floats(108, 3)
    form = NiftiForm(
        pixdim=floats(76, 8),
        qform_code=shorts(252, 1)[0],
        sform_code=shorts(254, 1)[0],
        quaternion=floats(256, 3),
        offset=floats(268, 3),
        srow=floats(280, 12),
        xyzt_units=content[123],
    )
    start = int(offset) if np.isfinite(offset) and offset >= _HEADER_BYTES else _DATA_OFFSET
    if start > MAX_HEADER_BYTES:
        fact = f"its header says that the voxels start behind byte {MAX_HEADER_BYTES}"
        raise InputError(name, fact, "The file is damaged: export it again.")
    return NiftiHeader(order, shorts(40, 8), shorts(70, 1)[0], start, slope, intercept, form)


def _checked_size(header: NiftiHeader, name: str) -> tuple[int, int, int]:
    dim = header.dim
    if not 1 <= dim[0] <= 7:
        raise InputError(name, f"its header gives {dim[0]} dimensions", "The file is damaged: export it again.")
    if dim[0] < 3:
        raise InputError(name, f"it has {dim[0]} dimensions", "Give a 3D volume; one slice is enough, as a 3D file.")
    if min(dim[1:4]) < 1:
        raise InputError(name, "it is empty: an axis has no voxels", "Export it again.")
    if any(count > 1 for count in dim[4 : dim[0] + 1]):
        shape = " x ".join(str(count) for count in dim[1 : dim[0] + 1])
        raise InputError(
            name, f"it has {dim[0]} dimensions ({shape})", "Save one time point or channel as a 3D volume."
        )
    if header.datatype not in _DTYPES:
        kind = _REFUSED.get(header.datatype, f"a type with the code {header.datatype}")
        raise InputError(name, f"its voxels are {kind}", "Save it with one real number a voxel.")
    return (dim[1], dim[2], dim[3])


def _geometry(path: Path, name: str, header: NiftiHeader, size: tuple[int, int, int]) -> Geometry:
    form = header.form
    spacing = form.pixdim[1:4]
    if not np.isfinite(spacing).all() or min(spacing) <= 0:
        raise InputError(
            name,
            f"its spacing is {' x '.join(f'{s:g}' for s in spacing)}",
            "Spacings are lengths above zero: export it again from its source.",
        )
    matrix = np.array(form.srow).reshape(3, 4)[:, :3]
    if form.sform_code > 0:
        norms = np.linalg.norm(matrix, axis=0)
        if not np.isfinite(form.srow).all() or not np.allclose(norms, spacing, rtol=_SPACING_AGREEMENT, atol=0):
            raise InputError(
                name,
                f"its header contradicts itself: the spacing is {' x '.join(f'{s:g}' for s in spacing)} by "
                f"one entry (pixdim) and {' x '.join(f'{s:g}' for s in norms)} by another (sform)",
                "Open it in the program that made it, check the spacing and export it again.",
            )
        if abs(np.linalg.det(matrix / norms)) < 0.5 or not np.allclose(matrix.T @ matrix, np.diag(norms**2)):
            sheared = _nearest_grid(name, header, size, matrix)
        else:
            sheared = None
    else:
        sheared = None
    stated = stated_grid(path, "NiftiImageIO")
    if stated is not None:
        try:
            grid = Geometry(size, stated.spacing_mm, stated.origin_mm, stated.direction)
            return grid.with_nifti(form)
        except ValueError:
            pass
    if sheared is None:
        raise InputError(name, "its axes are not perpendicular", "Resample it to a rectangular grid, then try again.")
    return sheared


def stated_grid(path: Path, image_io: str) -> Geometry | None:
    """SimpleITK's reading of a file's grid (three axes) as of one format, or None where it refuses it."""
    reader = sitk.ImageFileReader()
    reader.SetImageIO(image_io)
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        dimension = reader.GetDimension()
        direction = np.array(reader.GetDirection()).reshape(dimension, dimension)[:3, :3]
        a, b, c = reader.GetSize()[:3]
        return Geometry(
            (int(a), int(b), int(c)),
            reader.GetSpacing()[:3],
            reader.GetOrigin()[:3],
            tuple(direction.ravel()),
        )
    except (RuntimeError, ValueError):
        return None


def _nearest_grid(name: str, header: NiftiHeader, size: tuple[int, int, int], matrix: np.ndarray) -> Geometry:
    """The rectangular grid nearest to a sheared matrix, where it is within 2 degrees and half a voxel."""
    spacing = np.array(header.form.pixdim[1:4])
    left, _, right = np.linalg.svd(matrix / spacing)
    direction = left @ right
    half = (np.array(size) - 1) / 2
    centre = matrix @ half + np.array(header.form.srow).reshape(3, 4)[:, 3]
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * half
    moved = np.linalg.norm(corners @ (matrix - direction * spacing).T, axis=1).max()
    units = matrix / np.linalg.norm(matrix, axis=0)
    if moved >= 0.5 * spacing.min() or np.abs(units.T @ units - np.eye(3)).max() > _SHEAR:
        raise InputError(
            name,
            f"its axes are not perpendicular: at the corners a rectangular grid would be {moved:.3g} mm off",
            "Resample it to a rectangular grid (in 3D Slicer: Resample Scalar Volume), then try again.",
        )
    to_lps = np.diag([-1.0, -1.0, 1.0])
    origin = to_lps @ (centre - direction * spacing @ half)
    placed = (tuple(spacing), tuple(origin), tuple((to_lps @ direction).ravel()))
    return Geometry(size, *placed).with_nifti(header.form)


def nifti_bytes(voxels: np.ndarray, geometry: Geometry) -> bytes:
    """A NIfTI-1 file in memory, not compressed.

    Args:
        voxels: (i, j, k) of a dtype that NIfTI knows.
        geometry: The grid. Where it was read from NIfTI the file gets the same header fields. Any other grid
            is stored as nearly as float32 can hold it, in the matrix and in the quaternion.
    """
    dtype = voxels.dtype.newbyteorder("=")
    form = geometry.nifti if geometry.nifti is not None else nifti_form(geometry)
    header = bytearray(_DATA_OFFSET)
    struct.pack_into("<i", header, 0, _HEADER_BYTES)
    header[38] = ord("r")
    struct.pack_into("<8h", header, 40, 3, *geometry.size, 1, 1, 1, 1)
    struct.pack_into("<hh", header, 70, _CODES[dtype], dtype.itemsize * 8)
    struct.pack_into("<8f", header, 76, *form.pixdim)
    struct.pack_into("<3f", header, 108, _DATA_OFFSET, 1.0, 0.0)
    header[123] = form.xyzt_units
    header[148 : 148 + len(NOTICE)] = NOTICE.encode("ascii")
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
