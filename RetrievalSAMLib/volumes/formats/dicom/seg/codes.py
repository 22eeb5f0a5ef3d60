"""Terminology codes: DICOM's code sequences on one side, Slicer's serialised entry on the other.

Slicer's entry is ``context~category~type~type modifier~anatomic context~region~region modifier``, a code each
``scheme^value^meaning``.
"""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

CATEGORY, TYPE = "SegmentedPropertyCategoryCodeSequence", "SegmentedPropertyTypeCodeSequence"
TYPE_MODIFIER = "SegmentedPropertyTypeModifierCodeSequence"
REGION, REGION_MODIFIER = "AnatomicRegionSequence", "AnatomicRegionModifierSequence"
UNSPECIFIC = Code("85756007", "SCT", "Tissue")
"""As Slicer has it for a segment that nobody gave a code."""
_CONTEXT = "Segmentation category and type - DICOM master list"
_REGIONS = "Anatomic codes - DICOM master list"
_MOST_CHARACTERS = 64


def terminology_of(item: Dataset) -> str | None:
    """Slicer's entry for an item of a SegmentSequence, or of an RTROIObservationsSequence.

    None without a code, and for a bare "Tissue", which says nothing.
    """
    category, kind = _first(item, CATEGORY), _first(item, TYPE)
    if kind is None:
        kind = _first(item, "RTROIIdentificationCodeSequence")
    if kind is None:
        return None
    region = _first(item, REGION)
    unspecific = kind.get("CodeValue") == UNSPECIFIC.value and kind.get("CodingSchemeDesignator") == "SCT"
    if unspecific and region is None and _first(kind, TYPE_MODIFIER) is None:
        return None
    fields = (
        _CONTEXT,
        _text(category),
        _text(kind),
        _text(_first(kind, TYPE_MODIFIER)),
        _REGIONS,
        _text(region),
        _text(None if region is None else _first(region, REGION_MODIFIER)),
    )
    return "~".join(fields)


def codes_of(terminology: str | None) -> tuple[Code | None, ...]:
    """Category, type, type modifier, region and region modifier of Slicer's entry; None where it has none."""
    fields = (terminology or "").split("~")
    return tuple(_code(fields[number]) if number < len(fields) else None for number in (1, 2, 3, 5, 6))


def _code(text: str) -> Code | None:
    scheme, _, rest = text.partition("^")
    value, _, meaning = rest.partition("^")
    if not scheme.strip() or not value.strip():
        return None
    return Code(value.strip(), scheme.strip(), (meaning.strip() or value.strip())[:_MOST_CHARACTERS])


def _first(item: Dataset, keyword: str) -> Dataset | None:
    sequence = item.get(keyword)
    return sequence[0] if sequence else None


def _text(code: Dataset | None) -> str:
    if code is None:
        return "^^"
    value = code.get("CodeValue") or code.get("LongCodeValue") or code.get("URNCodeValue") or ""
    parts = (code.get("CodingSchemeDesignator") or "", value, code.get("CodeMeaning") or "")
    # These characters hold Slicer's entries together.
    return "^".join(str(part).translate({ord(mark): " " for mark in "~^|"}).strip() for part in parts)
