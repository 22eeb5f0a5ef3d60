"""A support library of a few kilobytes, in every state that one can be in: versions, trash, a catalogue."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from RetrievalSAMLib.library import Provenance, SupportLibrary
from RetrievalSAMLib.volumes.geometry import Geometry
from RetrievalSAMLib.volumes.volume import Segmentation, Volume

_SIZE = (4, 3, 2)
_GRID = Geometry(_SIZE, (1.5, 1.5, 4.0), (-11.25, 7.5, 3.0), (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0))


def pair(seed: int) -> tuple[Volume, Segmentation]:
    """An image and a segmentation, others for every seed."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, _SIZE).astype(np.uint8)
    labels[1, 1, 1] = 1
    return (
        Volume(random.integers(0, 1200, _SIZE).astype(np.int16), _GRID),
        Segmentation.from_labelmap(labels, _GRID, {1: "A"}),
    )


def small_library(folder: Path) -> SupportLibrary:
    """Case `a` with two versions, case `b`, and `c` in the trash."""
    made = SupportLibrary.create(folder)
    made.add(*pair(0), name="a")
    made.add_version("a", pair(1)[1], provenance=Provenance())
    made.add(*pair(2), name="b")
    made.remove(made.add(*pair(3), name="c").id)
    made.cases(), made.removed()
    return made


_LOADED: set[tuple[str, str]] = set()
State = tuple[tuple[tuple[str, tuple[str, ...]], ...], tuple[tuple[str, tuple[str, ...]], ...]]


def state_of(folder: Path) -> State:
    """Names and contents of all versions of the cases in use, and of those in the trash.

    Raises:
        AssertionError: The library says that something is damaged, or a case cannot be loaded.
    """
    opened = SupportLibrary.open(folder)
    damage = opened.verify()
    assert damage == [], damage
    for case in opened.cases():
        files = (case.version.image.sha256, case.version.segmentation.sha256)
        if files not in _LOADED:  # the same bytes need no second look
            case.load()
            _LOADED.add(files)
    in_use, removed = (
        tuple((case.name, tuple(version.content_hash for version in case.versions)) for case in cases)
        for cases in (opened.cases(), opened.removed())
    )
    return in_use, removed
