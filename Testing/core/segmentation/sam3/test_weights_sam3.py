"""Files of SAM 3's weights: what is read of them, and what is refused."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from sam3_tracker import SIZE, pictures, random_tracker, transformers, whole_model

from RetrievalSAMLib.errors import InputError, ModelError
from RetrievalSAMLib.models import sam3
from RetrievalSAMLib.models.build import LoadedSegmenter, at_image_size, build_segmenter
from RetrievalSAMLib.segmentation.sam3.engine import Sam3Engine

ROOT = Path(__file__).resolve().parents[4]
Tensors = dict[str, torch.Tensor]

pytestmark = pytest.mark.usefixtures("accepted")


def assert_same_weights(one: Any, other: Any) -> None:
    first, second = one.state_dict(), other.state_dict()
    assert first.keys() == second.keys()
    assert not [name for name, value in first.items() if not torch.equal(value, second[name])]


def load(path: Path, image_size: int | None = None) -> LoadedSegmenter:
    return build_segmenter("sam3", checkpoint=path, image_size=image_size)


def test_no_connection_is_opened(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    assert at_image_size(load(published), 98).image_size == 98


@pytest.mark.parametrize("named", ["folder", "file"])
def test_the_published_layout_is_read_weight_by_weight(published: Path, named: str) -> None:
    weights = published / "model.safetensors"
    found = load(published if named == "folder" else weights)
    assert_same_weights(found.model, random_tracker())
    assert (found.name, found.family, found.origin, found.image_size) == ("sam3", "sam3", "checkpoint", SIZE)
    assert found.sha256 == hashlib.sha256(weights.read_bytes()).hexdigest()
    described = hashlib.sha256((published / "config.json").read_bytes()).hexdigest()
    assert found.software == f"transformers {transformers().__version__}, configuration {described[:16]}"
    assert not found.model.training and not any(p.requires_grad for p in found.model.parameters())


def test_the_package_reads_the_same_weights_from_it(published: Path) -> None:
    theirs, told = transformers().Sam3TrackerVideoModel.from_pretrained(published, output_loading_info=True)
    assert not told["missing_keys"] and not told["unexpected_keys"]
    assert_same_weights(load(published).model, theirs)


@pytest.mark.parametrize("whole", [True, False], ids=["with the detector", "the tracker alone"])
def test_what_the_package_has_written_anew_is_read(whole: bool, tmp_path: Path) -> None:
    tracker = random_tracker(1)
    (whole_model(tracker) if whole else tracker).save_pretrained(tmp_path)
    assert_same_weights(load(tmp_path).model, tracker)


def test_weights_in_half_precision_become_float32(published: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((published / "config.json").read_bytes())
    halves = {name: value.bfloat16() for name, value in load_file(published / "model.safetensors").items()}
    save_file(halves, tmp_path / "model.safetensors")
    found, exact = load(tmp_path).model, random_tracker()
    assert {value.dtype for value in found.state_dict().values()} == {torch.float32}
    torch.testing.assert_close(found.no_memory_embedding, exact.no_memory_embedding, rtol=1e-2, atol=1e-3)


def test_every_weight_of_the_published_size_has_its_name_in_the_published_file() -> None:
    package = transformers()
    with torch.device("meta"):
        tracker = package.Sam3TrackerVideoModel(package.Sam3TrackerVideoConfig())
        whole = package.Sam3VideoModel(package.Sam3VideoConfig())
    in_file = {name: value.shape for name, value in whole.state_dict().items()}
    own = {name: value.shape for name, value in tracker.state_dict().items()}
    assert tracker.image_size == 1008 and own
    assert {sam3._as_published(name): shape for name, shape in own.items()}.items() <= in_file.items()
    named = {name: sam3._of_model(name) for name in in_file}
    assert {found for found in named.values() if found is not None} == set(own)
    assert {name.split(".")[0] for name, found in named.items() if found is None} == {"detector_model"}


def test_a_configuration_of_an_older_release_is_understood_and_chooses_no_code(published: Path, tmp_path: Path) -> None:
    content = json.loads((published / "config.json").read_text())
    tracker = content["tracker_config"]
    backbone = tracker["vision_config"]["backbone_config"]
    for part in (tracker, backbone):
        del part["rope_parameters"]
    tracker["memory_attention_rope_theta"] = 10000.0
    backbone |= {"rope_theta": 10000.0, "qkv_bias": True, "_attn_implementation": "somebody/kernel"}
    tracker["attn_implementation"] = content["_attn_implementation"] = "somebody/kernel"
    tracker["auto_map"] = {"AutoModel": "theirs.Model"}
    (tmp_path / "config.json").write_text(json.dumps(content))
    (tmp_path / "model.safetensors").symlink_to(published / "model.safetensors")
    found = load(tmp_path).model
    assert {found.config._attn_implementation, found.vision_encoder.config._attn_implementation} == {"sdpa"}
    expected, image = Sam3Engine(random_tracker()), pictures(1)[:1]
    with torch.inference_mode():
        assert torch.equal(Sam3Engine(found).encode_images(image).embedding, expected.encode_images(image).embedding)


@pytest.fixture
def changed(published: Path, tmp_path: Path) -> Iterator[Callable[[Callable[[Tensors], object]], Path]]:
    """Writes the published files with tensors that a function has changed; they are large, so they do not stay."""
    weights = tmp_path / "model.safetensors"

    def write(change: Callable[[Tensors], object]) -> Path:
        (tmp_path / "config.json").write_bytes((published / "config.json").read_bytes())
        tensors = load_file(published / "model.safetensors")
        change(tensors)
        save_file(tensors, weights)
        return tmp_path

    yield write
    weights.unlink(missing_ok=True)


TRACKER, SHARED = "tracker_model.no_object_pointer", "detector_model.vision_encoder.backbone.layer_norm.bias"


def put(name: str, value: torch.Tensor) -> Callable[[Tensors], object]:
    return lambda tensors: tensors.update({name: value})


WRONG: dict[str, tuple[Callable[[Tensors], object], str]] = {
    "one missing": (lambda t: t.pop(TRACKER), f"1 of its tensors differ: {TRACKER} is missing"),
    "one of the shared backbone missing": (lambda t: t.pop(SHARED), f"{SHARED} is missing"),
    "one of the neck missing": (
        lambda t: t.pop("tracker_neck.fpn_layers.0.proj1.bias"),
        "tracker_neck.fpn_layers.0.proj1.bias is missing",
    ),
    "one too many": (put("tracker_model.more", torch.zeros(2)), "tracker_model.more is unknown"),
    "one too many beside both": (put("memory.more", torch.zeros(2)), "memory.more is unknown"),
    "one too many of the backbone": (
        put("detector_model.vision_encoder.backbone.more", torch.zeros(2)),
        "detector_model.vision_encoder.backbone.more is unknown",
    ),
    "another shape": (put(TRACKER, torch.zeros(1, 255)), f"{TRACKER} has shape [1, 255] instead of [1, 256]"),
    "whole numbers": (put(TRACKER, torch.zeros(1, 256, dtype=torch.int64)), "instead of floating-point numbers"),
    "not finite": (put(TRACKER, torch.full((1, 256), torch.nan)), "no_object_pointer holds values that are not finite"),
    "twice the same": (
        put("tracker_model.tracker_model.no_object_pointer", torch.zeros(1, 256)),
        "two of its tensors are the same one",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_other_tensors_are_refused_by_their_names_in_the_file(
    what: str, changed: Callable[[Callable[[Tensors], object]], Path]
) -> None:
    change, told = WRONG[what]
    folder = changed(change)
    with pytest.raises(ModelError, match=re.escape(told)) as caught:
        load(folder)
    assert caught.value.thing == str(folder / "model.safetensors")


def test_what_only_the_detector_has_does_not_matter(changed: Callable[[Callable[[Tensors], object]], Path]) -> None:
    detector = "detector_model.detr_encoder.more"
    assert_same_weights(load(changed(put(detector, torch.zeros(1)))).model, random_tracker())


def folder_with(folder: Path, published: Path, **files: bytes | None) -> Path:
    """The published files in a folder, some of them otherwise or, where None, not there."""
    for name in ("config.json", "model.safetensors"):
        (folder / name).symlink_to(published / name)
    for name, content in files.items():
        path = folder / name.replace("_json", ".json").replace("_safetensors", ".safetensors").replace("_pt", ".pt")
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content)
    return folder


ANOTHER_ENCODER = b'{"model_type": "sam3_tracker_video", "vision_config": {"model_type": "sam2_vision_model"}}'
FILES: dict[str, tuple[dict[str, bytes | None], str]] = {
    "no weights": ({"model_safetensors": None}, "it has no file model.safetensors"),
    "weights in parts": (
        {"model_safetensors": None, "model.safetensors.index_json": b"{}"},
        "its weights are in several files",
    ),
    "damaged weights": ({"model_safetensors": b"no weights" * 9}, "it is damaged or no file of safetensors"),
    "no configuration": ({"config_json": None}, "there is no config.json beside the weights"),
    "no JSON": ({"config_json": b"{"}, "it is not JSON"),
    "no object": ({"config_json": b"[1]"}, "it is not JSON"),
    "another model": (
        {"config_json": b'{"model_type": "sam2_video"}'},
        "it describes a model of another kind (sam2_video)",
    ),
    "another encoder": ({"config_json": ANOTHER_ENCODER}, "its image encoder is not SAM 3's"),
    "a size of broken patches": (
        {"config_json": b'{"model_type": "sam3_tracker_video", "image_size": 1000}'},
        "image size 1000: it is not a multiple of 14",
    ),
    "nonsense": (
        {"config_json": b'{"model_type": "sam3_tracker_video", "num_maskmem": "many"}'},
        "no tracker of SAM 3 can be built by it",
    ),
    "two heads": (
        {"config_json": b'{"model_type": "sam3_tracker_video", "memory_attention_num_attention_heads": 2}'},
        "its memory attention has 2 heads",
    ),
    "of the published size": ({"config_json": b'{"model_type": "sam3_tracker_video"}'}, "it does not fit sam3"),
}


@pytest.mark.parametrize("what", FILES)
def test_what_is_wrong_with_the_files_is_told(what: str, published: Path, tmp_path: Path) -> None:
    files, told = FILES[what]
    with pytest.raises(ModelError, match=re.escape(told)):
        load(folder_with(tmp_path, published, **files))


@pytest.mark.parametrize("name", ["sam3.pt", "pytorch_model.bin"])
def test_a_file_that_could_hold_code_is_not_opened(name: str, published: Path, tmp_path: Path) -> None:
    path = tmp_path / name
    path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(ModelError, match=r"there is no such file or folder\. Give the folder"):
        load(path)
    path.unlink()
    path.write_bytes(b"")
    with pytest.raises(ModelError, match="safetensors alone, which hold no code"):
        load(path)


def test_the_names_of_meta_s_own_file_are_known_and_refused(published: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").symlink_to(published / "config.json")
    save_file(
        {"tracker.maskmem_tpos_enc": torch.zeros(7, 1, 1, 64), "detector.x": torch.zeros(1)}, tmp_path / "a.safetensors"
    )
    with pytest.raises(ModelError, match=r"names of Meta's own sam3\.pt"):
        load(tmp_path / "a.safetensors")


def test_without_the_package_the_command_that_installs_it_is_told(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ModelError, match=r"transformers.* is not installed\. Type: .* -m pip install transformers==5"):
        load(published)
    monkeypatch.setitem(sys.modules, "transformers", SimpleNamespace(__version__="4.40.0"))
    with pytest.raises(ModelError, match=r"transformers 4\.40\.0 has no tracker of SAM 3\. Type: "):
        load(published)


def test_the_version_to_install_is_the_one_that_tests_use() -> None:
    assert sam3.PACKAGE in (ROOT / "requirements-sam3.txt").read_text().splitlines()


def test_another_image_size_shares_the_weights(published: Path) -> None:
    found = load(published)
    other = at_image_size(found, 98)
    assert (other.image_size, other.sha256, other.software) == (98, found.sha256, found.software)
    assert other.model.no_object_pointer.data_ptr() == found.model.no_object_pointer.data_ptr()
    assert not other.model.training and not any(p.requires_grad for p in other.model.parameters())
    image = torch.rand(1, 98, 98)
    with torch.inference_mode():
        small, direct = (Sam3Engine.of(one).encode_images(image) for one in (other, load(published, 98)))
    assert small.embedding.shape[2:] == (7, 7) and small.fine.shape[2:] == (28, 28)
    assert torch.equal(small.embedding, direct.embedding)
    assert found.model.image_size == SIZE  # which stays as it is


@pytest.mark.parametrize(("size", "instead"), [(100, 98), (14, 70), (4000, 2044)])
def test_sizes_that_are_no_whole_patches_are_refused(size: int, instead: int, published: Path) -> None:
    told = f"image size {size}: it is not a multiple of 14 from 70 to 2044 pixels. Use {instead}, for example."
    with pytest.raises(InputError, match=re.escape(told)):
        load(published, size)
    with pytest.raises(InputError, match=re.escape(told)):
        at_image_size(load(published), size)


def test_the_largest_usable_size_is_whole_patches(published: Path) -> None:
    found = load(published)
    assert [found.usable_image_size(most) for most in (512, 504, 10)] == [504, 504, 70]
