"""Several volumes one after the other: the queue, what becomes of each, and where its result goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from ..clients.worker_client import WorkerFault
from ..scene.proposal import Choices
from ..scene.segmentation_files import new_segmentation, show_segments
from ..scene.volume_files import SceneError, stem_of, write_volume
from ..scene.work_folder import WorkFolder
from ..signal import Signal
from ..texts import wording
from ..texts.suggest_view import Candidate
from .background import Background, Job
from .decided import in_words, results_of_batch

WAITING, RUNNING, DONE, FAILED, STOPPED = "waiting", "running", "done", "failed", "stopped"
_RANK = 2
_ENDING = ".seg.nrrd"


@dataclass
class Entry:
    """One volume of the queue.

    Attributes:
        candidate: The volume.
        output: The file that its result becomes; an empty text for a segmentation node.
        state: `waiting`, `running`, `done`, `failed` or `stopped`.
        told: How far it is, what was found, or why it failed.
        segmentation_id: Of the node with the result.
        decision: What the reviewers of a batch decided, and why; empty texts where nobody did.
    """

    candidate: Candidate
    output: str = ""
    state: str = WAITING
    told: str = ""
    segmentation_id: str = ""
    decision: tuple[str, str] = ("", "")


class Batching:
    """Segments volumes one after the other on the worker that has the networks loaded; a single run goes first.

    Attributes:
        entries: The queue, also after its end.
        changed: Told after every change of an entry.
    """

    def __init__(self, background: Background, work: WorkFolder) -> None:
        self._background = background
        self._work = work
        self._settings: dict[str, Any] = {}
        self._job: Job | None = None
        self._current: Entry | None = None
        self._folder: Path | None = None
        self.entries: list[Entry] = []
        self.changed = Signal()

    @property
    def running(self) -> bool:
        """Whether a volume is segmented, or waits to be."""
        return self._current is not None

    @property
    def finished(self) -> int:
        """Volumes that nothing more is done for."""
        return sum(entry.state not in (WAITING, RUNNING) for entry in self.entries)

    def start(self, candidates: Sequence[Candidate], choices: Choices, folder: str) -> None:
        """Begin a queue.

        Args:
            candidates: Volumes of the scene, whose results become segmentation nodes, and files, whose become files.
            choices: How to look; its volume, output and region are those of a single run, and not used.
            folder: For results of files. A result that is there already is kept, and its volume is not done again.
        """
        if self.running:
            return
        self._settings = choices.settings(None)
        names = _file_names([one for one in candidates if one.file])
        self.entries = [Entry(one, str(Path(folder) / names[one]) if one.file else "") for one in candidates]
        for entry in self.entries:
            if entry.output and Path(entry.output).exists():
                entry.state, entry.told = DONE, _("Kept: this file was there already")
        self._next()

    def open(self, folder: str) -> None:
        """Show the results of `retrievalsam batch` instead of a queue, with what their reviewers decided.

        Raises:
            SceneError: There are none, or they cannot be read.
        """
        if self.running:
            return
        self.entries = [
            Entry(Candidate(one.id, file=one.image), one.segmentation, DONE, one.told,
                  decision=(in_words(one.state), one.notes))
            for one in results_of_batch(folder)
        ]  # fmt: skip
        self.changed.emit()

    def load(self, entry: Entry) -> None:
        """Load a volume with its result, both files, into the scene.

        Raises:
            SceneError: One of them cannot be read.
        """
        try:
            volume = slicer.util.loadVolume(entry.candidate.file, {"name": entry.candidate.name})
        except RuntimeError as error:
            raise SceneError(_("The volume could not be loaded.")) from error
        entry.candidate = replace(entry.candidate, node_id=volume.GetID())
        self._show(entry, Path(entry.output))

    def cancel(self) -> None:
        """Stop; results that are there stay."""
        for entry in self.entries:
            if entry.state == WAITING:
                entry.state = STOPPED
        if self._job is not None and self._current is not None:
            self._current.told = _("Stopping...")
            self._background.cancel(self._job)
        self.changed.emit()

    def scene_closes(self) -> None:
        """The nodes are about to go, and others may get their IDs."""
        self.cancel()
        for entry in self.entries:
            entry.segmentation_id = ""

    def cleanup(self) -> None:
        """Leave no file behind."""
        self._end()

    def _next(self) -> None:
        self._current = next((entry for entry in self.entries if entry.state == WAITING), None)
        if self._current is not None:
            self._begin(self._current)
        self.changed.emit()

    def _begin(self, entry: Entry) -> None:
        entry.state, entry.told = RUNNING, _("Starting...")
        try:
            self._folder = self._work.new()
            image = self._image_of(entry, self._folder)
        except SceneError as error:
            self._ended(FAILED, str(error))
            return
        output = self._folder / f"result{_ENDING}"
        series = {"series": entry.candidate.series} if entry.candidate.series else {}
        self._job = Job(
            "segment",
            {**self._settings, **series, "image": image, "output": entry.output or str(output)},
            _RANK,
            on_result=self._done,
            on_fault=lambda fault: self._ended(FAILED, self._named(fault, entry, image)),
            on_progress=self._progressed,
            on_stopped=lambda: self._ended(STOPPED, ""),
            on_waiting=lambda: self._tell(_("Waits for the run that goes on.")),
        )
        self._background.start(self._job)

    def _image_of(self, entry: Entry, folder: Path) -> str:
        if entry.candidate.file:
            return entry.candidate.file
        file = folder / "image.nrrd"
        write_volume(self._volume_of(entry), file)
        return str(file)

    def _volume_of(self, entry: Entry) -> slicer.vtkMRMLScalarVolumeNode:
        volume = slicer.mrmlScene.GetNodeByID(entry.candidate.node_id)
        if volume is None:
            raise SceneError(_("'{name}' is no more in the scene.").format(name=entry.candidate.name))
        return volume

    def _progressed(self, stage: str, done: int, total: int, seconds_left: float | None) -> None:
        self._tell(wording.progress(stage, done, total, seconds_left))

    def _done(self, told: dict[str, Any]) -> None:
        entry = self._current
        try:
            if not entry.output:
                self._show(entry, Path(told["segmentation"]))
        except SceneError as error:
            self._ended(FAILED, str(error))
            return
        self._ended(DONE, "; ".join([wording.outcome(told["report"]), *self._warnings(entry, told)]))

    def _show(self, entry: Entry, file: Path) -> None:
        volume = self._volume_of(entry)
        segmentation = new_segmentation(volume)
        slicer.app.pauseRender()
        try:
            show_segments(file, segmentation, volume)
        finally:
            slicer.app.resumeRender()
        entry.segmentation_id = segmentation.GetID()

    def _warnings(self, entry: Entry, told: dict[str, Any]) -> list[str]:
        """What was seen in a file; volumes of the scene are written without anything that could be."""
        return [one["text"] for one in told.get("warnings", ())] if entry.output else []

    def _named(self, fault: WorkerFault, entry: Entry, image: str) -> str:
        return fault.message.replace(image, entry.candidate.name)

    def _ended(self, state: str, told: str) -> None:
        entry = self._current
        self._end()
        entry.state, entry.told = state, told
        self._next()

    def _end(self) -> None:
        self._job = self._current = None
        if self._folder is not None:
            self._work.delete(self._folder)
            self._folder = None

    def _tell(self, text: str) -> None:
        if self._current is not None:
            self._current.told = text
            self.changed.emit()


def _file_names(candidates: Sequence[Candidate]) -> dict[Candidate, str]:
    """What its result is called: as the file, with a number where another one is called so."""
    names: dict[Candidate, str] = {}
    for candidate in candidates:
        stem = f"{Path(candidate.file).name} {candidate.series}" if candidate.series else stem_of(candidate.file)
        name, number = stem, 1
        while f"{name}{_ENDING}".casefold() in {taken.casefold() for taken in names.values()}:
            number += 1
            name = f"{stem} ({number})"
        names[candidate] = f"{name}{_ENDING}"
    return names
