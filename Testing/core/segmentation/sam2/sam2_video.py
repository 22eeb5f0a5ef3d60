"""`SAM2VideoPredictor` of the sam2 package on frames in memory, for comparison only."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from importlib.resources import as_file, files
from typing import Any

import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from sam2.sam2_video_predictor import SAM2VideoPredictor

from RetrievalSAMLib.models import catalogue
from RetrievalSAMLib.models.build import LoadedSegmenter
from RetrievalSAMLib.segmentation.sam2.engine import IMAGE_MEAN, IMAGE_STD


def video_predictor(loaded: LoadedSegmenter) -> SAM2VideoPredictor:
    """A predictor with a segmenter's weights, built from the segmenter's configuration file and nothing else.

    `fill_hole_area` is 0 by default, and none of sam2's postprocessing overrides are applied.
    """
    if loaded.name == catalogue.BUNDLED:
        config = OmegaConf.load(catalogue.BUNDLED_FOLDER / catalogue.BUNDLED_SEGMENTER_CONFIG)
    else:
        with as_file(files("sam2") / catalogue.get(loaded.name, "segmenter").config) as path:
            config = OmegaConf.load(path)
    cells = loaded.image_size // 16
    changes = {
        "_target_": "sam2.sam2_video_predictor.SAM2VideoPredictor",
        "image_size": loaded.image_size,
        "memory_attention.layer.self_attention.feat_sizes": [cells, cells],
        "memory_attention.layer.cross_attention.feat_sizes": [cells, cells],
    }
    for key, value in changes.items():
        OmegaConf.update(config, f"model.{key}", value)
    with torch.random.fork_rng(devices=[]):
        predictor: SAM2VideoPredictor = instantiate(config.model, _recursive_=True)
    predictor.load_state_dict(loaded.model.state_dict(), strict=True)
    assert predictor.fill_hole_area == 0 and not predictor.binarize_mask_from_pts_for_mem_enc
    return predictor.eval()


def film_state(images: torch.Tensor) -> dict[str, Any]:
    """The state that `init_state` makes of a folder of frames, for frames float (n, S, S) in [0, 1]."""
    mean, std = (torch.tensor(v)[:, None, None] for v in (IMAGE_MEAN, IMAGE_STD))
    device = images.device
    return {
        "images": (images[:, None] - mean) / std,
        "num_frames": len(images),
        "offload_video_to_cpu": False,
        "offload_state_to_cpu": False,
        "video_height": images.shape[1],
        "video_width": images.shape[2],
        "device": device,
        "storage_device": device,
        "point_inputs_per_obj": {},
        "mask_inputs_per_obj": {},
        "cached_features": {},
        "constants": {},
        "obj_id_to_idx": OrderedDict(),
        "obj_idx_to_id": OrderedDict(),
        "obj_ids": [],
        "output_dict_per_obj": {},
        "temp_output_dict_per_obj": {},
        "frames_tracked_per_obj": {},
    }


def segment_film(
    predictor: SAM2VideoPredictor, images: torch.Tensor, masks: Mapping[int, torch.Tensor], reverse: bool
) -> dict[int, torch.Tensor]:
    """Frames with masks enter by `add_new_mask`, all others are tracked.

    Args:
        predictor: From `video_predictor`.
        images: float (n, S, S) in [0, 1].
        masks: By frame, bool (B, S, S).
        reverse: From the last frame to the first.

    Returns:
        By tracked frame the low-resolution logits (B, S / 4, S / 4).
    """
    state = film_state(images)
    for frame, of_segments in masks.items():
        for segment, mask in enumerate(of_segments):
            predictor.add_new_mask(state, frame_idx=frame, obj_id=segment, mask=mask)
    start = len(images) - 1 if reverse else 0
    for _ in predictor.propagate_in_video(state, start_frame_idx=start, reverse=reverse):
        pass
    tracked = [found["non_cond_frame_outputs"] for found in state["output_dict_per_obj"].values()]
    return {t: torch.cat([of[t]["pred_masks"][:, 0] for of in tracked]) for t in tracked[0]}
