"""What the place alone says of a slice, added to what the network sees there."""

from __future__ import annotations

import torch

_RARE = 0.05
"""No mean of a handful of masks makes a pixel less likely than this, or its opposite."""

_MISSED = 0.5
"""Where the network sees less than this part of as many pixels as the aligned cases have, it is taken to miss some."""


def with_place(logits: torch.Tensor, known: torch.Tensor | None, weight: float, believed: float) -> torch.Tensor:
    """Add the weighted log odds of the place; where the network sees next to nothing, raise all until something is in.

    Of thin structures, as a brain's cortex, the network sees hardly any pixels, and the cases' mean mask is nowhere
    sure. How many pixels there are is known better: what the cases' masks add up to. The threshold then comes to where
    as many are in, by as much as the network sees too few and the cases are believed.

    Args:
        logits: Of the network alone, float (s, s).
        known: How likely each pixel is by its place alone, float (s, s) in [0, 1]; None where nothing is known.
        weight: Of the log odds.
        believed: How well the cases foretell each other, in [0, 1]; with 0 nothing is raised.

    Returns:
        float (s, s).
    """
    if known is None or not weight:
        return logits
    known = known.to(logits.device)
    together = logits + weight * known.clamp(_RARE, 1 - _RARE).logit()
    wanted = round(float(known.sum()))
    if not 0 < wanted < known.numel():
        return together
    missed = 1 - float((logits > 0).sum()) / (_MISSED * wanted)
    short = -float(together.flatten().topk(wanted).values[-1])
    return together + max(0.0, believed * missed) * max(0.0, short)
