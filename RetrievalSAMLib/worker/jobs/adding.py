"""Cases from files into a support library."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...library.adding.naming import as_in_library, values_without_name
from ...library.adding.selection import slices_drawn_in, with_segments
from ...library.case import Case
from ...library.format import Provenance
from ...library.store import SupportLibrary
from ...volumes import GridChoice, fit_to_grid, read_segmentation, read_volume
from ...volumes.formats.picture_stacks import spacing_of_pictures
from ..task import StopRequested, Task
from .file_warnings import warnings_of
from .library import alone, case_row, names_of

_LOG = logging.getLogger(__name__)


def add(task: Task) -> dict[str, Any]:
    """Add one case."""
    wanted = task.parameters
    made_by = wanted.made_by
    library = SupportLibrary.open(wanted.folder)
    case, warnings = _add(
        library,
        wanted.image,
        wanted.segmentation,
        name=wanted.name,
        modality=wanted.modality,
        plane=None if wanted.plane == "auto" else wanted.plane,
        segments=wanted.segments,
        only_drawn=wanted.annotated_slices == "drawn",
        spacing_mm=wanted.spacing_mm,
        grid=wanted.grid,
        provenance=made_by and Provenance.of_run(made_by.model, made_by.model_sha256, made_by.corrected),
        series=wanted.series,
        straighten=wanted.straighten,
        names=names_of(wanted.names),
    )
    return {"case": case_row(case, None), "notes": _notes(library, case, task), "warnings": warnings}


def add_files(task: Task) -> dict[str, Any]:
    """Add many cases; what cannot be added is listed. What was added before a cancel stays."""
    wanted = task.parameters
    library = SupportLibrary.open(wanted.folder)
    added: list[str] = []
    errors: list[dict[str, str]] = []
    notes: list[dict[str, Any]] = []
    warnings: list[dict[str, str]] = []
    names = names_of(wanted.names)
    for number, pair in enumerate(wanted.pairs):
        task.progress("adding cases", number, len(wanted.pairs))
        try:
            bare = values_without_name(Path(pair.segmentation), library.segments()) if names else ()
            case, told = _add(
                library,
                pair.image,
                pair.segmentation,
                name=pair.name,
                modality=wanted.modality,
                names={value: name for value, name in names.items() if value in bare},
            )
        except InputError as error:
            errors.append({"file": pair.image, "message": str(error)})
        else:
            added.append(case.name)
            warnings += told
            notes += [{"case": case.name, **note} for note in _notes(library, case, task)]
    # Not by `task.progress`: a cancel that comes now would hide what was added.
    return {"added": added, "errors": errors, "notes": notes, "warnings": warnings}


def unnamed(task: Task) -> dict[str, Any]:
    """Values of label maps that nobody has named; files that cannot be read are passed over: adding them will tell."""
    wanted = task.parameters
    known = SupportLibrary.open(wanted.folder).segments()
    files: Counter[int] = Counter()
    for number, file in enumerate(wanted.files):
        task.progress("looking at segmentations", number, len(wanted.files))
        try:
            files.update(values_without_name(Path(file), known))
        except InputError as error:
            _LOG.info("a segmentation cannot be read (%s)", type(error).__name__)
    return {"values": [{"value": value, "files": files[value]} for value in sorted(files)]}


def _add(
    library: SupportLibrary,
    image: str,
    segmentation: str,
    *,
    name: str | None,
    modality: str | None,
    plane: str | None = None,
    segments: Sequence[str] | None = None,
    only_drawn: bool = False,
    spacing_mm: tuple[float, float, float] | None = None,
    grid: GridChoice = "own",
    provenance: Provenance | None = None,
    series: str | None = None,
    straighten: bool = False,
    names: Mapping[int, str] | None = None,
) -> tuple[Case, list[dict[str, str]]]:
    """The new case, and what the user should know of its files."""
    volume = read_volume(image, spacing_mm=spacing_mm, series=series, straighten=straighten)
    of_pictures = spacing_of_pictures(Path(segmentation), spacing_mm)
    drawn = read_segmentation(segmentation, grid=volume.geometry, spacing_mm=of_pictures)
    if segments is not None:
        drawn = with_segments(drawn, segments)
    drawn = fit_to_grid(drawn, segmentation, volume.geometry, image, grid)
    drawn = as_in_library(drawn, Path(segmentation), library.segments(), names or {})
    case = library.add(
        volume,
        drawn,
        name=name,
        modality=modality,
        plane=plane,
        annotated_slices=slices_drawn_in(drawn, plane) if only_drawn else None,
        provenance=provenance,
        image_name=image,
        segmentation_name=segmentation,
    )
    return case, warnings_of({image: volume.notes, segmentation: drawn.notes})


def _notes(library: SupportLibrary, case: Case, task: Task) -> list[dict[str, Any]]:
    """Cases that show the same as one just added. The case is there, whatever becomes of the comparison."""
    from ...retrieval.same_study import notes_on

    try:
        found = notes_on(library, case, task.progress)
    except StopRequested:  # the case was added, and that is what the answer has to say
        return []
    return [{"like": note.case, "text": note.text} for note in found]


JOBS = {
    "library.add": alone(add),
    "library.add_files": alone(add_files),
    "library.unnamed": alone(unnamed),
}
