"""What clicks and a box say by themselves: a mask so far, pushed where somebody pointed, as far as the image lets it.

Everything here lies on the square grid of the decoder's masks, in cells: rows down, columns right, 0 is the outer edge
of the first cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

EDGE = 10.0
"""An edge over the whole range of intensities in view is as far as this many cells."""

_LEAST_REACH = 2.5
"""In cells: a click at the very outline moves it at least that far."""

_MOST_REACH = 8.0
"""In cells, of some 40 that a segment fills in a view of its own: far from any outline a click says no more."""

SOFT = 2.0
"""So many cells beside an outline the mask so far is not sure of itself."""

_SOME = 0.2
"""A mask that fills less than this part of a box is not what the box is about."""

_SAID, _SO_FAR = 10.0, 5.0
"""In a `picture`: what a person says, and what a mask so far is at most."""

_DISC = 2.0
"""Radius in cells of a click in a `picture`: discs of a fixed, small radius serve better than Gaussians or distances
(Sofiiuk, Petrov and Konushin, ICIP 2022, arXiv 2102.06583, section 3)."""

_STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))


@dataclass(frozen=True)
class Click:
    """A point in cells; whether what it points at belongs to the segment."""

    row: float
    column: float
    positive: bool


@dataclass(frozen=True)
class Frame:
    """A box in cells, edges included; all of the segment in this slice lies inside."""

    top: float
    left: float
    bottom: float
    right: float

    def inside(self, size: int) -> np.ndarray:
        """Cells whose middle lies in it, bool (size, size); at least the one that holds its own middle."""
        places = np.arange(size) + 0.5
        rows = (places >= self.top) & (places <= self.bottom)
        columns = (places >= self.left) & (places <= self.right)
        inside: np.ndarray = rows[:, None] & columns[None]
        inside[cell_of((self.top + self.bottom) / 2, (self.left + self.right) / 2, size)] = True
        return inside


def pushed(mask: np.ndarray, image: np.ndarray, clicks: Sequence[Click], box: Frame | None) -> np.ndarray:
    """A mask so far as a person's clicks and box change it.

    A click reaches as far as the outline so far is away: who points into the middle of a mistake says how large it
    is at least. From there its say falls to nothing over the same distance again. Distances go round what looks
    different (geodesic distance, as in Criminisi, Sharp and Blake, ECCV 2008), and the click that is nearest, measured
    by its reach, decides.

    Args:
        mask: bool (s, s), perhaps empty.
        image: float (s, s) in [0, 1].
        clicks: In cells.
        box: In cells; what lies outside is cut off. Where hardly any of the mask lies in it, it is its ellipse.

    Returns:
        float32 (s, s) in [-1, 1], above 0 where the segment is.
    """
    if box is not None:
        mask = within(mask, box)
    said = outline(mask, SOFT)
    if clicks:
        weight, sign = says(mask, image, clicks)
        said = said * (1 - weight) + sign * weight
    if box is not None:
        said = np.where(box.inside(len(mask)), said, -1.0)
    return said.astype(np.float32)


def picture(mask: np.ndarray, clicks: Sequence[Click], box: Frame | None) -> np.ndarray:
    """Mask so far, clicks and box as one picture that a `PromptDecoder` reads.

    Args:
        mask: bool (s, s); an empty one says nothing.
        clicks: In cells; discs, the later ones over those before.
        box: In cells; what lies outside is not the segment.

    Returns:
        float32 (s, s): 10 and -10 where a person said so, up to 5 and -5 for the mask so far, 0 where nothing is known.
    """
    shown = _SO_FAR * outline(mask, SOFT) if mask.any() else np.zeros(mask.shape)
    if box is not None:
        shown[~box.inside(len(mask))] = -_SAID
    rows, columns = np.ogrid[: len(mask), : len(mask)]
    for click in clicks:
        row, column = cell_of(click.row, click.column, len(mask))
        disc = (rows - row) ** 2 + (columns - column) ** 2 <= _DISC**2
        shown[disc] = _SAID if click.positive else -_SAID
    return shown.astype(np.float32)


def says(mask: np.ndarray, image: np.ndarray, clicks: Sequence[Click]) -> tuple[np.ndarray, np.ndarray]:
    """How sure clicks make every cell, float (s, s) in [0, 1], and of what: 1 the segment, -1 not.

    Args:
        mask: bool (s, s), so far.
        image: float (s, s) in [0, 1].
        clicks: In cells.
    """
    size, distance = len(mask), signed_distance(mask)
    smooth = ndimage.gaussian_filter(np.asarray(image, dtype=np.float64), 1.0)
    low, high = np.percentile(smooth, [2, 98])
    smooth /= max(high - low, 1e-3)
    # 2 at a click, 1 at its reach, 0 at twice that.
    closest, sign = np.zeros((size, size)), np.zeros((size, size))
    for click in clicks:
        row, column = cell_of(click.row, click.column, size)
        reach = float(np.clip(abs(distance[row, column]), _LEAST_REACH, _MOST_REACH))
        # No way within twice the reach leaves this square.
        far = int(np.ceil(2 * reach))
        top, left = max(row - far, 0), max(column - far, 0)
        near = (slice(top, row + far + 1), slice(left, column + far + 1))
        own = 2 - _away(smooth[near], (row - top, column - left), 2 * reach) / reach
        nearer = own > closest[near]
        closest[near][nearer], sign[near][nearer] = own[nearer], 1.0 if click.positive else -1.0
    return np.minimum(closest, 1), sign


def within(mask: np.ndarray, box: Frame) -> np.ndarray:
    """A mask cut by a box; the box's ellipse where hardly any of it lies there."""
    size = len(mask)
    inside = box.inside(size)
    if (mask & inside).sum() >= _SOME * inside.sum():
        found: np.ndarray = mask & inside
        return found
    rows = (np.arange(size) + 0.5 - box.top) / max(box.bottom - box.top, 1e-6)
    columns = (np.arange(size) + 0.5 - box.left) / max(box.right - box.left, 1e-6)
    ellipse: np.ndarray = (2 * rows[:, None] - 1) ** 2 + (2 * columns[None] - 1) ** 2 <= 1
    return ellipse & inside if ellipse.any() else inside


def outline(mask: np.ndarray, soft: float) -> np.ndarray:
    """A mask as numbers in [-1, 1], 0 at its outline, sure of itself ``soft`` cells from there."""
    found: np.ndarray = np.clip(signed_distance(mask) / soft, -1, 1)
    return found


def signed_distance(mask: np.ndarray) -> np.ndarray:
    """Distance of every cell's middle to the outline, in cells, positive inside; far away everywhere where none is."""
    if not mask.any():
        return np.full(mask.shape, -float(max(mask.shape)))
    if mask.all():
        return np.full(mask.shape, float(max(mask.shape)))
    inside, outside = ndimage.distance_transform_edt(mask), ndimage.distance_transform_edt(~mask)
    # Half a cell from the middle of a cell to its edge.
    found: np.ndarray = np.where(mask, inside - 0.5, 0.5 - outside)
    return found


def cell_of(row: float, column: float, size: int) -> tuple[int, int]:
    """The cell that holds a place; the nearest one of those outside."""
    return min(max(int(row), 0), size - 1), min(max(int(column), 0), size - 1)


def _away(image: np.ndarray, start: tuple[int, int], limit: float) -> np.ndarray:
    """Geodesic distance (h, w) from a cell of an image, infinite beyond a limit."""
    height, width = image.shape
    number = np.arange(image.size).reshape(image.shape)
    ends: list[np.ndarray] = []
    for down, right in _STEPS:
        here = (slice(0, height - down), slice(max(0, -right), width - max(0, right)))
        there = (slice(down, height), slice(max(0, right), width - max(0, -right)))
        length = np.hypot(down, right) + EDGE * np.abs(image[here] - image[there])
        ends.append(np.stack([number[here].ravel(), number[there].ravel(), length.ravel()]))
    rows, columns, lengths = np.concatenate(ends, axis=1)
    graph = coo_array((lengths, (rows.astype(int), columns.astype(int))), shape=(image.size, image.size)).tocsr()
    found: np.ndarray = dijkstra(graph, directed=False, indices=number[start], limit=limit).reshape(image.shape)
    return found
