"""Files of a small SAM 3 with random weights, and a folder of weights in which its licence is accepted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sam3_tracker import random_tracker, write_published

from RetrievalSAMLib.models import licences, store
from RetrievalSAMLib.models.catalogue import SAM3


@pytest.fixture(scope="module", autouse=True)
def models_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty folder of weights for each file of tests; the user's own is never touched."""
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(store.FOLDER_VARIABLE, str(folder))
        yield folder


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that `facebook/sam3` has."""
    return write_published(tmp_path_factory.mktemp("sam3") / "sam3", random_tracker())


@pytest.fixture
def accepted(models_folder: Path) -> Iterator[None]:
    licences.accept(SAM3)
    yield
    (models_folder / licences.FILE).unlink()
