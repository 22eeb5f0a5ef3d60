"""Memory attention over fewer tokens: the same as SAM 2's over all of them, and nearly where tokens are alike."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from RetrievalSAMLib.models.build import build_segmenter
from RetrievalSAMLib.segmentation.engines.interface import ImageFeatures, Memory, MemoryBank, PointerEntry, SpatialEntry
from RetrievalSAMLib.segmentation.engines.memory_tokens import Blocks, TokenReduction
from RetrievalSAMLib.segmentation.sam2.engine import Sam2Engine

SEGMENTS = 2


@pytest.fixture(scope="module")
def engine() -> Sam2Engine:
    return Sam2Engine(build_segmenter().model)


@pytest.fixture(scope="module")
def features(engine: Sam2Engine) -> ImageFeatures:
    with torch.inference_mode():
        return engine.encode_images(picture(0)[None])


@pytest.fixture(scope="module")
def memories(engine: Sam2Engine) -> list[Memory]:
    """Of four slices, in which the segments lie elsewhere."""
    found = []
    with torch.inference_mode():
        for number in range(4):
            masks = torch.zeros(SEGMENTS, 256, 256)
            masks[0, 60 + 10 * number : 140, 70:160] = 1
            masks[1, 100:150, 60 : 120 + 20 * number] = 1
            seen = engine.encode_images(picture(number)[None]).expand(SEGMENTS)
            found.append(engine.encode_support(seen, masks).rounded())
    return found


def picture(number: int) -> torch.Tensor:
    """Blurred noise, float (256, 256) in [0, 1]."""
    noise = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(number))
    return torch.nn.functional.interpolate(noise, size=(256, 256), mode="bicubic")[0, 0].clamp(0, 1)


def bank_of(memories: list[Memory], tokens: TokenReduction | None, named: bool = False) -> MemoryBank:
    """Two supports, then two slices of the target; a pointer each."""
    entries = [
        SpatialEntry(m.spatial, max(0, 4 - n) if n > 1 else 0, [(n, s) for s in range(SEGMENTS)] if named else None)
        for n, m in enumerate(memories)
    ]
    return MemoryBank(entries, [PointerEntry(m.pointer, 1 + n) for n, m in enumerate(memories)], 16, tokens)


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("own_rows", [False, True], ids=["one slice for all segments", "a slice for each segment"])
@torch.inference_mode()
def test_all_tokens_give_what_sam2_gives(
    engine: Sam2Engine, features: ImageFeatures, memories: list[Memory], named: bool, own_rows: bool
) -> None:
    seen = features.select(torch.tensor([0, 0])) if own_rows else features.expand(SEGMENTS)
    tokens = engine.token_reduction(1.0)
    expected = engine.attend(seen, bank_of(memories, None))
    for _ in range(2):  # the second time from what was kept
        torch.testing.assert_close(engine.attend(seen, bank_of(memories, tokens, named)), expected, atol=1e-5, rtol=0)


@torch.inference_mode()
def test_without_pointers_too(engine: Sam2Engine, features: ImageFeatures, memories: list[Memory]) -> None:
    seen = features.expand(SEGMENTS)
    bank = replace(bank_of(memories, engine.token_reduction(1.0)), pointers=())
    expected = engine.attend(seen, replace(bank, reduction=None))
    torch.testing.assert_close(engine.attend(seen, bank), expected, atol=1e-5, rtol=0)


@torch.inference_mode()
def test_tokens_that_are_the_same_count_as_often_as_they_are(engine: Sam2Engine, features: ImageFeatures) -> None:
    uniform = torch.full((1, 32, 16, 16), 0.3)
    position = torch.zeros(256, 32)
    seen = features
    whole, reduced = (engine.token_reduction(kept).tokens(uniform, position) for kept in (1.0, 0.0))
    assert reduced.values.shape == (1, 64, 32)
    assert float(reduced.log_counts.exp().sum()) == pytest.approx(256)
    answers = [engine.token_reduction(1.0)(seen.embedding, seen.position, [t], None, None, 3) for t in (whole, reduced)]
    # Only their places differ, by less than the two tokens of a block's side.
    torch.testing.assert_close(answers[0], answers[1], atol=0.02, rtol=0)


@torch.inference_mode()
def test_the_fewer_tokens_the_less_exact(engine: Sam2Engine, features: ImageFeatures, memories: list[Memory]) -> None:
    seen = features.expand(SEGMENTS)
    exact = engine.attend(seen, bank_of(memories, None))
    errors, counts = [], []
    for kept in (1.0, 0.75, 0.25, 0.0):
        tokens = engine.token_reduction(kept)
        errors.append(float((engine.attend(seen, bank_of(memories, tokens)) - exact).square().mean()))
        counts.append(len(tokens.attended.log_counts))
    assert errors == sorted(errors)
    pointer_tokens = len(memories) * 3
    assert counts == [
        4 * 256 + pointer_tokens,
        4 * 208 + pointer_tokens,
        4 * 112 + pointer_tokens,
        4 * 64 + pointer_tokens,
    ]


def test_blocks_that_differ_most_stay_whole() -> None:
    memory = torch.zeros(1, 16, 1)
    memory[0, [2, 3, 6, 7], 0] = torch.tensor([1.0, 2.0, 3.0, 4.0])  # the block at the top right
    memory[0, [8, 9, 12, 13], 0] = 5.0
    blocks = Blocks.of(memory, torch.Size((4, 4)), 0.25)
    reduced = blocks.reduce(memory)[0, :, 0].tolist()
    assert reduced[:4] == [1.0, 2.0, 3.0, 4.0]
    assert sorted(reduced[4:]) == [0.0, 0.0, 5.0]
    assert blocks.log_counts.tolist() == pytest.approx([0, 0, 0, 0, *[math.log(4)] * 3])


@torch.inference_mode()
def test_what_is_kept_of_supports_has_a_limit(
    engine: Sam2Engine, features: ImageFeatures, memories: list[Memory]
) -> None:
    seen = features.expand(SEGMENTS)
    expected = engine.attend(seen, bank_of(memories, None))
    tokens = engine.token_reduction(1.0, limit_bytes=1 << 20)
    torch.testing.assert_close(engine.attend(seen, bank_of(memories, tokens, named=True)), expected, atol=1e-5, rtol=0)
    assert 0 < tokens.kept_bytes <= 1 << 20


@torch.inference_mode()
def test_what_neighbouring_slices_do_not_ask_for_is_forgotten(
    engine: Sam2Engine, features: ImageFeatures, memories: list[Memory]
) -> None:
    seen = features.expand(SEGMENTS)
    tokens = engine.token_reduction(0.25)
    engine.attend(seen, bank_of(memories, tokens, named=True))
    both = tokens.kept_bytes
    for _ in range(8):
        engine.attend(seen, bank_of(memories[:2], tokens, named=True))
        assert tokens.kept_bytes == both
    engine.attend(seen, bank_of(memories[:2], tokens, named=True))
    assert 0 < tokens.kept_bytes < both


@torch.inference_mode()
def test_a_name_stands_for_one_memory(engine: Sam2Engine, features: ImageFeatures, memories: list[Memory]) -> None:
    tokens = engine.token_reduction(0.5)
    position = torch.zeros(256, 32)
    both = tokens.tokens(memories[0].spatial, position, ["first", "second"])
    swapped = tokens.tokens(memories[0].spatial.flip(0), position, ["second", "first"])
    assert torch.equal(swapped.values, both.values.flip(0))
    assert torch.equal(swapped.keys[0], both.keys[0].flip(0))
