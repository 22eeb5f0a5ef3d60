"""From a DICOM series to a DICOM SEG in one command, which other readers of DICOM take for what it is."""

from __future__ import annotations

import json
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from cli_volumes import GEOMETRY, blob

from RetrievalSAMLib.cli.main import main
from RetrievalSAMLib.volumes import (
    Segment,
    Segmentation,
    fit_to_grid,
    read_segmentation,
    read_volume,
    write_segmentation,
)
from Testing.core.volumes.dicom_series import SLICES, write_series

TILT_DEGREES = 15.0


def series(folder: Path, tilted: bool) -> Path:
    """The volume of the library's second case as a scanner writes it."""
    step = GEOMETRY.spacing_mm[2] * np.tan(np.radians(TILT_DEGREES)) if tilted else 0.0
    write_series(
        folder,
        values=blob(1)[0].voxels,
        spacing=GEOMETRY.spacing_mm,
        origin=GEOMETRY.origin_mm,
        shift=lambda k: np.array([0.0, k * step, 0.0]),
    )
    return folder


@pytest.mark.parametrize("tilted", [False, True])
def test_a_series_becomes_a_dicom_seg_that_refers_to_it(
    library: Path, tmp_path: Path, tilted: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = series(tmp_path / "ct", tilted)
    more = ["--straighten"] if tilted else []
    command = ["segment", str(library), str(folder), "-o", str(tmp_path / "result.dcm"), "--preset", "fast",
        "--image-size", "128", "--supports", "1", "--report", str(tmp_path / "report.json"), *more]  # fmt: skip
    assert main(command) == 0
    assert ("15 degrees" in capsys.readouterr().err) == tilted
    report = json.loads((tmp_path / "report.json").read_text())
    volume = read_volume(folder, straighten=tilted)
    drawn = fit_to_grid(read_segmentation(tmp_path / "result.dcm"), "result", volume.geometry, "ct")
    assert report["segments"] and list(drawn.names) == [one["name"] for one in report["segments"]]
    voxel_mm3 = float(np.prod(volume.geometry.spacing_mm))
    for index, one in enumerate(report["segments"]):
        assert one["volume_mm3"] > 0
        assert np.count_nonzero(drawn.mask(index)) * voxel_mm3 == pytest.approx(one["volume_mm3"], rel=1e-4)

    written = highdicom.seg.segread(tmp_path / "result.dcm")
    images = {dataset.SOPInstanceUID: dataset for dataset in map(pydicom.dcmread, folder.iterdir())}
    referred = {
        item.ReferencedSOPInstanceUID for item in written.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    }
    assert referred == set(images)
    told = written.SegmentSequence[0]
    assert told.SegmentAlgorithmType == "AUTOMATIC"
    assert told.SegmentationAlgorithmIdentificationSequence[0].AlgorithmName == "RetrievalSAM (bundled)"
    for frame in written.PerFrameFunctionalGroupsSequence:
        (source,) = frame.DerivationImageSequence[0].SourceImageSequence
        # A slice of the straight grid is a slice of the series moved in its plane: not to be laid on it pixel on pixel.
        assert source.SpatialLocationsPreserved == ("NO" if tilted else "YES")
        place = np.array(frame.PlanePositionSequence[0].ImagePositionPatient, float)
        off = np.array(images[source.ReferencedSOPInstanceUID].ImagePositionPatient, float) - place
        assert off[0] == 0 and off[2] == 0 and (tilted or off[1] == 0)


def test_a_series_with_uneven_distances_is_referred_to_as_a_whole(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", shift=lambda k: np.array([0.0, 0.0, k == SLICES - 1]))
    volume = read_volume(tmp_path / "ct", straighten=True)
    mask = np.zeros(volume.geometry.size, bool)
    mask[1:3, 1:4, 1:] = True
    write_segmentation(
        Segmentation.from_masks((Segment("Liver", 1),), (mask,), volume.geometry), tmp_path / "a.seg.nrrd"
    )
    command = ["export-dicom", str(tmp_path / "a.seg.nrrd"), "--image", str(tmp_path / "ct")]
    assert main([*command, "-o", str(tmp_path / "b.dcm")]) == 2
    assert main([*command, "-o", str(tmp_path / "a.dcm"), "--straighten"]) == 0
    found = fit_to_grid(read_segmentation(tmp_path / "a.dcm"), "a", volume.geometry, "ct")
    assert np.array_equal(found.mask(0), mask)
    written = pydicom.dcmread(tmp_path / "a.dcm")
    assert len(written.ReferencedSeriesSequence[0].ReferencedInstanceSequence) == SLICES
    # Its slices lie between those of the series: none may be laid on one of them pixel on pixel.
    claims = [
        source.SpatialLocationsPreserved
        for frame in written.PerFrameFunctionalGroupsSequence
        for item in frame.get("DerivationImageSequence") or []
        for source in item.SourceImageSequence
    ]
    assert "YES" not in claims


def test_a_tilted_series_is_refused_before_long_work_and_nothing_is_written(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = series(tmp_path / "ct", tilted=True)
    assert main(["segment", str(library), str(folder), "-o", str(tmp_path / "result.dcm")]) == 2
    told = capsys.readouterr().err
    assert "15 degrees" in told and "--straighten" in told and not (tmp_path / "result.dcm").exists()
