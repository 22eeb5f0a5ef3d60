"""What a file is, by its first bytes: its name may end otherwise."""

from __future__ import annotations

import os
import re
import struct
from enum import Enum
from pathlib import Path

from ..claims import unpack

_LOOKED_AT_BYTES = 1024
_METAIMAGE = re.compile(rb"\s*(?:ObjectType|Comment|ObjectSubType|NDims|TransformType|ID|Name|BinaryData)\s*=")
_NIFTI1_BYTES, _NIFTI2_BYTES = 348, 540


class Kind(Enum):
    """A format that is read; the value is what it is called in messages."""

    NIFTI = "NIfTI-1"
    NIFTI_PAIR = "NIfTI-1 in two files (.hdr, .img)"
    NIFTI_2 = "NIfTI-2"
    ANALYZE = "Analyze 7.5"
    NRRD = "NRRD"
    METAIMAGE = "MetaImage"
    MGH = "FreeSurfer (.mgz)"
    DICOM = "DICOM"
    TIFF = "TIFF"
    PNG = "PNG"


_BY_ENDING = {
    ".nii": Kind.NIFTI, ".nii.gz": Kind.NIFTI, ".nrrd": Kind.NRRD, ".nhdr": Kind.NRRD, ".seg.nrrd": Kind.NRRD,
    ".mha": Kind.METAIMAGE, ".mhd": Kind.METAIMAGE, ".hdr": Kind.NIFTI_PAIR, ".img": Kind.NIFTI_PAIR,
    ".hdr.gz": Kind.NIFTI_PAIR, ".img.gz": Kind.NIFTI_PAIR, ".mgz": Kind.MGH, ".mgh": Kind.MGH,
    ".tif": Kind.TIFF, ".tiff": Kind.TIFF, ".png": Kind.PNG, ".dcm": Kind.DICOM,
}  # fmt: skip
_NOT_A_VOLUME_ALONE = {".img", ".img.gz", ".dcm", ".tif", ".tiff", ".png"}
VOLUME_ENDINGS = tuple(sorted(set(_BY_ENDING) - _NOT_A_VOLUME_ALONE, key=len, reverse=True))
"""Of files that hold a volume with its place in space; the longest ones first."""
_TWO_PARTS = tuple(ending for ending in _BY_ENDING if ending.count(".") == 2)


def extension(path: str | os.PathLike[str]) -> str:
    """The extension that tells the format, lower case: ".seg.nrrd", ".nii.gz", or the last suffix."""
    lower = Path(path).name.lower()
    return next((double for double in _TWO_PARTS if lower.endswith(double)), Path(lower).suffix)


def kind_of(path: Path) -> Kind | None:
    """What a file is by its content; where that tells nothing, by its name; None where neither does.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as stream:
        start = stream.read(_LOOKED_AT_BYTES)
        if start.startswith(b"\x1f\x8b"):
            stream.seek(0)
            try:
                start = unpack(stream, _LOOKED_AT_BYTES, "gzip", whole=False)
            except ValueError:  # whoever reads it says what is wrong
                start = b""
    named = _BY_ENDING.get(extension(path))
    return _kind_of_content(start, named) or named


def _kind_of_content(start: bytes, named: Kind | None) -> Kind | None:
    if start.startswith(b"NRRD"):
        return Kind.NRRD
    if start[128:132] == b"DICM":
        return Kind.DICOM
    if start.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return Kind.TIFF
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        return Kind.PNG
    if _METAIMAGE.match(start) and b"NDims" in start:
        return Kind.METAIMAGE
    sizes = {struct.unpack_from(f"{order}i", start)[0] for order in "<>"} if len(start) >= 4 else set()
    if _NIFTI1_BYTES in sizes and len(start) >= _NIFTI1_BYTES:
        # Without one of these words at its end it is what NIfTI came from.
        return {b"n+1\0": Kind.NIFTI, b"ni1\0": Kind.NIFTI_PAIR}.get(
            start[344:348], Kind.ANALYZE if named is Kind.NIFTI_PAIR else None
        )
    if _NIFTI2_BYTES in sizes:
        return Kind.NIFTI_2
    return None
