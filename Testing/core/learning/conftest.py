"""A library that has learned, made once: three small cases, a handful of steps."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from learning_cases import STEPS, subject

from RetrievalSAMLib.learning.learn import Learned, LearnOptions, learn
from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.models.build import build_encoder, build_segmenter
from RetrievalSAMLib.segmentation.settings.options import Models
from RetrievalSAMLib.segmentation.settings.presets import preset


@pytest.fixture(scope="session")
def models() -> Models:
    return Models(build_segmenter(), build_encoder())


@pytest.fixture(scope="session")
def learning(models: Models, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Learned]:
    folder = tmp_path_factory.mktemp("learning") / "library"
    library = SupportLibrary.create(folder)
    for seed in (1, 2, 3):
        library.add(*subject(seed))
    return folder, learn(library, models, preset("fast"), LearnOptions(steps=STEPS))


@pytest.fixture
def learned(learning: tuple[Path, Learned], tmp_path: Path) -> SupportLibrary:
    """A copy of it, to do with as one likes."""
    shutil.copytree(learning[0], tmp_path / "learned")
    return SupportLibrary.open(tmp_path / "learned")
