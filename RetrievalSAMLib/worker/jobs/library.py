"""What is done with a support library."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...library.case import Case
from ...library.format import damaged
from ...library.segments import as_segment
from ...library.store import SupportLibrary
from ...volumes import Segment, SliceFrame, shown_color
from ...volumes.reading import read_information
from ..library_parameters import SegmentName
from ..task import Task
from .kept import KeptNetworks

_LOG = logging.getLogger(__name__)


def create(task: Task) -> dict[str, Any]:
    """Make an empty library."""
    library = SupportLibrary.create(task.parameters.folder, task.parameters.name)
    return _described(library, None, task)


def describe(task: Task) -> dict[str, Any]:
    """Everything that a list of the cases shows."""
    thumbnails = task.parameters.thumbnails
    library = SupportLibrary.open(task.parameters.folder)
    return _described(library, None if thumbnails is None else Path(thumbnails), task)


def rename(task: Task) -> dict[str, Any]:
    """Give segments other names."""
    wanted = task.parameters
    changed = SupportLibrary.open(wanted.folder).rename(wanted.case, names_of(wanted.segments))
    return {"cases": [case_row(case, None) for case in changed]}


def remove(task: Task) -> dict[str, Any]:
    """Move a case to the trash."""
    library = SupportLibrary.open(task.parameters.folder)
    case_id = library.remove(task.parameters.case)
    name = next((case.name for case in library.removed() if case.id == case_id), case_id)
    return {"id": case_id, "name": name}


def restore(task: Task) -> dict[str, Any]:
    """Bring a case back from the trash."""
    case = SupportLibrary.open(task.parameters.folder).restore(task.parameters.case)
    return {"case": case_row(case, None)}


def verify(task: Task) -> dict[str, Any]:
    """Compare every file with its checksum."""
    from ...library.upkeep.repair import damage_of

    damage = damage_of(Path(task.parameters.folder))
    return {"damaged": [{"file": item.file, "fact": item.fact} for item in damage]}


def repair(task: Task) -> dict[str, Any]:
    """Put a damaged library in order."""
    from ...library.upkeep import repair as repairing

    return {"done": [{"file": item.file, "done": item.done} for item in repairing.repair(Path(task.parameters.folder))]}


def export(task: Task) -> dict[str, Any]:
    """Write cases into one file."""
    from ...library.sharing.archive import export_library

    wanted = task.parameters
    library = SupportLibrary.open(wanted.folder)
    done = export_library(library, Path(wanted.file), cases=wanted.cases, progress=task.progress)
    return {"file": wanted.file, "cases": done.cases, "bytes": done.bytes}


def import_cases(task: Task) -> dict[str, Any]:
    """Take in the cases of such a file."""
    from ...library.sharing.archive import import_archive

    library = SupportLibrary.open(task.parameters.folder)
    done = import_archive(library, Path(task.parameters.file), progress=task.progress)
    skipped = [{"name": item.name, "reason": item.reason} for item in done.skipped]
    return {"added": list(done.added), "skipped": skipped}


def pairs(task: Task) -> dict[str, Any]:
    """Images and segmentations in a folder that belong together."""
    from ...library.adding.pairs import find_pairs

    found = find_pairs(Path(task.parameters.source))
    return {
        "pairs": [
            {
                "image": str(pair.image),
                "segmentation": str(pair.segmentation),
                "name": pair.name,
                "problem": pair.problem,
            }
            for pair in found.pairs
        ],
        "unpaired": [str(path) for path in found.unpaired],
    }


def case_files(task: Task) -> dict[str, Any]:
    """The files of a case in use, checked against their checksums."""
    case = SupportLibrary.open(task.parameters.folder).get(task.parameters.case)
    in_use = (case.image_path, case.segmentation_path)
    for path, fact in case.damage():
        if path in in_use:
            raise damaged(str(path), fact)
    return {
        "id": case.id,
        "name": case.name,
        "image": str(case.image_path),
        "segmentation": str(case.segmentation_path),
        "segments": [_segment(as_segment(segment)) for segment in case.segments],
    }


def slices(task: Task) -> dict[str, Any]:
    """Pictures of support slices; None for a slice whose case is gone or damaged."""
    from ...library.thumbnails import slice_thumbnails

    wanted = task.parameters
    library = SupportLibrary.open(wanted.folder)
    by_case: dict[str, list[int]] = {}
    for place, one in enumerate(wanted.slices):
        by_case.setdefault(one.case, []).append(place)
    files: list[str | None] = [None] * len(wanted.slices)
    for number, (name, places) in enumerate(by_case.items()):
        task.progress("drawing support slices", number, len(by_case))
        indices = [wanted.slices[place].slice for place in places]
        try:
            drawn = slice_thumbnails(library.get(name), indices, Path(wanted.thumbnails))
        except InputError as error:
            _LOG.warning("support slices cannot be drawn (%s)", type(error).__name__)
            continue
        for place, path in zip(places, drawn, strict=True):
            files[place] = str(path)
    return {"files": files}


def check_names(task: Task) -> dict[str, Any]:
    """Which names look like patient data."""
    from ...library.adding.privacy import header_warnings_of, warnings_of

    found = warnings_of(task.parameters.names)
    for file in task.parameters.files:
        found += header_warnings_of(Path(file))
    return {"warnings": [{"name": one.name, "reason": one.reason} for one in found]}


def dicom_series(task: Task) -> dict[str, Any]:
    """The series of a DICOM folder, for a person to choose from."""
    from ...volumes.formats.dicom.reading import list_series

    source = task.parameters.source
    return {
        "series": [
            {
                "label": stack.label,
                "uid": stack.series.uid,
                "description": stack.series.description,
                "modality": stack.series.modality,
                "part": stack.part,
                "slices": len(stack.frames),
                "size": [stack.frames[0].shape[1], stack.frames[0].shape[0]],
                "chosen": chosen,
            }
            for stack, chosen in list_series(Path(source), source)
        ]
    }


def privacy(task: Task) -> dict[str, Any]:
    """What looks like patient data in cases that are to leave the library."""
    from ...library.adding.privacy import library_warnings_of

    wanted = task.parameters
    library = SupportLibrary.open(wanted.folder)
    cases = library.cases() if wanted.cases is None else [library.get(one) for one in wanted.cases]
    found = library_warnings_of(library.name, cases)
    return {"warnings": [{"name": one.name, "reason": one.reason} for one in found]}


def _described(library: SupportLibrary, thumbnails: Path | None, task: Task) -> dict[str, Any]:
    cases = library.cases()
    described = []
    for number, case in enumerate(cases):
        if thumbnails is not None:
            task.progress("drawing the cases", number, len(cases))
        described.append(case_row(case, thumbnails))
    return {
        "name": library.name,
        "folder": str(library.path),
        "segments": [_segment(segment) for segment in library.segments()],
        "cases": described,
        "removed": [{"id": case.id, "name": case.name} for case in library.removed()],
        "damaged": [{"file": item.file, "fact": item.fact} for item in library.left_out()],
    }


def case_row(case: Case, thumbnails: Path | None) -> dict[str, Any]:
    """A case as results have it; with a picture where there is a folder for it."""
    geometry = read_information(case.image_path)
    return {
        "id": case.id,
        "name": case.name,
        "modality": case.modality,
        "plane": str(case.plane),
        "segments": [segment.name for segment in case.segments],
        "slices": 0 if geometry is None else SliceFrame(geometry, case.plane).shape[0],
        "created": case.versions[0].created.isoformat(),
        "changed": case.version.created.isoformat(),
        "versions": len(case.versions),
        "source": case.provenance.origin,
        "thumbnail": None if thumbnails is None else _thumbnail(case, thumbnails),
    }


def _thumbnail(case: Case, folder: Path) -> str | None:
    """None for a damaged case: it must not hide the others, and `verify` tells of it."""
    from ...errors import DamagedLibraryError
    from ...library.thumbnails import case_thumbnail

    try:
        return str(case_thumbnail(case, folder))
    except DamagedLibraryError:
        _LOG.warning("a damaged case has no picture")
        return None


def names_of(given: Sequence[SegmentName]) -> dict[int, str]:
    """Names by value."""
    return {one.value: one.name for one in given}


def _segment(segment: Segment) -> dict[str, Any]:
    return {
        "name": segment.name,
        "value": segment.value,
        "color": list(shown_color(segment.color, segment.value)),
        "terminology": segment.terminology,
    }


def alone(job: Callable[[Task], dict[str, Any]]) -> Callable[[Task, KeptNetworks], dict[str, Any]]:
    """A job that runs no network."""
    return lambda task, _kept: job(task)


JOBS = {
    verb: alone(job)
    for verb, job in {
        "library.create": create,
        "library.describe": describe,
        "library.rename": rename,
        "library.remove": remove,
        "library.restore": restore,
        "library.verify": verify,
        "library.repair": repair,
        "library.export": export,
        "library.import": import_cases,
        "library.pairs": pairs,
        "library.case": case_files,
        "library.slices": slices,
        "names.check": check_names,
        "library.privacy": privacy,
        "dicom.series": dicom_series,
    }.items()
}
