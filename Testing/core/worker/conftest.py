"""A library of made-up cases, a volume, and a worker for a module's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from worker_process import WorkerProcess, running
from worker_volumes import subject

from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.volumes import write_segmentation, write_volume


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with image0 to image2.nrrd and drawn0 to drawn2.seg.nrrd."""
    folder = tmp_path_factory.mktemp("files")
    for seed in range(3):
        image, drawn = subject(seed)
        write_volume(image, folder / f"image{seed}.nrrd")
        write_segmentation(drawn, folder / f"drawn{seed}.seg.nrrd")
    return folder


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of two cases."""
    made = SupportLibrary.create(tmp_path_factory.mktemp("support") / "library", "Balls")
    for seed in (1, 2):
        made.add(*subject(seed), modality="MR")
    return made.path


@pytest.fixture(scope="module")
def worker() -> Iterator[WorkerProcess]:
    """A worker that the tests of a module share."""
    with running() as process:
        yield process
