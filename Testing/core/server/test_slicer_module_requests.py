"""What MONAI Label's 3D Slicer module does, action by action: its requests, and what it takes from the answers."""

from __future__ import annotations

import hashlib
import re
import shutil
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import numpy as np
import pytest
import requests
import SimpleITK as sitk
from monai_label_requests import SlicerModule, slicer_reads
from server_process import RunningServer
from server_volumes import SEGMENTS, subject

from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.server.monai_label.prompts import boxes_of
from RetrievalSAMLib.server.problems import Problem
from RetrievalSAMLib.volumes import (
    Segment,
    Segmentation,
    read_segmentation,
    read_volume,
    write_segmentation,
    write_volume,
)

NAME = "2: T1 axial"
"""Of a volume in 3D Slicer: the module makes it the image's id."""
FAST = {"preset": "fast"}
BALL = [9, 12, 3]


@pytest.fixture(scope="module")
def module(open_desk: RunningServer) -> SlicerModule:
    return SlicerModule(open_desk.address)


@pytest.fixture(scope="module")
def session(open_desk: RunningServer, image: Path) -> str:
    """As `create_session` sends it: a form with the client's name."""
    with image.open("rb") as stream:
        sent = requests.put(
            f"{open_desk.address}/session/", files=[("files", (image.name, stream))], data={"client_id": "user-xyz"}
        )
    return str(sent.json()["session_id"])


def label_of(info: dict[str, Any]) -> list[dict[str, Any]]:
    """`label_info` of a submission: the segments by their place, which are those of all labels of the server."""
    names = [name for name in info["labels"] if name != "background"]
    return [{"name": name, "idx": info["labels"].index(name) + 1} for name in names]


def test_connecting_finds_every_field_that_the_panel_shows(module: SlicerModule) -> None:
    assert module.method("GET", "/auth/").json["enabled"] is False
    info = module.method("GET", "/info/").json
    assert not info.get("config")  # it would ask for a newer server
    assert info["labels"][-1] == "background", "clicks that are of no label go by it, and the others keep their places"
    for name, model in info["models"].items():
        assert model["type"] in ("segmentation", "deepedit") and model["description"] and model["dimension"] == 3
        assert len(model["labels"]) > 0  # else clicks would be sent as for one label
        chosen = {key: value[0] if isinstance(value, list) else value for key, value in model["config"].items()}
        assert chosen == {"preset": "default"}, name
    assert set(info["trainers"]) == {"balls", "liver", "more balls"}
    assert all(trainer["config"] == {"minutes": 10.0} for trainer in info["trainers"].values())
    assert {"random", "suggest:balls"} <= set(info["strategies"])
    assert isinstance(info["datastore"]["total"], int) and isinstance(info["datastore"]["completed"], int)
    for stats in info["train_stats"].values():
        assert 0 <= stats.get("best_metric", 0) <= 1


def test_a_run_of_a_session_gives_a_label_map_on_the_image_s_grid(
    module: SlicerModule, session: str, image: Path, local: Path, tmp_path: Path
) -> None:
    assert module.method("GET", f"/session/{quote_plus(session)}").json["name"] == session
    file, params = slicer_reads(module.infer("balls", NAME, FAST, session), tmp_path)
    assert file.name.endswith(".nrrd") and not file.name.endswith(".seg.nrrd")
    found, volume = sitk.ReadImage(str(file)), sitk.ReadImage(str(image))
    assert found.GetSize() == volume.GetSize()
    for of in ("GetSpacing", "GetOrigin", "GetDirection"):
        np.testing.assert_allclose(getattr(found, of)(), getattr(volume, of)(), atol=1e-4)
    voxels = sitk.GetArrayFromImage(found).T
    np.testing.assert_array_equal(voxels, read_segmentation(local).labelmap())
    # The module gives the values it finds these names, the lowest first.
    by_value = [name for name, _ in sorted(params["label_names"].items(), key=lambda item: item[1])]
    assert dict(zip(np.unique(voxels)[1:].tolist(), by_value, strict=True)) == {1: "Large", 2: "Small"}


def test_an_answer_may_be_asked_for_whole_in_part_or_as_one_file(
    module: SlicerModule, session: str, tmp_path: Path
) -> None:
    """`output` of `infer`, which the module leaves out and the other clients name."""
    selector = f"/infer/balls?image=&session_id={quote_plus(session)}&output="
    file, told = slicer_reads(module.multipart("POST", f"{selector}all", FAST, {}), tmp_path)
    assert told["label_names"] == {"Large": 1, "Small": 2} and file.name.endswith(".nii.gz")
    alone = module.multipart("POST", f"{selector}image", FAST, {})
    assert alone.content == file.read_bytes() and file.name in alone.headers["content-disposition"]
    said = module.multipart("POST", f"{selector}json", FAST, {})
    assert said.headers["content-type"] == "application/json" and said.json["label_names"] == told["label_names"]
    refused = module.multipart("POST", f"{selector}dicom_seg", FAST, {})
    assert refused.status == 422 and "export-dicom" in refused.json["remedy"]
    assert module.multipart("POST", f"{selector}anything", FAST, {}).status == 422


def test_clicks_of_every_label_and_of_none_are_taken(
    module: SlicerModule, session: str, local: Path, tmp_path: Path
) -> None:
    """`onClickDeepgrow`: points of all labels, which label was clicked, the options, and a wish to reset."""
    labels = read_segmentation(local).labelmap()
    outside = [int(number) for number in np.argwhere(labels == 1)[len(np.argwhere(labels == 1)) // 2]]
    points = {"Large": [], "Small": [], "background": [outside], "label": "background"}
    asked = {**points, **FAST, "reset_state": True}
    file, _ = slicer_reads(module.infer("balls-points", NAME, asked, session), tmp_path)
    found = read_segmentation(file).labelmap()
    assert labels[tuple(outside)] == 1 and found[tuple(outside)] == 0


def test_a_box_may_run_against_the_axes_and_reach_beyond_the_image(module: SlicerModule, session: str) -> None:
    """RAS corners give indices that fall where an axis of the image runs to the right or to the front."""
    geometry, names = subject(0)[0].geometry, ["Large", "Small"]
    (box,) = boxes_of({"label": "Small", "roi": [15, 22, 3, 12, 2, 4]}, names, geometry)
    (turned,) = boxes_of({"label": "Small", "roi": [22, 15, 12, 3, 4, 2]}, names, geometry)
    assert turned == box
    (cut,) = boxes_of({"label": "Small", "roi": [99, 15, 12, 3, 2, 4]}, names, geometry)
    (whole,) = boxes_of({"label": "Small", "roi": [15, 23, 3, 12, 2, 4]}, names, geometry)
    assert cut == whole
    with pytest.raises(Problem, match="outside the image"):
        boxes_of({"label": "Small", "roi": [99, 90, 12, 3, 2, 4]}, names, geometry)
    refused = module.infer("balls-points", NAME, {"label": "nothing", "roi": [22, 15, 12, 3, 2, 4], **FAST}, session)
    assert refused.status == 422 and refused.json["thing"] == "roi"


def test_scribbles_are_refused_in_words(module: SlicerModule, session: str, image: Path) -> None:
    info = [{"name": "foreground_scribbles", "id": 1}]
    asked = {"roi": [], "label_info": info, "selected_label_name": "Large"}
    refused = module.infer("balls", NAME, asked, session, {"label": image})
    assert refused.status == 422 and "scribbles" in refused.json["fact"] and refused.json["remedy"]


def test_the_next_sample_is_fetched_with_its_checksum_and_the_label_that_a_model_made(
    module: SlicerModule, image: Path, tmp_path: Path
) -> None:
    sent = module.multipart("PUT", f"/datastore/?image={quote_plus(NAME)}", {}, {"file": image})
    assert sent.json == {"image": NAME}
    kept, _ = slicer_reads(module.infer("balls", NAME, {**FAST, "label_prompt": [2], "save_label": True}), tmp_path)
    sample = module.method("POST", f"/activelearning/{quote_plus('random')}", {}).json
    assert sample["id"] == NAME and not sample.get("path")
    address = f"{module.address}/datastore/image?image={quote_plus(sample['id'])}"
    fetched, _ = urllib.request.urlretrieve(address, tmp_path / "image.nrrd")  # as Slicer's SampleData does it
    algorithm, digest = sample["checksum"].split(":")
    assert hashlib.new(algorithm.lower(), Path(fetched).read_bytes()).hexdigest() == digest
    assert read_volume(fetched).content_hash() == read_volume(image).content_hash()
    # What is listed are the segments that the file has voxels of, in the order of their values.
    listed = module.method("GET", "/datastore/?output=all").json["objects"][NAME]["labels"]["original"]["info"]
    assert list(listed["params"]["label_names"].items()) == [("Small", 2)]
    label = module.method("GET", f"/datastore/label?label={quote_plus(NAME)}&tag=original")
    (name,) = re.findall('filename="(.+)"', label.headers["content-disposition"])
    (tmp_path / name).write_bytes(label.content)
    voxels = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / name))).T
    np.testing.assert_array_equal(np.unique(voxels), [0, 2])
    np.testing.assert_array_equal(voxels, read_segmentation(kept).labelmap())


def test_a_label_drawn_by_hand_goes_to_the_library_of_the_chosen_model(
    module: SlicerModule, several: Path, tmp_path: Path
) -> None:
    """Several libraries know these labels, and none has segmented the image: the module tells the model chosen."""
    volume, labels = subject(50)
    image = tmp_path / "image.nii.gz"
    write_volume(volume, image)
    module.multipart("PUT", "/datastore/?image=drawn", {}, {"file": image})
    info = module.method("GET", "/info/").json
    drawn = tmp_path / "drawn.nii.gz"
    write_segmentation(labels, drawn)
    params = {"label_info": label_of(info), "model": "more balls"}
    told = module.multipart("PUT", "/datastore/label?image=drawn", params, {"label": drawn}).json
    assert told["image"] == "drawn" and told["library"] == "more balls", told
    case = SupportLibrary.open(several / "more balls").get(told["case"])
    np.testing.assert_array_equal(case.load_segmentation().labelmap(), labels.labelmap())
    # Saved as .seg.nrrd it has an empty segment for each label of the server, and its tools.
    masks = [labels.mask("Large"), labels.mask("Small"), np.zeros(volume.geometry.size), labels.mask("Large")]
    segments = (*SEGMENTS, Segment("Spleen", 3), Segment("background", 4))
    layers = tmp_path / "layers.seg.nrrd"
    write_segmentation(Segmentation.from_masks(segments, masks, volume.geometry), layers)
    again = module.multipart("PUT", "/datastore/label?image=drawn", params, {"label": layers}).json
    assert again["case"] == told["case"]
    case = SupportLibrary.open(several / "more balls").get(told["case"])
    assert [segment.name for segment in case.segments] == ["Large", "Small"] and len(case.versions) == 2
    assert module.method("GET", "/info/").json["datastore"]["completed"] >= 1
    nothing = tmp_path / "nothing.nii.gz"
    sitk.WriteImage(sitk.ReadImage(str(drawn)) * 0, str(nothing))
    refused = module.multipart("PUT", "/datastore/label?image=drawn", params, {"label": nothing})
    assert refused.status == 422 and "no label" in refused.json["fact"]
    assert str(several) not in refused.content.decode()


def test_a_training_is_started_watched_and_stopped(module: SlicerModule, several: Path) -> None:
    assert module.method("GET", "/train/?check_if_running=true").status == 404
    began = module.method("POST", f"/train/{quote_plus('more balls')}", {"minutes": 5.0}).json
    assert began["id"] and began["status"] == "RUNNING" and began["start_ts"] > 0
    assert module.method("GET", "/train/").json["status"] == "RUNNING"
    stopped = module.method("DELETE", "/train/").json
    assert stopped["status"] == "STOPPED" and stopped["end_ts"] >= stopped["start_ts"]
    assert stopped["details"][-1]  # the module looks at the last one
    assert module.method("GET", "/train/?check_if_running=true").status == 404
    shutil.rmtree(several / "more balls" / "learned", ignore_errors=True)
