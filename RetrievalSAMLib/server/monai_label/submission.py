"""Labels that are submitted become cases of a library, and tell how they came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from ...library.case import Case
from ...library.format import Provenance
from ...library.names import same_name_key
from ...library.segments import check_named, with_library_names, with_library_values
from ...library.store import SupportLibrary
from ...volumes import Geometry, Segment, Segmentation, fit_to_grid, read_segmentation, read_volume
from ...volumes.reading import names_segments
from ..problems import Problem
from ..work.run import Run

_LABEL, _IMAGE = "the label", "the image"
_TOOLS = {"background", "foreground_scribbles", "background_scribbles"}
"""Segments that MONAI Label's clients draw for its models, and that are no structures."""


@dataclass(frozen=True)
class Submission:
    """What was sent.

    Attributes:
        label: A file of any format, or raw bytes (.bin: uint8 or uint16, the image's first axis fastest), as OHIF 2
            sends them.
        image: The upload that it belongs to.
        names: By value, as the client calls the labels.
    """

    label: Path
    image: Path
    names: dict[int, str]


def names_of(label_info: object) -> dict[int, str]:
    """Names by value, of `label_info` of a request: a list of `name` and `idx` (OHIF 2: `segmentIndex`).

    Raises:
        Problem: It is something else.
    """
    names: dict[int, str] = {}
    for entry in label_info if isinstance(label_info, list) else []:
        told = entry if isinstance(entry, dict) else {}
        name, value = told.get("name"), told.get("idx", told.get("segmentIndex"))
        if not isinstance(name, str) or not name.strip() or not isinstance(value, int):
            remedy = 'Send a list such as [{"name": "Liver", "idx": 1}].'
            raise Problem(422, "request", "label_info", "an entry has no name or no idx", remedy)
        names[value] = name.strip()
    return names


def library_for(
    names: Mapping[int, str], last: str | None, chosen: str | None, segments: Mapping[str, Mapping[str, int]]
) -> str:
    """Which library a label belongs to: MONAI Label's clients do not say.

    Args:
        names: Of the label.
        last: The library that segmented the image last.
        chosen: The library of the model that is chosen in 3D Slicer's module.
        segments: Of each library, its segments' values by name.

    Returns:
        The last one; else the only one there is; else the only one that knows all names; else the chosen one.

    Raises:
        Problem: None of these is the case.
    """
    if last is not None:
        return last
    if len(segments) == 1:
        return next(iter(segments))
    wanted = {same_name_key(name) for name in names.values()}
    knowing = [name for name, own in segments.items() if wanted and wanted <= {same_name_key(one) for one in own}]
    if len(knowing) == 1:
        return knowing[0]
    if chosen is not None:
        return chosen
    remedy = "Segment the image by the library's model first, or send its name as `library` in `params`."
    raise Problem(422, "request", "library", "it is not clear to which one the label belongs", remedy)


def read_label(submission: Submission, geometry: Geometry, known: Sequence[Segment] = ()) -> Segmentation:
    """The label on the image's grid, with a library's values for the names that it knows, and the other way round.

    Args:
        submission: What was sent.
        geometry: Of the image.
        known: Segments of the library.

    Segments without voxels are left out, as a label map would: 3D Slicer's module has one for each label of the server.

    Raises:
        InputError: It cannot be read, has no label, or lies elsewhere.
    """
    drawn = _named(submission, geometry, known)
    names = {segment.name for segment in known}
    kept = [s for s in drawn.segments if (s.name in names or s.name not in _TOOLS) and drawn.mask(s.name).any()]
    if not kept:
        raise InputError(_LABEL, "it has no label", "Draw at least one segment.")
    if len(kept) == len(drawn.segments):
        return drawn
    masks = (drawn.mask(segment.name) for segment in kept)
    return Segmentation.from_masks(kept, masks, geometry).with_notes(*drawn.notes)


def _named(submission: Submission, geometry: Geometry, known: Sequence[Segment]) -> Segmentation:
    """All that was sent, by the names that the library or the client has for it."""
    path = submission.label
    if path.suffix == ".bin":
        drawn = Segmentation.from_labelmap(_raw(path, geometry), geometry)
    else:
        drawn = fit_to_grid(read_segmentation(path, grid=geometry), _LABEL, geometry, _IMAGE)
    if names_segments(path):
        return with_library_values(drawn, known)
    named = replace(
        drawn, segments=tuple(replace(s, name=submission.names.get(s.value_in_file, s.name)) for s in drawn.segments)
    )
    drawn = with_library_names(named, known)
    return with_library_values(drawn, known) if submission.names else drawn


def provenance_of(label: Segmentation, run: Run | None) -> tuple[Provenance, str | None]:
    """How a label came about: a run's result as it was, or with slices that a person has corrected, or drawn.

    Args:
        label: As it was submitted.
        run: Of the image, whose result was there before; None where there was none.

    Returns:
        The provenance, and the plane in which slices are counted where a run took part.
    """
    if run is None or run.state != "done":
        return Provenance(), None
    report, result = run.report, read_segmentation(run.result, allow_empty=True)
    if result.geometry.difference(label.geometry) is not None:
        return Provenance(), None
    changed = np.zeros(label.geometry.size, dtype=bool)
    for name in {*label.names, *result.names}:
        before = result.mask(name) if name in result.names else np.zeros(label.geometry.size, dtype=bool)
        now = label.mask(name) if name in label.names else np.zeros(label.geometry.size, dtype=bool)
        changed |= (before != 0) != (now != 0)
    axis = int(report["plane_axis"])
    slices = np.flatnonzero(changed.any(axis=tuple(n for n in range(3) if n != axis))).tolist()
    model: dict[str, Any] = report["model"]
    return Provenance.of_run(model["name"], model["sha256"], slices or None), str(report["plane"])


def add_case(path: Path, submission: Submission, run: Run | None, earlier: str | None) -> Case:
    """Make a case of it; a label that was submitted before becomes an older version of its case.

    Args:
        path: The library.
        submission: What was sent.
        run: As for `provenance_of`.
        earlier: Id of the case that an earlier label of this image has become.

    Raises:
        InputError: It cannot be a case of this library.
    """
    library = SupportLibrary.open(path)
    volume = read_volume(submission.image)
    label = read_label(submission, volume.geometry, library.segments())
    check_named(label, _LABEL)
    provenance, plane = provenance_of(label, run)
    if earlier is not None and earlier in {case.id for case in library.cases()}:
        return library.add_version(earlier, label, provenance=provenance, segmentation_name=_LABEL)
    return library.add(volume, label, plane=plane, provenance=provenance, image_name=_IMAGE, segmentation_name=_LABEL)


def _raw(path: Path, geometry: Geometry) -> np.ndarray:
    voxels, wanted = np.fromfile(path, dtype=np.uint8), int(np.prod(geometry.size))
    if voxels.size == 2 * wanted:
        voxels = voxels.view("<u2")
    if voxels.size != wanted:
        fact = f"it has {voxels.size} voxels, and the image {wanted}"
        raise InputError(_LABEL, fact, "Send one byte for each voxel of the image, or two (uint16, little-endian).")
    return voxels.reshape(geometry.size, order="F")
