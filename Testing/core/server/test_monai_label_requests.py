"""The requests of OHIF's plug-in and of 3D Slicer's module, as their sources make them, replayed one by one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nrrd
import numpy as np
import pytest
import requests
from server_dicom import write_dicom
from server_process import RunningServer
from server_volumes import subject

from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.volumes import read_segmentation, read_volume, write_volume
from Testing.patience import PATIENCE

SERIES = "1.2.826.0.1.3680043.8.498.7"
ACCEPT = {"accept": "application/json, multipart/form-data"}


@pytest.fixture(scope="module")
def series(open_desk: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image that is known by the UID of its series, which is all that OHIF sends of it."""
    file = tmp_path_factory.mktemp("series") / "image.nrrd"
    write_volume(subject(0)[0], file)
    with file.open("rb") as stream:
        sent = requests.put(
            f"{open_desk.address}/datastore/?image={SERIES}", files={"file": ("a.nrrd", stream)}, timeout=PATIENCE
        )
    assert sent.json() == {"image": SERIES}
    return SERIES


def ohif_infer(open_desk: RunningServer, model: str, series: str, params: dict[str, Any]) -> requests.Response:
    """`MonaiLabelClient.infer`: a form with `params` alone."""
    extension = {"result_extension": ".nrrd", "result_dtype": "uint8", "result_compress": False}
    sent = {"params": (None, json.dumps({**params, **extension, "restore_label_idx": False}))}
    address = f"{open_desk.address}/infer/{model}?image={series}&output=image"
    return requests.post(address, files=sent, headers=ACCEPT, timeout=PATIENCE)


def voxels_as_ohif_reads_them(answer: requests.Response, folder: Path) -> np.ndarray:
    """Its reader takes the bytes behind the header as they are, one a voxel."""
    assert answer.status_code == 200, answer.text
    (folder / "answer.nrrd").write_bytes(answer.content)
    voxels, header = nrrd.read(str(folder / "answer.nrrd"), index_order="F")
    assert header["encoding"] == "raw" and header["type"] in ("uint8", "unsigned char", "uchar")
    raw = answer.content.partition(b"\n\n")[2]
    assert len(raw) == voxels.size
    return np.frombuffer(raw, np.uint8).reshape(voxels.shape, order="F")


def test_ohif_segments_a_series_and_one_of_its_labels_alone(
    open_desk: RunningServer, series: str, local: Path, tmp_path: Path
) -> None:
    wanted = read_segmentation(local).labelmap()
    found = voxels_as_ohif_reads_them(ohif_infer(open_desk, "balls", series, {"preset": "fast"}), tmp_path)
    np.testing.assert_array_equal(found, wanted)
    params = {"preset": "fast", "label_prompt": [2]}  # its tab of classes
    found = voxels_as_ohif_reads_them(ohif_infer(open_desk, "balls", series, params), tmp_path)
    assert set(np.unique(found)) == {0, 2}


def test_ohif_s_points_change_the_result_where_they_are(
    open_desk: RunningServer, series: str, local: Path, tmp_path: Path
) -> None:
    before = read_segmentation(local).labelmap()
    voxel = tuple(np.argwhere(before == 1)[len(np.argwhere(before == 1)) // 2])
    params = {"preset": "fast", "background": [list(map(int, voxel))], "Small": []}
    found = voxels_as_ohif_reads_them(ohif_infer(open_desk, "balls-points", series, params), tmp_path)
    assert before[voxel] == 1 and found[voxel] == 0
    refused = ohif_infer(open_desk, "balls-points", series, {"Large": [[99, 0, 0]]})
    assert refused.status_code == 422 and "outside the image" in refused.json()["fact"]


def test_slicer_s_box_around_a_structure_is_taken(open_desk: RunningServer, series: str) -> None:
    params = {"preset": "fast", "label": "Small", "Large": [], "Small": [], "roi": [15, 22, 3, 12, 2, 4]}
    sent = {"params": (None, json.dumps(params))}
    answer = requests.post(
        f"{open_desk.address}/infer/balls-points?image={series}&output=json", files=sent, timeout=PATIENCE
    )
    assert answer.json()["label_names"] == {"Large": 1, "Small": 2}
    sent = {"params": (None, json.dumps({**params, "label": "nothing"}))}
    answer = requests.post(f"{open_desk.address}/infer/balls-points?image={series}", files=sent, timeout=PATIENCE)
    assert answer.status_code == 422 and answer.json()["thing"] == "roi"


def test_ohif_s_label_of_raw_bytes_becomes_a_case(open_desk: RunningServer, several: Path, series: str) -> None:
    labels = subject(0)[1].labelmap().astype(np.uint8)
    info = {"label_info": [{"name": "Large", "idx": 1}, {"name": "Small", "idx": 2}]}
    sent = {"params": (None, json.dumps(info)), "label": ("label.bin", labels.tobytes(order="F"))}
    answer = requests.put(
        f"{open_desk.address}/datastore/label?image={series}", files=sent, headers=ACCEPT, timeout=PATIENCE
    )
    told = answer.json()
    assert told["library"] == "balls", told  # that has segmented it last
    case = SupportLibrary.open(several / "balls").get(told["case"])
    np.testing.assert_array_equal(case.load_segmentation().labelmap(), labels)
    wrong = {"label": ("label.bin", labels.tobytes(order="F")[:-1])}
    refused = requests.put(f"{open_desk.address}/datastore/label?image={series}", files=wrong, timeout=PATIENCE)
    assert refused.status_code == 422 and "voxels, and the image" in refused.json()["fact"]


def test_ohif_asks_for_the_next_sample_and_whether_a_training_runs(open_desk: RunningServer, tmp_path: Path) -> None:
    info = requests.get(f"{open_desk.address}/info/", timeout=PATIENCE).json()
    assert set(info["strategies"]) == {"suggest:balls", "suggest:liver", "suggest:more balls", "random"}
    write_volume(subject(40)[0], tmp_path / "next.nrrd")
    with (tmp_path / "next.nrrd").open("rb") as stream:
        requests.put(f"{open_desk.address}/datastore/?image=next", files={"file": ("a.nrrd", stream)}, timeout=PATIENCE)
    for strategy in ("random", "suggest:more+balls"):  # blanks as MONAI Label's clients write them
        sample = requests.post(
            f"{open_desk.address}/activelearning/{strategy}", json={}, headers=ACCEPT, timeout=PATIENCE
        )
        assert sample.json()["id"] == "next", sample.text
    running = requests.get(f"{open_desk.address}/train/?check_if_running=true", timeout=PATIENCE)
    assert running.status_code == 404


def test_a_session_may_be_the_slices_of_a_dicom_series(open_desk: RunningServer, tmp_path: Path) -> None:
    files = [("files", (path.name, path.read_bytes())) for path in write_dicom(subject(0)[0], tmp_path / "series")]
    session = requests.put(f"{open_desk.address}/session/", files=files, timeout=PATIENCE).json()["session_id"]
    fetched = requests.get(f"{open_desk.address}/datastore/image?image={session}", timeout=PATIENCE)
    (tmp_path / "image.nrrd").write_bytes(fetched.content)
    assert read_volume(tmp_path / "image.nrrd").content_hash() == read_volume(tmp_path / "series").content_hash()
    assert b"Doe" not in fetched.content
    assert requests.delete(f"{open_desk.address}/session/{session}", timeout=PATIENCE).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "words"),
    [
        ("POST", "/infer/spleen?image=x", {"files": {"params": (None, "{}")}}, 404, "none of this name"),
        ("POST", "/infer/balls?image=x", {"json": {}}, 415, "not a form"),
        ("POST", "/infer/balls", {"files": {"params": (None, "{}")}}, 422, "none is given"),
        ("POST", "/infer/balls", {"files": {"params": (None, "[1]")}}, 422, "not a JSON object"),
        ("POST", "/infer/balls?output=dicom_seg", {"files": {"params": (None, "{}")}}, 422, "not written here"),
        ("PUT", "/session/", {"files": {"files": ("a.nii.gz", b"nothing")}}, 422, ""),
        ("POST", "/activelearning/liver", {"json": {}}, 404, "none of this name"),
        ("POST", "/train/balls", {"json": {"minutes": -1}}, 422, "no time"),
        ("DELETE", "/train/", {}, 404, "under way"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(
    open_desk: RunningServer, method: str, path: str, options: dict[str, Any], status: int, words: str
) -> None:
    answer = requests.request(method, f"{open_desk.address}{path}", timeout=PATIENCE, **options)
    assert answer.status_code == status, answer.text
    assert words in answer.json()["fact"]
    assert answer.json()["remedy"] and str(open_desk.cache) not in answer.text


def test_a_server_that_was_not_told_to_changes_no_library(strict: RunningServer) -> None:
    refused = requests.post(f"{strict.address}/train/balls", json={}, timeout=PATIENCE)
    assert refused.status_code == 403 and "--accept-labels" in refused.json()["remedy"]
    label = {"label": ("label.nii.gz", b"x")}
    assert requests.put(f"{strict.address}/datastore/label?image=x", files=label, timeout=PATIENCE).status_code == 403


def test_no_route_but_the_log_in_answers_without_a_token(server: RunningServer) -> None:
    for path in ("/info/", "/logs/", "/datastore/", "/train/", "/datastore/image?image=x", "/session/x"):
        answer = requests.get(f"{server.address}{path}", verify=str(server.ca_file), timeout=PATIENCE)
        assert answer.status_code == 401, path
    form = {"username": "anybody", "password": "a-token-of-nobody-at-all"}
    answer = requests.post(f"{server.address}/auth/token", data=form, verify=str(server.ca_file), timeout=PATIENCE)
    assert answer.status_code == 401
    image = {"file": ("image.nii.gz", bytes(5 << 20))}
    answer = requests.post(f"{server.address}/infer/balls", files=image, verify=str(server.ca_file), timeout=PATIENCE)
    assert answer.status_code == 401


def test_ids_and_file_names_of_clients_reach_neither_log_nor_disk(open_desk: RunningServer, tmp_path: Path) -> None:
    write_volume(subject(41)[0], tmp_path / "image.nii.gz")
    content = (tmp_path / "image.nii.gz").read_bytes()
    files = {"file": ("/home/DOE/JANE.nii.gz", content)}
    requests.put(f"{open_desk.address}/datastore/?image=DOE-JANE", files=files, timeout=PATIENCE).raise_for_status()
    lines = requests.get(f"{open_desk.address}/logs/?lines=50", timeout=PATIENCE).text
    assert "PUT /datastore/ 200" in lines and "GET /info/" in lines
    for text in (lines, "".join(open_desk.log), *map(str, open_desk.files())):
        assert "DOE" not in text and "JANE" not in text and SERIES not in text
