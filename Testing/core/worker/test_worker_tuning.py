"""A library tunes through the real process; a cancel ends it at once, and no run is made twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from worker_process import WorkerProcess
from worker_volumes import subject

from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.worker.protocol import Fault, Progress, ProtocolError, Result, Stopped

_BASE = "segmenting every case by other patients'"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cases of three patients: of fewer nothing can be proven."""
    made = SupportLibrary.create(tmp_path_factory.mktemp("own") / "library", "Balls")
    for seed in (1, 2, 3):
        made.add(*subject(seed), modality="MR")
    return made.path


def test_a_library_tunes_and_gives_way(worker: WorkerProcess, own: Path) -> None:
    assert worker.result("library.tuned", folder=str(own)) == {"tuned": []}
    asked = {"folder": str(own), "preset": "fast", "minutes": 0.0001, "device": "cpu"}
    worker.ask("tune", "library.tune", **asked)
    while True:
        event = worker.until(Progress, Result, Fault)[-1]
        assert isinstance(event, Progress), event
        if event.stage == _BASE and event.done > 0:
            break
    worker.ask("stop", "cancel", of="tune")
    assert isinstance(worker.until(Result, Fault, Stopped, request_id="tune")[-1], Stopped)
    assert worker.result("library.tuned", folder=str(own)) == {"tuned": []}
    last = worker.answer("again", "library.tune", **asked)[-1]
    assert isinstance(last, Result), last
    assert (last.result["patients"], last.result["preset"]) == (3, "fast")
    assert 0 < last.result["runs"] < 3, "the first case's run was kept"
    assert last.result["untried"] and last.result["dice_before"] == last.result["dice_after"]
    (state,) = worker.result("library.tuned", folder=str(own))["tuned"]
    assert last.result["tuned"] == [state]
    assert (state["model"], state["preset"], state["state"], state["cases"]) == ("bundled", "fast", "current", 3)
    assert state["settings"] == {} and isinstance(state["confidence"], bool)


def test_what_cannot_be_tuned_is_refused(worker: WorkerProcess, own: Path, library: Path) -> None:
    event = worker.answer("never", "library.tune", folder=str(own), preset="fate-sam")[-1]
    assert isinstance(event, Fault) and "published" in event.fact
    with pytest.raises(ProtocolError, match="minutes is not more than 0"):
        worker.ask("none", "library.tune", folder=str(own), minutes=0.0)
    event = worker.answer("few", "library.tune", folder=str(library), preset="fast", device="cpu")[-1]
    assert isinstance(event, Fault) and "of 2 patients" in event.fact
