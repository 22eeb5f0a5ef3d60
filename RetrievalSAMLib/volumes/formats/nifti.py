"""NIfTI-1 files in one piece, read whole or not at all.

SimpleITK reads a truncated NIfTI file without complaint, refuses slightly sheared matrices, and takes now the sform,
now the qform where they disagree. So SimpleITK is asked where the voxels lie, and the bytes are read here. Layout:
https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h
"""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import SimpleITK as sitk

from ...errors import InputError
from ..claims import MAX_HEADER_BYTES, check_claim, check_surplus, damaged_content, size_of, spare_bytes, unpack
from ..geometry import Geometry, NiftiForm
from .nifti_places import unit_mm

HEADER_BYTES = 348
DATA_OFFSET = 352
DTYPES = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8",
}  # fmt: skip
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
        content: The header as it is.
    """

    order: str
    dim: tuple[int, ...]
    datatype: int
    offset: int
    slope: float
    intercept: float
    form: NiftiForm
    content: bytes


def read_nifti(path: Path, name: str) -> tuple[np.ndarray, Geometry]:
    """Voxels (i, j, k) and grid of a 3D NIfTI-1 file, ``.nii`` or ``.nii.gz``.

    Voxels keep their dtype unless the header scales them (then float32, or float64 for 32-bit integers and
    wider). The grid is SimpleITK's reading of the header, by the sform where it has one, with the header's own
    numbers in ``Geometry.nifti``.

    Args:
        path: The file.
        name: Its name as the user typed it, for messages.

    Raises:
        InputError: If the file is unreadable, cut short, not 3D, not of real numbers, or placed by
            contradictory or sheared axes.
    """
    with path.open("rb") as stream:
        encoding = "gzip" if stream.read(2) == b"\x1f\x8b" else "raw"
        header = _parse_header(_content(stream, HEADER_BYTES, encoding, name, whole=False), name)
        size = _checked_size(header, name)
        dtype = np.dtype(header.order + DTYPES[header.datatype])
        held = size_of(path)
        needed = check_claim(name, size, dtype.itemsize, held if encoding == "gzip" else None, encoding)
        if encoding == "raw" and held is not None:
            check_surplus(name, size, needed, held - header.offset)
        content = _content(stream, header.offset + needed, encoding, name, spare=spare_bytes(size, needed))
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


def nifti_grid(path: Path, name: str) -> Geometry:
    """The grid of a 3D NIfTI-1 file by its header alone.

    Raises:
        InputError: As `read_nifti`, of the header.
        OSError: The file cannot be read.
    """
    with path.open("rb") as stream:
        encoding = "gzip" if stream.read(2) == b"\x1f\x8b" else "raw"
        header = _parse_header(_content(stream, HEADER_BYTES, encoding, name, whole=False), name)
    return _geometry(path, name, header, _checked_size(header, name))


def _content(
    stream: BinaryIO, count: int, encoding: str, name: str, whole: bool = True, spare: int | None = None
) -> bytes:
    """The first bytes of the file, unpacked; with ``whole``, the rest is looked at too: at most ``spare`` bytes."""
    stream.seek(0)
    try:
        return unpack(stream, count, encoding, whole, spare)
    except ValueError as error:
        raise damaged_content(name, error) from error


def _parse_header(content: bytes, name: str) -> NiftiHeader:
    not_nifti = InputError(name, "it is not a NIfTI-1 file", "Save it again as NIfTI-1, NRRD or MetaImage.")
    if len(content) < HEADER_BYTES:
        raise not_nifti
    order = next((o for o in "<>" if struct.unpack_from(f"{o}i", content)[0] == HEADER_BYTES), None)
    if order is None or content[344:348] != b"n+1\0":
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
    start = int(offset) if np.isfinite(offset) and offset >= HEADER_BYTES else DATA_OFFSET
    if start > MAX_HEADER_BYTES:
        fact = f"its header says that the voxels start behind byte {MAX_HEADER_BYTES}"
        raise InputError(name, fact, "The file is damaged: export it again.")
    return NiftiHeader(order, shorts(40, 8), shorts(70, 1)[0], start, slope, intercept, form, content[:HEADER_BYTES])


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
    if header.datatype not in DTYPES:
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
    stated = _stated_nifti_grid(path, header)
    if stated is not None:
        try:
            grid = Geometry(size, stated.spacing_mm, stated.origin_mm, stated.direction)
            return grid.with_nifti(form)
        except ValueError:
            pass
    if sheared is None:
        raise InputError(name, "its axes are not perpendicular", "Resample it to a rectangular grid, then try again.")
    return sheared


def _stated_nifti_grid(path: Path, header: NiftiHeader) -> Geometry | None:
    """SimpleITK's reading of the header, by the sform where it has one; None where it refuses it."""
    named = path.name.lower().endswith((".nii", ".nii.gz"))
    stated = stated_grid(path, "NiftiImageIO") if named else None
    if stated is not None and _lies_by_the_sform(stated, header.form):
        return stated
    # It goes by the file's name, and of two places by their codes: it gets a header of its own, with one place.
    content = bytearray(header.content + bytes(DATA_OFFSET - HEADER_BYTES))
    if header.form.sform_code > 0:
        struct.pack_into(f"{header.order}h", content, 252, 0)
    struct.pack_into(f"{header.order}f", content, 108, DATA_OFFSET)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "header.nii")
        file.write_bytes(content)
        return stated_grid(file, "NiftiImageIO")


def _lies_by_the_sform(grid: Geometry, form: NiftiForm) -> bool:
    if form.sform_code <= 0 or form.qform_code <= 0:
        return True
    matrix = np.diag([-1.0, -1.0, 1.0]) @ np.array(form.srow).reshape(3, 4) * unit_mm(form)
    extent = np.abs(matrix - grid.affine[:3]) @ [*grid.size, 1]
    return bool(np.linalg.norm(extent) <= 0.01 * min(grid.spacing_mm))


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
