"""Formats that nibabel reads: NIfTI-2, NIfTI in two files (.hdr, .img), and FreeSurfer's .mgz and .mgh.

https://nipy.org/nibabel
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...errors import InputError
from ..claims import check_claim, check_surplus, damaged_content, size_of
from ..geometry import Geometry, NiftiForm
from .contents import Kind
from .nifti_places import unit_mm

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Header

_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_WRONG_SPACING = "Spacings are lengths above zero: export it again from its source."


class _Parts(NamedTuple):
    header: Path
    voxels: Path


def read_by_nibabel(path: Path, name: str, kind: Kind) -> tuple[np.ndarray, Geometry, tuple[str, ...]]:
    """Voxels (i, j, k), grid and notes of a 3D volume in one of these formats.

    Args:
        path: The file; of a pair, either of the two.
        name: Its name as the user typed it, for messages.
        kind: ``NIFTI_2``, ``NIFTI_PAIR`` or ``MGH``.

    Raises:
        InputError: It is unreadable, cut short, not 3D, not of real numbers, or not placed by perpendicular axes.
        OSError: It cannot be opened.
    """
    import nibabel
    from nibabel.filebasedimages import ImageFileError
    from nibabel.freesurfer.mghformat import MGHError
    from nibabel.spatialimages import HeaderDataError
    from nibabel.wrapstruct import WrapStructError

    # What nibabel and numpy raise over headers that a file of these formats cannot have.
    damaged = (
        ImageFileError,
        MGHError,
        HeaderDataError,
        WrapStructError,
        ValueError,
        TypeError,
        KeyError,
        OverflowError,
        EOFError,
        zlib.error,
        gzip.BadGzipFile,
    )

    parts = _pair(path, name) if kind is Kind.NIFTI_PAIR else _Parts(path, path)
    classes: dict[Kind, Any] = {
        Kind.NIFTI_2: nibabel.Nifti2Image,
        Kind.NIFTI_PAIR: nibabel.Nifti1Pair,
        Kind.MGH: nibabel.MGHImage,
    }
    reader = classes[kind]
    _check_checksum(parts.voxels, name)
    try:
        file_map = reader.make_file_map({"header": str(parts.header), "image": str(parts.voxels)})
        image = reader.from_file_map(file_map, mmap=False)
        _check_voxels(image, parts.voxels, name)
        voxels = np.asanyarray(image.dataobj)
    except damaged as error:
        reason = " ".join(str(error).split())[:160]
        fact = f"it is cut short, damaged, or not a file of {kind.value} ({reason})"
        raise InputError(name, fact, "Copy or export it again.") from error
    voxels = np.asfortranarray(voxels.reshape(voxels.shape[:3])).astype(voxels.dtype.newbyteorder("="), copy=False)
    if kind is Kind.MGH:
        notes = () if image.header["goodRASFlag"] > 0 else (_NO_PLACE,)
        return voxels, _grid(image.affine, voxels.shape, name), notes
    form = _form(image.header)
    if form.sform_code <= 0 and form.qform_code <= 0:
        return voxels, _grid(image.affine * _scaled(unit_mm(form)), voxels.shape, name), (_NO_PLACE,)
    grid = _grid(image.affine * _scaled(unit_mm(form)), voxels.shape, name)
    return voxels, grid.with_nifti(form), ()


_NO_PLACE = "its header does not say how it lies in the patient; the usual order of its format is assumed"


def _scaled(unit: float) -> np.ndarray:
    """By which to multiply an affine in some unit to have it in mm."""
    factors = np.ones((4, 4))
    factors[:3] = unit
    return factors


def _pair(path: Path, name: str) -> _Parts:
    """Header and voxels; the other one of the two has the other ending, in any case, and may be compressed."""
    stem = path.name[: -len(".gz")] if path.name.lower().endswith(".gz") else path.name
    found: dict[str, Path] = {}
    for one in sorted(path.parent.iterdir()):
        bare = one.name[: -len(".gz")] if one.name.lower().endswith(".gz") else one.name
        if Path(bare).stem == Path(stem).stem and Path(bare).suffix.lower() in (".hdr", ".img"):
            found.setdefault(Path(bare).suffix.lower(), one)
    for ending in (".hdr", ".img"):
        if ending not in found:
            other = Path(stem).stem + ending
            raise InputError(name, f"its other half, {other}, is not beside it", "Put both files into one folder.")
    return _Parts(found[".hdr"], found[".img"])


def _check_checksum(path: Path, name: str) -> None:
    """Nibabel stops before the end of a packed file, where its checksum is."""
    with path.open("rb") as stream:
        if stream.read(2) != b"\x1f\x8b":
            return
        stream.seek(0)
        try:
            with gzip.open(stream) as opened:
                while opened.read(1 << 20):
                    pass
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise damaged_content(name, ValueError(str(error))) from error


def _check_voxels(image: Any, path: Path, name: str) -> None:
    shape, dtype = image.shape, image.get_data_dtype()
    if len(shape) < 3:
        raise InputError(
            name, f"it has {len(shape)} dimensions", "Give a 3D volume; one slice is enough, as a 3D file."
        )
    if min(shape, default=0) < 1:
        raise InputError(name, "it is empty: an axis has no voxels", "Export it again.")
    if any(count > 1 for count in shape[3:]):
        times = " x ".join(map(str, shape))
        raise InputError(
            name, f"it has {len(shape)} dimensions ({times})", "Save one time point or channel as a 3D volume."
        )
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise InputError(name, f"its voxels are of the type {dtype}", "Save it with one real number a voxel.")
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    held = size_of(path)
    offset = int(getattr(image.dataobj, "offset", 0))
    if held is not None and not packed:
        held = max(0, held - offset)
    needed = check_claim(name, shape[:3], dtype.itemsize, held, "gzip" if packed else "raw")
    if held is not None and not packed and not hasattr(image.header, "get_footer_offset"):
        check_surplus(name, shape[:3], needed, held)


def _form(header: Nifti1Header) -> NiftiForm:
    """What the header says of the place of its voxels."""

    def floats(*fields: str) -> tuple[float, ...]:
        return tuple(float(value) for field in fields for value in np.atleast_1d(header[field]))

    return NiftiForm(
        pixdim=floats("pixdim"),
        qform_code=int(header["qform_code"]),
        sform_code=int(header["sform_code"]),
        quaternion=floats("quatern_b", "quatern_c", "quatern_d"),
        offset=floats("qoffset_x", "qoffset_y", "qoffset_z"),
        srow=floats("srow_x", "srow_y", "srow_z"),
        xyzt_units=int(header["xyzt_units"]),
    )


def _grid(affine: np.ndarray, shape: tuple[int, ...], name: str) -> Geometry:
    """The grid of an affine in RAS mm.

    Raises:
        InputError: The axes have no length, or are not perpendicular.
    """
    lps = _TO_LPS @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    if not np.isfinite(lps).all() or (spacing <= 0).any():
        shown = " x ".join(f"{value:g}" for value in spacing)
        raise InputError(name, f"its spacing is {shown} mm", _WRONG_SPACING)
    a, b, c = shape[:3]
    direction = tuple((lps[:3, :3] / spacing).ravel().tolist())
    try:
        return Geometry((a, b, c), tuple(spacing.tolist()), tuple(lps[:3, 3].tolist()), direction)
    except ValueError as error:
        raise InputError(
            name, "its axes are not perpendicular", "Resample it to a rectangular grid, then try again."
        ) from error
