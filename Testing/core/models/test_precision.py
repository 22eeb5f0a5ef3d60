"""bfloat16 where it pays, and nearly the same masks by it."""

from __future__ import annotations

import pytest
import torch

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.models import precision
from RetrievalSAMLib.models.build import build_segmenter
from RetrievalSAMLib.models.precision import VARIABLE, choose_precision, choose_training_precision
from RetrievalSAMLib.segmentation.engines.interface import Decoded, MemoryBank, PointerEntry, SpatialEntry
from RetrievalSAMLib.segmentation.sam2.engine import Sam2Engine

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("capabilities", "small", "expected"),
    [
        ({"avx512_bf16": True}, False, torch.bfloat16),
        ({"amx_bf16": True}, False, torch.bfloat16),
        ({"avx512_bf16": True}, True, torch.float32),
        ({"avx512_f": True, "avx512_bf16": False}, False, torch.float32),
        ({}, False, torch.float32),
    ],
)
def test_a_cpu_takes_bfloat16_where_it_has_instructions_for_it(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], small: bool, expected: torch.dtype
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert choose_precision(CPU, small) == expected


@pytest.mark.parametrize(
    ("capabilities", "plane", "expected"),
    [
        ({"avx512_bf16": True, "amx_bf16": True}, (48, 32), torch.bfloat16),
        ({"avx512_bf16": True, "amx_bf16": True}, (88, 88), torch.float32),
        ({"avx512_bf16": True, "amx_bf16": False}, (48, 32), torch.float32),
        ({}, (48, 32), torch.float32),
    ],
)
def test_training_takes_bfloat16_where_it_is_faster_and_writes_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], plane: tuple[int, int], expected: torch.dtype
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert choose_training_precision(CPU, plane) == expected


def test_an_old_pytorch_that_cannot_tell_takes_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert choose_precision(CPU, small=False) == torch.float32


@pytest.mark.parametrize(("capability", "expected"), [((7, 5), torch.float32), ((8, 0), torch.bfloat16)])
def test_a_graphics_card_takes_it_from_ampere_on(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], expected: torch.dtype
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert choose_precision(torch.device("cuda"), small=False) == expected


def test_a_mac_takes_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert not precision._multiplies_bfloat16(torch.device("mps"))


def test_the_environment_has_the_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "bfloat16")
    assert build_segmenter().precision == torch.bfloat16
    monkeypatch.setenv(VARIABLE, "float64")
    with pytest.raises(InputError, match="float64"):
        build_segmenter()


@torch.inference_mode()
def segmented(engine: Sam2Engine) -> Decoded:
    """A disc, by its own example."""
    rows, columns = torch.meshgrid(torch.arange(256), torch.arange(256), indexing="ij")
    disc = (((rows - 120) ** 2 + (columns - 140) ** 2) < 45**2).float()[None]
    features = engine.encode_images(disc * 0.6 + 0.2)
    memory = engine.encode_support(features, disc).rounded()
    tokens = engine.token_reduction(0.25)
    bank = MemoryBank([SpatialEntry(memory.spatial, 0)], [PointerEntry(memory.pointer, 1)], 16, tokens)
    return engine.decode(features, engine.attend(features, bank))


def test_masks_by_bfloat16_are_nearly_the_same_and_what_comes_out_is_float32() -> None:
    model = build_segmenter().model
    exact, rounded = (segmented(Sam2Engine(model, kind)) for kind in (torch.float32, torch.bfloat16))
    assert {t.dtype for t in vars(rounded).values()} == {torch.float32}
    assert not torch.equal(exact.logits, rounded.logits)
    differing = ((exact.logits > 0) != (rounded.logits > 0)).float().mean()
    assert (exact.logits > 0).float().mean() > 0.05
    assert float(differing) < 0.005
