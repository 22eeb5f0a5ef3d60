"""An annotated volume of a demonstration."""

from __future__ import annotations

from typing import NamedTuple

from ..volumes import Segmentation, Volume

_SLICER_TYPES = "Segmentation category and type - 3D Slicer General Anatomy list"
_SLICER_REGIONS = "Anatomic codes - DICOM master list"


class Subject(NamedTuple):
    """One volume with its segmentation on the same grid.

    Attributes:
        name: "subject-01" or "case-001"; never the name of a file.
        image: The volume.
        segmentation: Its segments.
    """

    name: str
    image: Volume
    segmentation: Segmentation


def anatomy(code: str, meaning: str, modifier: tuple[str, str] | None = None) -> str:
    """Slicer's serialised terminology entry of an anatomical structure, with SNOMED CT codes.

    Args:
        code: Of the structure.
        meaning: Of the structure.
        modifier: (code, meaning) such as ("24028007", "Right"), or None.

    Example:
        >>> anatomy("10200004", "Liver").split("~")[2]
        'SCT^10200004^Liver'
    """
    modified = f"SCT^{modifier[0]}^{modifier[1]}" if modifier else "^^"
    fields = (
        _SLICER_TYPES, "SCT^123037004^Anatomical Structure", f"SCT^{code}^{meaning}", modified,
        _SLICER_REGIONS, "^^", "^^",
    )  # fmt: skip
    return "~".join(fields)
