"""Images by the ids that MONAI Label's clients give them. Each is one of its sender's uploads, and goes with it."""

from __future__ import annotations

import asyncio
import shutil
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.datastructures import UploadFile

from ...dicomweb.studies import is_uid
from ...errors import InputError
from ..problems import Problem
from ..work.uploads import ImageFile, Upload, Uploads
from .forms import ending_of, pieces_of

if TYPE_CHECKING:
    from ...dicomweb.archive import DicomArchive

FINAL, ORIGINAL = "final", "original"
"""MONAI Label's tags: of what a person has submitted, and of what a model made."""


@dataclass(eq=False)
class Sample:
    """An image.

    Attributes:
        id: By which its sender asks for it.
        owner: Its sender; to nobody else it exists.
        sha256: Of the upload.
        folder: For its labels.
        is_session: Whether it is of a session, and so no candidate for annotation.
        created: Seconds since 1970.
        study: UID of the study that it is of, where it came from an archive.
        library: That segmented it last.
        runs: By library, the id of its last run without points.
        cases: By library, the id of the case that its label has become.
        labels: Files of its labels by tag.
    """

    id: str
    owner: str
    sha256: str
    folder: Path
    is_session: bool
    created: int = field(default_factory=lambda: int(time.time()))
    study: str | None = None
    library: str | None = None
    runs: dict[str, str] = field(default_factory=dict)
    cases: dict[str, str] = field(default_factory=dict)
    labels: dict[str, Path] = field(default_factory=dict)

    @property
    def is_labelled(self) -> bool:
        """Whether a person has submitted a label."""
        return FINAL in self.labels

    def label_file(self, tag: str) -> Path:
        """Where the label of a tag goes."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        return self.folder / f"{uuid.uuid5(uuid.NAMESPACE_OID, tag).hex}.seg.nrrd"


class Samples:
    """By owner and id.

    Args:
        folder: For labels.
        uploads: That hold the images.
        archive: From which images come that nobody has sent; None for none.
    """

    def __init__(self, folder: Path, uploads: Uploads, archive: DicomArchive | None = None) -> None:
        folder.mkdir(mode=0o700)
        self._folder, self._uploads, self._archive = folder, uploads, archive
        self._known: dict[tuple[str, str], Sample] = {}

    def find(self, owner: str, sample_id: str) -> Sample:
        """An image of this owner's.

        Raises:
            Problem: There is none, or no longer.
        """
        self.sweep()
        sample = self._known.get((owner, sample_id))
        if sample is None:
            remedy = "Send it: PUT /datastore/ or PUT /session/, or as `file` of this request."
            raise Problem(404, "missing", "image", "the server has none of this id, or no longer", remedy)
        return sample

    async def find_or_fetch(self, owner: str, sample_id: str) -> Sample:
        """As `find`; what is not there and is the UID of a series comes from the archive, where there is one.

        Raises:
            Problem: As for `find`; or the archive does not give it.
        """
        known = self._known.get((owner, sample_id))
        is_there = known is not None and self._uploads.holds(owner, known.sha256)
        if self._archive is None or is_there or not is_uid(sample_id):
            return self.find(owner, sample_id)
        folder = self._folder / uuid.uuid4().hex
        folder.mkdir(mode=0o700)
        try:
            study = await asyncio.to_thread(_fetch, self._archive, sample_id, folder)
            sha256, _ = await self._uploads.take_folder(owner, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        sample = self._keep(owner, sample_id, sha256, is_session=False)
        sample.study = study
        return sample

    def upload(self, sample: Sample) -> Upload:
        """Its image; that counts as use.

        Raises:
            Problem: It is gone.
        """
        upload = self._uploads.find(sample.owner, sample.sha256)
        if upload is None:
            raise Problem(404, "missing", "image", "the server has deleted it meanwhile", "Send it again.")
        return upload

    def of(self, owner: str) -> list[Sample]:
        """The images of an owner that are no session's, as they came."""
        self.sweep()
        return [sample for sample in self._known.values() if sample.owner == owner and not sample.is_session]

    async def add(
        self, owner: str, files: Sequence[UploadFile], *, sample_id: str | None = None, is_session: bool = False
    ) -> Sample:
        """Take an image in; one that had this id gives way.

        Raises:
            Problem: No file was sent, or it is none that can be read; see `Uploads.take_image`.
        """
        if not files:
            raise Problem(422, "request", "image", "no file was sent", "Send it in the field that the protocol names.")
        sha256, _ = await self._uploads.take_image(owner, [ImageFile(ending_of(f), pieces_of(f)) for f in files])
        return self._keep(owner, sample_id or uuid.uuid4().hex, sha256, is_session=is_session)

    def remove(self, sample: Sample) -> None:
        """Delete an image and its labels."""
        self._forget(sample)
        others = {other.sha256 for other in self._known.values() if other.owner == sample.owner}
        if sample.sha256 not in others:
            self._uploads.drop(sample.owner, sample.sha256)

    def sweep(self) -> None:
        """Delete the labels of images that are gone."""
        for sample in list(self._known.values()):
            if not self._uploads.holds(sample.owner, sample.sha256):
                self._forget(sample)

    def _keep(self, owner: str, sample_id: str, sha256: str, *, is_session: bool) -> Sample:
        known = self._known.get((owner, sample_id))
        if known is not None:
            if known.sha256 == sha256:
                return known
            self.remove(known)
        sample = Sample(sample_id, owner, sha256, self._folder / uuid.uuid4().hex, is_session)
        self._known[owner, sample_id] = sample
        return sample

    def _forget(self, sample: Sample) -> None:
        self._known.pop((sample.owner, sample.id), None)
        shutil.rmtree(sample.folder, ignore_errors=True)


def session_of(sample: Sample, keep_seconds: float) -> dict[str, Any]:
    """What MONAI Label says of a session; no path of the server's."""
    return {
        "name": sample.id,
        "path": "",
        "image": "",
        "meta": {},
        "create_ts": sample.created,
        "last_access_ts": int(time.time()),
        "expiry": int(keep_seconds),
    }


def _fetch(archive: DicomArchive, series: str, folder: Path) -> str:
    """Put the slices of a series into a folder; its study."""
    try:
        study = archive.study_of(series)
        archive.fetch(study, series, folder)
        return study
    except InputError as error:
        raise Problem(502, "archive", "DICOMweb server", error.fact, error.remedy) from error
