"""DINOv2: the published file's names and shapes, and what timm makes of them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from same_weights import same_weights

from RetrievalSAMLib.errors import ModelError
from RetrievalSAMLib.models import catalogue, store
from RetrievalSAMLib.models.build import (
    build_encoder,
    random_encoder,
)
from RetrievalSAMLib.models.catalogue import CatalogueEntry

PublishedAs = Callable[[str, Path], CatalogueEntry]


def published_dinov2() -> dict[str, tuple[int, ...]]:
    """Names and shapes of dinov2_vits14_pretrain.pth, as the DINOv2 repository's model has them."""
    block = {
        "norm1.weight": (384,),
        "norm1.bias": (384,),
        "attn.qkv.weight": (1152, 384),
        "attn.qkv.bias": (1152,),
        "attn.proj.weight": (384, 384),
        "attn.proj.bias": (384,),
        "ls1.gamma": (384,),
        "norm2.weight": (384,),
        "norm2.bias": (384,),
        "mlp.fc1.weight": (1536, 384),
        "mlp.fc1.bias": (1536,),
        "mlp.fc2.weight": (384, 1536),
        "mlp.fc2.bias": (384,),
        "ls2.gamma": (384,),
    }
    shapes: dict[str, tuple[int, ...]] = {
        "cls_token": (1, 1, 384),
        "pos_embed": (1, 1370, 384),
        "mask_token": (1, 384),
        "patch_embed.proj.weight": (384, 3, 14, 14),
        "patch_embed.proj.bias": (384,),
    }
    for index in range(12):
        shapes.update({f"blocks.{index}.{name}": shape for name, shape in block.items()})
    return {**shapes, "norm.weight": (384,), "norm.bias": (384,)}


@pytest.fixture(scope="module")
def dinov2_tensors() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(11)
    return {
        name: torch.randn(shape, generator=generator) * 0.05 + (1.0 if "norm" in name or "gamma" in name else 0.0)
        for name, shape in published_dinov2().items()
    }


@pytest.fixture
def dinov2_file(dinov2_tensors: dict[str, torch.Tensor], tmp_path: Path) -> Path:
    path = tmp_path / "dinov2_vits14_pretrain.pth"
    torch.save(dinov2_tensors, path)
    return path


def plain_dinov2(tensors: dict[str, torch.Tensor], image: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """ViT-S/14 as the DINOv2 paper has it, from the published names: pre-norm, 6 heads, LayerScale."""

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        return F.layer_norm(x, (384,), tensors[f"{name}.weight"], tensors[f"{name}.bias"], eps=1e-6)

    def linear(x: torch.Tensor, name: str) -> torch.Tensor:
        return F.linear(x, tensors[f"{name}.weight"], tensors[f"{name}.bias"])

    projection = tensors["patch_embed.proj.weight"], tensors["patch_embed.proj.bias"]
    x = F.conv2d(image, *projection, stride=14).flatten(2).transpose(1, 2)
    x = torch.cat([tensors["cls_token"].expand(len(x), -1, -1), x], dim=1) + positions
    for index in range(12):
        name = f"blocks.{index}"
        qkv = linear(norm(x, f"{name}.norm1"), f"{name}.attn.qkv")
        q, k, v = qkv.unflatten(2, (3, 6, 64)).permute(2, 0, 3, 1, 4)  # each (b, 6, tokens, 64)
        attended = ((q @ k.transpose(-1, -2)) / math.sqrt(64)).softmax(-1) @ v
        x = x + tensors[f"{name}.ls1.gamma"] * linear(attended.transpose(1, 2).flatten(2), f"{name}.attn.proj")
        hidden = F.gelu(linear(norm(x, f"{name}.norm2"), f"{name}.mlp.fc1"))
        x = x + tensors[f"{name}.ls2.gamma"] * linear(hidden, f"{name}.mlp.fc2")
    return norm(x, "norm")


def test_the_published_shapes_weigh_what_the_published_file_weighs() -> None:
    weights = sum(4 * math.prod(shape) for shape in published_dinov2().values())
    overhead = catalogue.CATALOGUE["dinov2-s14"].bytes - weights
    assert 0 < overhead < 500 * len(published_dinov2())


def test_dinov2_is_loaded_from_the_published_names(
    dinov2_tensors: dict[str, torch.Tensor], dinov2_file: Path, published_as: PublishedAs
) -> None:
    entry = published_as("dinov2-s14", dinov2_file)
    store.import_from(dinov2_file)
    loaded = build_encoder("dinov2-s14")
    assert (loaded.name, loaded.sha256, loaded.origin) == ("dinov2-s14", entry.sha256, "catalogue")
    assert (loaded.image_size, loaded.dim) == (224, 384)
    assert (loaded.mean, loaded.std) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert not loaded.model.training and not any(p.requires_grad for p in loaded.model.parameters())

    image = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    found = loaded.model.forward_features(image)
    assert found.shape == (2, 1 + 16 * 16, 384)
    expected = plain_dinov2(dinov2_tensors, image, loaded.model.pos_embed)
    assert torch.allclose(found, expected, atol=1e-4)
    swapped = {**dinov2_tensors, "blocks.3.ls1.gamma": dinov2_tensors["blocks.3.ls2.gamma"]}
    assert not torch.allclose(found, plain_dinov2(swapped, image, loaded.model.pos_embed), atol=1e-4)


def test_the_position_embedding_is_resampled_as_a_picture(
    dinov2_tensors: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    """The published grid is 37 x 37. A ramp stays a ramp with its direction, and the class token's stays."""
    rows = torch.linspace(-1, 1, 37)[:, None].expand(37, 37)
    grid = torch.zeros(37, 37, 384)
    grid[..., 0], grid[..., 1] = rows, rows.T
    first = torch.full((1, 1, 384), 9.0)
    tensors = {**dinov2_tensors, "pos_embed": torch.cat([first, grid.reshape(1, -1, 384)], dim=1)}
    torch.save(tensors, tmp_path / "ramp.pth")
    positions = build_encoder("dinov2-s14", checkpoint=tmp_path / "ramp.pth").model.pos_embed
    assert positions.shape == (1, 257, 384)
    assert torch.equal(positions[:, :1], first)
    found = positions[0, 1:].reshape(16, 16, 384)
    expected = ((torch.arange(16) + 0.5) * 37 / 16 - 0.5) / 18 - 1
    assert torch.allclose(found[2:-2, :, 0], expected[2:-2, None].expand(-1, 16), atol=0.02)
    assert torch.allclose(found[:, 2:-2, 1], expected[None, 2:-2].expand(16, -1), atol=0.02)


def test_dinov2_without_the_mask_token_is_the_same(
    dinov2_tensors: dict[str, torch.Tensor], dinov2_file: Path, tmp_path: Path
) -> None:
    path = tmp_path / "without.pth"
    torch.save({name: value for name, value in dinov2_tensors.items() if name != "mask_token"}, path)
    one = build_encoder("dinov2-s14", checkpoint=dinov2_file)
    other = build_encoder("dinov2-s14", checkpoint=path)
    assert same_weights(one.model, other.model) and one.sha256 != other.sha256


@pytest.mark.parametrize(
    ("name", "shape"), [("pos_embed", (1, 257, 384)), ("patch_embed.proj.weight", (384, 3, 16, 16))]
)
def test_dinov2_of_another_shape_is_refused_and_not_resampled_in_silence(
    dinov2_tensors: dict[str, torch.Tensor], tmp_path: Path, name: str, shape: tuple[int, ...]
) -> None:
    torch.save({**dinov2_tensors, name: torch.zeros(shape)}, tmp_path / "other.pth")
    with pytest.raises(ModelError, match=f"does not fit dinov2-s14, 1 of its tensors differ: {name} has shape"):
        build_encoder("dinov2-s14", checkpoint=tmp_path / "other.pth")


def test_random_encoders_follow_the_seed() -> None:
    one, again = random_encoder("dinov2-s14", seed=1), random_encoder("dinov2-s14", seed=1)
    assert same_weights(one.model, again.model)
    assert dataclasses.replace(one, model=again.model) == again
    assert not same_weights(one.model, random_encoder("dinov2-s14", seed=2).model)
