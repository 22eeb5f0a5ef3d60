"""From what the ways came out as to one segmentation, weighed by how near each way began."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from ...volumes import SliceFrame
from ..engines.interface import NO_OBJECT_LOGIT
from ..output.fusion import Canvas
from ..propagation.segmented_slice import SegmentedSlice
from ..spatial_prior.crops import View
from .carry import Reached
from .drawn import Drawn

_LIMIT = 10.0
"""Logits of a way count up to this much."""

_ABSENT = -3.0
"""Logit of a way that does not find the structure."""

Answers = Mapping[int, Mapping[int, Sequence[Reached]]]
"""By row of the run, by slice: the answers of one or two ways."""


def weighed(answers: Sequence[Reached], cells: int) -> torch.Tensor | None:
    """One logit map float (cells, cells) of all ways that reached a slice; None where none found the structure."""
    if all(one.logits is None for one in answers):
        return None
    absent = torch.full((cells, cells), _ABSENT)
    maps = [absent if one.logits is None else one.logits.clamp(-_LIMIT, _LIMIT) for one in answers]
    weights = [1 / one.steps for one in answers]
    return torch.stack([w * m for w, m in zip(weights, maps, strict=True)]).sum(dim=0) / sum(weights)


def canvas_of(drawn: Drawn, answers: Answers, views: Sequence[View], frame: SliceFrame, cells: int) -> Canvas:
    """Everything that was found, structures competing for pixels, and over it what was drawn, as it is.

    Args:
        drawn: What a person drew.
        answers: What the ways came out as.
        views: Through which they saw it.
        frame: Of the target's slices.
        cells: Pixels a side of the decoder's masks.
    """
    canvas = Canvas(frame, drawn.segments, drawn.overlapping, None)
    for view in views:
        for index in sorted({index for row in view.rows for index in answers.get(row, {})}):
            maps = [weighed(answers.get(row, {}).get(index, ()), cells) for row in view.rows]
            present = torch.tensor([one is not None for one in maps])
            nothing = torch.full((cells, cells), NO_OBJECT_LOGIT)
            logits = torch.stack([nothing if one is None else one for one in maps])
            unknown = torch.full((len(maps),), float("nan"))
            canvas.add(
                SegmentedSlice(index, logits, present.float(), present, unknown, present), view.window, view.rows
            )
    for index in drawn.slices:
        canvas.draw(index, {row: of_row[index] for row, of_row in drawn.masks.items() if index in of_row})
    return canvas
