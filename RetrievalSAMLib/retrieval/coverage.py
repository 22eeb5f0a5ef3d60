"""Which volumes, and which of their slices, a library knows least of: greedy covering of embeddings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def novelty(slices: np.ndarray, pool: np.ndarray) -> float:
    """Mean distance (1 - inner product) of slices to the nearest of a pool; 1 where the pool is empty.

    Args:
        slices: float32 (n, d), unit rows.
        pool: float32 (m, d), unit rows.
    """
    if not len(pool):
        return 1.0
    return float(np.clip(1 - (slices @ pool.T).max(axis=1), 0, None).mean())


def most_typical(volumes: Sequence[np.ndarray]) -> int:
    """The volume that most others are near to (by the median, so that an odd one has no say): the first of equal ones.

    Args:
        volumes: float32 (n_i, d) each, unit rows.
    """
    spread = [
        np.median([novelty(other, own) for j, other in enumerate(volumes) if j != i] or [0.0])
        for i, own in enumerate(volumes)
    ]
    return int(np.argmin(np.round(spread, 6)))


def typical_distance(volumes: Sequence[np.ndarray]) -> float | None:
    """Median of how far each volume is from the others taken together; None for fewer than two."""
    if len(volumes) < 2:
        return None
    return float(
        np.median(
            [
                novelty(own, np.concatenate([other for j, other in enumerate(volumes) if j != i]))
                for i, own in enumerate(volumes)
            ]
        )
    )


def slices_to_draw(
    embeddings: np.ndarray, position: np.ndarray, worth: np.ndarray, count: int, position_weight: float = 0.5
) -> list[int]:
    """The few slices that stand best for a volume's others, best first (greedy, for the facility location problem).

    A slice stands for another by (1 - w) times the inner product of their embeddings plus w times the cosine of the
    angle between their places, as retrieval compares slices; what is drawn in it teaches the others so much.

    Args:
        embeddings: float32 (n, d), unit rows.
        position: float32 (n,), place along the stack in [0, 1].
        worth: float (n,), >= 0: how much it matters that a slice is stood for.
        count: How many slices; at most n are given.
        position_weight: w.
    """
    angle = np.pi / 2 * position
    near = np.cos(angle[:, None] - angle[None])
    # Retrieval's measure is flat near its top; its angle is what tells a neighbour from a slice further on.
    alike = 1 - np.arccos(np.clip((1 - position_weight) * embeddings @ embeddings.T + position_weight * near, -1, 1))
    gained = np.zeros(len(embeddings))
    chosen: list[int] = []
    for _ in range(min(count, len(embeddings))):
        gains = (np.maximum(alike, gained[None]) - gained[None]) @ worth
        gains[chosen] = -1
        best = int(np.argmax(np.round(gains, 6)))
        chosen.append(best)
        gained = np.maximum(gained, alike[best])
    return chosen
