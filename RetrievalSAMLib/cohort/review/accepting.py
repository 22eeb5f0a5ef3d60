"""Accepted results of a batch become cases of a library, each with its provenance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ...errors import InputError, RetrievalSAMError
from ...json_files import JsonError, read_json
from ...library.case import Case
from ...library.files import sha256_of
from ...library.format import Provenance
from ...library.segments import with_library_values
from ...library.store import SupportLibrary
from ...volumes import read_segmentation, read_volume
from ..items import read_items
from ..results import ItemReport, Results
from .decisions import ACCEPTED, Decisions, read_decisions

ITEMS_FILE = "items.csv"


@dataclass(frozen=True)
class Accepted:
    """A result that everybody who decided on it accepts.

    Attributes:
        id: Of its volume.
        image: The volume.
        report: On the result.
    """

    id: str
    image: Path
    report: ItemReport


@dataclass(frozen=True)
class Added:
    """What became of an accepted result.

    Attributes:
        id: Of its volume.
        case: Where it was added.
        told: Why it was not, else an empty text.
        failed: Whether that is a fault: that it is in the library already is none.
    """

    id: str
    case: Case | None = None
    told: str = ""
    failed: bool = False


def accepted_results(folder: Path, volumes: Path | None = None) -> list[Accepted]:
    """The accepted results of a batch's folder.

    Args:
        folder: Of the batch.
        volumes: The table of which id is which volume; the batch's own by default.

    Raises:
        InputError: It is no such folder, a line of its decisions cannot be read (it may be a rejection), there is no
            such table, or an accepted volume is not in it.
    """
    results = Results(folder)
    reports = {report.batch.id: report for report in _reports(results)}
    if not reports:
        raise InputError(str(folder), "there is no result of a batch", "Name the folder given to `batch --output`.")
    decisions = read_decisions(folder)
    if decisions.faults:
        raise InputError(
            str(folder), f"a decision cannot be read ({decisions.faults[0]})", "Mend the line, or take it away."
        )
    accepted = [id_ for id_, report in reports.items() if _is_accepted(decisions, report)]
    images = _images(folder, volumes) if accepted else {}
    for id_ in accepted:
        if id_ not in images:
            raise InputError(
                str(volumes or folder / ITEMS_FILE), f"it does not name the volume `{id_}`", "Give the batch's table."
            )
    return [Accepted(id_, images[id_], reports[id_]) for id_ in accepted]


def add_accepted(
    library: SupportLibrary, folder: Path, accepted: list[Accepted], modality: str | None = None
) -> Iterator[Added]:
    """Add accepted results to a library, one after the other; a fault of one does not keep the others from it.

    A volume that the library shows already is not added again, so that the same command can be given again.

    Args:
        library: Where to.
        folder: Of the batch.
        accepted: `accepted_results` of it.
        modality: Of all of them.
    """
    known = {case.image_hash: case.name for case in library.cases()}
    for one in accepted:
        image = one.report.target.sha256
        if image in known:
            yield Added(one.id, told=f"the library has this volume already, as {known[image]}")
            continue
        try:
            case = _add(library, Results(folder).segmentation(one.id), one, modality)
        except RetrievalSAMError as error:
            yield Added(one.id, told=str(error), failed=True)
            continue
        known[case.image_hash] = case.name
        yield Added(one.id, case)


def _add(library: SupportLibrary, file: Path, one: Accepted, modality: str | None) -> Case:
    report = one.report
    volume = read_volume(one.image)
    if volume.content_hash() != report.target.sha256:
        raise InputError(
            str(one.image), "it is not the volume that was segmented", "Put that one back, or run the batch again."
        )
    found = read_segmentation(file, allow_empty=True)
    if sha256_of(file) != report.batch.segmentation_sha256:
        raise InputError(str(file), "it is not the segmentation that was accepted", "Run the batch again.")
    corrected = report.refinement.corrected if report.refinement else None
    return library.add(
        volume,
        with_library_values(found, library.segments()),
        modality=modality,
        plane=report.plane,
        provenance=Provenance.of_run(report.model.name, report.model.sha256, corrected),
        image_name=str(one.image),
        segmentation_name=str(file),
    )


def _is_accepted(decisions: Decisions, report: ItemReport) -> bool:
    return decisions.standing(report.batch.id, report.batch.segmentation_sha256).state == ACCEPTED


def _reports(results: Results) -> Iterator[ItemReport]:
    for file in results.report_files():
        try:
            yield read_json(file, ItemReport)
        except (OSError, JsonError) as error:
            raise InputError(str(file), f"it cannot be read ({error})", "Run the batch again.") from error


def _images(folder: Path, volumes: Path | None) -> Mapping[str, Path]:
    table = volumes or folder / ITEMS_FILE
    if volumes is None and not table.is_file():
        raise InputError(
            str(folder),
            f"it has no {ITEMS_FILE}, since the batch had a table of its own",
            "Give that with --volumes TABLE.csv.",
        )
    return {item.id: item.path for item in read_items(table)}
