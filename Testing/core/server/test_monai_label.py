"""MONAI Label's own clients against a real server: what they get is what the command line makes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from monai_label_clients import client_of
from server_process import TOKENS, RunningServer, serving, wait_until
from server_volumes import subject

from RetrievalSAMLib.cli.main import main
from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.volumes import read_segmentation, read_volume, write_segmentation, write_volume
from Testing.patience import PATIENCE

FAST = {"preset": "fast"}
BALL = [9, 12, 3]
"""A voxel in the larger ball."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, libraries: Path) -> Path:
    """Libraries that this server may change."""
    folder = tmp_path_factory.mktemp("shared") / "libraries"
    shutil.copytree(libraries, folder)
    return folder


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Iterator[RunningServer]:
    """With tokens, on this computer, that lets clients change its libraries."""
    folder = tmp_path_factory.mktemp("desk")
    tokens = folder / "tokens.txt"
    tokens.write_text("\n".join(TOKENS) + "\n")
    tokens.chmod(0o600)
    with serving(folder, shared, "--accept-labels", "--token-file", str(tokens)) as running:
        yield running


def logged_in(which: str, desk: RunningServer, folder: Path, token: str = TOKENS[0]) -> Any:
    """As 3D Slicer's module does it: any name, and the seat's token as the password."""
    found = client_of(which, desk.address, folder)
    assert found.auth_enabled()
    found.update_auth(found.auth_token("anybody", token))
    assert found.auth_valid_token()
    return found


@pytest.fixture
def client(desk: RunningServer, tmp_path: Path) -> Any:
    """That of 3D Slicer's module."""
    return logged_in("slicer", desk, tmp_path)


def authorization(client: Any) -> dict[str, str]:
    """Of its headers, which hold those of its last form too, what says who asks."""
    return {"Authorization": client._headers["Authorization"]}


def delete_image(client: Any, name: str) -> None:
    """The clients cannot."""
    address = f"{client.get_server_url()}/datastore/?id={name}"
    requests.delete(address, headers=authorization(client), timeout=PATIENCE).raise_for_status()


def volume_file(folder: Path, seed: int, name: str = "volume.nii.gz") -> Path:
    write_volume(subject(seed)[0], folder / name)
    return folder / name


def assert_equal_labels(answer: str | Path, reference: Path) -> None:
    got, wanted = read_segmentation(answer), read_segmentation(reference)
    assert got.geometry.difference(wanted.geometry) is None
    np.testing.assert_array_equal(got.labelmap(), wanted.labelmap())
    assert wanted.labelmap().any()


@pytest.mark.parametrize("which", ["python", "slicer"])
def test_info_names_each_library_as_a_model_with_its_labels(which: str, desk: RunningServer, tmp_path: Path) -> None:
    info = logged_in(which, desk, tmp_path).info()
    assert info["models"]["balls"]["type"] == "segmentation"
    assert info["models"]["balls"]["labels"] == {"Large": 1, "Small": 2}
    assert info["models"]["balls-points"]["type"] == "deepedit"
    assert info["labels"] == ["Large", "Small", "background"]
    assert set(info["strategies"]) == {"suggest", "random"} and set(info["trainers"]) == {"balls"}
    assert "config" not in info  # 3D Slicer's module would ask for a newer server
    headers = {"Authorization": f"Bearer {TOKENS[0]}"}
    overview = requests.get(f"{desk.address}/v1/overview", headers=headers, timeout=PATIENCE).json()
    assert overview["accept_labels"]


@pytest.mark.parametrize("which", ["python", "slicer"])
def test_infer_gives_what_the_command_line_makes_of_the_file(
    which: str, desk: RunningServer, image: Path, local: Path, tmp_path: Path
) -> None:
    result, told = logged_in(which, desk, tmp_path).infer("balls", "", dict(FAST), file=str(image))
    assert result.endswith(".nii.gz")
    assert_equal_labels(result, local)
    assert told["label_names"] == {"Large": 1, "Small": 2}
    assert set(told["confidence"]) == {"Large", "Small"}


def test_an_image_of_a_session_is_sent_once_and_deleted_with_it(
    client: Any, desk: RunningServer, image: Path, local: Path
) -> None:
    session = client.create_session(str(image))["session_id"]
    assert client.get_session(session)["name"] == session
    result, _ = client.infer("balls", "image", {**FAST, "result_extension": ".nrrd"}, session_id=session)
    assert result.endswith(".nrrd")
    assert_equal_labels(result, local)
    client.remove_session(session)
    with pytest.raises(Exception, match="Status: 404"):
        client.get_session(session)
    wait_until(lambda: not [path for path in desk.files() if path.parent.name == "uploads"])


def test_points_are_carried_on_as_on_the_command_line(
    client: Any, libraries: Path, image: Path, local: Path, tmp_path: Path
) -> None:
    session = client.create_session(str(image))["session_id"]
    position = read_volume(image).geometry.index_to_lps(np.array(BALL, dtype=float)).tolist()
    points = tmp_path / "points.json"
    clicked = [{"segment": "Small", "position_mm": position, "positive": True}]
    points.write_text(json.dumps({"coordinate_system": "LPS", "points": clicked, "boxes": []}))
    here = tmp_path / "here.seg.nrrd"
    given = ["-o", str(here), "--preset", "fast", "--points", str(points)]
    assert main(["segment", str(libraries / "balls"), str(image), *given]) == 0
    # As 3D Slicer's module sends them: points by label, and which label was clicked last.
    asked = {"Large": [], "Small": [BALL], "label": "Small", **FAST}
    result, _ = client.infer("balls-points", "image", dict(asked), session_id=session)
    assert_equal_labels(result, here)
    client.infer("balls", "image", dict(FAST), session_id=session)  # from now on nothing is computed twice
    result, _ = client.infer("balls-points", "image", dict(asked), session_id=session)
    assert_equal_labels(result, here)
    assert (read_segmentation(here).labelmap() != read_segmentation(local).labelmap()).any()
    client.remove_session(session)


def test_the_next_sample_is_the_one_that_the_command_line_suggests(
    client: Any, libraries: Path, tmp_path: Path
) -> None:
    files = [volume_file(tmp_path, seed, f"v{seed}.nrrd") for seed in (20, 21)]
    for file in files:
        assert client.upload_image(str(file), file.stem) == {"image": file.stem}
    report = tmp_path / "suggested.json"
    assert main(["library", "suggest", str(libraries / "balls"), *map(str, files), "--json", str(report)]) == 0
    first = json.loads(report.read_text())["volumes"][0]
    sample = client.next_sample("suggest", {})
    assert (sample["id"], sample["slices"]) == (Path(first["file"]).stem, first["slices"])
    assert sample["score"] == pytest.approx(first["score"], abs=1e-3)
    fetched = requests.get(
        f"{client.get_server_url()}/datastore/image?image={sample['id']}",
        headers=authorization(client),
        timeout=PATIENCE,
    )
    (tmp_path / "fetched.nrrd").write_bytes(fetched.content)
    assert read_volume(tmp_path / "fetched.nrrd").content_hash() == read_volume(first["file"]).content_hash()
    for file in files:
        delete_image(client, file.stem)
    assert client.next_sample("suggest", {}) == {}


def test_a_submitted_label_becomes_a_case_that_tells_how_it_came_about(
    client: Any, shared: Path, tmp_path: Path
) -> None:
    library = SupportLibrary.open(shared / "balls")
    before = {case.id for case in library.cases()}
    scan = volume_file(tmp_path, 30)
    client.upload_image(str(scan), "scan")
    result, _ = client.infer("balls", "scan", dict(FAST))
    corrected = read_segmentation(result)
    labels = corrected.labelmap().copy()
    labels[4:8, 4:8, 2] = 1
    drawn = tmp_path / "drawn.nii.gz"
    write_segmentation(type(corrected).from_labelmap(labels, corrected.geometry), drawn)
    info = [{"name": "Large", "idx": 1}, {"name": "Small", "idx": 2}]
    told = client.save_label("scan", str(drawn), params={"label_info": info})
    (case,) = [case for case in library.cases() if case.id not in before]
    assert (told["image"], told["case"], told["library"]) == ("scan", case.name, "balls")
    assert [(s.name, s.value) for s in case.segments] == [("Large", 1), ("Small", 2)]
    np.testing.assert_array_equal(case.load_segmentation().labelmap(), labels)
    assert case.load_image().content_hash() == read_volume(scan).content_hash()
    provenance = case.provenance
    assert (provenance.origin, provenance.corrected_slices) == ("corrected", (2,))
    assert provenance.model == "bundled" and provenance.model_sha256 is not None
    assert client.datastore()["objects"]["scan"]["labels"].keys() == {"final"}
    kept = client.download_label("scan", "final")
    np.testing.assert_array_equal(read_segmentation(kept).labelmap(), labels)
    # What is submitted again is a newer version of the same case.
    assert client.save_label("scan", str(drawn), params={"label_info": info})["case"] == case.name
    assert len(library.get(case.id).versions) == 2
    library.remove(case.id)
    delete_image(client, "scan")


def test_a_batch_keeps_each_result_as_the_original_label(client: Any, image: Path, local: Path) -> None:
    client.upload_image(str(image), "one")
    address = client.get_server_url()
    began = requests.post(
        f"{address}/batch/infer/balls", json=FAST, headers=authorization(client), timeout=PATIENCE
    ).json()
    assert began["status"] == "RUNNING"

    def status() -> str:
        told = requests.get(f"{address}/batch/infer", headers=authorization(client), timeout=PATIENCE).json()
        return str(told["status"])

    wait_until(lambda: status() != "RUNNING")
    assert status() == "DONE"
    assert_equal_labels(client.download_label("one", "original"), local)
    delete_image(client, "one")


def test_training_lets_the_library_learn_gives_way_to_runs_and_can_be_stopped(
    client: Any, shared: Path, image: Path, local: Path
) -> None:
    assert not client.train_status(check_if_running=True)
    assert client.train_start("balls", {"minutes": 5})["status"] == "RUNNING"
    assert client.train_status(check_if_running=True)
    with pytest.raises(Exception, match="is under way"):
        client.train_start("balls", {"minutes": 5})
    wait_until(lambda: client.train_status()["details"])
    result, _ = client.infer("balls", "", dict(FAST), file=str(image))
    assert_equal_labels(result, local)
    assert client.train_status(check_if_running=True)
    assert client.train_stop()["status"] == "STOPPED"
    assert client.train_start("balls", {"minutes": 0.01, "preset": "fast"})["model"] == "balls"
    wait_until(lambda: not client.train_status(check_if_running=True))
    told = client.train_status()
    assert told["status"] == "DONE", told
    assert told["result"]["members"] >= 1
    assert SupportLibrary.open(shared / "balls").learned.damage() == []
    shutil.rmtree(shared / "balls" / "learned")  # the other tests compare with a library that has learned nothing


def test_images_of_another_token_do_not_exist(client: Any, desk: RunningServer, image: Path, tmp_path: Path) -> None:
    client.upload_image(str(image), "mine")
    other = logged_in("slicer", desk, tmp_path, TOKENS[1])
    assert other.datastore()["objects"] == {}
    with pytest.raises(Exception, match="the server has none of this id"):
        other.infer("balls", "mine", dict(FAST))
    delete_image(client, "mine")
