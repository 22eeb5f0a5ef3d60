"""The files of a batch's results: each is whole or not there; the report comes last and vouches for the mask."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ..evaluation.numbers import SegmentNumbers, numbers_of
from ..json_files import JsonError, read_json
from ..library.files import sha256_of
from ..segmentation.output.report import SegmentationReport
from ..segmentation.output.result import SegmentationResult
from ..volumes import Plane, SliceFrame, Volume, shown_color, write_segmentation
from ..volumes.display.slice_place import slice_place
from .review.choosing import least_confidence, shown_slices
from .review.sheets import sheet_count, tile_size

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
        numbers: Of the segments.
    """

    id: str
    fingerprint: str
    segmentation_sha256: str
    colors: dict[str, str]
    shown: tuple[int, ...]
    numbers: tuple[SegmentNumbers, ...] = ()


class ItemReport(SegmentationReport, frozen=True, kw_only=True):
    """The report of a run (docs/formats.md) with a note of the batch."""

    batch: BatchNote


class Found(msgspec.Struct, frozen=True):
    """A segment of a result; ``confidence`` is that of the report."""

    name: str
    color: str
    volume_mm3: float
    confidence: float


class Pictured(msgspec.Struct, frozen=True):
    """A slice of a result, as the page shows it.

    Attributes:
        index: Along the sliced axis of the file.
        place: Where it lies, as Slicer shows it.
        confidence: Of the segment found there that is least sure, None where none was found.
    """

    index: int
    place: str
    confidence: float | None


class Outcome(msgspec.Struct, frozen=True):
    """What became of a volume; it names nothing but its id.

    Attributes:
        state: `DONE` or `FAILED`.
        kept: Whether it was finished before.
        result: SHA-256 of the file of the segmentation.
        slices: All of them, in the order in which they are looked through.
        shown: Slices in the picture, by their indices.
        tile: Width and height of a slice on the sheets (`review.sheets`), in pixels.
        numbers: Of the segments.
        orientation: Where headers and images disagree about how the volume or cases lie, in sentences; no case's name.
        notes: What the user should know of how the volume was read.
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
    result: str = ""
    slices: tuple[Pictured, ...] = ()
    shown: tuple[int, ...] = ()
    tile: tuple[int, int] = (0, 0)
    numbers: tuple[SegmentNumbers, ...] = ()
    orientation: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    error: str = ""
    details: str = ""

    @property
    def confidence(self) -> float:
        """That of the segment that is least sure; 0 where there is none."""
        return min((segment.confidence for segment in self.segments), default=0.0)

    @classmethod
    def of(cls, report: ItemReport, kept: bool, notes: tuple[str, ...] = ()) -> Outcome:
        """From the report of a result."""
        note, geometry, lies = report.batch, report.target.geometry, report.orientation
        frame = SliceFrame(geometry, Plane(report.plane))
        confidences = {one.index: least_confidence(one) for one in report.slices}
        count, rows, columns = frame.shape
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
            result=note.segmentation_sha256,
            slices=tuple(
                Pictured(index, slice_place(geometry, report.plane_axis, index), confidences.get(index))
                for index in map(frame.file_index, range(count))
            ),
            shown=note.shown,
            tile=tile_size((rows * frame.row_spacing_mm, columns * frame.column_spacing_mm)),
            numbers=note.numbers,
            orientation=() if lies is None else tuple(lies.sentences(name_cases=False)),
            notes=notes,
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

    def report_files(self) -> list[Path]:
        """The files of all reports."""
        return sorted(self._results.glob("*.report.json"))

    def picture(self, item_id: str) -> Path:
        """The file of a picture."""
        return self.pages / f"{item_id}.png"

    def is_pictured(self, report: ItemReport) -> bool:
        """Whether all pictures of a result are there, and the slices on the first are those that it should show."""
        note, count = report.batch, SliceFrame(report.target.geometry, Plane(report.plane)).shape[0]
        files = [self.picture(note.id)] if note.shown else []
        for number in range(1, sheet_count(count) + 1):
            files += [self.pages / f"{note.id}.{number}.{kind}" for kind in ("jpg", "png")]
        return note.shown == shown_slices(report) and all(file.is_file() for file in files)

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

    def keep(self, item_id: str, fingerprint: str, target: Volume, result: SegmentationResult) -> ItemReport:
        """Write a result of a volume.

        Raises:
            InputError: The folder cannot be written to.
        """
        file = self.segmentation(item_id)
        write_segmentation(result.segmentation, file)
        colors = {one.name: _hex(shown_color(one.color, one.value)) for one in result.segmentation.segments}
        sure = {one.name: one.confidence for one in result.report.segments}
        numbers = numbers_of(target, result.segmentation, item_id, sure, ())
        note = BatchNote(item_id, fingerprint, sha256_of(file), colors, shown_slices(result.report), numbers)
        report = ItemReport(**msgspec.structs.asdict(result.report), batch=note)
        report.write(self.report(item_id))
        return report


def _hex(color: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in color)
