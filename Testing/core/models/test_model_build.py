from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from same_weights import same_weights

from RetrievalSAMLib.errors import InputError, ModelError
from RetrievalSAMLib.models import catalogue, store
from RetrievalSAMLib.models.build import (
    LoadedSegmenter,
    at_image_size,
    build_encoder,
    build_segmenter,
    random_encoder,
    random_segmenter,
)
from RetrievalSAMLib.models.catalogue import CatalogueEntry
from RetrievalSAMLib.models.checkpoint import write_state_dict
from RetrievalSAMLib.models.prompt_decoder import PromptDecoder

PublishedAs = Callable[[str, Path], CatalogueEntry]
SEGMENTERS = ["sam2.1-tiny", "sam2.1-small", "sam2.1-base-plus", "sam2.1-large"]


@pytest.fixture(scope="module")
def tiny() -> LoadedSegmenter:
    return random_segmenter("sam2.1-tiny", 256, seed=7)


@pytest.fixture(scope="module")
def tiny_file(tiny: LoadedSegmenter, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file in the official format: the names and shapes of sam2.1_hiera_tiny.pt, with random values."""
    path = tmp_path_factory.mktemp("official") / "sam2.1_hiera_tiny.pt"
    torch.save({"model": tiny.model.state_dict()}, path)
    return path


@pytest.fixture
def tiny_published(tiny_file: Path, published_as: PublishedAs) -> CatalogueEntry:
    """The catalogue takes the file of this test for the published one."""
    return published_as("sam2.1-tiny", tiny_file)


@pytest.fixture
def tiny_installed(tiny_file: Path, tiny_published: CatalogueEntry) -> CatalogueEntry:
    store.import_from(tiny_file)
    return tiny_published


def track_two_frames(model: torch.nn.Module, size: int) -> torch.Tensor:
    """A support mask on the first frame, the second frame from its memory: touches all parts of the model."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(2, 3, size, size, generator=generator)
    mask = torch.zeros(1, 1, size, size)
    mask[..., size // 4 : size // 2, size // 4 : size // 2] = 1
    outputs: dict[str, dict[int, object]] = {"cond_frame_outputs": {}, "non_cond_frame_outputs": {}}
    low = torch.empty(0)
    for frame, image in enumerate(images):
        features = model.forward_image(image[None])  # type: ignore[operator]
        _, vision, positions, sizes = model._prepare_backbone_features(features)  # type: ignore[operator]
        out = model.track_step(  # type: ignore[operator]
            frame_idx=frame,
            is_init_cond_frame=frame == 0,
            current_vision_feats=vision,
            current_vision_pos_embeds=positions,
            feat_sizes=sizes,
            point_inputs=None,
            mask_inputs=mask if frame == 0 else None,
            output_dict=outputs,
            num_frames=2,
        )
        outputs["cond_frame_outputs" if frame == 0 else "non_cond_frame_outputs"][frame] = out
        low = out["pred_masks"]
    return low


# Segmenter: weights ---------------------------------------------------------------------------------------


def test_the_catalogue_name_loads_the_official_format(tiny: LoadedSegmenter, tiny_installed: CatalogueEntry) -> None:
    loaded = build_segmenter("sam2.1-tiny", image_size=256)
    assert same_weights(loaded.model, tiny.model)
    assert loaded.sha256 == tiny_installed.sha256
    assert (loaded.name, loaded.origin, loaded.image_size) == ("sam2.1-tiny", "catalogue", 256)
    assert loaded.parameters == sum(p.numel() for p in tiny.model.parameters()) == 38962498
    assert not loaded.model.training
    assert not any(p.requires_grad for p in loaded.model.parameters())
    assert all(p.dtype == torch.float32 for p in loaded.model.parameters())


def test_the_catalogue_name_refuses_any_other_file(tiny_installed: CatalogueEntry, tiny_file: Path) -> None:
    installed = store.path_of(tiny_installed)
    content = bytearray(installed.read_bytes())
    content[len(content) // 2] ^= 1  # one bit of one weight; the file can still be parsed
    installed.write_bytes(content)
    with pytest.raises(ModelError, match=f"its sha256 is .*expected is {tiny_installed.sha256}"):
        build_segmenter("sam2.1-tiny")
    assert build_segmenter("sam2.1-tiny", checkpoint=installed, image_size=64).origin == "checkpoint"


def test_weights_that_are_not_installed_say_what_to_do() -> None:
    with pytest.raises(ModelError, match=r"models download sam2\.1-tiny.*models import FOLDER"):
        build_segmenter("sam2.1-tiny")


def test_a_checkpoint_of_the_right_shapes_is_taken_and_its_checksum_recorded(
    tiny: LoadedSegmenter, tiny_file: Path, tiny_published: CatalogueEntry
) -> None:
    loaded = build_segmenter("sam2.1-tiny", checkpoint=tiny_file, image_size=256)
    assert same_weights(loaded.model, tiny.model)
    assert (loaded.sha256, loaded.origin) == (tiny_published.sha256, "checkpoint")


def test_a_checkpoint_of_another_architecture_is_refused(tiny_file: Path) -> None:
    with pytest.raises(ModelError, match=r"does not fit sam2\.1-small, \d+ of its tensors differ.*is missing"):
        build_segmenter("sam2.1-small", checkpoint=tiny_file)


def test_a_half_precision_checkpoint_becomes_float32(tiny: LoadedSegmenter, tmp_path: Path) -> None:
    path = tmp_path / "half.pt"
    write_state_dict(tiny.model, path, half_precision=True)
    assert path.stat().st_size < 80e6
    loaded = build_segmenter("sam2.1-tiny", checkpoint=path, image_size=64)
    expected = {name: value.half().float() for name, value in tiny.model.state_dict().items()}
    for name, value in loaded.model.state_dict().items():
        assert value.dtype == torch.float32 and torch.equal(value, expected[name])


@pytest.mark.parametrize("name", SEGMENTERS)
def test_names_and_shapes_weigh_what_the_published_file_weighs(name: str) -> None:
    """The published files hold float32 and little else, so their sizes tell whether the shapes are theirs."""
    tensors = random_segmenter(name, 64).model.state_dict()
    weights = sum(4 * tensor.numel() for tensor in tensors.values())
    overhead = catalogue.CATALOGUE[name].bytes - weights
    assert 0 < overhead < 500 * len(tensors)


# Segmenter: architecture ----------------------------------------------------------------------------------


def test_the_model_is_the_one_of_sam2s_builder(tiny: LoadedSegmenter) -> None:
    from sam2.build_sam import build_sam2

    theirs = build_sam2("configs/sam2.1/sam2.1_hiera_t.yaml", device="cpu", apply_postprocessing=False)
    ours = random_segmenter("sam2.1-tiny")
    assert ours.image_size == theirs.image_size == 1024
    assert repr(ours.model) == repr(theirs)
    plain = (bool, int, float, str, type(None), dict)
    settings = {key: value for key, value in vars(theirs).items() if isinstance(value, plain) and key[0] != "_"}
    assert settings.pop("training") is False
    assert {key: vars(ours.model)[key] for key in settings} == settings
    # Another size changes nothing in the weights, so that one file serves them all.
    assert ours.model.state_dict().keys() == tiny.model.state_dict().keys()


def test_settings_of_post_processing_are_off(tiny: LoadedSegmenter) -> None:
    assert tiny.model.sam_mask_decoder.dynamic_multimask_via_stability is False


@pytest.mark.parametrize("size", [64, 96, 256, 352])
def test_any_multiple_of_32_runs(tiny: LoadedSegmenter, tiny_file: Path, size: int) -> None:
    loaded = build_segmenter("sam2.1-tiny", checkpoint=tiny_file, image_size=size)
    assert (loaded.image_size, loaded.feature_size) == (size, size // 16)
    for layer in loaded.model.memory_attention.layers:
        assert layer.self_attn.freqs_cis.shape[0] == (size // 16) ** 2
        assert layer.cross_attn_image.freqs_cis.shape[0] == (size // 16) ** 2
    logits = track_two_frames(loaded.model, size)
    assert logits.shape == (1, 1, size // 4, size // 4)
    assert torch.isfinite(logits).all()


def test_a_checkpoint_of_medsam2s_layout_runs_at_its_512_pixels(tiny: LoadedSegmenter, tmp_path: Path) -> None:
    file = tmp_path / "MedSAM2_latest.pt"
    torch.save({"model": tiny.model.state_dict()}, file)
    loaded = build_segmenter("sam2.1-tiny", checkpoint=file, image_size=512)
    assert (loaded.image_size, loaded.feature_size, loaded.origin) == (512, 32, "checkpoint")
    assert torch.isfinite(track_two_frames(loaded.model, 512)).all()


@pytest.mark.parametrize(("size", "proposal"), [(100, 96), (16, 64), (0, 64), (-32, 64), (1000, 992), (4096, 2048)])
def test_other_image_sizes_are_refused_with_one_that_works(size: int, proposal: int) -> None:
    with pytest.raises(InputError, match=f"^image size {size}: .*multiple of 32.*Use {proposal}"):
        random_segmenter("sam2.1-tiny", size)


@pytest.mark.parametrize("device", ["warp", "cuda:99"])
def test_a_device_that_is_not_there_is_refused(device: str) -> None:
    with pytest.raises(InputError, match=f"^device {device}: it cannot be used here"):
        random_segmenter("sam2.1-tiny", 64, device=device)


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(ModelError, match=r"sam2\.1-huge: no segmenter has this name.*sam2\.1-large"):
        build_segmenter("sam2.1-huge")


def test_random_weights_follow_the_seed_and_leave_the_global_state_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    one = random_segmenter("bundled", 64, seed=1)
    assert torch.equal(torch.rand(4), expected)
    again, other = random_segmenter("bundled", 64, seed=1), random_segmenter("bundled", 64, seed=2)
    assert same_weights(one.model, again.model) and one.sha256 == again.sha256
    assert not same_weights(one.model, other.model) and one.sha256 != other.sha256
    assert one.origin == "random"


def test_the_video_predictor_is_not_imported() -> None:
    code = (
        "import sys\n"
        "from RetrievalSAMLib.models.build import random_segmenter\n"
        "random_segmenter('bundled', 64)\n"
        "random_segmenter('sam2.1-tiny', 64)\n"
        "assert 'sam2.sam2_video_predictor' not in sys.modules\n"
        "assert 'torchvision' not in sys.modules and 'timm' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture
def hydra_of_somebody_else(tmp_path: Path) -> Iterator[object]:
    import sam2  # noqa: F401  (sets up Hydra; done now so that it is not done inside the test)
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    state = GlobalHydra.instance()
    before, state.hydra = state.hydra, None
    (tmp_path / "theirs.yaml").write_text("a: 1\n", encoding="utf-8")
    initialize_config_dir(str(tmp_path), version_base="1.2")
    yield state.hydra
    state.hydra = before


def test_another_programs_hydra_is_left_as_it_was(hydra_of_somebody_else: object) -> None:
    from hydra import compose
    from hydra.core.global_hydra import GlobalHydra

    random_segmenter("sam2.1-tiny", 64)
    random_segmenter("bundled", 64)
    assert GlobalHydra.instance().hydra is hydra_of_somebody_else
    assert compose("theirs").a == 1


def test_a_cleared_hydra_does_not_matter() -> None:
    from hydra.core.global_hydra import GlobalHydra

    state = GlobalHydra.instance()
    before, state.hydra = state.hydra, None
    try:
        assert random_segmenter("sam2.1-tiny", 64).image_size == 64
    finally:
        state.hydra = before


def test_memory_that_runs_out_inside_of_hydra_is_a_memory_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*size: object, **options: object) -> torch.Tensor:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory")

    loaded = random_segmenter(image_size=64)
    monkeypatch.setattr(torch, "zeros", full)  # sam2's tables and biases begin as zeros
    with pytest.raises(MemoryError):
        at_image_size(loaded, 128)


def test_several_threads_can_build_at_once() -> None:
    wanted = [("bundled", 64), ("sam2.1-tiny", 96), ("sam2.1-tiny", 128), ("bundled", 160)]
    built: dict[tuple[str, int], LoadedSegmenter] = {}

    def build(name: str, size: int) -> None:
        built[name, size] = random_segmenter(name, size)

    threads = [threading.Thread(target=build, args=want) for want in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {key: loaded.model.image_size for key, loaded in built.items()} == {key: key[1] for key in wanted}


# The bundled pair -----------------------------------------------------------------------------------------

ENCODER_ARGUMENTS = {
    "img_size": 56,
    "patch_size": 14,
    "embed_dim": 48,
    "depth": 2,
    "num_heads": 2,
    "init_values": 1e-5,
    "in_chans": 1,
}


@pytest.fixture
def bundled_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundled folder with the real configuration and random weights, written as training writes them."""
    folder = tmp_path / "bundled"
    folder.mkdir()
    config = catalogue.BUNDLED_FOLDER / catalogue.BUNDLED_SEGMENTER_CONFIG
    (folder / config.name).write_bytes(config.read_bytes())
    monkeypatch.setattr(catalogue, "BUNDLED_FOLDER", folder)
    manifest = {
        "name": "trial",
        "sha256": {"segmenter.pt": "0" * 64, "encoder.pt": "0" * 64},
        "encoder": {"arguments": ENCODER_ARGUMENTS, "mean": [0.3], "std": [0.2]},
    }
    path = folder / "bundled.json"
    path.write_text(json.dumps(manifest), encoding="utf-8")
    manifest["sha256"] = {
        "segmenter.pt": write_state_dict(random_segmenter(seed=5).model, folder / "segmenter.pt", half_precision=True),
        "encoder.pt": write_state_dict(random_encoder(seed=5).model, folder / "encoder.pt", half_precision=True),
    }
    path.write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def test_the_bundled_pair_is_built(bundled_folder: Path) -> None:
    segmenter = build_segmenter()
    assert (segmenter.name, segmenter.image_size, segmenter.origin) == ("bundled", 256, "bundled")
    assert torch.isfinite(track_two_frames(segmenter.model, 256)).all()
    encoder = build_encoder()
    assert (encoder.name, encoder.image_size, encoder.dim, encoder.origin) == ("bundled", 56, 48, "bundled")
    assert (encoder.mean, encoder.std) == ((0.3,), (0.2,))
    assert encoder.model.forward_features(torch.rand(2, 1, 56, 56)).shape == (2, 1 + 16, 48)
    assert [item.intact for item in store.verify(["bundled"])] == [True, True]


def test_a_prompt_decoder_is_loaded_where_the_manifest_names_one(bundled_folder: Path) -> None:
    assert build_segmenter().prompt_decoder is None
    trained = PromptDecoder(random_segmenter(seed=9).model)
    manifest = json.loads((bundled_folder / "bundled.json").read_text(encoding="utf-8"))
    digest = write_state_dict(trained, bundled_folder / "prompt_decoder.pt", half_precision=True)
    manifest["sha256"]["prompt_decoder.pt"] = digest
    (bundled_folder / "bundled.json").write_text(json.dumps(manifest), encoding="utf-8")
    found = build_segmenter()
    assert found.prompt_decoder is not None and found.prompt_decoder.sha256 == digest
    wanted = trained.state_dict()
    for name, value in found.prompt_decoder.state_dict().items():
        assert torch.equal(value, wanted[name].half().float())
    smaller = at_image_size(found, 128)
    assert smaller.prompt_decoder is not None
    assert smaller.prompt_decoder.sam_prompt_encoder.mask_input_size == (32, 32)
    assert (
        smaller.prompt_decoder.sam_mask_decoder.iou_token.weight
        is found.prompt_decoder.sam_mask_decoder.iou_token.weight
    )
    assert build_segmenter(checkpoint=bundled_folder / "segmenter.pt").prompt_decoder is None
    assert [item.intact for item in store.verify(["bundled"])] == [True, True, True]
    (bundled_folder / "prompt_decoder.pt").unlink()
    with pytest.raises(ModelError, match=r"prompt_decoder\.pt: the bundled weights are not in this installation"):
        build_segmenter()


@pytest.mark.parametrize("size", [64, 128, 256, 512])
def test_the_bundled_segmenter_runs_at_other_sizes(size: int) -> None:
    loaded = random_segmenter("bundled", size)
    assert track_two_frames(loaded.model, size).shape == (1, 1, size // 4, size // 4)


def test_changed_bundled_weights_are_refused(bundled_folder: Path) -> None:
    for name in ("segmenter.pt", "encoder.pt"):
        with open(bundled_folder / name, "ab") as file:
            file.write(b"\0")
    for build in (build_segmenter, build_encoder):
        with pytest.raises(ModelError, match="its sha256 is"):
            build()


def test_missing_bundled_weights_are_said(bundled_folder: Path) -> None:
    (bundled_folder / "segmenter.pt").unlink()
    with pytest.raises(ModelError, match=r"segmenter\.pt: the bundled weights are not in this installation"):
        build_segmenter()
    assert [item.installed for item in store.status(["bundled"])] == [False, True]
    (bundled_folder / "bundled.json").unlink()
    for build in (build_segmenter, build_encoder):
        with pytest.raises(ModelError, match=r"bundled\.json: the bundled model is not in this installation"):
            build()


def test_a_checkpoint_needs_no_bundled_weights(bundled_folder: Path, tmp_path: Path) -> None:
    trained = (bundled_folder / "segmenter.pt").rename(tmp_path / "trained.pt")
    (bundled_folder / "bundled.json").unlink()
    assert build_segmenter("bundled", checkpoint=trained).origin == "checkpoint"


def test_encoder_arguments_that_timm_does_not_know_are_said(bundled_folder: Path) -> None:
    path = bundled_folder / "bundled.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["encoder"]["arguments"]["wings"] = 2
    path.write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(ModelError, match=r"bundled\.json: timm does not take the encoder's arguments.*wings"):
        build_encoder()
