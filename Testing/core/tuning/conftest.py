"""A network with random weights, which nothing was fitted to, and a library that was tuned for it, made once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from tuned_library import made_library

from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.models.build import build_encoder, random_segmenter
from RetrievalSAMLib.segmentation.settings.options import Models
from RetrievalSAMLib.segmentation.settings.presets import preset
from RetrievalSAMLib.tuning.tune import Tuned, TuneOptions, tune

LOUD = 100


@pytest.fixture(scope="session")
def models() -> Models:
    """What it says is noise, and it says it so loudly that the preset's weight of the place is too low."""
    segmenter = random_segmenter("bundled", 128, seed=7)
    with torch.no_grad():
        for network in segmenter.model.sam_mask_decoder.output_hypernetworks_mlps:
            network.layers[-1].weight *= LOUD
            network.layers[-1].bias *= LOUD
    return Models(segmenter, build_encoder())


@pytest.fixture(scope="session")
def tuning(models: Models, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Tuned]:
    library = made_library(tmp_path_factory.mktemp("tuning") / "library", (1, 2, 3, 4, 5))
    return library.path, tune(library, models, preset("fast"), TuneOptions())


@pytest.fixture
def tuned(tuning: tuple[Path, Tuned], tmp_path: Path) -> SupportLibrary:
    """A copy of it, to do with as one likes."""
    shutil.copytree(tuning[0], tmp_path / "tuned")
    return SupportLibrary.open(tmp_path / "tuned")
