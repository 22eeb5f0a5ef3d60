"""Slices with discs that appear and vanish, and a model that finds some of them."""

from __future__ import annotations

import functools

import numpy as np
import torch
from sam2.modeling.sam2_base import SAM2Base

from RetrievalSAMLib.models.build import LoadedSegmenter, random_segmenter
from RetrievalSAMLib.segmentation.published.fate_sam import LabelledSlices
from Testing.reference.fate_sam_reference import tell

SHAPE = (32, 40)
SEGMENTS = (1, 2, 3)
_DISCS = (((12, 14, 8), range(0, 3)), ((20, 28, 7), range(1, 5)), ((16, 20, 5), range(4, 5)))
"""By segment: row, column and radius in pixels, and the slices in which it is."""


@functools.cache
def slices(seed: int, count: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Images and label maps (n, h, w)."""
    random = np.random.default_rng(seed)
    rows, columns = np.indices(SHAPE)
    images, labels = random.normal(100, 12, (count, *SHAPE)), np.zeros((count, *SHAPE), dtype=int)
    for value, ((row, column, radius), shown) in enumerate(_DISCS, start=1):
        for z in shown:
            disc = (rows - row - seed) ** 2 + (columns - column + z) ** 2 < radius**2
            images[z][disc] += 60 + 50 * value
            labels[z][disc] = value
    return images.astype(np.float32), labels


def cases() -> list[LabelledSlices]:
    """Two; the second one has an empty slice, which must not be a support."""
    second = slices(3)[1].copy()
    second[0] = 0
    return [
        LabelledSlices(images, {value: labels == value for value in SEGMENTS})
        for images, labels in (slices(2), (slices(3)[0], second))
    ]


@functools.cache
@torch.no_grad()
def loaded() -> LoadedSegmenter:
    """Random weights; the object score is shifted so that segments are absent in some slices and present in others."""
    segmenter = random_segmenter("bundled", 64, seed=7)
    model: SAM2Base = segmenter.model
    labelled = [slices(2), (slices(3)[0], np.where(np.arange(5)[:, None, None] > 0, slices(3)[1], 0))]
    scores = torch.cat(list(tell(model, slices(1)[0], labelled).scores.values())).sort().values
    model.sam_mask_decoder.pred_obj_score_head.layers[-1].bias -= scores[len(scores) // 3]
    return segmenter
