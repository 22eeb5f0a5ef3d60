"""FATE-SAM told once more, plainly and slowly, for the test of the preset `fate-sam`.

Written on `SAM2Base.track_step`: all slices are frames, the supports of the slice at hand are the frames N,
N + 1, ..., and sam2's own code chooses by frame numbers what a frame attends to. Nothing of the product is
used. Every quirk of the published behaviour can be switched off, so that a test can show that it matters.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from sam2.modeling.sam2_base import SAM2Base

MEAN = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
STD = torch.tensor([0.229, 0.224, 0.225])[:, None, None]


@dataclass(frozen=True)
class Quirks:
    """The published behaviour; False switches to what one would have expected."""

    scaled_slice_by_slice: bool = True
    squashed: bool = True
    channels_summed: bool = True
    levels_weighed_alike: bool = True
    labelled_slices_only: bool = True
    starts_in_the_middle: bool = True
    supports_renewed: bool = True
    masks_kept: bool = True
    kept_masks_on_new_image: bool = True
    kept_pointers: bool = True
    empty_masks_at_start: bool = True
    hard_support_masks: bool = True
    pointers_of_supports_on_way_back_only: bool = True
    way_forward_sees_way_back: bool = True
    supports_at_the_end: bool = True
    pointers_reach_further: bool = True
    later_overwrite: bool = True


@dataclass
class Told:
    """What came out.

    Attributes:
        distances: By slice of the target, to every slice of the pool; infinite for those that are not asked.
        supports: By slice of the target: (case, slice) of its supports.
        order: Slices as they were processed.
        logits: By slice (B, S / 4, S / 4).
        scores: By slice (B,).
        labels: By slice (h, w): 0, or 1 + the segment's number.
    """

    distances: np.ndarray
    supports: list[list[tuple[int, int]]]
    order: list[int] = field(default_factory=list)
    logits: dict[int, torch.Tensor] = field(default_factory=dict)
    scores: dict[int, torch.Tensor] = field(default_factory=dict)
    labels: dict[int, np.ndarray] = field(default_factory=dict)


@torch.inference_mode()
def tell(
    model: SAM2Base,
    target: np.ndarray,
    cases: list[tuple[np.ndarray, np.ndarray]],
    quirks: Quirks | None = None,
) -> Told:
    """Segment `target` (N, h, w) by `cases`: images (n, h, w) and label maps (n, h, w) of 0, 1 ... B."""
    quirks = quirks or Quirks()
    model = copy.deepcopy(model)
    model.binarize_mask_from_pts_for_mem_enc = quirks.hard_support_masks
    segments = max(int(labels.max()) for _, labels in cases)
    pool = [(c, i) for c, (images, _) in enumerate(cases) for i in range(len(images))]

    target_range = (float(target.min()), float(target.max()))
    frames = [look(model, prepared(one, model.image_size, quirks, target_range)) for one in target]
    pool_features = []
    for c, i in pool:
        images = cases[c][0]
        whole = (float(images.min()), float(images.max()))
        pool_features.append(look(model, prepared(images[i], model.image_size, quirks, whole)))

    distances = np.full((len(frames), len(pool)), np.inf)
    for t, frame in enumerate(frames):
        for p, (c, i) in enumerate(pool):
            if (cases[c][1][i] > 0).any() or not quirks.labelled_slices_only:
                distances[t, p] = distance(frame, pool_features[p], quirks)
    nearest = [list(np.argsort(row, kind="stable")[:3]) for row in distances]
    told = Told(distances, [[pool[p] for p in row] for row in nearest])

    count = len(frames)
    memory: dict[str, dict[int, dict[str, Any]]] = {"cond_frame_outputs": {}, "non_cond_frame_outputs": {}}
    start = count // 2 if quirks.starts_in_the_middle else 0
    plan = [(t, True) for t in range(start, -1, -1)] + [(t, False) for t in range(start + 1, count)]
    offset = count if quirks.supports_at_the_end else -len(nearest[0])
    for t, reverse in plan:
        if not reverse and t == start + 1 and not quirks.way_forward_sees_way_back:
            memory["non_cond_frame_outputs"].clear()
        of_slice = nearest[t] if quirks.supports_renewed else nearest[start]
        for rank, p in enumerate(of_slice):
            c, i = pool[p]
            shown = cases[c][1][i]
            known = memory["cond_frame_outputs"]
            before = known.get(offset + rank)
            known[offset + rank] = entered(model, pool_features[p], shown, segments, before, quirks)
        if not reverse and not quirks.pointers_of_supports_on_way_back_only:
            model.only_obj_ptrs_in_the_past_for_eval = False
        if not quirks.pointers_reach_further:
            model.max_obj_ptrs_in_encoder = model.num_maskmem
        out = model.track_step(
            frame_idx=t,
            is_init_cond_frame=False,
            **frame_arguments(model, frames[t], segments),
            point_inputs=None,
            mask_inputs=None,
            output_dict=memory,
            num_frames=count + len(of_slice),
            track_in_reverse=reverse,
        )
        out["maskmem_features"] = rounded(out["maskmem_features"])
        memory["non_cond_frame_outputs"][t] = out
        told.order.append(t)
        told.logits[t] = out["pred_masks"][:, 0]
        told.scores[t] = out["object_score_logits"][:, 0]
        full = F.interpolate(out["pred_masks"], size=target.shape[1:], mode="bilinear", align_corners=False)
        label = np.zeros(target.shape[1:], dtype=int)
        for b in range(segments) if quirks.later_overwrite else reversed(range(segments)):
            label[(full[b, 0] > 0).numpy()] = b + 1
        told.labels[t] = label
    return told


def prepared(pixels: np.ndarray, size: int, quirks: Quirks, whole: tuple[float, float]) -> torch.Tensor:
    """(3, S, S), as `load_video_frames` makes it of a picture."""
    pixels = pixels.astype(float)
    low, high = (pixels.min(), pixels.max()) if quirks.scaled_slice_by_slice else whole
    grey: np.ndarray = np.zeros(pixels.shape, dtype=np.uint8)
    if high > low:
        grey = (255 * ((pixels - low) / (high - low))).astype(np.uint8)
    if not quirks.squashed:
        side = max(grey.shape)
        grey = np.pad(grey, [(0, side - grey.shape[0]), (0, side - grey.shape[1])])
    picture = Image.fromarray(grey).convert("RGB").resize((size, size))
    return (torch.from_numpy(np.array(picture) / 255.0).permute(2, 0, 1).float() - MEAN) / STD


def look(model: SAM2Base, image: torch.Tensor) -> tuple[list[torch.Tensor], list[torch.Tensor], Any]:
    """Features by level (pixels, 1, channels), their positions, and the levels' sizes."""
    _, features, positions, sizes = model._prepare_backbone_features(model.forward_image(image[None]))
    return features, positions, sizes


def frame_arguments(model: SAM2Base, frame: Any, batch: int) -> dict[str, Any]:
    features, positions, sizes = frame
    return {
        "current_vision_feats": [level.expand(-1, batch, -1) for level in features],
        "current_vision_pos_embeds": [level.expand(-1, batch, -1) for level in positions],
        "feat_sizes": sizes,
    }


def distance(frame: Any, support: Any, quirks: Quirks) -> float:
    """Of the features of two slices."""
    by_level = []
    for one, other in zip(frame[0], support[0], strict=True):
        difference = (one - other).abs()
        of_pixels = difference.sum(dim=-1) if quirks.channels_summed else difference.mean(dim=-1)
        by_level.append(float(of_pixels.mean()))
    return sum(by_level) / 3 if quirks.levels_weighed_alike else by_level[-1]


def entered(
    model: SAM2Base,
    frame: Any,
    label: np.ndarray,
    segments: int,
    before: dict[str, Any] | None,
    quirks: Quirks,
) -> dict[str, Any]:
    """The output of a support's frame: each segment's mask enters alone, then all are encoded together."""
    masks, pointers, scores = [], [], []
    for b in range(segments):
        shown = label == b + 1
        enters = shown.any() or not quirks.masks_kept or (before is None and quirks.empty_masks_at_start)
        if enters:
            out = alone(model, frame, shown)
            mask, pointer, score = out["pred_masks"], out["obj_ptr"], out["object_score_logits"]
        elif before is None:
            # Nothing was ever entered here: sam2 fills in "no object" and the pointer of an empty mask.
            mask = torch.full_like(alone(model, frame, shown)["pred_masks"], -1024.0)
            pointer, score = alone(model, frame, shown)["obj_ptr"], torch.full((1, 1), 10.0)
        else:
            mask, score = before["pred_masks"][b : b + 1], before["object_score_logits"][b : b + 1]
            kept = before["obj_ptr"][b : b + 1]
            pointer = kept if quirks.kept_pointers else alone(model, frame, shown)["obj_ptr"]
        masks.append(mask)
        pointers.append(pointer)
        scores.append(score)
    low, score = torch.cat(masks), torch.cat(scores)
    size = (model.image_size, model.image_size)
    arguments = frame_arguments(model, frame, segments)
    features, position = model._encode_new_memory(
        current_vision_feats=arguments["current_vision_feats"],
        feat_sizes=arguments["feat_sizes"],
        pred_masks_high_res=F.interpolate(low, size=size, mode="bilinear", align_corners=False),
        object_score_logits=score,
        is_mask_from_pts=True,
    )
    features = rounded(features)
    if before is not None and not quirks.kept_masks_on_new_image:
        for b in range(segments):
            if not (label == b + 1).any():
                features[b] = before["maskmem_features"][b]
    return {
        "maskmem_features": features,
        "maskmem_pos_enc": position,
        "pred_masks": low,
        "obj_ptr": torch.cat(pointers),
        "object_score_logits": score,
    }


def alone(model: SAM2Base, frame: Any, shown: np.ndarray) -> dict[str, Any]:
    """What `add_new_mask` makes of one segment's mask."""
    mask = torch.from_numpy(shown)[None, None].float()
    size = (model.image_size, model.image_size)
    squashed = F.interpolate(mask, size=size, mode="bilinear", align_corners=False, antialias=True) >= 0.5
    return model.track_step(
        frame_idx=0,
        is_init_cond_frame=True,
        **frame_arguments(model, frame, 1),
        point_inputs=None,
        mask_inputs=squashed.float(),
        output_dict={},
        num_frames=1,
        run_mem_encoder=False,
    )


def rounded(features: torch.Tensor) -> torch.Tensor:
    """As the video predictor stores memories."""
    return features.to(torch.bfloat16).float()
