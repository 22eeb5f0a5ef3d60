"""What a run can tell of how good a mask is while it makes it: the signs that confidence is worked out from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ...stages import CONFIDENCE, timed


@dataclass(frozen=True)
class Halves:
    """What two halves of the supports, taken from different cases where there are several, make of a slice each.

    Attributes:
        alike: Soft Dice of the two.
        with_mask: Mean Dice of each with the mask of all supports.
    """

    alike: float
    with_mask: float


@dataclass(frozen=True)
class Signs:
    """Of one segment on one slice. Soft Dice is 2 sum(pq) / sum(p + q) of two maps of probabilities.

    Attributes:
        presence: Probability that it is there at all: vote and object score, weighted.
        vote: What retrieval says of that.
        place_peak: Largest value of the aligned cases' mean mask; the vote where there is none.
        place_pixels: Sum of that mean mask, in pixels of the decoder's masks.
        object_score: Probability by SAM 2's object score; 0 where SAM 2 was not asked.
        predicted_iou: SAM 2's own estimate, in [0, 1].
        sharpness: Dice that the mask may expect of its own probabilities: 2 sum(p in the mask) / (mask + sum(p)).
        network_place: Soft Dice of the network's answer without the place, and the place.
        mask_place: Dice of the mask and the place, None where no place is known; as `network_place`.
        pixels: Of the mask, in pixels of the decoder's.
        halves: Where it was looked at twice.
    """

    presence: float
    vote: float
    place_peak: float
    place_pixels: float
    object_score: float = 0.0
    predicted_iou: float = 0.0
    sharpness: float = 0.0
    network_place: float | None = None
    mask_place: float | None = None
    pixels: int = 0
    halves: Halves | None = None


@timed(CONFIDENCE)
def signs_of(
    presence: float,
    vote: float,
    place: torch.Tensor | None,
    answer: tuple[torch.Tensor, float, float] | None,
    final: torch.Tensor | None,
    halves: Halves | None,
) -> Signs:
    """Gather the signs.

    Args:
        presence: See `Signs`.
        vote: See `Signs`.
        place: Mean mask (s, s) in [0, 1], or None.
        answer: Of the network alone: logits (s, s), object score (a logit) and predicted IoU; None where not asked.
        final: Logits (s, s) with the place's say, without regard to presence.
        halves: See `Signs`.
    """
    peak, likely = (vote, 0.0) if place is None else (float(place.max()), float(place.sum()))
    if answer is None or final is None:
        return Signs(presence, vote, peak, likely)
    logits, score, iou = answer
    network, mixed = logits.float().sigmoid(), final.float().sigmoid()
    mask = (final > 0).float()
    pixels, total = float(mask.sum()), float(mixed.sum())
    return Signs(
        presence=presence,
        vote=vote,
        place_peak=peak,
        place_pixels=likely,
        object_score=float(torch.tensor(score).sigmoid()),
        predicted_iou=min(max(iou, 0.0), 1.0),
        sharpness=2 * float((mixed * mask).sum()) / (pixels + total) if pixels else 0.0,
        network_place=None if place is None else soft_dice(network, place),
        mask_place=None if place is None else soft_dice(mask, place),
        pixels=int(pixels),
        halves=halves,
    )


@timed(CONFIDENCE)
def halves_of(one: torch.Tensor, other: torch.Tensor, final: torch.Tensor) -> Halves:
    """From the logits (s, s) of two halves of the supports, and the final ones."""
    mask = final > 0
    with_mask = [soft_dice((half > 0).float(), mask.float()) for half in (one, other)]
    return Halves(soft_dice(one.float().sigmoid(), other.float().sigmoid()), float(np.mean(with_mask)))


def soft_dice(one: torch.Tensor, other: torch.Tensor) -> float:
    """2 sum(pq) / sum(p + q) of maps in [0, 1]; 0 where both are empty."""
    other = other.to(one.device)
    total = float((one + other).sum())
    return 2 * float((one * other).sum()) / total if total > 0 else 0.0
