"""The real process segments: progress, results so far, cancel, crash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from bad_requests import WRONG, changed
from worker_process import WorkerProcess, running
from worker_volumes import GRID, subject

from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.segmentation.pipeline import segment_volume
from RetrievalSAMLib.segmentation.settings.networks import load_models
from RetrievalSAMLib.segmentation.settings.presets import preset
from RetrievalSAMLib.volumes import read_segmentation
from RetrievalSAMLib.volumes.overlap import dice
from RetrievalSAMLib.worker.protocol import Event, Fault, Partial, Progress, Result, Stopped


def wanted(library: Path, files: Path, output: Path, **more: Any) -> dict[str, Any]:
    names = {"folder": str(library), "image": str(files / "image0.nrrd"), "output": str(output)}
    return names | {"preset": "fast"} | more


def stages(events: list[Event]) -> list[str]:
    return list(dict.fromkeys(event.stage for event in events if isinstance(event, Progress)))


@pytest.fixture(scope="module")
def segmented(
    worker: WorkerProcess, library: Path, files: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[Event], Path]:
    """The events of a run from the beginning, and its folder."""
    folder = tmp_path_factory.mktemp("first")
    (folder / "partial").mkdir()
    output = folder / "out.seg.nrrd"
    worker.ask("run", "segment", **wanted(library, files, output, partial=str(folder / "partial")))
    return worker.until(Result, Fault, Stopped, request_id="run"), folder


def test_a_volume_is_segmented_as_the_core_segments_it(
    segmented: tuple[list[Event], Path], library: Path, files: Path
) -> None:
    events, folder = segmented
    last = events[-1]
    assert isinstance(last, Result) and last.result["segmentation"] == str(folder / "out.seg.nrrd")
    found = read_segmentation(folder / "out.seg.nrrd")
    cases = SupportLibrary.open(library).cases()
    own = segment_volume(subject(0)[0], cases, load_models("bundled", "bundled"), preset("fast"))
    assert found.content_hash() == own.segmentation.content_hash()
    assert found.geometry == GRID and dice(found.mask(0), subject(0)[1].mask(0)) > 0.8
    report = last.result["report"]
    assert [s["name"] for s in report["segments"]] == ["Large", "Small"] and len(report["slices"]) == 12
    assert report["library"] == {"name": "Balls", "cases": 2} and report["preset"] == "fast"


def test_progress_is_told_in_order_and_ends_complete(segmented: tuple[list[Event], Path]) -> None:
    events = segmented[0]
    seen = stages(events)
    assert seen[:3] == ["reading the volume", "loading the model", "reading the library"]
    assert seen[-2:] == ["segmenting", "writing the result"]
    steps = [event for event in events if isinstance(event, Progress) and event.stage == "segmenting"]
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert steps[-1].done == steps[-1].total
    assert any(step.seconds_left is not None for step in events if isinstance(step, Progress))


def test_the_files_of_single_segments_make_up_the_whole_result(segmented: tuple[list[Event], Path]) -> None:
    events, folder = segmented
    told = [event for event in events if isinstance(event, Partial)]
    assert [event.done for event in told] == sorted(event.done for event in told)
    last = events[-1]
    assert isinstance(last, Result)
    files = [*(event.file for event in told), *last.result["files"]]
    assert sorted(map(str, (folder / "partial").iterdir())) == sorted(files)
    whole = read_segmentation(folder / "out.seg.nrrd")
    newest = {part.names[0]: part for part in map(read_segmentation, files)}
    assert set(newest) == set(whole.names)
    for index, name in enumerate(whole.names):
        part = newest[name]
        start = np.rint(GRID.lps_to_index(np.array(part.geometry.origin_mm))).astype(int)
        mask = np.zeros(GRID.size, bool)
        mask[tuple(slice(a, a + n) for a, n in zip(start, part.geometry.size, strict=True))] = part.mask(0)
        np.testing.assert_array_equal(mask, whole.mask(index))
        assert np.prod(part.geometry.size) < np.prod(GRID.size)


def test_the_networks_stay_loaded_and_a_run_is_remembered_for_the_next_estimate(
    segmented: tuple[list[Event], Path], worker: WorkerProcess, library: Path, files: Path, tmp_path: Path
) -> None:
    assert stages(segmented[0])
    grid = {"size": GRID.size, "spacing_mm": GRID.spacing_mm, "direction": GRID.direction, "folder": str(library)}
    known = worker.result("estimate", **grid, preset="fast")
    unknown = worker.result("estimate", **grid, preset="accurate")
    assert (known["basis"], unknown["basis"]) == ("measured", "typical")
    assert known["seconds"] > 0 and unknown["memory_bytes"] > 100_000_000
    only = wanted(library, files, tmp_path / "again.seg.nrrd", segments=["Small"], roi=[20, 48, 0, 40, 4, 10])
    events = worker.answer("again", "segment", **only)
    assert isinstance(events[-1], Result) and "loading the model" not in stages(events)
    found = read_segmentation(tmp_path / "again.seg.nrrd")
    assert found.names == ("Small",) and not found.mask(0)[:20].any() and found.geometry == GRID


def test_a_cancelled_run_stops_and_the_next_request_is_answered(
    worker: WorkerProcess, library: Path, files: Path, tmp_path: Path
) -> None:
    worker.ask("run", "segment", **wanted(library, files, tmp_path / "out.seg.nrrd"))
    worker.ask("waits", "ping")
    worker.ask("waits too", "ping")
    while "segmenting" not in stages(worker.until(Progress)):
        pass
    worker.ask("c1", "cancel", of="waits")
    assert worker.until(Result, request_id="c1")[-1] == Result("c1", {"stopping": True})
    worker.ask("c2", "cancel", of="run")
    events = worker.until(Result, request_id="waits too")
    ends = [event.id for event in events if isinstance(event, Stopped)]
    # The computing one ends in its own time, the waiting one had ended at once.
    assert ends == ["run"]
    assert list(tmp_path.iterdir()) == []
    assert worker.result("cancel", of="run") == {"stopping": False}


def test_what_waits_is_stopped_at_once(worker: WorkerProcess, library: Path, files: Path, tmp_path: Path) -> None:
    worker.ask("run", "segment", **wanted(library, files, tmp_path / "out.seg.nrrd"))
    worker.ask("waits", "library.verify", folder=str(library))
    worker.ask("c", "cancel", of="waits")
    events = worker.until(Stopped)
    assert events[-1] == Stopped("waits")
    worker.ask("c2", "cancel", of="run")
    assert worker.until(Stopped)[-1] == Stopped("run")


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_input_is_told_in_words_and_leaves_nothing_behind(
    kind: str, worker: WorkerProcess, library: Path, files: Path, tmp_path: Path
) -> None:
    _, code, named = WRONG[kind]
    change = changed(kind, tmp_path)
    fault = worker.fault("segment", **(wanted(library, files, tmp_path / "out.seg.nrrd") | change))
    assert fault.code == code and named in fault.message and fault.details == ""
    assert list(tmp_path.iterdir()) == []


def test_a_killed_worker_leaves_no_output_no_child_and_no_lock(library: Path, files: Path, tmp_path: Path) -> None:
    with running() as worker:
        (tmp_path / "out").mkdir()
        worker.ask("run", "segment", **wanted(library, files, tmp_path / "out" / "out.seg.nrrd"))
        while "segmenting" not in stages(worker.until(Progress)):
            pass
        assert psutil.Process(worker.process.pid).children(recursive=True) == []
        worker.process.kill()
        code, _ = worker.ended()
        assert code != 0 and not psutil.pid_exists(worker.process.pid)
    assert list((tmp_path / "out").iterdir()) == []
    opened = SupportLibrary.open(library)
    opened.lock_timeout_seconds = 1.0
    assert opened.restore(opened.remove("case-002")).name == "case-002" and opened.verify() == []
