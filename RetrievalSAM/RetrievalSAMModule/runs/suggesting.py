"""What to annotate next: volumes on their way to the worker, and the ranking that comes back."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from ..clients.library_client import LibraryClient
from ..clients.worker_client import WorkerFault
from ..parameters import RetrievalSAMParameters
from ..scene.volume_files import SceneError, grid_of, write_volume
from ..scene.work_folder import WorkFolder
from ..signal import Signal
from ..texts import wording
from ..texts.suggest_view import Candidate, Ranked, ranked
from .background import Background, Job
from .segmenting import PROPOSED, Segmenting

_RANK = 1


class Suggesting:
    """Ranks volumes that are not annotated.

    Attributes:
        ranking: What would teach most comes first.
        left_out: Name and reason of the volumes that could not be read.
        progress: Volumes that are done, and all; None while that is not known.
        told: A sentence on how it stands, or an empty text.
        changed: Told after every change of these.
        failed: Told the `WorkerFault` of a ranking that ended without a result.
    """

    def __init__(
        self,
        library: LibraryClient,
        background: Background,
        segmenting: Segmenting,
        work: WorkFolder,
        settings: Callable[[], RetrievalSAMParameters],
    ) -> None:
        self._library = library
        self._background = background
        self._segmenting = segmenting
        self._work = work
        self._settings = settings
        self._job: Job | None = None
        self._folder: Path | None = None
        self._reports: dict[str, tuple[Any, dict[str, Any]]] = {}
        self.ranking: list[Ranked] = []
        self.left_out: list[tuple[str, str]] = []
        self.progress: tuple[int, int] | None = None
        self.told = ""
        self.changed = Signal()
        self.failed = Signal()
        segmenting.state_changed.connect(self._keep_report)

    @property
    def running(self) -> bool:
        """Whether volumes are being ranked, or wait for a run."""
        return self._job is not None

    def start(self, candidates: Sequence[Candidate], report_files: Sequence[str]) -> None:
        """Rank volumes; those of the scene with what runs of this session said of them.

        Args:
            candidates: At least one.
            report_files: Of `retrievalsam segment --report`, on some of these volumes.

        Raises:
            SceneError: A volume cannot be used. Nothing was changed.
        """
        if self.running:
            return
        by_file: dict[str, Candidate] = {}
        reports = list(report_files)
        with ExitStack() as undo:
            folder = self._work.new()
            undo.callback(self._work.delete, folder)
            for number, candidate in enumerate(candidates):
                if not candidate.node_id:
                    by_file[candidate.file] = candidate
                    continue
                volume = slicer.mrmlScene.GetNodeByID(candidate.node_id)
                if volume is None:
                    raise SceneError(_("'{name}' is no more in the scene.").format(name=candidate.name))
                file = folder / f"{number}.nrrd"
                write_volume(volume, file)
                by_file[str(file)] = candidate
                report = self._report_of(volume)
                if report is not None:
                    reports.append(str(folder / f"{number}.json"))
                    _write_report(report, Path(reports[-1]))
            undo.pop_all()
        self._folder = folder
        self.ranking, self.left_out, self.progress = [], [], None
        self._job = Job(
            "library.suggest",
            {
                "folder": self._library.folder,
                "files": list(by_file),
                "reports": reports or None,
                "device": self._settings().device,
            },
            _RANK,
            on_result=lambda told: self._done(told, by_file),
            on_fault=lambda fault: self._fault(fault, by_file),
            on_progress=self._progressed,
            on_stopped=self._stopped,
            on_waiting=self._waiting,
        )
        self._tell(_("Starting..."))
        self._background.start(self._job)

    def cancel(self) -> None:
        """Stop without a ranking."""
        if self._job is not None:
            self._tell(_("Stopping..."))
            self._background.cancel(self._job)

    def scene_closes(self) -> None:
        """The nodes are about to go, and others may get their IDs."""
        self._reports.clear()
        self.cancel()
        self.ranking = [one for one in self.ranking if not one.candidate.node_id]
        self.changed.emit()

    def cleanup(self) -> None:
        """Leave no file behind."""
        self._end()

    def _keep_report(self) -> None:
        """A report is of a volume as it was: other voxels or another place make it worthless."""
        proposal = self._segmenting.proposal
        if self._segmenting.state == PROPOSED and proposal is not None and proposal.volume is not None:
            self._reports[proposal.volume_id] = (_state_of(proposal.volume), proposal.report)

    def _report_of(self, volume: slicer.vtkMRMLScalarVolumeNode) -> dict[str, Any] | None:
        state, report = self._reports.get(volume.GetID(), (None, None))
        return report if state == _state_of(volume) else None

    def _progressed(self, stage: str, done: int, total: int, _seconds_left: float | None) -> None:
        self.progress = (done, total)
        self._tell(_("{stage}: {done} of {total}").format(stage=wording.stage(stage), done=done, total=total))

    def _waiting(self) -> None:
        self.progress = None
        self._tell(_("Waits for the run that goes on."))

    def _done(self, told: dict[str, Any], by_file: dict[str, Candidate]) -> None:
        self._end()
        self.ranking = ranked(told, by_file)
        self.left_out = [(by_file[one["file"]].name, _named(one["message"], by_file)) for one in told["unreadable"]]
        self._tell("")

    def _stopped(self) -> None:
        self._end()
        self._tell(_("Stopped."))

    def _fault(self, fault: WorkerFault, by_file: dict[str, Candidate]) -> None:
        self._end()
        self._tell(_("The volumes could not be ranked."))
        message = _named(fault.message, by_file)
        # The same fault, where it is: others may have been told of it, and it is shown once.
        self.failed.emit(fault if message == fault.message else WorkerFault(message, fault.details, fault.code))

    def _end(self) -> None:
        self._job = None
        if self._folder is not None:
            self._work.delete(self._folder)
            self._folder = None

    def _tell(self, text: str) -> None:
        self.told = text
        self.changed.emit()


def _write_report(report: dict[str, Any], file: Path) -> None:
    try:
        file.write_text(json.dumps(report), encoding="utf-8")
    except OSError as error:
        raise SceneError(
            _("Slicer's temporary folder cannot be written ({error}). Free some space and try again.").format(
                error=error.strerror
            )
        ) from error


def _state_of(volume: slicer.vtkMRMLScalarVolumeNode) -> tuple[int, dict[str, Any]]:
    return volume.GetImageData().GetMTime(), grid_of(volume)


def _named(message: str, by_file: dict[str, Candidate]) -> str:
    """A message of the worker with names instead of temporary files."""
    for file, candidate in by_file.items():
        if candidate.node_id:
            message = message.replace(file, candidate.name)
    return message
