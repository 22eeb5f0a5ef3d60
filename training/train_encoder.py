"""Train the bundled retrieval encoder: DINOv2's architecture, small, by contrast between subjects.

A slice should lie near the slices of another subject that show the same structures at the same place, and far
from its other slices and from other anatomies.

    python -m training.train_encoder --state DIR [--data DATA] [--steps 420] [--seed 0]
"""

from __future__ import annotations

import json
import time
from typing import Any

import timm
import torch
import torch.nn.functional as F

from RetrievalSAMLib.retrieval.embedding import grid_embedding
from RetrievalSAMLib.segmentation.sam2.engine import IMAGE_MEAN, IMAGE_STD
from training.episodes import Episode, EpisodeSource, batch
from training.loop import RANDOM, learning_rate, read_arguments, save
from training.templates import load_templates

ARCHITECTURE: dict[str, Any] = {
    "img_size": 112,
    "patch_size": 14,
    "embed_dim": 192,
    "depth": 6,
    "num_heads": 3,
    "mlp_ratio": 4,
    "init_values": 0.1,
    "num_classes": 24,
}
"""DINOv2's ViT layout (patch 14, layer scale, class token) with fewer and narrower blocks: 2.7 M parameters.

The head maps every patch token to 24 numbers: an embedding is their mean in each cell of a 4 x 4 grid, because
what a slice shows matters only together with where it shows it.
"""

TASKS, SLICES = 8, 6


def embed(model: timm.models.VisionTransformer, images: torch.Tensor) -> torch.Tensor:
    """Unit embeddings (b, d) of images (b, S, S) in [0, 1]."""
    mean = images.new_tensor(IMAGE_MEAN)[:, None, None]
    std = images.new_tensor(IMAGE_STD)[:, None, None]
    return grid_embedding(model, ((images[:, None] - mean) / std).expand(-1, 3, -1, -1))


def likeness(episode: Episode) -> torch.Tensor:
    """How well slices of subject 0 stand for slices of subject 1, (tasks, slices, slices) in [0, 1].

    Half is the mean Dice of the structures (1 where both slices lack one), half the nearness in depth.
    """
    masks = F.avg_pool2d(episode.masks.flatten(0, 2), 4).unflatten(0, episode.masks.shape[:3])
    first, second = (m.flatten(-2) for m in masks.unbind(1))  # (tasks, slices, objects, pixels)
    both = torch.einsum("tsop,tqop->tsqo", first, second)
    total = first.sum(-1)[:, :, None] + second.sum(-1)[:, None]
    dice = torch.where(total > 0, 2 * both / total.clamp(min=1e-6), torch.ones_like(both)).mean(-1)
    depth_first, depth_second = episode.depth.unbind(1)
    gap = (depth_first[:, :, None] - depth_second[:, None]).abs()
    return 0.5 * dice + 0.5 * torch.exp(-((gap / 0.15) ** 2))


def contrast(first: torch.Tensor, second: torch.Tensor, wanted: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Cross-entropy between the slices' wanted and actual neighbours among all tasks' slices, both ways."""
    tasks, slices, _ = first.shape
    target = torch.block_diag(*wanted.div(0.08).softmax(-1))
    target_back = torch.block_diag(*wanted.transpose(1, 2).div(0.08).softmax(-1))
    logits = scale.exp().clamp(max=60) * first.flatten(0, 1) @ second.flatten(0, 1).T
    return 0.5 * (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target_back))


def main() -> None:
    """Command line."""
    arguments = read_arguments(__doc__.split("\n")[0], steps=420, peak=1e-3, seed=1, initial=RANDOM)
    model = timm.models.VisionTransformer(**ARCHITECTURE)
    scale = torch.nn.Parameter(torch.tensor(2.5))
    optimizer = torch.optim.AdamW([*model.parameters(), scale], lr=arguments.peak, weight_decay=0.04, betas=(0.9, 0.98))
    source = EpisodeSource(
        ARCHITECTURE["img_size"],
        load_templates(arguments.data) if arguments.data else None,
        steps=(0.04, 0.22),
        render_sizes=(80, 112),
    )
    if arguments.initial is not None and arguments.initial != RANDOM:
        model.load_state_dict(torch.load(arguments.initial, weights_only=True)["model"])
    step, seconds = 0, 0.0
    state_path = arguments.state / "state.pt"
    if state_path.exists():
        state = torch.load(state_path, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        with torch.no_grad():
            scale.copy_(state["scale"])
        step, seconds = state["step"], state["seconds"]
        torch.set_rng_state(state["rng"])
    model.train()
    log = (arguments.state / "log.jsonl").open("a")
    began = time.monotonic() - seconds
    while step < arguments.steps:
        rate = learning_rate(step, arguments.steps, arguments.peak)
        for group in optimizer.param_groups:
            group["lr"] = rate
        episode = batch(source, TASKS, 2, SLICES, 3)
        tokens = embed(model, episode.images.flatten(0, 2)).unflatten(0, (TASKS, 2, SLICES))
        first, second = tokens.unbind(1)
        wanted = likeness(episode)
        loss = contrast(first, second, wanted, scale)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        if step % 25 == 0:
            with torch.no_grad():
                near = torch.einsum("tsd,tqd->tsq", first, second).argmax(-1)
                got = wanted.gather(2, near[..., None]).mean().item()
            row = {
                "step": step,
                "seconds": round(time.monotonic() - began),
                "rate": rate,
                "loss": round(loss.item(), 4),
                "likeness_retrieved": round(got, 3),
                "likeness_random": round(wanted.mean().item(), 3),
                "likeness_best": round(wanted.amax(-1).mean().item(), 3),
            }
            log.write(json.dumps(row) + "\n")
            log.flush()
        if step % 50 == 0 or step == arguments.steps:
            save(
                state_path,
                {
                    "model": model.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "scale": scale.detach(),
                    "step": step,
                    "seconds": time.monotonic() - began,
                    "rng": torch.get_rng_state(),
                },
            )
            save(arguments.state / "encoder.pt", {"model": model.state_dict()})


if __name__ == "__main__":
    main()
