"""Train the bundled segmenter from random weights on episodes.

An episode is used as the product uses a library: slices of some subjects are supports, the slices of another
are segmented one after the other, each with its supports and the predictions before it as memories.

    python -m training.train_segmenter --state DIR [--data DATA] [--steps 4700] [--seed 0]

The state folder holds everything needed to go on after a stop: start the same command again.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from hydra.utils import instantiate
from omegaconf import OmegaConf

from RetrievalSAMLib.segmentation.sam2_engine import (
    NO_OBJECT_LOGIT,
    Decoded,
    Memory,
    MemoryBank,
    PointerEntry,
    Sam2Engine,
    SpatialEntry,
)
from training.anatomy import chance, integer
from training.episodes import Episode, EpisodeSource, batch
from training.loop import learning_rate, read_arguments, save
from training.templates import load_templates

CONFIG = Path(__file__).parent.parent / "RetrievalSAMLib" / "models" / "bundled" / "segmenter.yaml"
SHAPES = ((2, 4, 2), (2, 3, 3), (3, 3, 2), (2, 2, 4), (3, 4, 1), (3, 5, 1), (1, 4, 4), (1, 5, 4))
"""(tasks, subjects, slices) of a step: few subjects teach propagation, many teach the use of supports."""

OBJECTS = 2
PLACE_MEMORY = 0.4
"""How often a slice attends to a guess of its own mask as well: where the others have theirs."""


class Steps(torch.utils.data.IterableDataset[Episode]):
    """The episodes of every step from ``first`` on; step n is the same whenever training was stopped before it."""

    def __init__(self, source: EpisodeSource, seed: int, first: int) -> None:
        self.source, self.seed, self.first = source, seed, first

    def __iter__(self) -> Iterator[Episode]:
        torch.set_num_threads(1)
        for step in itertools.count(self.first):
            torch.manual_seed(1_000_003 * self.seed + step)
            tasks, subjects, slices = SHAPES[integer(0, len(SHAPES))]
            yield batch(self.source, tasks, subjects, slices, OBJECTS)


def _pick(values: Memory, index: torch.Tensor) -> Memory:
    return Memory(values.spatial[index], values.pointer[index])


def _mean_of_others(masks: torch.Tensor) -> torch.Tensor:
    """Mean mask of the other subjects at the same slice, at a quarter of the resolution (t, n, s, o, S/4, S/4)."""
    small = F.avg_pool2d(masks.flatten(0, 2), 4).unflatten(0, masks.shape[:3])
    return (small.sum(1, keepdim=True) - small) / (masks.shape[1] - 1)


def run_episodes(engine: Sam2Engine, episode: Episode) -> tuple[Decoded, torch.Tensor]:
    """Segment every slice of every subject from the slices of the other subjects.

    Args:
        engine: Holds the model that is trained.
        episode: Of shapes (tasks, subjects, slices, ...).

    Returns:
        The decoder's answers for B = tasks * subjects * objects * slices, slices outermost, and the masks
        (B, S, S) that they should have been.
    """
    tasks, subjects, slices, objects, size, _ = episode.masks.shape
    features = engine.encode_images(episode.images.flatten(0, 2))
    image_of = torch.arange(tasks * subjects * slices)[:, None].expand(-1, objects).flatten()
    known = engine.encode_support(features.select(image_of), episode.masks.flatten(0, 3))
    place = torch.arange(len(image_of)).view(tasks, subjects, slices, objects)
    # Supports of a subject: slices of the others, the same number for all so that they make one batch.
    count = integer(1, (subjects - 1) * slices + 1)
    supports = torch.empty(count, tasks, subjects, objects, dtype=torch.long)
    for task in range(tasks):
        for subject in range(subjects):
            others = [s for s in range(subjects) if s != subject]
            pool = place[task, others].reshape(-1, objects)
            supports[:, task, subject] = pool[torch.randperm(len(pool))[:count]]
    conditioning = [_pick(known, index.flatten()) for index in supports]
    distances = [float(integer(1, engine.max_pointers)) for _ in conditioning]
    order = list(range(slices)) if chance(0.5) else list(range(slices))[::-1]
    others_mean = _mean_of_others(episode.masks) if chance(PLACE_MEMORY) else None
    answers: list[Decoded] = []
    targets: list[torch.Tensor] = []
    past: list[Memory] = []
    for slice_index in order:
        rows = place[:, :, slice_index].flatten()  # (tasks * subjects * objects)
        query = features.select(image_of[rows])
        guessed = []
        if others_mean is not None:
            guess = engine.encode_place(query, others_mean[:, :, slice_index].flatten(0, 2))
            guessed = [SpatialEntry(guess, engine.num_maskmem - 1)]
        bank = MemoryBank(
            [SpatialEntry(m.spatial, 0) for m in conditioning]
            + guessed
            + [SpatialEntry(m.spatial, back + 1) for back, m in enumerate(reversed(past))],
            [PointerEntry(m.pointer, d) for m, d in zip(conditioning, distances, strict=True)]
            + [PointerEntry(m.pointer, back + 1) for back, m in enumerate(reversed(past))],
        )
        answer = engine.decode(query, engine.attend(query, bank))
        answers.append(answer)
        targets.append(episode.masks[:, :, slice_index].flatten(0, 2))
        if slice_index != order[-1]:
            present = answer.object_score > 0
            logits = torch.where(present[:, None, None], answer.logits, NO_OBJECT_LOGIT)
            past.append(engine.encode_prediction(query, logits, present, answer.pointer))
    joined = Decoded(
        *(torch.cat([getattr(a, f) for a in answers]) for f in ("logits", "predicted_iou", "object_score", "pointer"))
    )
    return joined, torch.cat(targets)


def loss_of(answer: Decoded, masks: torch.Tensor) -> tuple[torch.Tensor, dict[str, float]]:
    """SAM 2's terms: mask (Dice and cross-entropy) where present, predicted IoU, object score everywhere."""
    size = answer.logits.shape[-1]
    target = F.interpolate(masks[:, None], size=(size, size), mode="area")[:, 0]
    present = masks.flatten(1).any(1)
    probability = answer.logits.sigmoid()
    overlap = (probability * target).sum((1, 2))
    dice = (2 * overlap + 1) / (probability.sum((1, 2)) + target.sum((1, 2)) + 1)
    pixel = F.binary_cross_entropy_with_logits(answer.logits, target, reduction="none")
    # Small structures would drown among background pixels: half the weight lies on the mask and its rim.
    near = F.max_pool2d(target[:, None], 7, stride=1, padding=3)[:, 0]
    pixel = 0.5 * pixel.mean((1, 2)) + 0.5 * (pixel * near).sum((1, 2)) / (near.sum((1, 2)) + 1)
    with torch.no_grad():
        hard, truth = answer.logits > 0, target > 0.5
        both, either = (hard & truth).sum((1, 2)), (hard | truth).sum((1, 2))
        iou = both / either.clamp(min=1)
        hard_dice = 2 * both / (hard.sum((1, 2)) + truth.sum((1, 2))).clamp(min=1)
    weight = present.float() / present.float().sum().clamp(min=1)
    mask_loss = (weight * (1 - dice + 2.0 * pixel)).sum()
    iou_loss = (weight * (answer.predicted_iou - iou).abs()).sum()
    # Absence is rare and must weigh as much as presence, or "always there" is the cheapest answer.
    balance = torch.where(present, 0.5 / present.sum().clamp(min=1), 0.5 / (~present).sum().clamp(min=1))
    presence_loss = F.binary_cross_entropy_with_logits(
        answer.object_score, present.float(), weight=balance, reduction="sum"
    )
    right = (answer.object_score > 0) == present
    values = {
        "dice": float((weight * hard_dice).sum()),
        "presence_present": float(right[present].float().mean()) if present.any() else float("nan"),
        "presence_absent": float(right[~present].float().mean()) if (~present).any() else float("nan"),
        "iou_error": iou_loss.item(),
    }
    total = mask_loss + 0.3 * iou_loss + 0.5 * presence_loss
    values["loss"] = total.item()
    return total, values


def main() -> None:
    """Command line."""
    arguments = read_arguments(__doc__.split("\n")[0], steps=4700, peak=6e-4, seed=0)
    config = OmegaConf.load(CONFIG)
    engine = Sam2Engine(instantiate(config.model))
    model = engine.model
    if arguments.initial:
        model.load_state_dict(torch.load(arguments.initial, weights_only=True)["model"])
    average = {k: v.clone() for k, v in model.state_dict().items()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=arguments.peak, weight_decay=0.02, betas=(0.9, 0.98))
    source = EpisodeSource(engine.image_size, load_templates(arguments.data) if arguments.data else None)
    step, seconds = 0, 0.0
    state_path = arguments.state / "state.pt"
    if state_path.exists():
        state = torch.load(state_path, weights_only=True)
        model.load_state_dict(state["model"])
        average = state["average"]
        optimizer.load_state_dict(state["optimizer"])
        step, seconds = state["step"], state["seconds"]
        torch.set_rng_state(state["rng"])
    model.train()
    log = (arguments.state / "log.jsonl").open("a")
    began = time.monotonic() - seconds
    running: dict[str, list[float]] = {}
    # Drawn by a process of its own while the step before is computed.
    steps = Steps(source, arguments.seed, step)
    episodes = iter(torch.utils.data.DataLoader(steps, batch_size=None, num_workers=1, prefetch_factor=4))
    while step < arguments.steps:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, arguments.steps, arguments.peak)
        answer, masks = run_episodes(engine, next(episodes))
        loss, values = loss_of(answer, masks)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        if torch.isfinite(norm):  # one broken episode must not end a night's run
            optimizer.step()
        step += 1
        decay = min(0.998, step / (step + 20))
        with torch.no_grad():
            for key, value in model.state_dict().items():
                average[key].lerp_(value, 1 - decay) if value.is_floating_point() else average[key].copy_(value)
        for key, number in values.items():
            if number == number:
                running.setdefault(key, []).append(number)
        if step % 50 == 0:
            row = {k: round(sum(v) / len(v), 4) for k, v in running.items()}
            row |= {
                "norm": round(norm.item(), 2),
                "step": step,
                "seconds": round(time.monotonic() - began),
                "rate": learning_rate(step, arguments.steps, arguments.peak),
            }
            log.write(json.dumps(row) + "\n")
            log.flush()
            running = {}
        if step % 100 == 0 or step == arguments.steps:
            save(
                state_path,
                {
                    "model": model.state_dict(),
                    "average": average,
                    "optimizer": optimizer.state_dict(),
                    "step": step,
                    "seconds": time.monotonic() - began,
                    "rng": torch.get_rng_state(),
                },
            )
            save(arguments.state / "segmenter.pt", {"model": average})


if __name__ == "__main__":
    main()
