"""The demonstration from end to end: a library from some subjects, and a further one segmented with it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from ..errors import InputError
from ..evaluation.metrics import SegmentScores, evaluate
from ..library import SupportLibrary
from ..library.versions import content_hash
from ..progress import Progress, silent
from ..segmentation.output.report import SegmentationReport
from ..segmentation.pipeline import Models, RunOptions, segment_volume
from ..segmentation.settings.presets import Settings
from ..volumes import write_segmentation, write_volume
from .cohort import make_cohort
from .contact_sheet import write_contact_sheet
from .hippocampus import load_hippocampus
from .subject import Subject

DATA = ("synthetic", "hippocampus")

IMAGE_FILE, REFERENCE_FILE, SEGMENTATION_FILE, REPORT_FILE, SHEET_FILE, LIBRARY_FOLDER = (
    "image.nrrd", "reference.seg.nrrd", "segmentation.seg.nrrd", "report.json", "contact-sheet.png", "library",
)  # fmt: skip


@dataclass(frozen=True)
class DemoResult:
    """What a demonstration made.

    Attributes:
        target: Name of the subject that was segmented.
        scores: Against its reference, by segment.
        report: Of the run.
        seconds: By stage, "total" last; the stages within the segmentation are in the report.
        library: Folder of the support library.
        image: The volume that was segmented, to try other commands on.
        reference: Its own segmentation, to compare results with.
        segmentation: The result, as .seg.nrrd.
        report_file: The report, as JSON.
        contact_sheet: The picture.
    """

    target: str
    scores: list[SegmentScores]
    report: SegmentationReport
    seconds: dict[str, float]
    library: Path
    image: Path
    reference: Path
    segmentation: Path
    report_file: Path
    contact_sheet: Path

    @property
    def files(self) -> tuple[Path, ...]:
        """All that was written beside the library."""
        return self.image, self.reference, self.segmentation, self.report_file, self.contact_sheet


@dataclass
class _Stopwatch:
    """Seconds by stage."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - began, 3)

    def total(self) -> dict[str, float]:
        return {**self.seconds, "total": round(sum(self.seconds.values()), 3)}


def run_demo(
    output: Path,
    data: str,
    source: Path | None,
    models: Models,
    settings: Settings,
    progress: Progress | None = None,
    supports: int = 4,
) -> DemoResult:
    """Build a library from annotated subjects, segment one more, and compare it with its reference.

    A library that an earlier demonstration left in the folder is used again if it holds the same subjects.

    Args:
        output: Folder for everything that is made; made where it is missing. Files of an earlier run are
            replaced.
        data: "synthetic", the cohort that the package makes itself, or "hippocampus", MSD Task04.
        source: For "hippocampus": a folder that holds it; None to download it.
        models: The networks.
        settings: A preset.
        progress: Told how far the demonstration is.
        supports: Subjects in the library. The one after them is segmented.

    Raises:
        InputError: The folder cannot be used, it holds another library, or there is no data.
    """
    progress = progress or silent
    _check(output, data, source, supports)
    watch = _Stopwatch()
    with watch.stage("data"):
        subjects = _subjects(data, source, supports + 1, progress)
    with watch.stage("library"):
        library = _library(output / LIBRARY_FOLDER, f"RetrievalSAM demo ({data})", subjects[:-1], data, progress)
    target = subjects[-1]
    with watch.stage("segmentation"):
        options = RunOptions(cache=library.cache_dir, library_name=library.name, progress=progress)
        result = segment_volume(target.image, library.cases(), models, settings, options)
    with watch.stage("evaluation"):
        scores = evaluate(result.segmentation, target.segmentation)
    with watch.stage("files"):
        write_volume(target.image, output / IMAGE_FILE)
        write_segmentation(target.segmentation, output / REFERENCE_FILE)
        write_segmentation(result.segmentation, output / SEGMENTATION_FILE)
        result.report.write(output / REPORT_FILE)
        write_contact_sheet(
            output / SHEET_FILE,
            target.image,
            result.segmentation,
            result.report,
            library.cases(),
            target.segmentation,
        )
    return DemoResult(
        target=target.name,
        scores=scores,
        report=result.report,
        seconds=watch.total(),
        library=library.path,
        image=output / IMAGE_FILE,
        reference=output / REFERENCE_FILE,
        segmentation=output / SEGMENTATION_FILE,
        report_file=output / REPORT_FILE,
        contact_sheet=output / SHEET_FILE,
    )


def _check(output: Path, data: str, source: Path | None, supports: int) -> None:
    """What can be known to be wrong before any work is done."""
    if data not in DATA:
        raise InputError(f"--data {data}", "there is no such data", f"Use one of {', '.join(DATA)}.")
    if source is not None and data == "synthetic":
        raise InputError("--from", "the synthetic data is made, not read", "Leave it out, or add --data hippocampus.")
    if supports < 1:
        raise InputError("supports", f"{supports} subjects are too few", "Use 1 or more.")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError(str(output), "it is a file, not a folder", "Choose a folder.") from error
    except OSError as error:
        raise InputError(
            str(output), f"the folder cannot be made ({error.strerror or error})", "Choose another folder."
        ) from error


def _subjects(data: str, source: Path | None, count: int, progress: Progress) -> list[Subject]:
    if data == "synthetic":
        return make_cohort(count, progress=progress)
    return list(islice(load_hippocampus(count, source, progress=progress), count))


def _library(folder: Path, name: str, subjects: Sequence[Subject], data: str, progress: Progress) -> SupportLibrary:
    """A library of these subjects and no others."""
    used_before = folder.is_dir() and any(folder.iterdir())
    library = SupportLibrary.open(folder) if used_before else SupportLibrary.create(folder, name)
    present = {case.name: case for case in library.cases()}
    wanted = {subject.name: subject for subject in subjects}
    remedy = "Choose another output folder, or delete this one if you do not need it."
    if library.name != name or set(present) - set(wanted):
        raise InputError(str(folder), "it holds a library that is not this demonstration's", remedy)
    for number, subject in enumerate(subjects, start=1):
        case = present.get(subject.name)
        if case is None:
            library.add(
                subject.image,
                subject.segmentation,
                name=subject.name,
                modality="CT" if data == "synthetic" else "MR",
            )
        elif case.content_hash != content_hash(subject.image.content_hash(), subject.segmentation):
            raise InputError(str(folder), f"its case {subject.name} is not this demonstration's", remedy)
        progress("building the library", number, len(subjects))
    return library
