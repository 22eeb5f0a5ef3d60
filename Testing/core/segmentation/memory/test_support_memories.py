"""What support slices leave behind for several segments at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from RetrievalSAMLib.models.build import random_segmenter
from RetrievalSAMLib.models.window import MovedWindow, Window
from RetrievalSAMLib.retrieval.evidence import CaseSlices, MemoryCase
from RetrievalSAMLib.segmentation.engines.interface import ImageFeatures, Memory
from RetrievalSAMLib.segmentation.memory.support_memories import (
    MemoryStore,
    encode_slice,
    encode_supports,
    mask_to_input,
)
from RetrievalSAMLib.segmentation.sam2.engine import Sam2Engine
from RetrievalSAMLib.volumes import Geometry, Plane, Segment, Segmentation, Volume

VALUES = (1, 2, 3, 4, 5, 9)
"""1 and 4 are in slice 1, 3 lies outside the window there, 2 and 5 are in other slices, 9 the case does not have."""

SHAPE = (4, 40, 40)


@pytest.fixture
def case() -> CaseSlices:
    masks = {value: np.zeros(SHAPE, dtype=bool) for value in VALUES[:-1]}
    masks[1][1, 4:12, 4:12] = True
    masks[2][0, 4:12, 4:12] = True
    masks[3][1, 36:, 36:] = True
    masks[4][1:3, 14:20, 6:18] = True
    masks[5][3, 2:5, 2:5] = True
    grid = Geometry((SHAPE[2], SHAPE[1], SHAPE[0]), (1.0, 1.0, 3.0), (0.0, 0.0, 0.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    segments = [Segment(f"Block {value}", value) for value in masks]
    drawn = Segmentation.from_masks(segments, [mask.transpose(2, 1, 0) for mask in masks.values()], grid)
    image = np.random.default_rng(0).normal(100, 20, SHAPE).astype(np.int16)
    volume = Volume(image.transpose(2, 1, 0), grid)
    return CaseSlices.load(MemoryCase("blocks", volume, drawn, Plane.AXIAL), Plane.AXIAL)


def test_each_segment_has_its_own_memory_and_absence_is_encoded_once(
    case: CaseSlices, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Sam2Engine(random_segmenter(image_size=64).model)
    window = MovedWindow(Window((12.0, 12.0), (24.0, 24.0)), np.eye(2), np.zeros(2))
    features = encode_slice(engine, case.stack, 1, window)
    encoded: list[int] = []
    encode = Sam2Engine.encode_support

    def counted(self: Sam2Engine, seen: ImageFeatures, masks: torch.Tensor) -> Memory:
        encoded.append(len(masks))
        return encode(self, seen, masks)

    monkeypatch.setattr(Sam2Engine, "encode_support", counted)
    store = MemoryStore(2**30)
    encode_supports(engine, store, {0: [1]}, lambda number: case, lambda *which: window, VALUES, lambda *told: None)
    found = store.get((0, 1), engine.device)
    assert encoded == [3]  # two segments that are seen, and one absence
    assert len(found.spatial) == len(found.pointer) == len(VALUES)
    for row, value in enumerate(VALUES):
        mask = mask_to_input(case.mask(value, 1), window, case.stack.spacing_mm, 64)
        assert bool(mask.any()) == (value in (1, 4))
        alone = encode(engine, features, mask).rounded()
        assert torch.allclose(found.spatial[row].float(), alone.spatial[0].float(), atol=1e-2)
        assert torch.allclose(found.pointer[row], alone.pointer[0], atol=1e-4)
    assert not torch.allclose(found.pointer[0], found.pointer[3], atol=1e-4)


def test_where_all_are_seen_nothing_is_encoded_beside_them(case: CaseSlices) -> None:
    engine = Sam2Engine(random_segmenter(image_size=64).model)
    whole = MovedWindow(Window.around(case.stack), np.eye(2), np.zeros(2))
    store = MemoryStore(2**30)
    encode_supports(engine, store, {0: [1]}, lambda number: case, lambda *which: whole, (4, 1, 3), lambda *told: None)
    found = store.get((0, 1), engine.device)
    assert len({tuple(row.tolist()) for row in found.pointer}) == 3
