"""A small SAM 3 tracker with random weights, its files, and the session of `transformers` on frames in memory.

`transformers` is not among the packages that the tests' environment holds: the set-up puts it in a folder of its own.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from RetrievalSAMLib.models.build import LoadedSegmenter

SIZE = 112
"""Pixels a side: 8 tokens of 14 pixels, masks of 32."""

_FOLDER = Path(sys.prefix) / "sam3"


def transformers() -> Any:
    """The package; the test is skipped where it is not installed."""
    if _FOLDER.is_dir() and str(_FOLDER) not in sys.path:
        sys.path.append(str(_FOLDER))
    try:
        return importlib.import_module("transformers")
    except ImportError:
        pytest.skip("transformers is not installed (requirements-sam3.txt; the set-up does it)")


def random_tracker(seed: int = 0) -> Any:
    """Of the published configuration's parts, few and narrow, and of its proportions: S / 14 tokens, masks of S / 3.5.

    What `transformers` begins with zero (encodings of time, the fuser's scale, pointers of absence) is random too, and
    weights are large enough for every layer to pass on what it is given: else nothing would show what is left out.
    """
    package = transformers()
    backbone = {
        "model_type": "sam3_vit_model",
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "image_size": SIZE,
        "window_size": 4,
        "global_attn_indexes": [1],
        "pretrain_image_size": 56,
    }
    vision = {"model_type": "sam3_vision_model", "backbone_config": backbone, "fpn_hidden_size": 256}
    config = package.Sam3TrackerVideoConfig(
        vision_config=vision, mask_decoder_config={"mlp_dim": 64}, memory_attention_num_layers=2, image_size=SIZE
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = package.Sam3TrackerVideoModel(config)
        for parameter in model.parameters():
            if parameter.ndim > 1 and parameter[0].numel() > 1:
                torch.nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
            elif not parameter.any():
                torch.nn.init.normal_(parameter, std=0.5)
    model.requires_grad_(False)
    return model.eval()


def random_segmenter(seed: int = 0) -> LoadedSegmenter:
    """The tracker as a run takes it."""
    model = random_tracker(seed)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    software = f"transformers {transformers().__version__}"
    sha256 = f"{seed:064x}"
    return LoadedSegmenter(model, "sam3", sha256, SIZE, parameters, "random", family="sam3", software=software)


def pictures(count: int, seed: int = 0) -> torch.Tensor:
    """Blurred noise that moves slowly, float (count, S, S) in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(1, 1, count + 1, 12, 12, generator=generator)
    smooth = torch.nn.functional.interpolate(noise, size=(count, SIZE, SIZE), mode="trilinear")
    return smooth[0, 0]


def session_of(model: Any, images: torch.Tensor) -> Any:
    """A session on frames (n, S, S) in [0, 1]."""
    package = transformers()
    frames = ((images - 0.5) / 0.5)[:, None].expand(-1, 3, -1, -1)
    return package.Sam3TrackerVideoInferenceSession(
        video=frames, video_height=SIZE, video_width=SIZE, inference_device="cpu", dtype=torch.float32
    )


def track(model: Any, images: torch.Tensor, inputs: Mapping[str, Any], reverse: bool = False) -> dict[int, Any]:
    """What a session keeps of every frame, by frame, where the first (the last, in reverse) is told the object.

    Args:
        model: The tracker.
        images: float (n, S, S) in [0, 1].
        inputs: `mask` float (S, S), or `point_coords` float (1, 1, P, 2) and `point_labels` int32 (1, 1, P).
        reverse: From the last frame to the first.
    """
    session = session_of(model, images)
    number, start = session.obj_id_to_idx(1), len(images) - 1 if reverse else 0
    if "mask" in inputs:
        session.add_mask_inputs(number, start, inputs["mask"][None, None])
    else:
        session.add_point_inputs(number, start, dict(inputs))
    session.obj_with_new_inputs = [1]
    model(session, frame_idx=start)
    frames = range(start - 1, -1, -1) if reverse else range(1, len(images))
    for frame in frames:
        model(session, frame_idx=frame, reverse=reverse)
    kept = session.output_dict_per_obj[number]
    return {**kept["cond_frame_outputs"], **kept["non_cond_frame_outputs"]}


def whole_model(tracker: Any) -> Any:
    """A ``Sam3VideoModel``, as the published file holds one: a small detector of random weights around a tracker."""
    package = transformers()
    own = tracker.config.to_dict()
    narrow = {"hidden_size": 256, "num_attention_heads": 4, "intermediate_size": 64}
    text = {"hidden_size": 32, "intermediate_size": 32, "num_attention_heads": 2, "num_hidden_layers": 1}
    tokens = {"vocab_size": 64, "max_position_embeddings": 8, "projection_dim": 16}
    ends = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    detector = package.Sam3Config(
        vision_config=own["vision_config"],
        text_config={**text, **tokens, **ends},
        geometry_encoder_config={"num_layers": 1, **narrow},
        detr_encoder_config={"num_layers": 1, **narrow},
        detr_decoder_config={"num_layers": 1, "num_queries": 4, **narrow},
        mask_decoder_config={"hidden_size": 256, "num_attention_heads": 4},
    )
    config = package.Sam3VideoConfig(detector_config=detector.to_dict(), tracker_config=own)
    config.architectures = ["Sam3VideoModel"]
    with torch.random.fork_rng(devices=[]):
        model = package.Sam3VideoModel(config)
    encoder, rest = tracker.vision_encoder, tracker.state_dict()
    model.detector_model.vision_encoder.backbone.load_state_dict(encoder.backbone.state_dict())
    model.tracker_neck.load_state_dict(encoder.neck.state_dict())
    model.tracker_model.load_state_dict({n: v for n, v in rest.items() if not n.startswith("vision_encoder.")})
    return model


def write_published(folder: Path, tracker: Any) -> Path:
    """The two files of `facebook/sam3`: the configuration, and weights by the names that the whole model has for them.

    Not by the model's own ``save_pretrained``, which in 5.24.0 writes `tracker_model.` twice.
    """
    model = whole_model(tracker)
    folder.mkdir(parents=True, exist_ok=True)
    model.config.save_pretrained(folder)
    save_file(model.state_dict(), folder / "model.safetensors", metadata={"format": "pt"})
    return folder
