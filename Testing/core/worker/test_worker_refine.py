"""The real process carries corrections on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from worker_process import WorkerProcess
from worker_volumes import GRID

from RetrievalSAMLib.volumes import Segmentation, read_segmentation, write_segmentation
from RetrievalSAMLib.worker.protocol import Fault, Partial, Progress, Result, Stopped


def test_a_result_is_refined_from_what_the_run_left(
    worker: WorkerProcess, library: Path, files: Path, tmp_path: Path
) -> None:
    found = tmp_path / "found.seg.nrrd"
    asked = {"folder": str(library), "image": str(files / "image0.nrrd"), "preset": "fast"}
    worker.result("segment", **asked, output=str(found))
    before = read_segmentation(found)
    large = before.mask("Large").copy()
    large[:, :, 5] = np.roll(large[:, :, 5], 4, axis=0)
    masks = (large, before.mask("Small") & ~large)
    drawn = Segmentation.from_masks(before.segments, masks, GRID)
    path, output = tmp_path / "drawn.seg.nrrd", tmp_path / "out.seg.nrrd"
    write_segmentation(drawn, path)
    (tmp_path / "partial").mkdir()
    refine = asked | {"segmentation": str(path), "corrected": [5], "output": str(output)}
    events = worker.answer("refine", "refine", **refine, partial=str(tmp_path / "partial"))
    last = events[-1]
    assert isinstance(last, Result) and last.result["segmentation"] == str(output)
    refinement = last.result["report"]["refinement"]
    assert refinement["reused"] and refinement["corrected"] == [5] and 5 not in refinement["changed"]["Large"]
    steps = [e for e in events if isinstance(e, Progress) and e.stage == "refining"]
    assert steps and steps[-1].done == steps[-1].total
    shown = [e.file for e in events if isinstance(e, Partial)] + last.result["files"]
    assert {read_segmentation(file).names for file in shown} == {("Large",), ("Small",)}
    after = read_segmentation(output)
    assert np.array_equal(after.mask("Large")[:, :, 5], large[:, :, 5])
    wrong = worker.answer("wrong", "refine", **(refine | {"corrected": [99]}))[-1]
    assert isinstance(wrong, Fault) and wrong.code == "input" and "no axial slice 99" in wrong.message


def test_points_and_boxes_come_with_a_request(
    worker: WorkerProcess, library: Path, files: Path, tmp_path: Path
) -> None:
    def at(*voxel: int) -> list[float]:
        return [float(v) for v in GRID.index_to_lps(np.array(voxel))]

    output = tmp_path / "out.seg.nrrd"
    asked = {"folder": str(library), "image": str(files / "image0.nrrd"), "preset": "fast", "output": str(output)}
    points = [{"segment": "Large", "position_mm": at(3, 4, 5), "positive": True}]
    first = worker.result("segment", **asked, points=points)["report"]["refinement"]
    assert first["prompted"] == {"Large": [5]} and first["reused"]
    assert read_segmentation(output).mask("Large")[3, 4, 5]
    before = tmp_path / "before.seg.nrrd"
    output.rename(before)
    boxes = [{"segment": "Small", "corners_mm": [at(30, 12, 7), at(44, 24, 7)]}]
    away = [{"segment": "Large", "position_mm": at(3, 4, 5), "positive": False}]
    refine = asked | {"segmentation": str(before), "corrected": [], "points": away, "boxes": boxes}
    second = worker.result("refine", **refine)["report"]["refinement"]
    assert second["prompted"] == {"Large": [5], "Small": [7]} and second["corrected"] == []
    after = read_segmentation(output)
    assert not after.mask("Large")[3, 4, 5]
    small = after.mask("Small")[:, :, 7].copy()
    assert small.any()
    small[30:45, 12:25] = False
    assert not small.any()
    wrong = worker.answer("outside", "refine", **(refine | {"points": [points[0] | {"position_mm": [999, 0, 0]}]}))[-1]
    assert isinstance(wrong, Fault) and wrong.code == "input" and wrong.thing == "point 1 (Large)"
    none = worker.answer("none", "refine", **(refine | {"points": [], "boxes": []}))[-1]
    assert isinstance(none, Fault) and none.code == "input" and "none is named" in none.message


def test_a_refinement_can_be_cancelled(worker: WorkerProcess, library: Path, files: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.seg.nrrd"
    # With other settings than any run, cases are aligned anew: long enough to be stopped.
    worker.ask(
        "long",
        "refine",
        folder=str(library),
        image=str(files / "image0.nrrd"),
        segmentation=str(files / "drawn0.seg.nrrd"),
        corrected=[5],
        output=str(output),
        preset="accurate",
    )
    worker.until(Progress)
    worker.ask("c", "cancel", of="long")
    events = worker.until(Stopped, Fault, request_id="long")
    assert isinstance(events[-1], Stopped) and not output.exists()
