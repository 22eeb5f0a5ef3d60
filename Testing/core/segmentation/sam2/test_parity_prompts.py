"""Points, boxes and masks so far: parity with `SAM2Base`'s own heads and its own step on a frame with prompts."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from sam2.modeling.sam2_base import SAM2Base

from RetrievalSAMLib.models.build import LoadedSegmenter, build_segmenter, random_segmenter
from RetrievalSAMLib.segmentation.engines.interface import (
    NO_OBJECT_LOGIT,
    MemoryBank,
    PointerEntry,
    Prompts,
    SpatialEntry,
)
from RetrievalSAMLib.segmentation.sam2.engine import IMAGE_MEAN, IMAGE_STD, Sam2Engine

TOLERANCE = {"random tiny": 2e-5, "bundled": 1e-3}
SEGMENTS = 2


@functools.cache
def loaded(name: str) -> LoadedSegmenter:
    return build_segmenter() if name == "bundled" else random_segmenter("sam2.1-tiny", 256, seed=3)


@functools.cache
def images() -> torch.Tensor:
    return torch.rand(2, 256, 256, generator=torch.Generator().manual_seed(0))


def masks() -> torch.Tensor:
    found = torch.zeros(SEGMENTS, 256, 256)
    found[0, 40:110, 60:150] = 1
    found[1, 120:200, 90:140] = 1
    return found


def prompts(kind: str) -> Prompts:
    points = {
        "one click": ([[70.0, 52.5], [200.25, 31.0]], [[1], [0]]),
        "four clicks": (
            [[[70, 52], [10, 200], [99.5, 90], [255, 0]], [[120, 30], [140, 180], [20, 20], [64, 65]]],
            [[1, 0, 1, 0], [0, 1, 1, 0]],
        ),
        "box and click": (
            [[[60, 40], [150, 110], [100, 80]], [[90, 120], [140, 200], [95, 130]]],
            [[2, 3, 1], [2, 3, 0]],
        ),
        "padded": ([[[70, 52], [0, 0]], [[120, 30], [0, 0]]], [[1, -1], [0, -1]]),
    }
    places, labels = points[kind.removesuffix(" on a mask")]
    logits = None
    if kind.endswith(" on a mask"):
        logits = torch.randn(SEGMENTS, 64, 64, generator=torch.Generator().manual_seed(4)) * 5
    shaped = torch.tensor(places, dtype=torch.float32).reshape(SEGMENTS, -1, 2)
    return Prompts(shaped, torch.tensor(labels, dtype=torch.int32), logits)


KINDS = ["one click", "four clicks", "box and click", "padded", "one click on a mask", "four clicks on a mask"]


def in_sam2(given: Prompts) -> tuple[dict[str, torch.Tensor], torch.Tensor | None]:
    points = {"point_coords": given.points, "point_labels": given.labels}
    return points, None if given.logits is None else given.logits[:, None]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", TOLERANCE)
@torch.inference_mode()
def test_the_decoder_answers_as_sam2s_own_heads(name: str, kind: str) -> None:
    engine = Sam2Engine(loaded(name).model)
    features = engine.encode_images(images()[:1]).expand(SEGMENTS)
    given = prompts(kind)
    points, mask = in_sam2(given)
    several = engine.model._use_multimask(is_init_cond_frame=False, point_inputs=points)
    answer = engine.decode(features, features.embedding, given)
    _, _, ious, low, _, _, scores = engine.model._forward_sam_heads(
        features.embedding, points, mask, [features.fine, features.middle], multimask_output=several
    )
    assert (answer.gated_logits() - low[:, 0]).abs().max() <= TOLERANCE[name]
    assert (answer.predicted_iou - ious.max(dim=1).values).abs().max() <= TOLERANCE[name]
    assert (answer.object_score - scores[:, 0]).abs().max() <= TOLERANCE[name]
    masks_of_all = engine.decode_all(features, features.embedding, given)
    assert masks_of_all.logits.shape[1] == ious.shape[1] == (3 if several else 1)


def track_step(model: SAM2Base, given: Prompts) -> dict[str, torch.Tensor]:
    """Frame 1 with prompts, after frame 0 came in with a mask."""
    mean, std = (torch.tensor(v)[:, None, None] for v in (IMAGE_MEAN, IMAGE_STD))
    history: dict[str, dict[int, dict[str, torch.Tensor]]] = {"cond_frame_outputs": {}, "non_cond_frame_outputs": {}}
    points, mask = in_sam2(given)
    for frame, image in enumerate(images()):
        seen = model.forward_image(((image[None, None] - mean) / std).expand(SEGMENTS, -1, -1, -1))
        _, vision, position, sizes = model._prepare_backbone_features(seen)
        step = functools.partial(
            model.track_step,
            frame_idx=frame,
            current_vision_feats=vision,
            current_vision_pos_embeds=position,
            feat_sizes=sizes,
            output_dict=history,
            num_frames=2,
        )
        if frame == 0:
            found = step(is_init_cond_frame=True, point_inputs=None, mask_inputs=masks()[:, None])
            history["cond_frame_outputs"][0] = found
        else:
            found = step(
                is_init_cond_frame=False,
                point_inputs=points,
                mask_inputs=None,
                prev_sam_mask_logits=mask,
                run_mem_encoder=False,
            )
    return found


@torch.inference_mode()
def our_step(model: SAM2Base, given: Prompts) -> torch.Tensor:
    """The same: the first frame is a support, the second attends to it."""
    engine = Sam2Engine(model)
    first, second = (engine.encode_images(image[None]).expand(SEGMENTS) for image in images())
    # SAM 2's step memorises the mask at full resolution, the way that takes masks of a video halves it twice.
    logits = masks() * 20 - 10
    present = torch.ones(SEGMENTS, dtype=torch.bool)
    spatial = engine._encode_memory(first, logits[:, None], present, hard=False)
    bank = MemoryBank([SpatialEntry(spatial, 0)], [PointerEntry(engine.mask_pointer(first, masks()), 1)], 2)
    return engine.decode(second, engine.attend(second, bank), given).gated_logits()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", TOLERANCE)
@torch.inference_mode()
def test_a_prompted_slice_with_memories_is_sam2s_step_on_such_a_frame(name: str, kind: str) -> None:
    theirs = track_step(loaded(name).model, prompts(kind))["pred_masks"][:, 0]
    assert (theirs != NO_OBJECT_LOGIT).any()
    assert (our_step(loaded(name).model, prompts(kind)) - theirs).abs().max() <= TOLERANCE[name]


DAMAGES: dict[str, Callable[[Prompts], Prompts]] = {
    "half a pixel": lambda p: replace(p, points=p.points + 0.5),
    "rows for columns": lambda p: replace(p, points=p.points.flip(-1)),
    "positive for negative": lambda p: replace(p, labels=torch.where(p.labels >= 0, 1 - p.labels % 2, p.labels).int()),
    "one point less": lambda p: replace(p, points=p.points[:, :-1], labels=p.labels[:, :-1]),
}


@pytest.mark.parametrize("damage", DAMAGES)
@torch.inference_mode()
def test_comparison_notices_damaged_prompts(damage: str) -> None:
    model, given = loaded("random tiny").model, prompts("four clicks")
    engine = Sam2Engine(model)
    features = engine.encode_images(images()[:1]).expand(SEGMENTS)
    right, wrong = (engine.decode(features, features.embedding, p).logits for p in (given, DAMAGES[damage](given)))
    assert (right - wrong).abs().max() > TOLERANCE["random tiny"]


@torch.inference_mode()
def test_without_prompts_the_decoder_gives_the_one_mask_that_it_always_gave() -> None:
    model = loaded("bundled").model
    engine = Sam2Engine(model)
    features = engine.encode_images(images()[:1])
    answer = engine.decode(features, features.embedding)
    _, _, ious, low, _, _, _ = model._forward_sam_heads(
        features.embedding, None, None, [features.fine, features.middle], multimask_output=False
    )
    assert ious.shape == (1, 1) and torch.equal(answer.gated_logits(), low[:, 0])
    assert not model._use_multimask(is_init_cond_frame=True, point_inputs=None)
