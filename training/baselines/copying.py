"""Copies of the supports' masks: what a person gets without any segmenter. No training, no registration."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from RetrievalSAMLib.library.segments import merge_segments
from RetrievalSAMLib.retrieval.embedding import SliceEmbedder
from RetrievalSAMLib.retrieval.evidence import CaseSlices, SupportCase
from RetrievalSAMLib.retrieval.gathering import EvidenceSource
from RetrievalSAMLib.retrieval.index import SupportIndex
from RetrievalSAMLib.segmentation.settings.presets import Settings
from RetrievalSAMLib.volumes import Segmentation, SliceStack, Volume


def _onto(
    source: np.ndarray,
    source_mm: Sequence[float],
    shape: Sequence[int],
    target_mm: Sequence[float],
    order: int,
) -> np.ndarray:
    """Resample an array so that its centre falls on the centre of an array of ``shape``; 0 outside."""
    scale = np.array(target_mm) / np.array(source_mm)
    offset = (np.array(source.shape) - 1) / 2 - scale * (np.array(shape) - 1) / 2
    return ndimage.affine_transform(source, scale, offset, tuple(shape), order=order, mode="constant", cval=0)


def _spacing(stack: SliceStack) -> tuple[float, float, float]:
    return (stack.frame.slice_spacing_mm, *stack.spacing_mm)


def _images(stack: SliceStack) -> np.ndarray:
    return np.stack([stack.image(i) for i in range(len(stack))])


def copy_case(target: Volume, cases: Sequence[SupportCase]) -> Segmentation:
    """The label map of the case whose centred image correlates best with the target, pasted whole."""
    stack = SliceStack.of(target)
    image = _images(stack)
    best: tuple[float, CaseSlices] | None = None
    for case in cases:
        slices = CaseSlices.load(case, stack.frame.plane)
        moved = _onto(_images(slices.stack), _spacing(slices.stack), image.shape, _spacing(stack), order=1)
        correlation = float(np.corrcoef(image.ravel(), moved.ravel())[0, 1])
        if best is None or correlation > best[0]:
            best = (correlation, slices)
    assert best is not None
    chosen = best[1]
    segments = merge_segments((case.name, case.segments) for case in cases)
    masks = []
    for s in segments:
        drawn = np.stack([chosen.mask(s.value, i) for i in range(len(chosen.stack))]).astype(np.uint8)
        moved = _onto(drawn, _spacing(chosen.stack), image.shape, _spacing(stack), order=0)
        masks.append(stack.frame.from_slices(moved))
    return Segmentation.from_masks(segments, masks, target.geometry)


def copy_slices(
    target: Volume, cases: Sequence[SupportCase], embedder: SliceEmbedder, settings: Settings
) -> Segmentation:
    """Slice by slice the mask of the most similar support slice, centre on centre."""
    stack = SliceStack.of(target)
    loaded = [CaseSlices.load(case, stack.frame.plane) for case in cases]
    source = EvidenceSource(stack.frame.plane, embedder, None)
    evidence = [source.of(case, slices) for case, slices in zip(cases, loaded, strict=True)]
    index = SupportIndex(evidence, settings.position_weight)
    position = np.array([stack.frame.slice_position(i) for i in range(len(stack))], dtype=np.float32)
    _, entries = index.rank(embedder.embed(stack), position)
    segments = merge_segments((case.name, case.segments) for case in cases)
    labels = np.zeros(stack.frame.shape, dtype=np.uint16)
    for i in range(len(stack)):
        source = loaded[int(index.case_of[entries[i, 0]])]
        number = int(index.slice_of[entries[i, 0]])
        for s in segments:
            mask = source.mask(s.value, number).astype(np.uint8)
            moved = _onto(mask, source.stack.spacing_mm, stack.frame.shape[1:], stack.spacing_mm, order=0)
            labels[i][moved > 0] = s.value
    masks = (stack.frame.from_slices(labels == s.value) for s in segments)
    return Segmentation.from_masks(segments, masks, target.geometry)
