"""A batch from and to a real DICOMweb server: three studies in, three DICOM SEG back, no identifier in what is left."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import dcmqi
import numpy as np
import pydicom
import pytest
import requests
import SimpleITK as sitk
from orthanc_process import PASSWORD, USER, RunningOrthanc, orthanc
from server_dicom import PATIENT_ID, PATIENT_NAME, write_dicom
from server_process import serving
from server_volumes import subject

from RetrievalSAMLib.cli.main import main
from RetrievalSAMLib.dicomweb.archive import DicomArchive
from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.volumes import read_segmentation
from Testing.patience import PATIENCE

SEEDS = (50, 51, 52)
CREDENTIALS = "RETRIEVALSAM_DICOMWEB_CREDENTIALS"


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOrthanc]:
    with orthanc(tmp_path_factory.mktemp("orthanc")) as running:
        yield running


@pytest.fixture(scope="module")
def series(pacs: RunningOrthanc, tmp_path_factory: pytest.TempPathFactory) -> list[pydicom.Dataset]:
    """The first instance of each of three studies that the server holds."""
    folder = tmp_path_factory.mktemp("series")
    found = []
    for seed in SEEDS:
        files = write_dicom(subject(seed)[0], folder / str(seed))
        pacs.upload(files)
        found.append(pydicom.dcmread(files[0], stop_before_pixels=True))
    return found


def table(file: Path, series: list[pydicom.Dataset]) -> Path:
    """From the third row on, without the UIDs of series."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(("id", "study", "series"))
        for number, one in enumerate(series, start=1):
            rows.writerow((f"case-{number}", one.StudyInstanceUID, one.SeriesInstanceUID if number < 3 else ""))
    return file


def identifiers(series: list[pydicom.Dataset]) -> list[str]:
    told = [PATIENT_NAME, PATIENT_ID, "19700131", "Roe", "ACC-9", PASSWORD]
    for one in series:
        told += [str(one.StudyInstanceUID), str(one.SeriesInstanceUID)]
    return told


def test_three_studies_come_and_three_segmentations_go_back(
    pacs: RunningOrthanc,
    series: list[pydicom.Dataset],
    libraries: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(CREDENTIALS, f"{USER}:{PASSWORD}")
    out = tmp_path / "study"
    command = ["batch", str(libraries / "balls"), "--dicomweb", pacs.dicomweb, "-o", str(out), "--preset", "fast"]
    command += ["--studies", str(table(tmp_path / "list.csv", series)), "--workers", "1"]
    assert main(command) == 0
    stored = pacs.instances("SEG")
    assert len(stored) == len(SEEDS)
    by_series = {}
    for content in stored:
        one = pydicom.dcmread(io.BytesIO(content))
        assert (str(one.PatientName), one.PatientID) == (PATIENT_NAME, PATIENT_ID)
        assert [segment.SegmentLabel for segment in one.SegmentSequence] == ["Large", "Small"]
        by_series[str(one.ReferencedSeriesSequence[0].SeriesInstanceUID)] = (str(one.StudyInstanceUID), content)
    for number, source in enumerate(series, start=1):
        study, content = by_series[str(source.SeriesInstanceUID)]
        assert study == str(source.StudyInstanceUID)
        ours = read_segmentation(out / "results" / f"case-{number}.seg.nrrd")
        for name, voxels in read_by_dcmqi(content, tmp_path / f"dcmqi-{number}").items():
            assert voxels == int(np.count_nonzero(ours.mask(name))) > 0
    told = capfd.readouterr()
    for file in (one for one in out.rglob("*") if one.is_file()):
        assert not [word for word in identifiers(series) if word.encode() in file.read_bytes()], file.name
    assert not [word for word in identifiers(series) if word in told.out + told.err]
    assert not (out / ".dicomweb").exists()
    # Again, with a study that is not there: it fails alone; nothing else is computed or stored twice.
    monkeypatch.delenv(CREDENTIALS)
    secret = tmp_path / "credentials"
    secret.write_text(f"{USER}:{PASSWORD}\n")
    secret.chmod(0o600)
    gone = pydicom.Dataset()
    gone.StudyInstanceUID = "1.2.3.4.5"
    table(tmp_path / "list.csv", [*series, gone])
    assert main([*command, "--dicomweb-credentials", str(secret)]) == 1
    told = capfd.readouterr()
    assert "failed: case-4: study: it has 0 series of images" in told.err
    assert "3 segmented (3 of them before), 1 failed" in told.out
    assert "1.2.3.4.5" not in told.out + told.err
    assert len(pacs.instances("SEG")) == len(SEEDS)


def read_by_dcmqi(content: bytes, folder: Path) -> dict[str, int]:
    """Voxels by segment, as dcmqi reads a DICOM SEG."""
    folder.mkdir()
    (folder / "seg.dcm").write_bytes(content)
    program = Path(dcmqi.__file__).parent / "bin" / "segimage2itkimage"
    given = ["--inputDICOM", str(folder / "seg.dcm"), "--outputDirectory", str(folder), "--outputType", "nrrd"]
    subprocess.run([str(program), *given], check=True, capture_output=True)
    names = {
        int(entry[0]["labelID"]): entry[0]["SegmentLabel"]
        for entry in json.loads((folder / "meta.json").read_text())["segmentAttributes"]
    }
    return {
        name: int(np.count_nonzero(sitk.GetArrayFromImage(sitk.ReadImage(str(folder / f"{number}.nrrd")))))
        for number, name in names.items()
    }


def test_a_series_that_ohif_names_comes_from_the_archive(
    pacs: RunningOrthanc,
    series: list[pydicom.Dataset],
    libraries: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(CREDENTIALS, f"{USER}:{PASSWORD}")
    write_dicom(subject(SEEDS[0])[0], tmp_path / "same voxels")
    here = tmp_path / "here.nii.gz"
    given = [str(libraries / "balls"), str(tmp_path / "same voxels"), "-o", str(here), "--preset", "fast"]
    assert main(["segment", *given]) == 0
    with serving(tmp_path, libraries, "--dicomweb", pacs.dicomweb) as server:
        uid, form = str(series[0].SeriesInstanceUID), {"params": (None, '{"preset": "fast"}')}
        answer = requests.post(f"{server.address}/infer/balls?image={uid}&output=image", files=form, timeout=PATIENCE)
        (tmp_path / "answer.nii.gz").write_bytes(answer.content)
        gone = requests.post(f"{server.address}/infer/balls?image=1.2.3.4", files=form, timeout=PATIENCE)
        sample = requests.post(f"{server.address}/activelearning/random", json={}, timeout=PATIENCE).json()
        kept = [file.read_bytes() for file in server.files()]
        log = "".join(server.log)
    # OHIF opens the next sample by its study.
    assert (sample["id"], sample["SeriesInstanceUID"]) == (uid, uid)
    assert sample["StudyInstanceUID"] == series[0].StudyInstanceUID
    labels = read_segmentation(tmp_path / "answer.nii.gz").labelmap()
    np.testing.assert_array_equal(labels, read_segmentation(here).labelmap())
    assert gone.status_code == 502 and "does not have it" in gone.json()["fact"]
    for word in identifiers(series):
        assert word not in log and not [content for content in kept if word.encode() in content], word


@pytest.mark.parametrize(
    ("secret", "words"), [("reader:wrong", "it does not know us"), ("a-token-of-nobody", "it does not know us")]
)
def test_wrong_credentials_are_told_without_them(pacs: RunningOrthanc, secret: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as refused:
        DicomArchive(pacs.dicomweb, secret).series_of("1.2.3")
    assert secret not in str(refused.value) and "1.2.3" not in str(refused.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--dicomweb", "https://pacs"], "one of them is missing"),
        (["--dicomweb", "http://pacs.hospital/dicom-web", "--studies", "LIST"], "would travel unencrypted"),
        (["--dicomweb", "pacs", "--studies", "LIST"], "it is no address of a server"),
        (["--dicomweb", "https://pacs", "--studies", "WRONG"], "row 2, study: it is no UID"),
        (["--dicomweb", "https://pacs", "--studies", "COLUMNS"], "it has no column 'study'"),
        (["--dicomweb", "https://pacs", "--studies", "LIST", "scans"], "the volumes come from --dicomweb"),
        (["--dicomweb", "https://pacs", "--studies", "LIST", "--dicomweb-credentials", "OPEN"], "can read it"),
        ([], "none is given"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_fetched(
    libraries: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    texts = {"LIST": "study\n1.2.3\n", "WRONG": "study\nDoe^Jane\n", "COLUMNS": "patient\nx\n", "OPEN": "a:b"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o644)
    given = [str(tmp_path / one) if one in texts else one for one in options]
    assert main(["batch", str(libraries / "balls"), "-o", str(tmp_path / "out"), *given]) == 2
    told = capsys.readouterr().err
    assert words in told and "Doe" not in told
