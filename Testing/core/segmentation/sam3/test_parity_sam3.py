"""The engine of SAM 3 says what a video session of `transformers` says, on random weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from sam3_tracker import SIZE, pictures, random_tracker, track

from RetrievalSAMLib.segmentation.engines.attention_shares import attention_by_memory
from RetrievalSAMLib.segmentation.engines.interface import (
    ImageFeatures,
    Memory,
    MemoryBank,
    PointerEntry,
    Prompts,
    SpatialEntry,
)
from RetrievalSAMLib.segmentation.sam3.engine import Sam3Engine

FRAMES = 5
CELLS = 4 * SIZE // 14


@pytest.fixture(scope="module", params=[0, 5], ids=["a segment that is seen", "a segment that is not"])
def engine(request: pytest.FixtureRequest) -> Sam3Engine:
    return Sam3Engine(random_tracker(request.param))


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return pictures(FRAMES)


@pytest.fixture(scope="module")
def seen(engine: Sam3Engine, images: torch.Tensor) -> list[ImageFeatures]:
    with torch.inference_mode():
        return [engine.encode_images(image[None]) for image in images]


def square(side: int = 40) -> torch.Tensor:
    mask = torch.zeros(SIZE, SIZE)
    mask[30 : 30 + side, 40 : 40 + side] = 1
    return mask


def bank_of(first: Memory, past: list[Memory]) -> MemoryBank:
    """What a session attends to in the frame behind: the frame of the mask, then the others, oldest first."""
    now = len(past) + 1
    spatial = [SpatialEntry(first.spatial, 0)]
    spatial += [SpatialEntry(memory.spatial, now - n) for n, memory in enumerate(past, start=1)]
    pointers = [PointerEntry(first.pointer, now)]
    pointers += [PointerEntry(past[-back].pointer, back) for back in range(1, len(past) + 1)]
    return MemoryBank(spatial, pointers, FRAMES)


def assert_frame(engine: Sam3Engine, features: ImageFeatures, bank: MemoryBank, expected: dict[str, Any]) -> Memory:
    """One frame segmented from memories, and the memory that it leaves."""
    decoded = engine.decode(features, engine.attend(features, bank))
    present = decoded.object_score > 0
    torch.testing.assert_close(decoded.object_score, expected["object_score_logits"].flatten(), atol=2e-4, rtol=0)
    torch.testing.assert_close(decoded.gated_logits(), expected["pred_masks"][:, 0], atol=2e-4, rtol=0)
    memory = engine.encode_prediction(features, decoded.gated_logits(), present, decoded.pointer).rounded()
    assert_memory(memory, expected)
    return memory


def assert_memory(memory: Memory, expected: dict[str, Any]) -> None:
    torch.testing.assert_close(memory.pointer, expected["object_pointer"].flatten(0, 1), atol=2e-4, rtol=0)
    flat = memory.spatial.flatten(2).permute(2, 0, 1)
    # Equal but for what lies at the edge of rounding to bfloat16.
    torch.testing.assert_close(flat.float(), expected["maskmem_features"].float(), atol=2e-3, rtol=1e-2)


@pytest.mark.parametrize("reverse", [False, True])
@torch.inference_mode()
def test_frames_after_a_mask_are_those_of_a_session(
    engine: Sam3Engine, images: torch.Tensor, seen: list[ImageFeatures], reverse: bool
) -> None:
    told = track(engine.model, images, {"mask": square()}, reverse)
    order = list(range(FRAMES))[:: -1 if reverse else 1]
    first = engine.encode_support(seen[order[0]], square()[None]).rounded()
    assert_memory(first, told[order[0]])
    past: list[Memory] = []
    for frame in order[1:]:
        past.append(assert_frame(engine, seen[frame], bank_of(first, past), told[frame]))


@pytest.mark.parametrize("left_out", ["a memory", "a pointer", "time"])
@torch.inference_mode()
def test_what_is_left_out_of_the_bank_would_show(
    engine: Sam3Engine, images: torch.Tensor, seen: list[ImageFeatures], left_out: str
) -> None:
    first = engine.encode_support(seen[0], square()[None]).rounded()
    past = [engine.encode_support(seen[frame], square(20)[None]).rounded() for frame in (1, 2)]
    bank = bank_of(first, past)
    if left_out == "a memory":
        other = replace(bank, spatial=bank.spatial[:-1])
    elif left_out == "a pointer":
        other = replace(bank, pointers=bank.pointers[:-1])
    else:
        other = replace(bank, spatial=[replace(entry, time=0) for entry in bank.spatial])
    here, there = (engine.decode(seen[3], engine.attend(seen[3], one)).logits for one in (bank, other))
    assert float((here - there).abs().max()) > 10 * 2e-4


@torch.inference_mode()
def test_an_absent_segment_is_remembered_as_a_session_does(
    engine: Sam3Engine, images: torch.Tensor, seen: list[ImageFeatures]
) -> None:
    nothing = torch.zeros(SIZE, SIZE)
    told = track(engine.model, images[:2], {"mask": nothing})
    assert_memory(engine.encode_support(seen[0], nothing[None]).rounded(), told[0])


@pytest.mark.parametrize(
    ("points", "labels"),
    [([[50.0, 40.0]], [1]), ([[50.0, 40.0], [10.0, 12.0]], [1, 0]), ([[30.0, 30.0], [80.0, 70.0]], [2, 3])],
    ids=["a point", "a point and one outside", "a box"],
)
@torch.inference_mode()
def test_points_and_boxes_are_those_of_a_session(
    engine: Sam3Engine, images: torch.Tensor, seen: list[ImageFeatures], points: list[list[float]], labels: list[int]
) -> None:
    coordinates, kinds = torch.tensor([points]), torch.tensor([labels], dtype=torch.int32)
    told = track(engine.model, images[:1], {"point_coords": coordinates[None], "point_labels": kinds[None]})
    decoded = engine.decode(seen[0], engine.attend(seen[0], MemoryBank([], [])), Prompts(coordinates, kinds))
    expected = told[0]
    torch.testing.assert_close(decoded.object_score, expected["object_score_logits"].flatten(), atol=2e-4, rtol=0)
    torch.testing.assert_close(decoded.gated_logits(), expected["pred_masks"][:, 0], atol=2e-4, rtol=0)


@torch.inference_mode()
def test_segments_in_one_batch_are_what_they_are_alone(engine: Sam3Engine, seen: list[ImageFeatures]) -> None:
    masks = torch.stack([square(), square(20), torch.zeros(SIZE, SIZE)])
    together = engine.encode_support(seen[0].expand(3), masks)
    bank = MemoryBank([SpatialEntry(together.spatial, 0)], [PointerEntry(together.pointer, 1)])
    answer = engine.decode(seen[1].expand(3), engine.attend(seen[1].expand(3), bank))
    for row in range(3):
        alone = engine.encode_support(seen[0], masks[row : row + 1])
        own = MemoryBank([SpatialEntry(alone.spatial, 0)], [PointerEntry(alone.pointer, 1)])
        expected = engine.decode(seen[1], engine.attend(seen[1], own))
        torch.testing.assert_close(answer.logits[row : row + 1], expected.logits, atol=2e-4, rtol=0)
        torch.testing.assert_close(answer.pointer[row : row + 1], expected.pointer, atol=2e-4, rtol=0)


@torch.inference_mode()
def test_attention_taken_apart_is_that_of_the_model(engine: Sam3Engine, seen: list[ImageFeatures]) -> None:
    first, other = (engine.encode_support(f, square(side)[None]) for f, side in ((seen[0], 40), (seen[1], 20)))
    spatial = [SpatialEntry(first.spatial, 0), SpatialEntry(other.spatial, 1)]
    pointers = [PointerEntry(first.pointer, 2), PointerEntry(other.pointer, 1)]
    whole, fewer = engine.token_reduction(1.0), engine.token_reduction(0.5)
    expected = engine.attend(seen[2], MemoryBank(spatial, pointers, FRAMES))
    found = engine.attend(seen[2], MemoryBank(spatial, pointers, FRAMES, whole))
    torch.testing.assert_close(found, expected, atol=2e-4, rtol=0)
    engine.attend(seen[2], MemoryBank(spatial, pointers, FRAMES, fewer))
    pieces = first.pointer.shape[1] // first.spatial.shape[1]
    tokens = (SIZE // 14) ** 2
    assert len(whole.attended.log_counts) == 2 * tokens + 2 * pieces
    assert len(fewer.attended.log_counts) == 2 * tokens * 5 // 8 + 2 * pieces
    shares = attention_by_memory(fewer.attended, torch.ones(1, CELLS, CELLS))
    assert shares.shape == (1, 2) and float(shares.sum()) == pytest.approx(1, abs=1e-5)


@torch.inference_mode()
def test_sizes_are_those_of_what_comes_out(engine: Sam3Engine, seen: list[ImageFeatures]) -> None:
    assert (engine.image_size, engine.mask_size) == (SIZE, CELLS)
    decoded = engine.decode(seen[0], engine.attend(seen[0], MemoryBank([], [])))
    assert decoded.logits.shape == (1, CELLS, CELLS)
    assert engine.at_input_size(decoded.logits).shape == (1, SIZE, SIZE)
    memory = engine.encode_support(seen[0], square()[None])
    assert memory.spatial.shape == engine.encode_place(seen[0], torch.full((1, CELLS, CELLS), 0.5)).shape
