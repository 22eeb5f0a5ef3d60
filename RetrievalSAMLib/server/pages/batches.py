"""The batches of a folder, as their pages and reviewers see them."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...cohort.results import Results
from ...cohort.review.decisions import ACCEPTED, DISPUTED, REJECTED, UNDECIDED, read_decisions
from ...cohort.review.page import CONTENT_FILE
from ...errors import InputError

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Batch:
    """One batch.

    Attributes:
        name: Of its folder.
        results: The folder.
    """

    name: str
    results: Results

    @property
    def content(self) -> dict[str, Any]:
        """What its page shows, with the decisions that are there now."""
        told: dict[str, Any] = json.loads((self.results.pages / CONTENT_FILE).read_bytes())
        return {**told, "decisions": self.decisions}

    @property
    def decisions(self) -> list[dict[str, Any]]:
        """All lines, as files hold them."""
        return [line.as_json() for line in read_decisions(self.results.folder).lines]

    @property
    def volumes(self) -> dict[str, str]:
        """SHA-256 of the result of each volume."""
        return {one["id"]: one["result"] for one in self.content["volumes"]}

    def counted(self) -> dict[str, int]:
        """How many volumes there are of each standing."""
        decisions, volumes = read_decisions(self.results.folder), self.volumes
        states = [decisions.standing(volume, result).state for volume, result in volumes.items()]
        return {state: states.count(state) for state in (ACCEPTED, REJECTED, DISPUTED, UNDECIDED)}

    def picture(self, name: str) -> Path | None:
        """A picture of its page, None where there is none of this name."""
        return _in(self.results.pages, name, (".png", ".jpg"))

    def result(self, name: str) -> Path | None:
        """A segmentation or report, None where there is none of this name."""
        return _in(self.results.report("x").parent, name, (".seg.nrrd", ".report.json"))


class BatchFolder:
    """Names come from the folder itself: what a client says is compared with them, never made a path of.

    Args:
        folder: Its subfolders are folders of `retrievalsam batch`; None for no batches at all.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def find(self, name: str) -> Batch | None:
        """The batch of that name, None where there is none."""
        return next((batch for batch in self.all() if batch.name == name), None)

    def all(self) -> list[Batch]:
        """All that have a page."""
        if self._folder is None:
            return []
        found = (Batch(entry.name, Results(entry.resolve())) for entry in sorted(self._folder.iterdir()))
        return [batch for batch in found if (batch.results.pages / CONTENT_FILE).is_file()]

    def counted(self) -> list[tuple[str, dict[str, int]]]:
        """Name and standings of each that can be read."""
        found = []
        for batch in self.all():
            try:
                found.append((batch.name, batch.counted()))
            except (InputError, OSError, ValueError, KeyError) as error:
                _LOG.warning("a batch cannot be read and is left out (%s)", type(error).__name__)
        return found


def _in(folder: Path, name: str, endings: tuple[str, ...]) -> Path | None:
    """A file that lies right in a folder; a name that leads elsewhere finds nothing."""
    if name != Path(name).name or not name.endswith(endings):
        return None
    file = folder / name
    return file if file.is_file() and file.resolve().parent == folder.resolve() else None
