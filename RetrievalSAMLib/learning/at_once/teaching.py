"""A copy of an expert learns from the corrected slices of one volume; the expert itself stays as it is.

Only networks that see the image alone are taught: what the run said, which the others also see, is not kept.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from ...models.precision import choose_training_precision, multiplying
from ..expert.opinion import Expert
from ..network.build import IMAGE
from ..training.loop import loss_of, optimizer_of
from ..training.patches import Batch

_CLIP = 12.0
_SEED = 0

Patch = tuple[slice, slice, slice]


@dataclass(frozen=True)
class Teaching:
    """How a copy is taught; chosen on tune cases (training/README.md).

    Attributes:
        steps: Of every network, on one patch each.
        most_steps: Of all networks together; where there are many, each takes fewer.
        rate: Learning rate of AdamW after the first steps.
        elsewhere: Weight of the slices that nobody corrected, whose masks stand in for the truth, so that what is right
            there is not forgotten.
    """

    steps: int = 30
    most_steps: int = 240
    rate: float = 3e-3
    elsewhere: float = 0.1


@dataclass(frozen=True)
class Lesson:
    """A part of a volume, on the grid of the expert's plan.

    Attributes:
        image: float32 (n, h, w), as the expert sees it.
        outputs: Outputs of the networks that are taught.
        truth: bool (outputs, n, h, w): as drawn in corrected slices, elsewhere as the result has it.
        drawn: bool (n): slices of the grid that stand for corrected ones.
    """

    image: np.ndarray
    outputs: tuple[int, ...]
    truth: np.ndarray
    drawn: np.ndarray


@dataclass(frozen=True)
class Taught:
    """What came of it.

    Attributes:
        expert: The copy: networks that see the image alone.
        steps: Of all networks together.
        loss_before: Mean over the networks, on corrected slices of one patch each.
        loss_after: The same after the last step.
    """

    expert: Expert
    steps: int
    loss_before: float
    loss_after: float


def teach(expert: Expert, lesson: Lesson, teaching: Teaching, told: Callable[[int, int], None]) -> Taught:
    """Teach a copy: the same weights for the same expert, lesson, number of threads and precision.

    Args:
        expert: Has networks that see the image alone. It is not changed.
        lesson: With at least one corrected slice.
        teaching: How.
        told: How many of how many steps are done; what it raises ends the teaching.
    """
    members = [nn.ModuleDict({IMAGE: copy.deepcopy(member[IMAGE])}) for member in expert.members]
    each = max(1, min(teaching.steps, teaching.most_steps // len(members)))
    total = each * len(members)
    told(0, total)
    before, after = [], []
    for number, member in enumerate(members):
        network = member[IMAGE].train()
        patches = list(_patches(lesson, expert.plan.patch, each, number))
        optimizer = optimizer_of(network)
        before.append(_loss(network, lesson, patches[0]))
        for step, patch in enumerate(patches):
            drawn, others = _batches(lesson, patch)
            for group in optimizer.param_groups:
                # The first steps of AdamW know little of the gradients' size.
                group["lr"] = teaching.rate * min(1.0, (step + 1) / 4) * (1 - step / each)
            optimizer.zero_grad(set_to_none=True)
            logits = _logits(network, lesson, drawn.inputs)
            loss = loss_of(logits, drawn) + teaching.elsewhere * loss_of(logits, others)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), _CLIP)
            optimizer.step()
            told(number * each + step + 1, total)
        after.append(_loss(network, lesson, patches[0]))
        member.eval()
    copied = Expert(expert.plan, expert.segments, tuple(members))
    return Taught(copied, total, float(np.mean(before)), float(np.mean(after)))


def _patches(lesson: Lesson, size: Sequence[int], count: int, member: int) -> Iterator[Patch]:
    """Where a network looks, step by step: around corrected slices, each as often as another."""
    random = np.random.default_rng([_SEED, member])
    slices = np.flatnonzero(lesson.drawn)
    whole = np.array(lesson.image.shape)
    for _ in range(count):
        depth = int(slices[int(random.integers(len(slices)))])
        shown = np.argwhere(lesson.truth[:, depth].any(axis=0))
        row, column = shown[int(random.integers(len(shown)))] if len(shown) else whole[1:] // 2
        centre = np.array([depth, int(row), int(column)])
        # As near to the place drawn as a patch can be that lies in the part.
        start = np.clip(centre - np.array(size) // 2 + random.integers(-2, 3, 3), 0, np.maximum(0, whole - size))
        a, b, c = (slice(int(s), int(s) + n) for s, n in zip(start, size, strict=True))
        yield a, b, c


def _batches(lesson: Lesson, patch: Patch) -> tuple[Batch, Batch]:
    """A patch, for corrected slices and for the others; beyond the part there is nothing, and nothing is known."""
    image, truth = lesson.image[patch], lesson.truth[(slice(None), *patch)]
    missing = [(0, side.stop - side.start - n) for side, n in zip(patch, image.shape, strict=True)]
    inputs = torch.from_numpy(np.pad(image, missing))[None, None].to(memory_format=torch.channels_last_3d)
    masks = torch.from_numpy(np.pad(truth, [(0, 0), *missing]).astype(np.float32))[None]
    drawn = np.broadcast_to(lesson.drawn[patch[0], None, None], image.shape)

    def known(where: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.pad(where, missing))[None, None].expand(masks.shape)

    return Batch(inputs, masks, known(drawn)), Batch(inputs, masks, known(~drawn))


def _logits(network: nn.Module, lesson: Lesson, inputs: torch.Tensor) -> torch.Tensor:
    device = next(network.parameters()).device
    rows, columns = inputs.shape[-2:]
    with multiplying(device, choose_training_precision(device, (rows, columns))):
        logits: torch.Tensor = network(inputs.to(device))
    return logits.float()[:, list(lesson.outputs)].cpu()


@torch.no_grad()
def _loss(network: nn.Module, lesson: Lesson, patch: Patch) -> float:
    batch, _ = _batches(lesson, patch)
    return float(loss_of(_logits(network, lesson, batch.inputs), batch))
