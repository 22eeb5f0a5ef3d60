"""Review, suggestions and notes on second versions, through the real process."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from worker_process import WorkerProcess
from worker_volumes import subject

from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.volumes import write_volume
from RetrievalSAMLib.worker.protocol import Fault, Progress, Result, Stopped


@pytest.fixture(scope="module")
def own(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the library, with one case that only three slices of are annotated."""
    folder = tmp_path_factory.mktemp("own") / "library"
    shutil.copytree(library, folder)
    SupportLibrary.open(folder).add(*subject(3), annotated_slices=[3, 5, 7])
    return folder


def kept(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("cache/review/*/*.json") if not path.name.startswith(".")}


def test_a_review_that_is_cancelled_goes_on_the_next_time(worker: WorkerProcess, own: Path) -> None:
    worker.ask("review", "library.review", folder=str(own), device="cpu")
    while True:
        event = worker.until(Progress, Result, Fault)[-1]
        assert isinstance(event, Progress), event
        if event.stage == "reviewing cases" and event.done == 1:
            break
    worker.ask("stop", "cancel", of="review")
    assert isinstance(worker.until(Result, Fault, Stopped, request_id="review")[-1], Stopped)
    finished = kept(own)
    assert 1 <= len(finished) < 3
    events = worker.answer("again", "library.review", folder=str(own), device="cpu")
    last = events[-1]
    assert isinstance(last, Result) and last.result["computed"] == 3 - len(finished)
    stages = {event.stage for event in events if isinstance(event, Progress)}
    assert "reviewing cases" in stages and "loading the model" not in stages
    cases = {case["name"]: case for case in last.result["cases"]}
    assert set(cases) == {"case-001", "case-002", "case-003"} and cases["case-003"]["sparse"]
    for case in cases.values():
        assert case["dice"]["mean"] > 0.7 and set(case["dice"]["segments"]) == {"Large", "Small"}
    assert worker.result("library.review", folder=str(own), device="cpu")["computed"] == 0


def test_the_last_review_is_read_again_without_a_run_until_a_case_changes(worker: WorkerProcess, own: Path) -> None:
    folder = own.parent / "another"
    shutil.copytree(own, folder)
    (folder / "cache" / "last_review.json").unlink(missing_ok=True)
    asked = {"folder": str(folder)}
    assert worker.result("library.last_review", **asked) == {"review": None, "finished": None, "current": False}
    found = worker.result("library.review", **asked, device="cpu")
    assert all(case["plane_axis"] == 2 for case in found["cases"])
    events = worker.answer("last", "library.last_review", **asked)
    assert len(events) == 1 and isinstance(events[0], Result), "it does nothing that takes time"
    known = events[0].result
    assert known["current"] and known["review"] == found and known["finished"].endswith("+00:00")
    SupportLibrary.open(folder).remove("case-001")
    assert worker.result("library.last_review", **asked)["current"] is False
    (folder / "cache" / "last_review.json").write_text("{}", encoding="utf-8")
    assert worker.result("library.last_review", **asked)["review"] is None


def test_a_library_of_one_case_is_refused_in_words(worker: WorkerProcess, tmp_path: Path) -> None:
    library = SupportLibrary.create(tmp_path / "library")
    library.add(*subject(1))
    fault = worker.fault("library.review", folder=str(library.path))
    assert fault.code == "input" and "one case only" in fault.fact


def test_volumes_are_ranked(worker: WorkerProcess, own: Path, files: Path, tmp_path: Path) -> None:
    volumes = [str(files / "image1.nrrd"), str(files / "image0.nrrd")]
    found = worker.result("library.suggest", folder=str(own), files=volumes, device="cpu")
    assert [Path(one["file"]).name for one in found["volumes"]] == ["image0.nrrd", "image1.nrrd"]
    assert found["volumes"][1]["nearest"]["case"] == "case-001" and found["volumes"][1]["note"]
    assert all(len(one["slices"]) == 3 for one in found["volumes"]) and found["unreadable"] == []
    assert worker.fault("library.suggest", folder=str(own), files=[]).code == "input"


def test_a_study_that_is_there_already_is_noted_and_added(worker: WorkerProcess, files: Path, tmp_path: Path) -> None:
    folder = str(tmp_path / "library")
    worker.result("library.create", folder=folder)
    pair = {"image": str(files / "image0.nrrd"), "segmentation": str(files / "drawn0.seg.nrrd")}
    assert worker.result("library.add", folder=folder, **pair)["notes"] == []
    again = worker.result("library.add", folder=folder, **pair)
    assert again["case"]["name"] == "case-002"
    assert [note["like"] for note in again["notes"]] == ["case-001"] and "same image" in again["notes"][0]["text"]
    many = worker.result("library.add_files", folder=folder, pairs=[pair])
    assert many["added"] == ["case-003"] and {note["like"] for note in many["notes"]} == {"case-001", "case-002"}
    assert {note["case"] for note in many["notes"]} == {"case-003"}


def test_a_sparse_case_is_drawn_and_segments_a_volume(worker: WorkerProcess, files: Path, tmp_path: Path) -> None:
    """One case with three annotated slices is a library."""
    library = SupportLibrary.create(tmp_path / "library")
    library.add(*subject(3), annotated_slices=[3, 5, 7])
    described = worker.result("library.describe", folder=str(library.path), thumbnails=str(tmp_path / "pictures"))
    assert Path(described["cases"][0]["thumbnail"]).is_file()
    output = tmp_path / "out.seg.nrrd"
    write_volume(subject(5)[0], tmp_path / "image.nrrd")
    report = worker.result(
        "segment",
        folder=str(library.path),
        image=str(tmp_path / "image.nrrd"),
        output=str(output),
        preset="fast",
        device="cpu",
    )["report"]
    assert {s["name"] for s in report["segments"] if s["volume_mm3"] > 0} == {"Large", "Small"}
    drawn = {one["slice"] for row in report["slices"] for s in row["segments"].values() for one in s["supports"]}
    assert drawn <= {3, 5, 7}
