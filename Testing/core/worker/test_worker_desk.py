"""The real process shows a slice as points change it, and measures the segments of a result."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
from worker_process import WorkerProcess
from worker_volumes import GRID, subject

from RetrievalSAMLib.volumes import write_segmentation
from RetrievalSAMLib.worker.protocol import Fault

INDEX = 5


def test_a_slice_comes_back_as_bits_of_the_files_own_pixels(worker: WorkerProcess, files: Path) -> None:
    truth = subject(0)[1].mask(0)[:, :, INDEX]
    before = truth.copy()
    before[: int(np.argwhere(truth).mean(axis=0)[0])] = False  # half of it is missing
    i, j = np.argwhere(truth & ~before).mean(axis=0).round()
    corner = np.array(GRID.origin_mm) + np.array([i, j, INDEX]) * np.array(GRID.spacing_mm)
    point = {"segment": "Large", "position_mm": [float(mm) for mm in corner], "positive": True}
    bits = base64.b64encode(np.packbits(before.T).tobytes()).decode("ascii")
    asked = {"image": str(files / "image0.nrrd"), "before": bits, "plane": "axial"}
    told = worker.result("preview", **asked, points=[point])
    flat = np.unpackbits(np.frombuffer(base64.b64decode(told["mask"]), np.uint8))
    mask = flat[: truth.size].reshape(truth.shape[::-1]).T.astype(bool)
    assert told["slice"] == INDEX and mask[int(i), int(j)]
    assert (mask & truth).sum() > (before & truth).sum()
    cut = worker.answer("cut", "preview", **{**asked, "before": bits[:8]}, points=[point])[-1]
    assert isinstance(cut, Fault) and cut.code == "input" and "bits" in cut.message
    other = {**point, "segment": "Small"}
    two = worker.answer("two", "preview", **asked, points=[point, other])[-1]
    assert isinstance(two, Fault) and two.code == "input" and "one segment at a time" in two.message


def test_segments_are_measured(worker: WorkerProcess, files: Path, tmp_path: Path) -> None:
    truth = subject(0)[1]
    write_segmentation(truth, tmp_path / "r.seg.nrrd")
    asked = {"image": str(files / "image0.nrrd"), "segmentation": str(tmp_path / "r.seg.nrrd"), "name": "a"}
    told = worker.result("numbers", **asked, confidence={"Large": 0.9}, corrected=[3])
    large, small = told["rows"]
    assert large["volume_ml"] * 1000 == truth.mask(0).sum() * 3.0
    assert (large["confidence"], small["confidence"], large["corrected_slices"]) == (0.9, None, 1)
    assert told["csv"].splitlines()[0].split(",") == list(large)
