"""Files as people have them through the worker: read with the right values, or refused in words and nothing added."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from pydicom.dataset import FileDataset
from worker_process import WorkerProcess

from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.volumes import Geometry, Segment, Segmentation, Volume, write_segmentation, write_volume
from RetrievalSAMLib.volumes.formats.dicom.seg.export import write_dicom_segmentation
from RetrievalSAMLib.volumes.formats.dicom.seg.seg_writing import Algorithm
from Testing.core.volumes.dicom_series import COLUMNS, ROWS, SLICES, SPACING, hounsfield, write_enhanced, write_series
from Testing.core.volumes.dicom_series import stored as stored_numbers

GRID = Geometry((COLUMNS, ROWS, SLICES), SPACING, (-12.5, 30.25, 100.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
NAMES = [{"value": 1, "name": "Liver"}, {"value": 2, "name": "Kidney"}]


def labels() -> np.ndarray:
    """(i, j, k): two structures."""
    drawn = np.zeros(GRID.size, np.uint8)
    drawn[1:3, 1:4, 1:4], drawn[1:3, 1:4, 4:] = 1, 2
    return drawn


def write_labels(path: Path, array: np.ndarray, grid: Geometry = GRID) -> Path:
    write_volume(Volume(array, grid), path)
    return path


@dataclass
class Input:
    """What a person adds, and what should come of it.

    Attributes:
        image: The file or folder.
        segmentation: Of it.
        voxels: (i, j, k) that the library should have.
        labels: Likewise.
        told: In the warnings, or, where nothing is expected to be read, in the refusal.
        refused: Whether nothing is to be read.
        more: Other parameters of the request.
    """

    image: Path
    segmentation: Path
    voxels: np.ndarray = field(default_factory=hounsfield)
    labels: np.ndarray = field(default_factory=labels)
    told: str = ""
    refused: bool = False
    more: dict[str, Any] = field(default_factory=lambda: {"names": NAMES})


def _series(folder: Path, change: Callable[[int, FileDataset], None] = lambda k, slice_: None, **more: Any) -> Input:
    write_series(folder / "series", change=change, **more)
    return Input(folder / "series", write_labels(folder / "labels.nii.gz", labels()))


def _label_map(folder: Path, array: np.ndarray, grid: Geometry = GRID) -> Input:
    write_volume(Volume(hounsfield(), GRID), folder / "image.nii.gz")
    return Input(folder / "image.nii.gz", write_labels(folder / "labels.nii.gz", array, grid))


def slope_by_slice(folder: Path) -> Input:
    def change(k: int, slice_: FileDataset) -> None:
        slice_.RescaleSlope, slice_.RescaleIntercept = str(0.5 + k / 4), "0"

    found = _series(folder, change, modality="PT")
    found.voxels = ((hounsfield() + 1024) * (0.5 + np.arange(SLICES) / 4)).astype(np.float32)
    return found


def intercept_by_slice(folder: Path) -> Input:
    def change(k: int, slice_: FileDataset) -> None:
        slice_.RescaleIntercept = 0 if k == 0 else -1024

    found = _series(folder, change)
    found.voxels, found.told = hounsfield() + 1024 * (np.arange(SLICES) == 0), "intercept change"
    return found


def last_slice_cut(folder: Path) -> Input:
    found = _series(folder)
    last = folder / "series" / "IM0001"
    last.write_bytes(last.read_bytes()[:500])
    return replace(found, refused=True, told="IM0001")


def last_slice_empty(folder: Path) -> Input:
    found = _series(folder)
    (folder / "series" / "IM0001").write_bytes(b"")
    return replace(found, refused=True, told="IM0001")


def palette_colour(folder: Path) -> Input:
    def change(k: int, slice_: FileDataset) -> None:
        slice_.PhotometricInterpretation = "PALETTE COLOR"

    return replace(_series(folder, change), refused=True, told="in colour")


def damaged_metaimage(folder: Path) -> Input:
    found = _label_map(folder, labels())
    image = sitk.GetImageFromArray(np.random.default_rng(0).integers(0, 999, GRID.size[::-1]).astype(np.int16))
    sitk.WriteImage(image, str(folder / "image.mha"), True)
    data = bytearray((folder / "image.mha").read_bytes())
    data[-20] ^= 255
    (folder / "image.mha").write_bytes(data)
    return replace(found, image=folder / "image.mha", refused=True, told="damaged")


def folder_from_an_archive(folder: Path) -> Input:
    found = _series(folder, number=2)
    write_series(folder / "series" / "scout", keep=lambda k: k < 2, number=1)
    write_series(folder / "series" / "copy", keep=lambda k: k == 0, number=3)
    return replace(found, told="series 2: CT, 6 slices of 4 x 5 is read")


def two_series(folder: Path) -> Input:
    found = _series(folder, number=2)
    write_series(folder / "series" / "other", number=5)
    return replace(found, refused=True, told="series 5")


def the_series_that_is_asked_for(folder: Path) -> Input:
    def brighter(k: int, slice_: FileDataset) -> None:
        slice_.RescaleIntercept = -1000

    found = _series(folder, number=2)
    write_series(folder / "series" / "other", number=5, change=brighter)
    return replace(found, voxels=hounsfield() + 24, more={"series": "5", "names": NAMES})


def multi_frame(folder: Path) -> Input:
    write_enhanced(folder / "enhanced.dcm", stored_numbers())
    return Input(folder / "enhanced.dcm", write_labels(folder / "labels.nii.gz", labels()))


def dicom_seg(folder: Path) -> Input:
    found = _series(folder)
    segments = (Segment("Liver", 1), Segment("Kidney", 2))
    drawn = Segmentation.from_masks(segments, [labels() == 1, labels() == 2], GRID)
    write_dicom_segmentation(drawn, folder / "seg.dcm", folder / "series", Algorithm("bundled", automatic=True))
    return replace(found, segmentation=folder / "seg.dcm", more={})


def values_above_65535(folder: Path) -> Input:
    found = _label_map(folder, np.choose(labels(), [0, 614454277, 997]).astype(np.int32))
    names = [{"value": 614454277, "name": "Liver"}, {"value": 997, "name": "Kidney"}]
    wanted = np.choose(labels(), [0, 1, 997]).astype(np.uint16)
    return replace(found, labels=wanted, told="614454277 became 1", more={"names": names})


def negative_label(folder: Path) -> Input:
    found = _label_map(folder, np.where(labels() == 2, -1, labels().astype(np.int16)))
    wanted = np.where(labels() == 2, 0, labels())
    return replace(found, labels=wanted, told="count as background", more={"names": NAMES[:1]})


def a_value_that_is_not_there_is_named(folder: Path) -> Input:
    names = [*NAMES, {"value": 7, "name": "Heart"}]
    return replace(_label_map(folder, labels()), refused=True, told="no value 7", more={"names": names})


def nobody_names_the_values(folder: Path) -> Input:
    return replace(_label_map(folder, labels()), refused=True, told="does not name its values", more={})


def two_places(folder: Path) -> Input:
    found = _label_map(folder, labels())
    image = nibabel.load(folder / "image.nii.gz")
    moved = image.affine.copy()
    moved[:3, 3] += 9
    both = nibabel.Nifti1Image(hounsfield(), image.affine)
    both.set_qform(moved, 1)
    both.set_sform(image.affine, 1)
    nibabel.save(both, folder / "image.nii.gz")
    return replace(found, told="15.6 mm apart")


INPUTS = (
    slope_by_slice, intercept_by_slice, last_slice_cut, last_slice_empty, palette_colour, damaged_metaimage,
    folder_from_an_archive, two_series, the_series_that_is_asked_for, multi_frame, dicom_seg, values_above_65535,
    negative_label, a_value_that_is_not_there_is_named, nobody_names_the_values, two_places,
)  # fmt: skip


@pytest.fixture
def folder(worker: WorkerProcess, tmp_path: Path) -> Iterator[str]:
    """An empty library."""
    worker.result("library.create", folder=str(tmp_path / "L"))
    yield str(tmp_path / "L")
    assert SupportLibrary.open(tmp_path / "L").verify() == []


@pytest.mark.parametrize("make", INPUTS, ids=lambda make: make.__name__)
def test_a_case_is_right_or_refused(
    worker: WorkerProcess, folder: str, tmp_path: Path, make: Callable[[Path], Input]
) -> None:
    given = make(tmp_path)
    asked = {"folder": folder, "image": str(given.image), "segmentation": str(given.segmentation), **given.more}
    if given.refused:
        fault = worker.fault("library.add", **asked)
        assert fault.code == "input" and fault.remedy
        assert given.told in fault.message and "Doe" not in fault.message
        assert SupportLibrary.open(folder).cases() == []
        return
    warnings = worker.result("library.add", **asked)["warnings"]
    told = " ".join(one["text"] for one in warnings)
    assert given.told in told and bool(given.told) == bool(told)
    (case,) = SupportLibrary.open(folder).cases()
    found, drawn = case.load_image(), case.load_segmentation()
    assert np.array_equal(found.voxels, given.voxels) and found.geometry.difference(GRID) is None
    assert np.array_equal(drawn.labelmap(), given.labels)
    assert [segment.name for segment in case.segments] == ["Liver", "Kidney"][: len(case.segments)]


def test_the_series_of_a_folder_are_listed_without_a_word_on_the_patient(worker: WorkerProcess, tmp_path: Path) -> None:
    two_series(tmp_path)
    listed = worker.result("dicom.series", source=str(tmp_path / "series"))["series"]
    assert [(one["label"], one["slices"], one["size"], one["chosen"]) for one in listed] == [
        ("2", SLICES, [COLUMNS, ROWS], False),
        ("5", SLICES, [COLUMNS, ROWS], False),
    ]
    assert "Doe" not in str(listed)


def test_values_that_nobody_has_named_are_listed_and_named_for_many_files(
    worker: WorkerProcess, folder: str, tmp_path: Path
) -> None:
    pairs = []
    for name, array in (("a", labels()), ("b", np.where(labels() == 2, 5, labels()))):
        (tmp_path / name).mkdir()
        given = _label_map(tmp_path / name, array)
        pairs.append({"image": str(given.image), "segmentation": str(given.segmentation)})
    (tmp_path / "broken.nii.gz").write_bytes(b"holiday pictures")
    files = [*(pair["segmentation"] for pair in pairs), str(tmp_path / "broken.nii.gz")]
    assert worker.result("library.unnamed", folder=folder, files=files)["values"] == [
        {"value": 1, "files": 2},
        {"value": 2, "files": 1},
        {"value": 5, "files": 1},
    ]
    names = [*NAMES, {"value": 5, "name": "Spleen"}]
    done = worker.result("library.add_files", folder=folder, pairs=pairs, names=names)
    assert done["errors"] == [] and len(done["added"]) == 2
    assert [segment.name for segment in SupportLibrary.open(folder).segments()] == ["Liver", "Kidney", "Spleen"]
    assert worker.result("library.unnamed", folder=folder, files=files)["values"] == []


def test_a_segmentation_that_is_written_by_its_names_needs_no_others(
    worker: WorkerProcess, folder: str, tmp_path: Path
) -> None:
    write_segmentation(
        Segmentation.from_masks((Segment("Liver", 1),), [labels() == 1], GRID), tmp_path / "drawn.seg.nrrd"
    )
    assert worker.result("library.unnamed", folder=folder, files=[str(tmp_path / "drawn.seg.nrrd")])["values"] == []
