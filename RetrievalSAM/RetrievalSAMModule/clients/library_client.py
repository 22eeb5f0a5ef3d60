"""The support library as the panel sees it: what the worker last told of it, and requests that change it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import slicer

from ..runs.origin import Origin
from ..scene.segmentation_files import write_segments
from ..scene.volume_files import write_volume
from ..scene.work_folder import WorkFolder
from ..signal import Signal
from .worker_client import Request, WorkerClient, WorkerFault

_WITHOUT_FOLDER = ("names.check", "library.pairs", "dicom.series")
_LAST_FOLDER = "RetrievalSAM/LibraryFolder"
Done = Callable[[dict[str, Any]], None]
Failed = Callable[[WorkerFault], None]


@dataclass(frozen=True)
class LibraryCase:
    """One case as a row of the table."""

    id: str
    name: str
    modality: str | None
    plane: str
    segments: tuple[str, ...]
    slices: int
    created: str
    versions: int
    source: str
    thumbnail: str | None


@dataclass(frozen=True)
class LibrarySegment:
    """A segment that the cases have between them; the color is RGB in [0, 1], terminology as Slicer writes it."""

    name: str
    value: int
    color: tuple[float, float, float] | None
    terminology: str | None


@dataclass(frozen=True)
class LibraryState:
    """A library as the worker last described it."""

    name: str
    folder: str
    cases: tuple[LibraryCase, ...]
    segments: tuple[LibrarySegment, ...]
    removed: tuple[tuple[str, str], ...]
    damaged: int = 0  # cases that cannot be read, and are left out


class LibraryClient:
    """The library of the panel, or none.

    Attributes:
        state: What is known of it; None where no library is open.
        changed: Told after every change of `state`.
        failed: Told the `WorkerFault` of a request of this client that nobody else answers for.
    """

    def __init__(self, worker: WorkerClient, work: WorkFolder) -> None:
        self._worker = worker
        self._work = work
        self._thumbnails = work.new()
        self._opening: str | None = None
        self.state: LibraryState | None = None
        self.changed = Signal()
        self.failed = Signal()

    @property
    def folder(self) -> str:
        """The open library's folder, or an empty text."""
        return self.state.folder if self.state is not None else ""

    @staticmethod
    def last_folder() -> str:
        """The library that this user opened last, if its folder is still there."""
        folder = str(slicer.app.userSettings().value(_LAST_FOLDER, "") or "")
        return folder if folder and (Path(folder) / "library.json").is_file() else ""

    def open(self, folder: str, on_fault: Failed | None = None) -> None:
        """Open a library; it is remembered for this user."""
        self._opening = folder
        self._worker.request(
            "library.describe",
            {"folder": folder, "thumbnails": str(self._thumbnails)},
            on_result=lambda result: self._opened(folder, result),
            on_fault=on_fault or self.failed.emit,
        )

    def create(self, folder: str, on_fault: Failed | None = None) -> None:
        """Make an empty library in a folder and open it."""
        self._opening = folder
        self._worker.request(
            "library.create",
            {"folder": folder, "name": Path(folder).name},
            on_result=lambda result: self._opened(folder, result),
            on_fault=on_fault or self.failed.emit,
        )

    def close(self) -> None:
        """Show no library."""
        self._opening = None
        if self.state is not None:
            self.state = None
            self.changed.emit()

    def refresh(self, on_fault: Failed | None = None) -> None:
        """Read again what the folder holds now."""
        if self.state is not None:
            self.open(self.state.folder, on_fault)

    def add_from_scene(
        self,
        volume: slicer.vtkMRMLScalarVolumeNode,
        segmentation: slicer.vtkMRMLSegmentationNode,
        segments: Iterable[str],
        *,
        name: str,
        modality: str,
        on_done: Done,
        on_fault: Failed,
        on_stopped: Callable[[], None],
        origin: Origin | None = None,
        drawn_plane: str = "",
    ) -> Request:
        """Add a volume of the scene with some segments of a segmentation.

        Args:
            volume: The image.
            segmentation: Drawn on it.
            segments: Names of those to keep.
            name: Of the case; numbered where empty.
            modality: Such as MR; may be empty.
            on_done: Told the result.
            on_fault: Told why it failed.
            on_stopped: Told that it was stopped.
            origin: Where the segments come from; None for what a person drew.
            drawn_plane: Where single slices were drawn: the plane that they lie in, or `auto` for that of the grid.
                Only slices that hold a segment say anything then. Empty where all slices are annotated.

        Raises:
            SceneError: Volume or segmentation cannot be used.
        """
        with ExitStack() as undo:
            folder = self._work.new()
            undo.callback(self._work.delete, folder)
            write_volume(volume, folder / "image.nrrd")
            write_segments(segmentation, volume, segments, folder / "segmentation.seg.nrrd")
            undo.pop_all()
        parameters: dict[str, Any] = {
            "folder": self.folder,
            "image": str(folder / "image.nrrd"),
            "segmentation": str(folder / "segmentation.seg.nrrd"),
        }
        if drawn_plane:
            parameters.update({"annotated_slices": "drawn", "plane": drawn_plane})
        parameters.update({key: text for key, text in (("name", name), ("modality", modality)) if text})
        if origin is not None:
            plane = origin.plane if drawn_plane in ("", "auto") else drawn_plane
            parameters.update({"made_by": origin.made_by(plane), "plane": plane})
        return self._change(
            "library.add",
            parameters,
            on_done,
            on_fault,
            finally_do=lambda: self._work.delete(folder),
            on_stopped=on_stopped,
        )

    def add_from_files(self, parameters: dict[str, Any], on_done: Done, on_fault: Failed) -> Request:
        """Add a case from files; `parameters` are those of the worker's `library.add` without the folder."""
        return self._change("library.add", {"folder": self.folder, **parameters}, on_done, on_fault)

    def rename(self, case: str, segments: list[dict[str, Any]], on_done: Done, on_fault: Failed) -> Request:
        """Give segments other names (`value`, `name`), in this case and in all others that have them."""
        parameters = {"folder": self.folder, "case": case, "segments": segments}
        return self._change("library.rename", parameters, on_done, on_fault)

    def remove(self, case: str, on_done: Done, on_fault: Failed) -> Request:
        """Move a case to the library's trash."""
        return self._change("library.remove", {"folder": self.folder, "case": case}, on_done, on_fault)

    def restore(self, case: str, on_done: Done, on_fault: Failed) -> Request:
        """Bring a case back from the trash."""
        return self._change("library.restore", {"folder": self.folder, "case": case}, on_done, on_fault)

    def repair(self, on_done: Done, on_fault: Failed) -> Request:
        """Put a damaged library in order; damaged cases are moved aside."""
        return self._change("library.repair", {"folder": self.folder}, on_done, on_fault)

    def add_files(
        self,
        pairs: Sequence[dict[str, str]],
        modality: str,
        names: list[dict[str, Any]],
        on_done: Done,
        on_fault: Failed,
        on_progress: Callable,
        on_stopped: Callable[[], None],
    ) -> Request:
        """Add pairs of files; `names` (`value`, `name`) are for values that nobody else names."""
        parameters: dict[str, Any] = {"folder": self.folder, "pairs": list(pairs), "names": names}
        if modality:
            parameters["modality"] = modality
        return self._change(
            "library.add_files", parameters, on_done, on_fault, on_progress=on_progress, on_stopped=on_stopped
        )

    def import_archive(self, file: str, on_done: Done, on_fault: Failed) -> Request:
        """Add the cases of an archive."""
        return self._change("library.import", {"folder": self.folder, "file": file}, on_done, on_fault)

    def cancel(self, request: Request) -> None:
        """Stop a request; what it has added stays."""
        self._worker.cancel(request)

    def ask(self, verb: str, parameters: dict[str, Any], on_done: Done, on_fault: Failed) -> Request:
        """A request that changes nothing in the library; `folder` is filled in where the verb takes one."""
        if verb not in _WITHOUT_FOLDER:
            parameters = {"folder": self.folder, **parameters}
        return self._worker.request(verb, parameters, on_result=on_done, on_fault=on_fault)

    def _change(
        self,
        verb: str,
        parameters: dict[str, Any],
        on_done: Done,
        on_fault: Failed,
        finally_do: Callable[[], None] = lambda: None,
        on_progress: Callable = lambda *_told: None,
        on_stopped: Callable[[], None] = lambda: None,
    ) -> Request:
        def done(result: dict[str, Any]) -> None:
            finally_do()
            self.refresh()
            on_done(result)

        def fault(what: WorkerFault) -> None:
            finally_do()
            # A library that is gone has been told of by then.
            self.refresh(lambda _fault: self.close())
            on_fault(what)

        def stopped() -> None:
            finally_do()
            self.refresh()
            on_stopped()

        return self._worker.request(
            verb, parameters, on_result=done, on_fault=fault, on_stopped=stopped, on_progress=on_progress
        )

    def _opened(self, folder: str, told: dict[str, Any]) -> None:
        if self._opening != folder:
            return  # another one was asked for meanwhile
        self.state = LibraryState(
            name=told["name"],
            folder=folder,
            cases=tuple(_case(case) for case in told["cases"]),
            segments=tuple(
                LibrarySegment(s["name"], s["value"], tuple(s["color"]) if s["color"] else None, s["terminology"])
                for s in told["segments"]
            ),
            removed=tuple((case["id"], case["name"]) for case in told["removed"]),
            damaged=len(told["damaged"]),
        )
        slicer.app.userSettings().setValue(_LAST_FOLDER, folder)
        self.changed.emit()


def _case(told: dict[str, Any]) -> LibraryCase:
    return LibraryCase(
        id=told["id"],
        name=told["name"],
        modality=told["modality"],
        plane=told["plane"],
        segments=tuple(told["segments"]),
        slices=told["slices"],
        created=told["created"],
        versions=told["versions"],
        source=told["source"],
        thumbnail=told["thumbnail"],
    )
