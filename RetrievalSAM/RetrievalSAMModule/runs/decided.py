"""The results of `retrievalsam batch`, with what their reviewers decided on the batch's page (docs/batch.md)."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

from slicer.i18n import tr as _

from ..core_package import make_importable
from ..scene.volume_files import SceneError
from ..texts import wording

make_importable()

from RetrievalSAMLib import csv_rows  # noqa: E402 - its folder is known only now
from RetrievalSAMLib.cohort.review import decisions  # noqa: E402 - its folder is known only now
from RetrievalSAMLib.errors import InputError  # noqa: E402

_REPORT = ".report.json"
_ORDER = (decisions.REJECTED, decisions.DISPUTED, decisions.UNDECIDED, decisions.ACCEPTED)


@dataclass(frozen=True)
class Decided:
    """A result of a batch.

    Attributes:
        id: Of its volume.
        image: The volume; an empty text where the batch's folder does not say.
        segmentation: The file.
        told: What was found, in words.
        state: `accepted`, `rejected`, `disputed` or `undecided`.
        notes: Of its reviewers.
    """

    id: str
    image: str
    segmentation: str
    told: str
    state: str
    notes: str


def results_of_batch(folder: str) -> list[Decided]:
    """The results in a batch's folder, those that were rejected first.

    Raises:
        SceneError: There is none, or a file cannot be read.
    """
    reports = sorted((Path(folder) / "results").glob(f"*{_REPORT}"))
    if not reports:
        raise SceneError(_("There is no result of a batch in this folder."))
    try:
        read = decisions.read_decisions(Path(folder))
        images = _images(Path(folder) / "items.csv")
        found = [_decided(file, read, images) for file in reports]
    except InputError as error:
        raise SceneError(str(error)) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SceneError(_("A file of this batch cannot be read ({error}).").format(error=error)) from error
    if read.faults:
        raise SceneError(_("A decision of this batch cannot be read: {fault}").format(fault=read.faults[0]))
    return sorted(found, key=lambda one: (_ORDER.index(one.state), one.id))


def in_words(state: str) -> str:
    """What was decided, for the user; nothing where nothing was."""
    return {
        decisions.ACCEPTED: _("Accepted"),
        decisions.REJECTED: _("Rejected"),
        decisions.DISPUTED: _("Disputed"),
    }.get(state, "")


def _decided(file: Path, read: decisions.Decisions, images: dict[str, str]) -> Decided:
    report = json.loads(file.read_bytes())
    id_ = report["batch"]["id"]
    standing = read.standing(id_, report["batch"]["segmentation_sha256"])
    segmentation = file.with_name(f"{file.name.removesuffix(_REPORT)}.seg.nrrd")
    told = wording.outcome(report)
    return Decided(id_, images.get(id_, ""), str(segmentation), told, standing.state, standing.notes)


def _images(table: Path) -> dict[str, str]:
    if not table.is_file():
        return {}
    with table.open(encoding="utf-8-sig", newline="") as stream:
        return {row["id"]: csv_rows.as_it_was(row["path"]) for row in csv.DictReader(stream)}
