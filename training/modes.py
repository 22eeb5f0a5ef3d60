"""How an episode is used: with a library, with a person's prompts, or as a first case of which one slice is known.

Each way decodes some slices and returns what came out beside what it should have been.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F

from RetrievalSAMLib.segmentation.prompts.click_masks import Click, pushed
from RetrievalSAMLib.segmentation.prompts.prompt_decoding import bank_with_own
from RetrievalSAMLib.segmentation.sam2.engine import (
    MASK_LOGIT,
    NO_OBJECT_LOGIT,
    Decoded,
    ImageFeatures,
    Memory,
    MemoryBank,
    PointerEntry,
    Prompts,
    Sam2Engine,
    SpatialEntry,
)
from training.anatomy import chance, integer
from training.episodes import Episode
from training.prompts import box_of, click_on, prompts_of, spoiled, stroke_in

PLACE_MEMORY = 0.4
"""How often a slice attends to a guess of its own mask as well: where the others have theirs."""

MOST_ROUNDS = 4
"""Of clicks, each on the largest mistake that those before have left."""

_MOST_SUPPORTS = 16


@dataclass(frozen=True)
class Answer:
    """What the decoder said of B slices with a segment each.

    Attributes:
        name: Of what was asked, for the learning curve.
        decoded: Logits (B, S / 4, S / 4) and the rest.
        masks: float (B, S, S), what it should have been.
    """

    name: str
    decoded: Decoded
    masks: torch.Tensor


@dataclass(frozen=True)
class _Slices:
    """All slices of an episode, encoded; B rows are tasks * subjects * slices * objects.

    Attributes:
        features: Of the images.
        image_of: int64 (B,), the image of every row.
        place: int64 (tasks, subjects, slices, objects), the row of every mask.
        masks: float (B, S, S).
    """

    features: ImageFeatures
    image_of: torch.Tensor
    place: torch.Tensor
    masks: torch.Tensor

    def of(self, rows: torch.Tensor) -> ImageFeatures:
        """Features of rows."""
        return self.features.select(self.image_of[rows])


def _encode(engine: Sam2Engine, episode: Episode) -> _Slices:
    tasks, subjects, slices, objects = episode.masks.shape[:4]
    images = episode.images.flatten(0, 2)
    index = torch.arange(len(images), device=images.device)
    image_of = index[:, None].expand(-1, objects).flatten()
    place = torch.arange(len(image_of), device=images.device).view(tasks, subjects, slices, objects)
    return _Slices(engine.encode_images(images), image_of, place, episode.masks.flatten(0, 3))


def _pick(values: Memory, index: torch.Tensor) -> Memory:
    return Memory(values.spatial[index], values.pointer[index])


def _supports(place: torch.Tensor, count: int) -> torch.Tensor:
    """For every subject rows of ``count`` slices of others, (count, tasks, subjects, objects).

    The same number for all, so that they make one batch.
    """
    tasks, subjects, _, objects = place.shape
    found = place.new_empty(count, tasks, subjects, objects)
    for task in range(tasks):
        for subject in range(subjects):
            others = [s for s in range(subjects) if s != subject]
            pool = place[task, others].reshape(-1, objects)
            found[:, task, subject] = pool[torch.randperm(len(pool))[:count].to(pool.device)]
    return found


def _mean_of_others(masks: torch.Tensor) -> torch.Tensor:
    """Mean mask of the other subjects at the same slice, at a quarter of the resolution (t, n, s, o, S/4, S/4)."""
    small = F.avg_pool2d(masks.flatten(0, 2), 4).unflatten(0, masks.shape[:3])
    return (small.sum(1, keepdim=True) - small) / (masks.shape[1] - 1)


def _remember(engine: Sam2Engine, query: ImageFeatures, answer: Decoded) -> Memory:
    present = answer.object_score > 0
    logits = torch.where(present[:, None, None], answer.logits, NO_OBJECT_LOGIT)
    return engine.encode_prediction(query, logits, present, answer.pointer)


def _joined(name: str, answers: Sequence[Decoded], masks: Sequence[torch.Tensor]) -> Answer:
    fields = ("logits", "predicted_iou", "object_score", "pointer")
    return Answer(name, Decoded(*(torch.cat([getattr(a, f) for a in answers]) for f in fields)), torch.cat(list(masks)))


def with_library(engine: Sam2Engine, episode: Episode) -> list[Answer]:
    """Segment every slice of every subject from the slices of the other subjects, as a run uses a library.

    Slices of a subject are segmented one after the other, each with the supports and the predictions before it as
    memories.
    """
    seen = _encode(engine, episode)
    subjects, slices = seen.place.shape[1:3]
    known = engine.encode_support(seen.of(torch.arange(len(seen.masks))), seen.masks)
    count = integer(1, min((subjects - 1) * slices, _MOST_SUPPORTS) + 1)
    conditioning = [_pick(known, index.flatten()) for index in _supports(seen.place, count)]
    distances = [float(integer(1, engine.max_pointers)) for _ in conditioning]
    order = list(range(slices)) if chance(0.5) else list(range(slices))[::-1]
    others_mean = _mean_of_others(episode.masks) if chance(PLACE_MEMORY) else None
    answers: list[Decoded] = []
    past: list[Memory] = []
    for slice_index in order:
        query = seen.of(seen.place[:, :, slice_index].flatten())
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
        answers.append(engine.decode(query, engine.attend(query, bank)))
        if slice_index != order[-1]:
            past.append(_remember(engine, query, answers[-1]))
    return [_joined("library", answers, [seen.masks[seen.place[:, :, i].flatten()] for i in order])]


def first_case(engine: Sam2Engine, episode: Episode) -> list[Answer]:
    """One slice of a subject is drawn or prompted, the others follow by memory alone, both ways."""
    seen = _encode(engine, episode)
    slices = seen.place.shape[2]
    there = episode.masks.flatten(-2).any(-1).sum((0, 1, 3))  # (slices,)
    most = (there == there.max()).nonzero()[:, 0]
    start = int(most[integer(0, len(most))])
    rows = seen.place[:, :, start].flatten()
    query, answers = seen.of(rows), []
    if chance(0.6):
        given = engine.encode_support(query, seen.masks[rows])
    else:
        answers = _prompt(engine, query, engine.attend(query, MemoryBank([], [])), seen.masks[rows], integer(1, 3))
        given = _remember(engine, query, answers[-1].decoded)
    reach = integer(1, engine.num_maskmem)
    found: list[Decoded] = []
    masks: list[torch.Tensor] = []
    for way in (range(start + 1, slices), range(start - 1, -1, -1)):
        past: list[Memory] = []
        for index in way:
            rows = seen.place[:, :, index].flatten()
            query = seen.of(rows)
            recent = list(reversed(past))[:reach]
            bank = MemoryBank(
                [SpatialEntry(given.spatial, 0), *(SpatialEntry(m.spatial, b + 1) for b, m in enumerate(recent))],
                [
                    PointerEntry(given.pointer, min(abs(index - start), engine.max_pointers - 1)),
                    *(PointerEntry(m.pointer, b + 1) for b, m in enumerate(recent)),
                ],
            )
            found.append(engine.decode(query, engine.attend(query, bank)))
            masks.append(seen.masks[rows])
            past.append(_remember(engine, query, found[-1]))
    return [*answers, _joined("followed", found, masks)]


def prompted(engine: Sam2Engine, episode: Episode) -> list[Answer]:
    """A person points at slices, with memories of other subjects' slices or without any."""
    seen = _encode(engine, episode)
    tasks, subjects, slices, objects = seen.place.shape
    rows = seen.place.flatten()
    query = seen.of(rows)
    if subjects == 1 or chance(0.4):
        return _prompt(engine, query, engine.attend(query, MemoryBank([], [])), seen.masks, integer(1, MOST_ROUNDS + 1))
    known = engine.encode_support(query, seen.masks)
    count = integer(1, min((subjects - 1) * slices, 6) + 1)
    chosen = _supports(seen.place, count)[:, :, :, None].expand(-1, -1, -1, slices, -1)
    supports = [_pick(known, index.flatten()) for index in chosen]
    if chance(0.5):
        return [_with_own(engine, query, supports, seen, episode)]
    bank = MemoryBank(
        [SpatialEntry(m.spatial, 0) for m in supports],
        [PointerEntry(m.pointer, rank + 1) for rank, m in enumerate(supports)],
    )
    return _prompt(engine, query, engine.attend(query, bank), seen.masks, integer(1, MOST_ROUNDS + 1))


def _truth(masks: torch.Tensor) -> torch.Tensor:
    """Masks (B, S, S) at the decoder's resolution, bool (B, S / 4, S / 4)."""
    return F.avg_pool2d(masks[:, None], 4)[:, 0] > 0.5


def _on(prompts: Prompts, device: torch.device) -> Prompts:
    return replace(prompts, points=prompts.points.to(device), labels=prompts.labels.to(device))


def _prompt(
    engine: Sam2Engine, query: ImageFeatures, conditioned: torch.Tensor, masks: torch.Tensor, rounds: int
) -> list[Answer]:
    """A point, a box, a stroke or a mask that is wrong somewhere, then clicks on what is wrong (SAM, section 3)."""
    small = _truth(masks)
    truth = small.cpu().numpy()
    cell = engine.image_size / truth.shape[-1]
    boxes, logits = None, None
    clicks: list[list[Click]] = [[] for _ in truth]
    kind = torch.rand(()).item()
    if kind < 0.25:
        name, boxes = "box", [box_of(mask) for mask in truth]
    elif kind < 0.4:
        name, clicks = "stroke", [stroke_in(mask) for mask in truth]
    elif kind < 0.55:
        name = "mask"
        rough = torch.stack([spoiled(mask) for mask in small.cpu()])
        logits = (rough.to(masks.dtype) * 2 - 1).to(masks.device) * MASK_LOGIT
    else:
        name = "click"
        clicks = [[click_on(np.zeros_like(mask), mask)] for mask in truth]
    keep_logits = chance(0.6)
    answers: list[Answer] = []
    for number in range(rounds):
        if number:
            found = answers[-1].decoded.logits.detach()
            wrong = (found > 0).cpu().numpy()
            for own, mask, right in zip(clicks, wrong, truth, strict=True):
                own.append(click_on(mask, right))
            logits = found.clamp(-32, 32) if keep_logits else None  # as SAM 2's predictor clips them
            name = f"{name.split('+')[0]}+{number}"
        prompts = _on(prompts_of(clicks, boxes, cell, logits), masks.device)
        answers.append(Answer(name, engine.decode(query, conditioned, prompts), masks))
    return answers


def _with_own(
    engine: Sam2Engine, query: ImageFeatures, supports: Sequence[Memory], seen: _Slices, episode: Episode
) -> Answer:
    """As the product corrects a slice: its mask so far, pushed by the clicks, is a memory beside the supports."""
    small = _truth(seen.masks)
    truth = small.cpu().numpy()
    cell = engine.image_size / truth.shape[-1]
    found = [spoiled(mask).numpy() if chance(0.8) else np.zeros(mask.shape, dtype=bool) for mask in small.cpu()]
    images = F.avg_pool2d(episode.images.flatten(0, 2)[:, None], 4)[seen.image_of, 0].cpu().numpy()
    boxes = [box_of(mask) for mask in truth] if chance(0.3) else None
    clicks: list[list[Click]] = [[] for _ in truth]
    rounds = integer(0 if boxes else 1, MOST_ROUNDS + 1)
    now = found
    for number in range(rounds + 1):
        said = [
            pushed(mask, image, own, boxes[row] if boxes else None)
            for row, (mask, image, own) in enumerate(zip(found, images, clicks, strict=True))
        ]
        now = [values > 0 for values in said]
        if number < rounds:
            for own, mask, right in zip(clicks, now, truth, strict=True):
                own.append(click_on(mask, right))
    logits = torch.from_numpy(np.stack(said)).to(seen.masks.device) * MASK_LOGIT
    bank = bank_with_own(engine, query, logits, supports, 1)
    prompts = _on(prompts_of(clicks, boxes, cell), seen.masks.device)
    decoded = engine.decode(query, engine.attend(query, bank), prompts)
    return Answer("own+box" if boxes else "own+click", decoded, seen.masks)


@dataclass(frozen=True)
class Mode:
    """A way to use an episode.

    Attributes:
        run: Decodes an episode.
        share: Of all episodes.
        shapes: (tasks, subjects, slices) of an episode that has up to about a dozen images.
    """

    run: Callable[[Sam2Engine, Episode], list[Answer]]
    share: float
    shapes: tuple[tuple[int, int, int], ...]


MODES: dict[str, Mode] = {
    "library": Mode(with_library, 0.5, ((1, 4, 2), (1, 3, 3), (1, 3, 2), (1, 2, 4), (1, 5, 1), (1, 8, 1), (2, 3, 1))),
    "prompted": Mode(prompted, 0.3, ((1, 3, 2), (2, 3, 1), (1, 4, 1), (3, 2, 1), (4, 1, 2))),
    "first_case": Mode(first_case, 0.2, ((1, 1, 6), (1, 1, 9), (2, 1, 5), (1, 2, 4), (1, 1, 12), (1, 1, 30))),
}
