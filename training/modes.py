"""How an episode is used: with a library, with a person's prompts, or as a first case of which one slice is drawn.

Each way decodes some slices and returns what came out beside what it should have been.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from RetrievalSAMLib.segmentation.engines.interface import (
    NO_OBJECT_LOGIT,
    Decoded,
    ImageFeatures,
    Memory,
    MemoryBank,
    PointerEntry,
    Prompts,
    SpatialEntry,
)
from RetrievalSAMLib.segmentation.prompts.click_masks import Click, Frame
from RetrievalSAMLib.segmentation.sam2.engine import Sam2Engine
from training.anatomy import chance, integer
from training.episodes import Episode
from training.prompts import box_of, click_on, prompts_of, spoiled, stroke_in

PLACE_MEMORY = 0.4
"""How often a slice attends to a guess of its own mask as well: where the others have theirs."""

MOST_ROUNDS = 4
"""Of clicks, each on the largest mistake that those before have left."""

_MOST_SUPPORTS = 16
_MOST_PROMPTED_SUPPORTS = 6


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
    """One slice of a subject is drawn, the others follow by memory alone, both ways."""
    seen = _encode(engine, episode)
    slices = seen.place.shape[2]
    there = episode.masks.flatten(-2).any(-1).sum((0, 1, 3))  # (slices,)
    most = (there == there.max()).nonzero()[:, 0]
    start = int(most[integer(0, len(most))])
    rows = seen.place[:, :, start].flatten()
    given = engine.encode_support(seen.of(rows), seen.masks[rows])
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
    return [_joined("followed", found, masks)]


def prompted(engine: Sam2Engine, episode: Episode) -> list[Answer]:
    """A person points at slices: with memories of other subjects' slices or without any, with a mask so far or none.

    The mask so far is what the network makes of the memories alone, as after a run, or the truth spoiled. Clicks then
    go on the largest mistake (SAM, section 3). In half of the episodes the first mask stays the mask so far, as where
    several clicks are set before anything is computed; in the others it is the answer to the clicks before.
    """
    seen = _encode(engine, episode)
    subjects, slices = seen.place.shape[1:3]
    query = seen.of(seen.place.flatten())
    small = _truth(seen.masks)
    truth = small.cpu().numpy()
    bank = MemoryBank([], [])
    if subjects > 1:
        known = engine.encode_support(query, seen.masks)
        count = integer(1, min((subjects - 1) * slices, _MOST_PROMPTED_SUPPORTS) + 1)
        chosen = _supports(seen.place, count)[:, :, :, None].expand(-1, -1, -1, slices, -1)
        supports = [_pick(known, index.flatten()) for index in chosen]
        bank = MemoryBank(
            [SpatialEntry(m.spatial, 0) for m in supports],
            [PointerEntry(m.pointer, rank + 1) for rank, m in enumerate(supports)],
        )
    conditioned = engine.attend(query, bank)
    what = torch.rand(()).item()
    so_far = np.zeros_like(truth)
    if what < 0.3:
        so_far = np.stack([spoiled(mask).numpy() for mask in small.cpu()])
    elif what < 0.8 and subjects > 1:
        so_far = (engine.decode(query, conditioned).gated_logits() > 0).cpu().numpy()
    return _corrected(engine, query, conditioned, seen.masks, truth, so_far)


def _truth(masks: torch.Tensor) -> torch.Tensor:
    """Masks (B, S, S) at the decoder's resolution, bool (B, S / 4, S / 4)."""
    return F.avg_pool2d(masks[:, None], 4)[:, 0] > 0.5


def _on(prompts: Prompts, device: torch.device) -> Prompts:
    return Prompts(*(None if value is None else value.to(device) for value in vars(prompts).values()))


def _corrected(
    engine: Sam2Engine,
    query: ImageFeatures,
    conditioned: torch.Tensor,
    masks: torch.Tensor,
    truth: np.ndarray,
    so_far: np.ndarray,
) -> list[Answer]:
    """Answers to a box, a stroke or clicks on masks so far bool (B, s, s), and to clicks on what is wrong then."""
    boxes: list[Frame] | None = None
    clicks: list[list[Click]] = [[] for _ in truth]
    kind = torch.rand(()).item()
    if kind < 0.3:
        name, boxes = "box", [box_of(mask) for mask in truth]
    elif kind < 0.4:
        name, clicks = "stroke", [stroke_in(mask) for mask in truth]
    else:
        name, clicks = "click", [[click_on(*pair)] for pair in zip(so_far, truth, strict=True)]
    name = f"{name} {'on a mask' if so_far.any() else 'alone'}"
    cell = engine.image_size / truth.shape[-1]
    replaced = chance(0.5)
    answers: list[Answer] = []
    for number in range(integer(1, MOST_ROUNDS + 1)):
        if number:
            name = f"{name.split('+')[0]}+{number}"
            wrong = (answers[-1].decoded.logits > 0).cpu().numpy()
            for own, pair in zip(clicks, zip(wrong, truth, strict=True), strict=True):
                own.append(click_on(*pair))
            so_far = wrong if replaced else so_far
        prompts = _on(prompts_of(so_far, clicks, boxes, cell), masks.device)
        answers.append(Answer(name, engine.decode(query, conditioned, prompts), masks))
    return answers


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
    "library": Mode(with_library, 0.7, ((1, 4, 2), (1, 3, 3), (1, 3, 2), (1, 2, 4), (1, 5, 1), (1, 8, 1), (2, 3, 1))),
    "first_case": Mode(first_case, 0.3, ((1, 1, 6), (1, 1, 9), (2, 1, 5), (1, 2, 4), (1, 1, 12), (1, 1, 30))),
}
"""What the whole network learns from."""

PROMPT_MODES: dict[str, Mode] = {
    "prompted": Mode(prompted, 1.0, ((2, 1, 3), (1, 3, 2), (2, 3, 1), (3, 1, 2), (3, 2, 1), (1, 2, 3))),
}
"""What the prompt decoder learns from."""
