"""The files of a batch's results: each is whole or not there; the report comes last and vouches for the mask."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ..json_files import JsonError, read_json
from ..library.files import sha256_of
from ..segmentation.options import SegmentationResult
from ..segmentation.report import SegmentationReport
from ..volumes import shown_color, write_segmentation

_LOG = logging.getLogger(__name__)
DONE, FAILED = "done", "failed"


class BatchNote(msgspec.Struct, frozen=True):
    """What a batch adds to the report of a run.

    Attributes:
        id: Of the volume.
        fingerprint: Of all that the result depends on (`order.fingerprint`).
        segmentation_sha256: Of the file of the segmentation.
        colors: By segment, as `#rrggbb`.
        shown: Slices in the picture, by their index along ``plane_axis``.
    """

    id: str
    fingerprint: str
    segmentation_sha256: str
    colors: dict[str, str]
    shown: tuple[int, ...]


class ItemReport(SegmentationReport, frozen=True, kw_only=True):
    """The report of a run (docs/formats.md) with a note of the batch."""

    batch: BatchNote


class Found(msgspec.Struct, frozen=True):
    """A segment of a result; ``confidence`` is that of the report."""

    name: str
    color: str
    volume_mm3: float
    confidence: float


class Outcome(msgspec.Struct, frozen=True):
    """What became of a volume; it names nothing but its id.

    Attributes:
        state: `DONE` or `FAILED`.
        kept: Whether it was finished before.
        error: Why it failed, in words for the user.
        details: Lines of code for whoever mends the program, where it is to blame.
    """

    id: str
    state: str
    kept: bool = False
    segments: tuple[Found, ...] = ()
    verdict: str = ""
    seconds: float = 0.0
    plane: str = ""
    shown: tuple[int, ...] = ()
    error: str = ""
    details: str = ""

    @property
    def confidence(self) -> float:
        """That of the segment that is least sure; 0 where there is none."""
        return min((segment.confidence for segment in self.segments), default=0.0)

    @classmethod
    def of(cls, report: ItemReport, kept: bool) -> Outcome:
        """From the report of a result."""
        note = report.batch
        return cls(
            id=note.id,
            state=DONE,
            kept=kept,
            segments=tuple(
                Found(one.name, note.colors[one.name], one.volume_mm3, one.confidence) for one in report.segments
            ),
            verdict=report.verdict,
            seconds=round(sum(report.seconds.values()), 3),
            plane=report.plane,
            shown=note.shown,
        )


@dataclass(frozen=True)
class Results:
    """The folder of a batch.

    Attributes:
        folder: Its path.
    """

    folder: Path

    def make(self) -> None:
        """Make the folders, and clear away what an interrupted program left half-written.

        Raises:
            OSError: They cannot be made.
        """
        for part in (self._results, self.pages):
            part.mkdir(parents=True, exist_ok=True)
            for staged in part.glob(".*"):
                staged.unlink(missing_ok=True)

    @property
    def _results(self) -> Path:
        return self.folder / "results"

    @property
    def pages(self) -> Path:
        """Where pictures and the pages after the first are."""
        return self.folder / "pages"

    def segmentation(self, item_id: str) -> Path:
        """The file of a segmentation."""
        return self._results / f"{item_id}.seg.nrrd"

    def report(self, item_id: str) -> Path:
        """The file of a report."""
        return self._results / f"{item_id}.report.json"

    def picture(self, item_id: str) -> Path:
        """The file of a picture."""
        return self.pages / f"{item_id}.png"

    def finished(self, item_id: str, fingerprint: str) -> ItemReport | None:
        """The report of a result that is there, whole, and the one that is wanted."""
        try:
            report = read_json(self.report(item_id), ItemReport)
            note = report.batch
            if note.fingerprint == fingerprint and sha256_of(self.segmentation(item_id)) == note.segmentation_sha256:
                return report
        except FileNotFoundError:
            return None
        except (OSError, JsonError) as error:
            _LOG.warning("a result cannot be read and is made anew (%s)", type(error).__name__)
        return None

    def keep(self, item_id: str, fingerprint: str, result: SegmentationResult, shown: Sequence[int]) -> ItemReport:
        """Write a result.

        Raises:
            InputError: The folder cannot be written to.
        """
        file = self.segmentation(item_id)
        write_segmentation(result.segmentation, file)
        colors = {one.name: _hex(shown_color(one.color, one.value)) for one in result.segmentation.segments}
        note = BatchNote(item_id, fingerprint, sha256_of(file), colors, tuple(shown))
        report = ItemReport(**msgspec.structs.asdict(result.report), batch=note)
        report.write(self.report(item_id))
        return report


def _hex(color: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in color)
