"""What a person would set on a slice, made up from the truth: clicks, boxes, strokes, masks that are partly wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F

from RetrievalSAMLib.segmentation.engines.interface import Prompts
from RetrievalSAMLib.segmentation.prompts.click_masks import Click, Frame, picture
from training.anatomy import chance, integer, uniform
from training.clicking import wrong_place

STROKE_POINTS = 5
"""A stroke enters as so many points along it."""


def spoiled(mask: torch.Tensor) -> torch.Tensor:
    """A mask bool (s, s) that is moved, too large, too small, or lacks a part."""
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
        top, left = (uniform(0.08, 0.6) * side for side in truth.shape)
        high, wide = (uniform(0.08, 0.3) * side for side in truth.shape)
        return Frame(top, left, top + high, left + wide)
    top, bottom = float(rows.min()), float(rows.max() + 1)
    left, right = float(columns.min()), float(columns.max() + 1)
    high, wide = bottom - top, right - left
    move = [float(v) for v in 0.05 * torch.randn(4).clamp(-2, 2)]
    return Frame(top + high * move[0], left + wide * move[1], bottom + high * move[2], right + wide * move[3])


def stroke_in(truth: np.ndarray) -> list[Click]:
    """Points along a straight stroke from somewhere in a mask to its edge; in an empty one a click that says so."""
    places = np.argwhere(truth)
    if not len(places):
        return [click_on(truth, truth)]
    start = places[integer(0, len(places))] + 0.5
    angle = uniform(0.0, 2 * np.pi)
    steps = np.arange(max(truth.shape))[:, None] * np.array([np.sin(angle), np.cos(angle)])
    path = (start + steps).astype(int)
    path = path[((path >= 0) & (path < truth.shape)).all(axis=1)]
    inside = truth[path[:, 0], path[:, 1]]
    path = path[: len(path) if inside.all() else int(inside.argmin())]
    chosen = path[np.unique(np.linspace(0, len(path) - 1, STROKE_POINTS).astype(int))]
    return [Click(row + 0.5, column + 0.5, True) for row, column in chosen.tolist()]


def prompts_of(
    masks: np.ndarray, clicks: Sequence[Sequence[Click]], boxes: Sequence[Frame] | None, cell: float
) -> Prompts:
    """Masks so far bool (B, s, s), clicks and boxes of B segments: as a picture, and in SAM 2's own terms.

    ``cell`` is a cell's side in input pixels.
    """
    points: list[list[tuple[float, float]]] = []
    labels: list[list[int]] = []
    shown: list[np.ndarray] = []
    for row, own in enumerate(clicks):
        box = None if boxes is None else boxes[row]
        corners = [] if box is None else [(box.left, box.top), (box.right, box.bottom)]
        points.append([*corners, *((c.column, c.row) for c in own)])
        labels.append([*([2, 3] if corners else []), *(int(c.positive) for c in own)])
        shown.append(picture(masks[row], own, box))
    most = max(1, *(len(own) for own in points))
    for own_points, own_labels in zip(points, labels, strict=True):
        missing = most - len(own_points)
        own_points += [(0.0, 0.0)] * missing
        own_labels += [-1] * missing  # SAM 2's padding
    return Prompts(
        torch.tensor(points) * cell - 0.5,
        torch.tensor(labels, dtype=torch.int32),
        picture=torch.from_numpy(np.stack(shown)),
    )
