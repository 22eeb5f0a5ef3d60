"""What the ranking of volumes says, in the terms of the panel. No Qt, no scene."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from slicer.i18n import tr as _

_NEW, _ALIKE = 0.6, 0.4
_UNSURE, _SURE = 0.5, 0.25


@dataclass(frozen=True)
class Candidate:
    """A volume that may be annotated.

    Attributes:
        name: For the user.
        node_id: Of the volume in the scene; an empty text for a file.
        file: On the disk; an empty text for a volume of the scene.
        series: Of a DICOM folder: what the worker knows it by; else empty.
    """

    name: str
    node_id: str = ""
    file: str = ""
    series: str = ""


@dataclass(frozen=True)
class Ranked:
    """One volume of a ranking.

    Attributes:
        candidate: The volume.
        plane: `axial`, `coronal` or `sagittal`: along which its slices are counted.
        axis: Axis of its voxels (0, 1, 2 as i, j, k) along which they are counted.
        slices: Indices of those worth drawing first, the one worth most first.
        why: What a mask of it would teach, in words.
        figures: The same in numbers.
    """

    candidate: Candidate
    plane: str
    axis: int
    slices: tuple[int, ...]
    why: str
    figures: str


def ranked(told: dict[str, Any], candidates: dict[str, Candidate]) -> list[Ranked]:
    """The volumes in the worker's order.

    Args:
        told: Suggestions (docs/formats.md).
        candidates: By the file that the worker was given.
    """
    return [
        Ranked(
            candidate=candidates[one["file"]],
            plane=one["plane"],
            axis=one["plane_axis"],
            slices=tuple(one["slices"]),
            why=_why(one, number),
            figures=_figures(one),
        )
        for number, one in enumerate(told["volumes"])
    ]


def _why(one: dict[str, Any], number: int) -> str:
    said = [_novelty(one, number)]
    if one["uncertainty"] is not None:
        said.append(_uncertainty(one["uncertainty"]))
    why = "; ".join(said)
    return why[:1].upper() + why[1:]


def _novelty(one: dict[str, Any], number: int) -> str:
    nearest = one["nearest"]
    if one["note"] is not None:
        return _("shows nothing new")
    if nearest is None:
        return _("most like the others: a good first one") if number == 0 else _("unlike those above")
    if one["novelty"] >= _NEW:
        return _("unlike all cases of the library")
    if one["novelty"] >= _ALIKE:
        return _("differs from the library as much as its cases differ from each other")
    return _("much like {case}").format(case=nearest["case"])


def _uncertainty(uncertainty: float) -> str:
    if uncertainty >= _UNSURE:
        return _("low confidence when it was segmented")
    return (
        _("fair confidence when it was segmented")
        if uncertainty >= _SURE
        else _("high confidence when it was segmented")
    )


def _figures(one: dict[str, Any]) -> str:
    said = [_("Novelty {n:.2f}").format(n=one["novelty"])]
    if one["uncertainty"] is not None:
        said.append(_("uncertainty {n:.2f}").format(n=one["uncertainty"]))
    if one["nearest"] is not None:
        near = one["nearest"]
        said.append(_("nearest case {case} ({n:.2f})").format(case=near["case"], n=near["similarity"]))
    return ", ".join(said) + "."
