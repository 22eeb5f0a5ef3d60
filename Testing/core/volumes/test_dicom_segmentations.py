"""DICOM SEG and RTSTRUCT in, DICOM SEG out: voxels, names, colours and codes, by readers that are not ours too."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import dcmqi
import highdicom
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from dicom_series import COLUMNS, OBLIQUE, ROWS, SLICES, write_series
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, RTStructureSetStorage, generate_uid

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.volumes import (
    Geometry,
    Segment,
    Segmentation,
    Volume,
    fit_to_grid,
    read_segmentation,
    read_volume,
    write_volume,
)
from RetrievalSAMLib.volumes.formats.dicom.seg.export import write_dicom_segmentation
from RetrievalSAMLib.volumes.formats.dicom.seg.seg_writing import Algorithm

KIDNEY = (
    "Segmentation category and type - DICOM master list~SCT^123037004^Anatomical Structure~SCT^64033007^Kidney"
    "~SCT^24028007^Right~Anatomic codes - DICOM master list~^^~^^"
)
ALGORITHM = Algorithm("bundled", automatic=True)


def drawn_on(grid: Geometry, overlap: bool) -> Segmentation:
    """Two segments that leave the first and the last slice empty."""
    one, two = (np.zeros(grid.size, bool) for _ in range(2))
    one[:2, 1:4, 1:4] = True
    two[1 if overlap else 2 :, 2:5, 2:5] = True
    return Segmentation.from_masks(
        (Segment("Liver", 1, (1.0, 0.5, 0.25)), Segment("Kidney", 2, None, KIDNEY)), (one, two), grid
    )


def same(one: Segmentation, other: Segmentation) -> None:
    assert one.names == other.names
    assert [s.terminology for s in one.segments] == [s.terminology for s in other.segments]
    for index in range(len(one.segments)):
        assert np.array_equal(one.mask(index), other.mask(index))


@pytest.mark.parametrize("overlap", [False, True])
@pytest.mark.parametrize("matrix", [np.eye(3), OBLIQUE])
def test_what_is_written_reads_back_equal(tmp_path: Path, matrix: np.ndarray, overlap: bool):
    write_series(tmp_path / "ct", matrix)
    volume = read_volume(tmp_path / "ct")
    segmentation = drawn_on(volume.geometry, overlap)
    write_dicom_segmentation(segmentation, tmp_path / "ct" / "result.dcm", tmp_path / "ct", ALGORITHM)
    for place in (tmp_path / "ct" / "result.dcm", tmp_path / "ct"):
        found = fit_to_grid(read_segmentation(place), "result", volume.geometry, "ct")
        same(segmentation, found)
        assert found.segments[0].color == pytest.approx((1.0, 0.5, 0.25), abs=0.01)
    # The folder with both in it is still the images.
    assert np.array_equal(read_volume(tmp_path / "ct").voxels, volume.voxels)


def test_it_refers_to_the_series_and_says_no_more_of_the_patient(tmp_path: Path):
    write_series(tmp_path / "ct")
    volume = read_volume(tmp_path / "ct")
    write_dicom_segmentation(drawn_on(volume.geometry, False), tmp_path / "a.dcm", tmp_path / "ct", ALGORITHM)
    source, written = pydicom.dcmread(tmp_path / "ct" / "IM0001"), pydicom.dcmread(tmp_path / "a.dcm")
    for keyword in ("StudyInstanceUID", "FrameOfReferenceUID", "PatientName", "PatientID"):
        assert written[keyword].value == source[keyword].value
    assert written.ReferencedSeriesSequence[0].SeriesInstanceUID == source.SeriesInstanceUID
    assert not written.PatientBirthDate and not written.ReferringPhysicianName and not written.ContentCreatorName
    assert "research use only" in written.ContentDescription
    algorithm = written.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence[0]
    assert algorithm.AlgorithmName == "RetrievalSAM (bundled)" and algorithm.AlgorithmVersion
    assert written.SegmentSequence[0].SegmentAlgorithmType == "AUTOMATIC"


def test_another_program_reads_the_same(tmp_path: Path):
    """dcmqi, by which Slicer reads DICOM SEG."""
    write_series(tmp_path / "ct")
    volume = read_volume(tmp_path / "ct")
    segmentation = drawn_on(volume.geometry, overlap=True)
    write_dicom_segmentation(segmentation, tmp_path / "a.dcm", tmp_path / "ct", ALGORITHM)
    program = next(Path(dcmqi.__file__).parent.glob("bin/segimage2itkimage*"))
    command = [program, "--inputDICOM", tmp_path / "a.dcm", "--outputDirectory", tmp_path, "-t", "nrrd"]
    process = subprocess.run(command, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    told = json.loads((tmp_path / "meta.json").read_text(encoding="utf-8"))["segmentAttributes"]
    items = [attributes for group in told for attributes in group]
    assert [attributes["SegmentLabel"] for attributes in items] == ["Liver", "Kidney"]
    assert items[1]["SegmentedPropertyTypeCodeSequence"]["CodeValue"] == "64033007"
    assert items[1]["SegmentedPropertyTypeModifierCodeSequence"]["CodeValue"] == "24028007"
    for index in range(2):
        image = sitk.ReadImage(tmp_path / f"{index + 1}.nrrd")
        start = volume.geometry.lps_to_index(np.array(image.GetOrigin())).round().astype(int)
        whole = np.zeros(volume.geometry.size, bool)
        part = sitk.GetArrayFromImage(image).T > 0
        whole[tuple(slice(s, s + n) for s, n in zip(start, part.shape, strict=True))] = part
        assert np.array_equal(whole, segmentation.mask(index))


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="needs dciodvfy of dicom3tools")
def test_it_keeps_the_standard(tmp_path: Path):
    write_series(tmp_path / "ct")
    grid = read_volume(tmp_path / "ct").geometry
    write_dicom_segmentation(drawn_on(grid, overlap=True), tmp_path / "a.dcm", tmp_path / "ct", ALGORITHM)
    process = subprocess.run(["dciodvfy", "-new", tmp_path / "a.dcm"], capture_output=True, text=True)
    lines = (process.stdout + process.stderr).splitlines()
    assert any("Segmentation" in line for line in lines) and not [line for line in lines if line.startswith("Error")]


def test_a_seg_of_another_program_is_read(tmp_path: Path):
    write_series(tmp_path / "ct")
    grid = read_volume(tmp_path / "ct").geometry
    files = sorted((tmp_path / "ct").iterdir(), reverse=True)  # by rising position
    sources = [pydicom.dcmread(path) for path in files]
    for dataset in sources:
        for keyword in ("PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "AccessionNumber", "StudyID"):
            setattr(dataset, keyword, "")
        dataset.ReferringPhysicianName = ""
    wanted = drawn_on(grid, overlap=False)
    code = highdicom.sr.CodedConcept("10200004", "SCT", "Liver")
    described = [
        highdicom.seg.SegmentDescription(n, name, code, code, highdicom.seg.SegmentAlgorithmTypeValues.MANUAL)
        for n, name in ((1, "Liver"), (2, "Kidney"))
    ]
    fractions = np.stack([np.where(wanted.mask(n).T, 0.9, 0.2) for n in range(2)], axis=-1)
    for kind, pixels in (("BINARY", wanted.labelmap().T.astype(np.uint8)), ("FRACTIONAL", fractions)):
        seg = highdicom.seg.Segmentation(
            sources, pixels, kind, described, highdicom.UID(), 9, highdicom.UID(), 1, "-", "-", "-", "1"
        )
        seg.save_as(tmp_path / f"{kind}.dcm")
        found = fit_to_grid(read_segmentation(tmp_path / f"{kind}.dcm"), kind, grid, "ct")
        assert found.names == ("Liver", "Kidney") and found.segments[0].key.startswith("code:")
        assert all(np.array_equal(found.mask(n), wanted.mask(n)) for n in range(2))


def write_structures(path: Path, contours: dict[str, list[tuple[str, list[np.ndarray]]]]) -> None:
    """By name, contours of one type each: points in LPS mm."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = RTStructureSetStorage, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    file.SOPClassUID, file.SOPInstanceUID, file.Modality = (
        RTStructureSetStorage,
        meta.MediaStorageSOPInstanceUID,
        "RTSTRUCT",
    )
    file.SeriesInstanceUID = generate_uid()
    rois, drawings = [], []
    for number, (name, kinds) in enumerate(contours.items(), start=1):
        roi, drawing = Dataset(), Dataset()
        roi.ROINumber, roi.ROIName = number, name
        drawing.ReferencedROINumber, drawing.ROIDisplayColor = number, [255, 0, 51]
        drawing.ContourSequence = []
        for kind, outlines in kinds:
            for points in outlines:
                contour = Dataset()
                contour.ContourGeometricType, contour.NumberOfContourPoints = kind, len(points)
                contour.ContourData = [f"{value:.6g}" for value in np.asarray(points).ravel()]
                drawing.ContourSequence.append(contour)
        rois.append(roi)
        drawings.append(drawing)
    file.StructureSetROISequence, file.ROIContourSequence = rois, drawings
    file.save_as(path, enforce_file_format=True)


@pytest.mark.parametrize("direction", [np.eye(3), OBLIQUE])
def test_contours_are_filled_on_the_image_s_grid_with_holes(tmp_path: Path, direction: np.ndarray):
    grid = Geometry((12, 10, 4), (1.5, 2.0, 3.0), (-7.0, 4.0, 11.0), tuple(direction.ravel()))

    def square(low: float, high: float, k: float) -> np.ndarray:
        corners = [(low, low, k), (high, low, k), (high, high, k), (low, high, k)]
        return grid.index_to_lps(np.array(corners))

    write_structures(
        tmp_path / "rt.dcm",
        {
            "Bladder": [("CLOSED_PLANAR", [square(0.6, 7.4, 1), square(2.6, 4.4, 1), square(0.6, 3.4, 2)])],
            "Marker": [("POINT", [square(1, 2, 1)[:1]])],
            "Far": [("CLOSED_PLANAR", [square(1, 3, 20)])],
        },
    )
    found = read_segmentation(tmp_path / "rt.dcm", grid=grid)
    wanted = np.zeros(grid.size, bool)
    wanted[1:8, 1:8, 1] = True
    wanted[3:5, 3:5, 1] = False
    wanted[1:4, 1:4, 2] = True
    assert found.names == ("Bladder",) and np.array_equal(found.mask(0), wanted)
    assert found.segments[0].color == (1.0, 0.0, 0.2)
    assert set(found.notes) == {
        "1 contours were left out: points or open lines",
        "1 contours were left out: outside the image",
        "2 structures without a closed contour in the image were left out",
    }
    with pytest.raises(InputError, match="need the image"):
        read_segmentation(tmp_path / "rt.dcm")


def test_commands_take_and_write_dicom(tmp_path: Path):
    write_series(tmp_path / "ct")
    grid = read_volume(tmp_path / "ct").geometry
    write_dicom_segmentation(drawn_on(grid, overlap=False), tmp_path / "seg.dcm", tmp_path / "ct", ALGORITHM)

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "RetrievalSAMLib.cli.main", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True)

    library = tmp_path / "library"
    assert run("library", "create", library).returncode == 0
    added = run("library", "add", library, "--image", tmp_path / "ct", "--segmentation", tmp_path / "seg.dcm")
    assert added.returncode == 0 and "Liver, Kidney" in added.stdout, added.stderr
    write_volume(Volume(drawn_on(grid, overlap=False).labelmap(), grid), tmp_path / "result.nii.gz")
    exported = run(
        "export-dicom", tmp_path / "result.nii.gz", "--image", tmp_path / "ct", "-o", tmp_path / "out.dcm",
        "--library", library,
    )  # fmt: skip
    assert exported.returncode == 0, exported.stderr
    same(drawn_on(grid, False), fit_to_grid(read_segmentation(tmp_path / "out.dcm"), "out", grid, "ct"))
    refused = run(
        "export-dicom", tmp_path / "result.nii.gz", "--image", tmp_path / "result.nii.gz", "-o", tmp_path / "b.dcm"
    )
    assert (
        refused.returncode == 2 and "refers to a DICOM series" in refused.stderr and not (tmp_path / "b.dcm").exists()
    )
    assert grid.size == (COLUMNS, ROWS, SLICES)
