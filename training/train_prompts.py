"""Teach the bundled segmenter points and boxes, and leave everything that it does without them as it was.

Only what no run without prompts uses is trained: the embeddings of points and corners, and the heads of the three masks
that SAM 2 makes for prompts (with their rows of the predicted IoU). All else is frozen.

    python -m training.train_prompts --state DIR [--data DATA] [--steps 160] [--seed 0] [--only-points]

An episode is used as the product uses a person: a slice has supports from other subjects and a mask so far, which is
wrong somewhere; clicks fall into the largest region of error (SAM, section 3), one to four of them, or
a box with jitter comes first. The state folder holds everything needed to go on after a stop.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from RetrievalSAMLib.models.build import build_segmenter
from RetrievalSAMLib.segmentation.clicks import Click, Frame, pushed
from RetrievalSAMLib.segmentation.prompting import bank_with_own
from RetrievalSAMLib.segmentation.sam2_engine import (
    MASK_LOGIT,
    AllMasks,
    ImageFeatures,
    Memory,
    MemoryBank,
    PointerEntry,
    Prompts,
    Sam2Engine,
    SpatialEntry,
)
from training.anatomy import chance, integer, uniform
from training.clicking import wrong_place
from training.episodes import Episode, EpisodeSource, batch
from training.loop import learning_rate, read_arguments, save
from training.templates import load_templates

SHAPES = ((2, 3, 2), (3, 3, 1), (2, 4, 1), (4, 2, 1), (1, 5, 2))
"""(tasks, subjects, slices) of a step."""

OBJECTS = 2
CLICKS = 4
SAVE_EVERY = 50
BOXES = 0.3
"""How often a box comes before the clicks."""

ONLY_POINTS = "--only-points"
_IOU_HEAD = "sam_mask_decoder.iou_prediction_head.layers."


@dataclass(frozen=True)
class Query:
    """Slices that a person looks at, B of them, with a segment each.

    Attributes:
        features: Of the slices.
        supports: Memories of other slices, of B segments each.
        images: float (B, s, s), at the resolution of the decoder's masks.
        so_far: bool (B, s, s), the masks that are to be corrected.
        truth: float (B, s, s), how much of each cell belongs to the segment.
    """

    features: ImageFeatures
    supports: Sequence[Memory]
    images: np.ndarray
    so_far: np.ndarray
    truth: torch.Tensor


def trained_parameters(model: torch.nn.Module, only_points: bool) -> dict[str, torch.nn.Parameter]:
    """What is trained, by name; everything else stops asking for gradients.

    The rows of the predicted IoU are in one matrix with that of the mask without prompts, whose gradient is kept at 0.
    """
    wanted = {}
    last = max(
        int(name.removeprefix(_IOU_HEAD).split(".")[0]) for name in model.state_dict() if name.startswith(_IOU_HEAD)
    )
    for name, parameter in model.named_parameters():
        is_point = "sam_prompt_encoder.point_embeddings." in name
        is_head = any(f"output_hypernetworks_mlps.{mask}." in name for mask in (1, 2, 3))
        is_iou = name.startswith(f"{_IOU_HEAD}{last}.")
        trained = is_point or (not only_points and (is_head or is_iou))
        parameter.requires_grad_(trained)
        if trained:
            wanted[name] = parameter
        if trained and is_iou:
            parameter.register_hook(_without_first_row)
    return wanted


def ask_for_three(model: torch.nn.Module) -> None:
    """Let points and boxes, and nothing else, ask for three masks; in segmenter.yaml the same four lines do that."""
    model.multimask_output_in_sam = True
    model.multimask_output_for_tracking = True
    model.multimask_min_pt_num = 1
    model.multimask_max_pt_num = 1000


def start_from_one_mask(model: torch.nn.Module) -> None:
    """Let the heads of the three masks begin as that of the mask without prompts: a hundred steps less to learn."""
    decoder = model.sam_mask_decoder
    heads = decoder.output_hypernetworks_mlps
    iou = decoder.iou_prediction_head.layers[-1]
    with torch.no_grad():
        for mask in range(1, len(heads)):
            heads[mask].load_state_dict(heads[0].state_dict())
            iou.weight[mask] = iou.weight[0]
            iou.bias[mask] = iou.bias[0]


def _without_first_row(gradient: torch.Tensor) -> torch.Tensor:
    kept = gradient.clone()
    kept[0] = 0
    return kept


@torch.no_grad()
def query_of(engine: Sam2Engine, episode: Episode) -> Query:
    """Every slice with the slices of the other subjects as its supports, and a mask so far that is wrong somewhere."""
    tasks, subjects, slices, objects, size, _ = episode.masks.shape
    encoded = engine.encode_images(episode.images.flatten(0, 2))
    image_of = torch.arange(tasks * subjects * slices)[:, None].expand(-1, objects).flatten()
    features = encoded.select(image_of)
    known = engine.encode_support(features, episode.masks.flatten(0, 3))
    place = torch.arange(len(image_of)).view(tasks, subjects, slices, objects)
    count = min(integer(1, (subjects - 1) * slices + 1), 6)
    supports = torch.empty(count, *place.shape, dtype=torch.long)
    for task in range(tasks):
        for subject in range(subjects):
            others = [s for s in range(subjects) if s != subject]
            pool = place[task, others].reshape(-1, objects)
            for number in range(slices):
                supports[:, task, subject, number] = pool[torch.randperm(len(pool))[:count]]
    chosen = [Memory(known.spatial[rows.flatten()], known.pointer[rows.flatten()]) for rows in supports]
    bank = MemoryBank(
        [SpatialEntry(m.spatial, 0) for m in chosen],
        [PointerEntry(m.pointer, rank + 1) for rank, m in enumerate(chosen)],
    )
    small = F.avg_pool2d(episode.masks.flatten(0, 2), 4)
    truth = small.flatten(0, 1)
    spread = small.unflatten(0, (tasks, subjects, slices))
    others_mean = ((spread.sum(1, keepdim=True) - spread) / (subjects - 1)).flatten(0, 3)
    found = engine.decode(features, engine.attend(features, bank)).logits > 0
    so_far = []
    for row in range(len(truth)):
        which = uniform(0, 1)
        if which < 0.55:
            mask = found[row]
        elif which < 0.7:
            mask = others_mean[row] > 0.5
        elif which < 0.9:
            mask = _spoiled(truth[row] > 0.5)
        else:
            mask = torch.zeros_like(found[row])
        so_far.append(mask.numpy())
    images = F.avg_pool2d(episode.images.flatten(0, 2)[:, None], 4)[image_of, 0].numpy()
    return Query(features, chosen, images, np.stack(so_far), truth)


def _spoiled(mask: torch.Tensor) -> torch.Tensor:
    """A mask that is moved, too large, too small, or lacks a part."""
    moved = torch.roll(mask, (integer(-6, 7), integer(-6, 7)), (0, 1)) if chance(0.6) else mask
    if chance(0.4):
        width = 2 * integer(1, 4) + 1
        grown = F.max_pool2d(moved[None].float(), width, 1, width // 2)[0] > 0
        shrunk = -F.max_pool2d(-moved[None].float(), width, 1, width // 2)[0] > 0
        moved = grown if chance(0.5) else shrunk
    if chance(0.4):
        row, column = integer(0, mask.shape[0]), integer(0, mask.shape[1])
        moved = moved.clone()
        moved[row : row + 14, column : column + 14] = chance(0.5)
    return moved


def click_on(found: np.ndarray, truth: np.ndarray) -> Click:
    """Where a person would click, mostly in the middle of a mistake; where nothing is wrong, the click says so."""
    place = wrong_place(found, truth, middle=chance(0.6))
    if place is None:
        places = np.argwhere(truth) if truth.any() else np.argwhere(~truth)
        row, column = places[integer(0, len(places))]
        place = int(row), int(column), bool(truth.any())
    return Click(place[0] + 0.5, place[1] + 0.5, place[2])


def box_of(truth: np.ndarray) -> Frame:
    """The box of a mask with jitter of a tenth of its sides; of an empty one some box, as nothing lies in it."""
    rows, columns = np.nonzero(truth)
    if not len(rows):
        top, left = uniform(5, 40), uniform(5, 40)
        return Frame(top, left, top + uniform(5, 20), left + uniform(5, 20))
    top, bottom = float(rows.min()), float(rows.max() + 1)
    left, right = float(columns.min()), float(columns.max() + 1)
    high, wide = bottom - top, right - left
    move = [float(v) for v in 0.05 * torch.randn(4).clamp(-2, 2)]
    return Frame(top + high * move[0], left + wide * move[1], bottom + high * move[2], right + wide * move[3])


def prompts_of(clicks: Sequence[Sequence[Click]], boxes: Sequence[Frame] | None, cell: float) -> Prompts:
    """Clicks and boxes of B segments, equally many each, in SAM 2's terms; ``cell`` is its side in input pixels."""
    points, labels = [], []
    for row, own in enumerate(clicks):
        corners = [] if boxes is None else [(boxes[row].left, boxes[row].top), (boxes[row].right, boxes[row].bottom)]
        points.append([*corners, *((c.column, c.row) for c in own)])
        labels.append([*([2, 3] if corners else []), *(int(c.positive) for c in own)])
    return Prompts(
        torch.tensor(points) * cell - 0.5,
        torch.tensor(labels, dtype=torch.int32),
    )


def loss_of(answer: AllMasks, truth: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Of the best of the masks (SAM, section 3): Dice, cross-entropy, half of it near the truth, predicted IoU.

    Returns:
        The loss, the masks that the predicted IoU picks bool (B, s, s), and their Dice (B,).
    """
    logits = answer.logits
    target = truth[:, None].expand_as(logits)
    probability = logits.sigmoid()
    both = (probability * target).sum((2, 3))
    dice = (2 * both + 1) / (probability.sum((2, 3)) + target.sum((2, 3)) + 1)
    pixel = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    near = F.max_pool2d(truth[:, None], 7, stride=1, padding=3)
    pixel = 0.5 * pixel.mean((2, 3)) + 0.5 * (pixel * near).sum((2, 3)) / (near.sum((2, 3)) + 1)
    losses = 1 - dice + 2 * pixel
    with torch.no_grad():
        hard, right = logits > 0, target > 0.5
        common, either = (hard & right).sum((2, 3)), (hard | right).sum((2, 3))
        iou = torch.where(either > 0, common / either.clamp(min=1), torch.ones_like(dice))
        hard_dice = 2 * iou / (1 + iou)
        rows, picked = torch.arange(len(logits)), answer.predicted_iou.argmax(1)
    total = losses.amin(1).mean() + 0.05 * losses.mean() + 0.3 * (answer.predicted_iou - iou).abs().mean()
    return total, hard[rows, picked], hard_dice[rows, picked]


def train_on(engine: Sam2Engine, query: Query) -> dict[str, float]:
    """Gradients of one query: clicks on what those before left wrong; two numbers of clicks are decoded."""
    truth = query.truth.numpy() > 0.5
    cell = engine.image_size / truth.shape[-1]
    boxes = [box_of(mask) for mask in truth] if chance(BOXES) else None
    clicks: list[list[Click]] = [[] for _ in truth]
    now = query.so_far
    values = {"before": float(_dice(now, truth).mean())}
    decoded = (0, integer(1, CLICKS))
    for number in range(max(decoded) + 1):
        if boxes is None or number:
            for own, found, right in zip(clicks, now, truth, strict=True):
                own.append(click_on(found, right))
        said = np.stack(
            [
                pushed(mask, image, own, boxes[row] if boxes else None)
                for row, (mask, image, own) in enumerate(zip(query.so_far, query.images, clicks, strict=True))
            ]
        )
        now = said > 0
        if number not in decoded:
            continue
        prompts = prompts_of(clicks, boxes, cell)
        with torch.no_grad():
            so_far = torch.from_numpy(said * np.float32(MASK_LOGIT))
            bank = bank_with_own(engine, query.features, so_far, query.supports, 1)
            conditioned = engine.attend(query.features, bank)
        loss, found_now, dice = loss_of(engine.decode_all(query.features, conditioned, prompts), query.truth)
        (loss / len(decoded)).backward()
        name = f"{'box' if boxes else 'click'}_{number + 1}"
        values |= {f"loss_{name}": loss.item(), f"dice_{name}": float(dice.mean())}
        values[f"pushed_{name}"] = float(_dice(now, truth).mean())
        with torch.no_grad():
            plain = engine.decode(query.features, conditioned).logits > 0
        values[f"frozen_{name}"] = float(_dice(plain.numpy(), truth).mean())
        now = found_now.numpy()
    return values


def _dice(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Per mask; both empty: 1."""
    both, either = (found & truth).sum((1, 2)), found.sum((1, 2)) + truth.sum((1, 2))
    dice: np.ndarray = np.where(either > 0, 2 * both / np.maximum(either, 1), 1.0)
    return dice


class Steps(torch.utils.data.IterableDataset[Episode]):
    """The episodes of every step from ``first`` on; step n is the same whenever training was stopped before it."""

    def __init__(
        self, source: EpisodeSource, seed: int, first: int, last: int, shapes: Sequence[tuple[int, int, int]]
    ) -> None:
        self.source, self.seed, self.first, self.last, self.shapes = source, seed, first, last, shapes

    def __iter__(self) -> Iterator[Episode]:
        torch.set_num_threads(1)
        for step in range(self.first, self.last):
            torch.manual_seed(1_000_033 * (self.seed + 7) + step)
            tasks, subjects, slices = self.shapes[integer(0, len(self.shapes))]
            yield batch(self.source, tasks, subjects, slices, OBJECTS)


def main() -> None:
    """Command line."""
    only_points = ONLY_POINTS in sys.argv
    sys.argv = [word for word in sys.argv if word != ONLY_POINTS]
    arguments = read_arguments(__doc__.split("\n")[0], steps=160, peak=6e-4, seed=0)
    model = build_segmenter(checkpoint=arguments.initial).model
    if not only_points:
        ask_for_three(model)
        start_from_one_mask(model)
    engine = Sam2Engine(model)
    wanted = trained_parameters(model, only_points)
    average = {name: parameter.detach().clone() for name, parameter in wanted.items()}
    optimizer = torch.optim.AdamW(wanted.values(), lr=arguments.peak, weight_decay=0.0, betas=(0.9, 0.98))
    source = EpisodeSource(engine.image_size, load_templates(arguments.data) if arguments.data else None)
    step, seconds = 0, 0.0
    state_path = arguments.state / "state.pt"
    if state_path.exists():
        state = torch.load(state_path, weights_only=True)
        model.load_state_dict(state["trained"], strict=False)
        average, step, seconds = state["average"], state["step"], state["seconds"]
        optimizer.load_state_dict(state["optimizer"])
    log = (arguments.state / "log.jsonl").open("a")
    began = time.monotonic() - seconds
    running: dict[str, list[float]] = {}
    steps = Steps(source, arguments.seed, step, arguments.steps, SHAPES)
    for episode in torch.utils.data.DataLoader(steps, batch_size=None, num_workers=1, prefetch_factor=4):
        torch.manual_seed(1_000_003 * (arguments.seed + 11) + step)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, arguments.steps, arguments.peak)
        optimizer.zero_grad(set_to_none=True)
        values = train_on(engine, query_of(engine, episode))
        norm = torch.nn.utils.clip_grad_norm_(wanted.values(), 1.0)
        if torch.isfinite(norm):  # one broken episode must not end a run
            optimizer.step()
        step += 1
        decay = min(0.99, step / (step + 20))
        with torch.no_grad():
            for name, parameter in wanted.items():
                average[name].lerp_(parameter, 1 - decay)
        for name, value in values.items():
            running.setdefault(name, []).append(value)
        if step % 25 == 0:
            row = {name: round(sum(v) / len(v), 4) for name, v in running.items()}
            row |= {"step": step, "seconds": round(time.monotonic() - began)}
            log.write(json.dumps(row) + "\n")
            log.flush()
            running = {}
        if step % SAVE_EVERY == 0 or step == arguments.steps:
            content = {"trained": {name: p.detach() for name, p in wanted.items()}, "average": average}
            passed = time.monotonic() - began
            save(state_path, {**content, "optimizer": optimizer.state_dict(), "step": step, "seconds": passed})
            save(arguments.state / "segmenter.pt", {"model": model.state_dict() | average})


if __name__ == "__main__":
    main()
