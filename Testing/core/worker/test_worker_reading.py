"""What the worker sees in files is in its answers; labels are named, laid on their image, and renamed, as asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from worker_process import WorkerProcess

from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.volumes import Volume, read_segmentation, read_volume, write_segmentation, write_volume


@pytest.fixture
def folder(worker: WorkerProcess, files: Path, tmp_path: Path) -> str:
    """A library with one case: Large is 1, Small is 2."""
    worker.result("library.create", folder=str(tmp_path / "L"))
    first = {"image": str(files / "image0.nrrd"), "segmentation": str(files / "drawn0.seg.nrrd")}
    assert worker.result("library.add", folder=str(tmp_path / "L"), **first)["warnings"] == []
    return str(tmp_path / "L")


def test_padding_scaled_labels_and_another_axis_order_are_taken_and_told(
    worker: WorkerProcess, folder: str, files: Path, tmp_path: Path
) -> None:
    volume = read_volume(files / "image1.nrrd")
    holes = volume.voxels.astype(np.float32)
    padding = np.zeros(holes.shape, dtype=bool)
    padding[:, :2] = True
    image, labels = str(tmp_path / "image.nii.gz"), str(tmp_path / "labels.nii.gz")
    write_volume(Volume(holes, volume.geometry, padding), image)
    drawn = read_segmentation(files / "drawn1.seg.nrrd")
    scaled = drawn.labelmap().astype(np.float32) * np.float32(1.002)
    write_volume(Volume(scaled, volume.geometry), labels)
    sitk.WriteImage(sitk.DICOMOrient(sitk.ReadImage(labels), "PIR"), labels)
    added = worker.result("library.add", folder=folder, image=image, segmentation=labels)
    told = {(one["file"], one["text"].split(";")[0]) for one in added["warnings"]}
    assert told == {
        (image, f"{int(padding.sum())} of its {padding.size} voxels are NaN or infinite"),
        (labels, "its labels are no whole numbers"),
    }
    stored = SupportLibrary.open(folder).get(added["case"]["name"])
    assert np.array_equal(stored.load_segmentation().labelmap(), drawn.labelmap())
    assert np.array_equal(stored.load_image().padding, padding)


def test_a_label_map_off_its_image_is_refused_or_laid_on_it(
    worker: WorkerProcess, folder: str, files: Path, tmp_path: Path
) -> None:
    drawn = read_segmentation(files / "drawn1.seg.nrrd")
    x, y, z = drawn.geometry.index_to_lps(np.array([3, 3, 3])).tolist()
    lost = tmp_path / "lost.nii.gz"
    write_segmentation(replace(drawn, geometry=replace(drawn.geometry, origin_mm=(x, y, z))), lost)
    asked = {"folder": folder, "image": str(files / "image1.nrrd"), "segmentation": str(lost)}
    fault = worker.fault("library.add", **asked)
    assert fault.code == "input" and "whole voxels off (3 x 3 x 3)" in fault.fact
    added = worker.result("library.add", **asked, grid="of-image")
    assert "laid on those of the image" in added["warnings"][0]["text"]
    stored = SupportLibrary.open(folder).get(added["case"]["name"])
    assert np.array_equal(stored.load_segmentation().labelmap(), drawn.labelmap())


def test_values_without_a_name_are_refused_and_names_can_be_changed(
    worker: WorkerProcess, folder: str, files: Path, tmp_path: Path
) -> None:
    drawn = read_segmentation(files / "drawn1.seg.nrrd")
    other = np.where(drawn.labelmap() == 2, 9, drawn.labelmap()).astype(np.uint8)
    write_volume(Volume(other, drawn.geometry), tmp_path / "other.nii.gz")
    pair = {"image": str(files / "image1.nrrd"), "segmentation": str(tmp_path / "other.nii.gz")}
    done = worker.result("library.add_files", folder=folder, pairs=[pair])
    assert done["added"] == [] and "does not name its values" in done["errors"][0]["message"]
    names = [{"value": 1, "name": "Liver"}, {"value": 2, "name": "Spleen"}]
    renamed = worker.result("library.rename", folder=folder, case="case-001", segments=names)["cases"]
    assert [(case["segments"], case["versions"]) for case in renamed] == [(["Liver", "Spleen"], 2)]
    fault = worker.fault("library.rename", folder=folder, case="case-001", segments=[{"value": 5, "name": "Heart"}])
    assert fault.code == "input" and "no segment with the value 5" in fault.fact
