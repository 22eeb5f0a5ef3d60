"""The real process fills a volume from its own drawn slices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from worker_process import WorkerProcess
from worker_volumes import GRID, subject

from RetrievalSAMLib.volumes import Segmentation, read_segmentation, write_segmentation
from RetrievalSAMLib.worker.protocol import Fault, Progress, Result, Stopped


def test_a_first_case_is_made_from_drawn_slices_and_added_to_a_new_library(
    worker: WorkerProcess, files: Path, tmp_path: Path
) -> None:
    truth = subject(0)[1]
    masks = [truth.mask(place) & (np.arange(GRID.size[2]) == 6) for place in range(2)]
    slices, output = tmp_path / "slices.seg.nrrd", tmp_path / "out.seg.nrrd"
    write_segmentation(Segmentation.from_masks(truth.segments, masks, GRID), slices)
    asked = {"image": str(files / "image0.nrrd"), "slices": str(slices), "output": str(output)}
    events = worker.answer("start", "start", **asked)
    last = events[-1]
    assert isinstance(last, Result) and last.result["segmentation"] == str(output)
    report = last.result["report"]
    assert report["refinement"]["corrected"] == [6] and report["library"]["cases"] == 0 and not report["calibrated"]
    steps = [e for e in events if isinstance(e, Progress) and e.stage == "filling the volume"]
    assert steps and steps[-1].done == steps[-1].total
    found = read_segmentation(output)
    for place in range(2):
        assert np.array_equal(found.mask(place)[:, :, 6], masks[place][:, :, 6])
    large = found.mask("Large"), truth.mask("Large")
    assert 2 * (large[0] & large[1]).sum() / (large[0].sum() + large[1].sum()) > 0.6
    folder = str(tmp_path / "library")
    worker.result("library.create", folder=folder)
    made_by = {"model": report["model"]["name"], "model_sha256": report["model"]["sha256"], "corrected": [6]}
    kept = {"image": asked["image"], "segmentation": str(output), "plane": report["plane"], "made_by": made_by}
    assert worker.result("library.add", folder=folder, **kept)["case"]["source"] == "corrected"
    wrong = worker.answer("wrong", "start", **asked, drawn=[2])[-1]
    assert isinstance(wrong, Fault) and wrong.code == "input" and "none of the slices" in wrong.message
    nothing = worker.answer("nothing", "start", image=asked["image"], output=asked["output"])[-1]
    assert isinstance(nothing, Fault) and nothing.code == "input" and "nothing is drawn" in nothing.message


def test_a_fill_can_be_cancelled(worker: WorkerProcess, files: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.seg.nrrd"
    point = [float(mm) for mm in GRID.index_to_lps(np.array([19, 27, 5]))]
    points = [{"segment": "Large", "position_mm": point, "positive": True}]
    worker.ask("long", "start", image=str(files / "image0.nrrd"), output=str(output), points=points)
    worker.until(Progress)
    worker.ask("c", "cancel", of="long")
    events = worker.until(Stopped, Fault, request_id="long")
    assert isinstance(events[-1], Stopped) and not output.exists()
