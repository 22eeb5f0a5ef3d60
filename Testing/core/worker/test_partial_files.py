"""Files of what is found so far: the client knows of each that is there."""

from __future__ import annotations

from pathlib import Path

import pytest
from worker_volumes import subject

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.volumes import Segmentation
from RetrievalSAMLib.worker.jobs import partials
from RetrievalSAMLib.worker.jobs.partials import PartialFiles
from RetrievalSAMLib.worker.protocol import Event, Partial, request_of
from RetrievalSAMLib.worker.task import StopRequested, Task


class Told:
    """A task whose client notes the files that it is told of, and may want it to end after some of them."""

    def __init__(self, stop_after: int) -> None:
        self.files: list[str] = []
        self._stop_after = stop_after
        self.task = Task(request_of({"id": "1", "do": "ping", "with": {}}), self._hear)

    def _hear(self, event: Event) -> None:
        assert isinstance(event, Partial)
        self.files.append(event.file)
        if len(self.files) == self._stop_after:
            self.task.stop()


@pytest.mark.parametrize("stop_after", [1, 2])
def test_a_run_that_is_stopped_leaves_no_file_that_nobody_knows_of(stop_after: int, tmp_path: Path) -> None:
    told = Told(stop_after)
    shown = PartialFiles(tmp_path, told.task)
    drawn = subject(0)[1]
    if stop_after < len(drawn.segments):
        with pytest.raises(StopRequested):
            shown(drawn, 1, 2)
    else:
        shown(drawn, 1, 2)
    assert len(told.files) == stop_after and sorted(map(str, tmp_path.iterdir())) == told.files


def test_the_last_files_are_all_there_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Path] = []

    def full(segmentation: Segmentation, path: Path) -> None:
        if written:
            raise InputError(str(path), "the disk is full", "Make room.")
        path.touch()
        written.append(path)

    monkeypatch.setattr(partials, "write_segmentation", full)
    with pytest.raises(InputError, match="full"):
        PartialFiles(tmp_path, Told(0).task).last(subject(0)[1])
    assert written and not list(tmp_path.iterdir())
