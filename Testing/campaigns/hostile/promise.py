"""What a campaign tries: inputs made from valid ones, and what must come of each."""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from RetrievalSAMLib.volumes import Geometry, Segment, Segmentation, Volume

MEMORY_BYTES = 2 << 30
"""What the inputs, all of a few kB, may make a reader ask for beyond what it has after the valid ones."""

Attempt = Callable[[Any], bool]
"""Tries one input: True where it was read as valid, False where it was refused in words; raises where neither."""


@dataclass(frozen=True)
class Promise:
    """One promise, and how it is tried.

    Attributes:
        name: For the command line.
        words: What is promised.
        make: Given an empty folder, makes what is needed, and gives the inputs and how one is tried.
        weight: How many examples, for each that is asked for.
    """

    name: str
    words: str
    make: Callable[[Path], tuple[st.SearchStrategy[Any], Attempt]]
    weight: float = 1.0


def keep(promise: Promise, examples: int, start: int, folder: Path) -> Counter[bool]:
    """Try a promise; raises what an input made a reader raise.

    Args:
        promise: To be tried.
        examples: How many inputs, before the promise's weight.
        start: Seed of the inputs.
        folder: To work in.

    Returns:
        How many were read as valid (True) and refused (False).
    """
    inputs, attempt = promise.make(folder)
    _limit_memory()
    counts: Counter[bool] = Counter()

    @seed(start)
    @settings(
        max_examples=max(1, round(examples * promise.weight)),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    @given(inputs)
    def tried(one: Any) -> None:
        counts[attempt(one)] += 1

    tried()
    return counts


def _limit_memory() -> None:
    """Have whoever asks for more memory than a small file needs fail. Only POSIX can."""
    if importlib.util.find_spec("resource") is None:
        return
    import resource

    used = Path("/proc/self/statm")
    if used.exists():
        pages = int(used.read_text().split()[0])
        limit = pages * resource.getpagesize() + MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))


def subject(number: int = 0) -> tuple[Volume, Segmentation]:
    """A small oblique volume with two segments."""
    size = (12, 10, 6)
    geometry = Geometry(size, (1.5, 1.5, 4.0), (-11.25, 7.5, 3.0), (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0))
    voxels = np.random.default_rng(number).integers(0, 1200, size).astype(np.int16)
    labels = np.zeros(size, np.uint8)
    labels[2:4, 2:7, 1:5] = 1
    labels[4:6, 2:7, 1:5] = 2
    segments = (Segment("Anterior", 1, (0.5, 0.25, 0.125), "a~b^c^d"), Segment("Posterior", 2))
    masks = (labels == 1, labels == 2)
    return Volume(voxels, geometry), Segmentation.from_masks(segments, masks, geometry)
