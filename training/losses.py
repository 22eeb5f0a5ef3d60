"""What the segmenter is trained to: SAM 2's terms, weighed so that small structures and absent ones count."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from RetrievalSAMLib.segmentation.engines.interface import Decoded


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
