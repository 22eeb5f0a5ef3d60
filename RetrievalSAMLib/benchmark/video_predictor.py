"""`SAM2VideoPredictor` of the sam2 package, as it comes: supports are the first frames of a film, with their masks."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from omegaconf import OmegaConf
from PIL import Image

from ..models.build import LoadedSegmenter, segmenter_config, size_settings
from ..segmentation.published.fate_sam import square_input, square_masks

if TYPE_CHECKING:
    from sam2.sam2_video_predictor import SAM2VideoPredictor

_AS_SHIPPED = {
    "sam_mask_decoder_extra_args.dynamic_multimask_via_stability": True,
    "sam_mask_decoder_extra_args.dynamic_multimask_stability_delta": 0.05,
    "sam_mask_decoder_extra_args.dynamic_multimask_stability_thresh": 0.98,
    "binarize_mask_from_pts_for_mem_enc": True,
}
"""What `build_sam2_video_predictor` adds to a configuration. Not the filling of holes, which needs a CUDA extension."""


def video_predictor(loaded: LoadedSegmenter) -> SAM2VideoPredictor:
    """A predictor with a segmenter's weights, on its device."""
    from hydra.utils import instantiate

    config = segmenter_config(loaded.name)
    OmegaConf.update(config, "model._target_", "sam2.sam2_video_predictor.SAM2VideoPredictor")
    for key, value in size_settings(loaded.image_size).items():
        OmegaConf.update(config, key, value)
    for key, value in _AS_SHIPPED.items():
        OmegaConf.update(config, f"model.{key}", value, force_add=True)
    with torch.random.fork_rng(devices=[]):
        predictor: SAM2VideoPredictor = instantiate(config.model, _recursive_=True)
    predictor.load_state_dict(loaded.model.state_dict(), strict=True)
    predictor.requires_grad_(False)
    return predictor.eval().to(loaded.model.device)


class Film:
    """Supports and the slices of a target as a folder of pictures, which is what the predictor takes.

    Args:
        folder: An empty one.
        size: S, pixels a side of a picture.
        supports: (h, w), of any size.
        masks: By support, by segment, bool (h, w). What shows nothing does not enter.
        target: (N, h, w).
    """

    def __init__(
        self,
        folder: Path,
        size: int,
        supports: Sequence[np.ndarray],
        masks: Sequence[Mapping[int, np.ndarray]],
        target: np.ndarray,
    ) -> None:
        self.folder = folder
        self.first = len(supports)
        self.entries = [
            (frame, segment, square_masks(mask[None], size)[0])
            for frame, of_support in enumerate(masks)
            for segment, mask in of_support.items()
            if mask.any()
        ]
        for number, pixels in enumerate([*supports, *target]):
            grey = (square_input(pixels, size) * 255).round().to(torch.uint8).numpy()
            Image.fromarray(grey).convert("RGB").save(folder / f"{number:05d}.jpg", quality=95)


def segment_film(predictor: SAM2VideoPredictor, film: Film) -> int:
    """Load the film, enter the masks, and track every slice of the target.

    Returns:
        Slices that were tracked.
    """
    # It draws bars of progress on stderr, terminal or not.
    with contextlib.redirect_stderr(io.StringIO()):
        state = predictor.init_state(str(film.folder))
        for frame, segment, mask in film.entries:
            predictor.add_new_mask(state, frame_idx=frame, obj_id=segment, mask=mask)
        return sum(1 for _ in predictor.propagate_in_video(state, start_frame_idx=film.first))
