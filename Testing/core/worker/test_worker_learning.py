"""A library learns through the real process; a cancel ends it at once, and the next time it goes on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from worker_process import WorkerProcess

from RetrievalSAMLib.worker.protocol import Fault, Progress, Result, Stopped


@pytest.fixture(scope="module")
def own(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own") / "library"
    shutil.copytree(library, folder)
    return folder


def test_a_library_learns_and_gives_way(worker: WorkerProcess, own: Path) -> None:
    before = worker.result("library.learned", folder=str(own))
    assert (before["state"], before["can_learn"]) == ("none", True)
    asked = {"folder": str(own), "preset": "fast", "minutes": 0.01, "device": "cpu"}
    worker.ask("learn", "library.learn", **asked)
    while True:
        event = worker.until(Progress, Result, Fault)[-1]
        assert isinstance(event, Progress), event
        if event.stage == "learning" and event.done > 0:
            break
    worker.ask("stop", "cancel", of="learn")
    assert isinstance(worker.until(Result, Fault, Stopped, request_id="learn")[-1], Stopped)
    assert worker.result("library.learned", folder=str(own))["state"] == "none"
    events = worker.answer("again", "library.learn", **asked)
    last = events[-1]
    assert isinstance(last, Result), last
    first = next(event for event in events if isinstance(event, Progress) and event.stage == "learning")
    assert first.done >= 0 and last.result["members"] == 1  # two cases prove nothing, so one network learns from both
    assert last.result["run_dice"] is None
    assert last.result["state"]["state"] == "current"
    assert "too few" in last.result["state"]["text"]


def test_a_published_preset_learns_nothing(worker: WorkerProcess, own: Path) -> None:
    event = worker.answer("never", "library.learn", folder=str(own), preset="fate-sam")[-1]
    assert isinstance(event, Fault) and "published" in event.fact
