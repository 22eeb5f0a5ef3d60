"""Small cases with structure, and a library to put them in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from RetrievalSAMLib.library import SupportLibrary
from RetrievalSAMLib.volumes.geometry import Geometry
from RetrievalSAMLib.volumes.volume import Segmentation, Volume

MakePair = Callable[..., tuple[Volume, Segmentation]]


@pytest.fixture
def make_pair() -> MakePair:
    """Image and segmentation of a small anisotropic volume, sliced axially along array axis 2."""

    def make(
        seed: int = 0,
        names: Mapping[int, str] | None = None,
        size: tuple[int, int, int] = (12, 10, 6),
        spacing_mm: tuple[float, float, float] = (1.5, 1.5, 4.0),
    ) -> tuple[Volume, Segmentation]:
        names = names if names is not None else {1: "Anterior", 2: "Posterior"}
        random = np.random.default_rng(seed)
        geometry = Geometry(
            size=size,
            spacing_mm=spacing_mm,
            origin_mm=(-11.25, 7.5, 3.0),
            direction=(0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0),
        )
        voxels = random.integers(0, 1200, size).astype(np.int16)
        labels = np.zeros(size, np.uint8)
        for number, value in enumerate(names):
            labels[2 + number : 4 + number, 2:7, 1:5] = value
        return Volume(voxels, geometry), Segmentation.from_labelmap(labels, geometry, names)

    return make


@pytest.fixture
def library(tmp_path: Path) -> SupportLibrary:
    """An empty library."""
    return SupportLibrary.create(tmp_path / "library")
