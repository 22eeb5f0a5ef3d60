"""Attention that memories got: the same weights as SAM 2's own, and where they should go."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from RetrievalSAMLib.models.build import build_segmenter
from RetrievalSAMLib.segmentation.engines.attention_shares import attention_by_memory, attention_weights
from RetrievalSAMLib.segmentation.engines.interface import ImageFeatures, Memory, MemoryBank, PointerEntry, SpatialEntry
from RetrievalSAMLib.segmentation.engines.memory_tokens import Attended
from RetrievalSAMLib.segmentation.sam2.engine import Sam2Engine


@pytest.fixture(scope="module")
def engine() -> Sam2Engine:
    return Sam2Engine(build_segmenter().model)


def disc(row: int, column: int, size: int = 256, radius: int = 40) -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    return (((rows - row) ** 2 + (columns - column) ** 2) < radius**2).float()[None]


def attended_by(engine: Sam2Engine, features: ImageFeatures, bank: MemoryBank, kept: float = 1.0) -> Attended:
    tokens = engine.token_reduction(kept)
    engine.attend(features, replace(bank, reduction=tokens))
    return tokens.attended


def bank_of(memories: list[Memory]) -> MemoryBank:
    return MemoryBank(
        [SpatialEntry(m.spatial, 0) for m in memories], [PointerEntry(m.pointer, 1 + n) for n, m in enumerate(memories)]
    )


@torch.inference_mode()
def test_the_weights_give_what_the_layer_gives(engine: Sam2Engine) -> None:
    image = disc(128, 128) * 0.7 + 0.1
    features = engine.encode_images(image)
    bank = bank_of([engine.encode_support(features, disc(128, 128)), engine.encode_support(features, disc(60, 190))])
    layer = engine.model.memory_attention.layers[-1].cross_attn_image
    given: list[torch.Tensor] = []
    hook = layer.register_forward_hook(
        lambda module, _, named, output: given.extend((named["v"], output)), with_kwargs=True
    )
    engine.attend(features, bank)
    hook.remove()
    values, output = given
    side = engine.image_size // 16
    step = side // 8
    places = output.unflatten(1, (side, side))[:, step // 2 :: step, step // 2 :: step].flatten(1, 2)
    again = layer.out_proj(attention_weights(attended_by(engine, features, bank)) @ layer.v_proj(values))
    torch.testing.assert_close(again, places, atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_shares_add_up_to_one_and_the_slice_itself_gets_more_than_noise(engine: Sam2Engine) -> None:
    mask = disc(128, 128)
    image = mask * 0.7 + 0.1
    features = engine.encode_images(image)
    noise = engine.encode_images(torch.rand(1, 256, 256, generator=torch.Generator().manual_seed(0)))
    bank = bank_of([engine.encode_support(noise, torch.zeros(1, 256, 256)), engine.encode_support(features, mask)])
    seen = attention_by_memory(attended_by(engine, features, bank), mask)
    assert seen.shape == (1, 2)
    assert float(seen.sum()) == pytest.approx(1, abs=1e-5)
    assert seen[0, 1] > seen[0, 0]


@torch.inference_mode()
def test_a_pointer_without_a_mask_has_a_share_of_its_own(engine: Sam2Engine) -> None:
    mask = disc(128, 128)
    features = engine.encode_images(mask)
    memory = engine.encode_support(features, mask)
    bank = MemoryBank([SpatialEntry(memory.spatial, 0)], [PointerEntry(memory.pointer, n) for n in (1, 2, 3)])
    seen = attention_by_memory(attended_by(engine, features, bank), torch.zeros(1, 64, 64))
    assert seen.shape == (1, 3)
    assert bool((seen > 0).all())
    assert float(seen.sum()) == pytest.approx(1, abs=1e-5)
