"""`retrievalsam batch --dicomweb`: volumes come from a DICOMweb server when it is their turn; results go back to it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, overload

import msgspec
import typer

from ...errors import InputError
from ...json_files import JsonError, read_json
from ..packages import check_packages
from ..terminal import progress_bars, write_json
from .credentials import secret_of

if TYPE_CHECKING:
    from ...cohort.items import Item
    from ...cohort.order import Order
    from ...cohort.results import Outcome, Results
    from ...dicomweb.archive import DicomArchive
    from ...dicomweb.studies import Study
    from ...segmentation.settings.region import Box

CREDENTIALS = "RETRIEVALSAM_DICOMWEB_CREDENTIALS"
_FOLDER, _STORED = ".dicomweb", "stored.json"

DicomWeb = Annotated[
    str | None, typer.Option("--dicomweb", help="Address of a DICOMweb server, instead of INPUT; with --studies.")
]
Studies = Annotated[
    Path | None, typer.Option(help="A .csv with the columns study and, if wanted, series (UIDs) and id.")
]
CredentialsFile = Annotated[
    Path | None,
    typer.Option(help=f"File (mode 600) with USER:PASSWORD or a token; else {CREDENTIALS} of the environment."),
]
CaFile = Annotated[Path | None, typer.Option(help="Certificate (PEM) of the DICOMweb server's authority.")]


class _StoredResult(msgspec.Struct, frozen=True):
    """Which result of a volume is on the server: the SHA-256 of its segmentation file."""

    id: str
    segmentation_sha256: str


@dataclass(frozen=True)
class ArchiveChoice:
    """Which server, and how it knows us."""

    address: str
    studies: Path
    credentials: Path | None
    ca_file: Path | None


def archive_choice(
    address: str | None, studies: Path | None, credentials: Path | None, ca_file: Path | None, inputs: Sequence[str]
) -> ArchiveChoice | None:
    """What the options say together; None where the volumes are files.

    Raises:
        InputError: They do not go together.
    """
    if (address is None) != (studies is None):
        raise InputError("--dicomweb and --studies", "one of them is missing", "Give both, or none.")
    if address is None or studies is None:
        if not inputs:
            raise InputError("INPUT", "none is given", "Name folders, volumes or a table; or --dicomweb and --studies.")
        return None
    if inputs:
        raise InputError(inputs[0], "the volumes come from --dicomweb", "Give INPUT or --dicomweb, not both.")
    check_packages("retrievalsam batch --dicomweb", {"dicomweb_client": "dicomweb-client"})
    return ArchiveChoice(address, studies, credentials, ca_file)


class _Fetched(Sequence["Item"]):
    """The volumes of a batch; each is fetched when its turn comes, so that few lie on the disk at a time.

    Attributes:
        failed: By id, why a volume could not be fetched: it then fails alone.
    """

    def __init__(self, archive: DicomArchive, studies: Sequence[Study], folder: Path, region: Box | None) -> None:
        self._archive, self._studies, self._folder, self._region = archive, studies, folder, region
        self.failed: dict[str, InputError] = {}

    def __len__(self) -> int:
        return len(self._studies)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        from ...cohort.items import Item

        study = self._studies[index]
        folder = self.folder_of(study.id)
        folder.mkdir(mode=0o700, exist_ok=True)
        try:
            self._archive.fetch(study.study, study.series or self._only_series(study.study), folder)
        except InputError as error:
            self.failed[study.id] = error
        return Item(study.id, folder, self._region)

    def folder_of(self, study_id: str) -> Path:
        """Where the series of a volume lies."""
        return self._folder / study_id

    def _only_series(self, study: str) -> str:
        found = self._archive.series_of(study)
        if len(found) != 1:
            remedy = "Name the series in the column `series`."
            raise InputError("study", f"it has {len(found)} series of images", remedy)
        return found[0]


def outcomes_of_archive(
    choice: ArchiveChoice, order: Order, results: Results, scheduler: str, workers: int | None, region: Box | None
) -> list[Outcome]:
    """Segment the volumes of a table, and store each result beside its series; see `batch`.

    Series lie in a folder of this user's alone within the results, and are deleted as soon as their result is stored.

    Raises:
        InputError: The table or the server cannot be used at all; what is wrong with one volume is in its outcome.
    """
    from ...cohort.cluster import workers_of
    from ...cohort.run import outcomes
    from ...dicomweb.archive import DicomArchive
    from ...dicomweb.studies import read_studies

    secret = secret_of(choice.credentials, "--dicomweb-credentials", CREDENTIALS)
    archive = DicomArchive(choice.address, secret, choice.ca_file)
    studies = read_studies(choice.studies)
    folder = results.folder / _FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    fetched = _Fetched(archive, studies, folder, region)
    found: dict[str, Outcome] = {}
    try:
        with progress_bars() as progress, workers_of(scheduler, workers, order.device) as working:
            progress("volumes", 0, len(studies))
            for outcome in outcomes(working, order, fetched):
                found[outcome.id] = _stored(outcome, archive, fetched, results)
                shutil.rmtree(fetched.folder_of(outcome.id), ignore_errors=True)
                progress("volumes", len(found), len(studies))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return [found[study.id] for study in studies]


def _stored(outcome: Outcome, archive: DicomArchive, fetched: _Fetched, results: Results) -> Outcome:
    """Store a result, unless the server has it; where that fails, the volume has failed."""
    from ...cohort.results import FAILED

    if outcome.id in fetched.failed:
        return msgspec.structs.replace(outcome, error=str(fetched.failed[outcome.id]), details="")
    if outcome.state == FAILED:
        return outcome
    try:
        _store(outcome.id, archive, fetched.folder_of(outcome.id), results)
    except InputError as error:
        words = str(error).replace(str(fetched.folder_of(outcome.id)), "the series")
        return msgspec.structs.replace(outcome, state=FAILED, error=f"segmented, but not stored. {words}")
    return outcome


def _store(item_id: str, archive: DicomArchive, series: Path, results: Results) -> None:
    from ...cohort.results import ItemReport
    from ...volumes import read_segmentation
    from ...volumes.formats.dicom.seg.export import write_dicom_segmentation
    from ...volumes.formats.dicom.seg.seg_writing import Algorithm

    try:
        report = read_json(results.report(item_id), ItemReport)
    except (OSError, JsonError) as error:
        raise InputError("report", "it cannot be read", "Run the same command again.") from error
    known = _StoredResult(item_id, report.batch.segmentation_sha256)
    noted = results.folder / _STORED
    before = _noted(noted)
    if before.get(item_id) == known:
        return
    segmentation = read_segmentation(results.segmentation(item_id), allow_empty=True)
    file = series.with_suffix(".seg.dcm")
    try:
        write_dicom_segmentation(segmentation, file, series, Algorithm(report.model.name, True))
        archive.store(file)
    finally:
        file.unlink(missing_ok=True)
    write_json(noted, list((before | {item_id: known}).values()))


def _noted(file: Path) -> dict[str, _StoredResult]:
    try:
        return {one.id: one for one in read_json(file, list[_StoredResult])}
    except (FileNotFoundError, JsonError):
        return {}
