from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from RetrievalSAMLib.models import catalogue, store
from RetrievalSAMLib.models.catalogue import CatalogueEntry


@pytest.fixture(autouse=True)
def models_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of weights for each test; the user's own is never touched."""
    folder = tmp_path / "models"
    monkeypatch.setenv(store.FOLDER_VARIABLE, str(folder))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return folder


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> Callable[..., CatalogueEntry]:
    """Puts an entry for given content into the catalogue, so that the checks themselves stay as they are."""

    def add(content: bytes, url: str = "http://127.0.0.1:9/made-up.pt", name: str = "made-up") -> CatalogueEntry:
        entry = CatalogueEntry(
            name=name,
            kind="segmenter",
            file_name=f"{name}.pt",
            url=url,
            bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            licence="Apache-2.0",
            source="made up",
            config="",
            image_size=64,
        )
        monkeypatch.setitem(catalogue.CATALOGUE, name, entry)
        return entry

    return add


@pytest.fixture
def published_as(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Path], CatalogueEntry]:
    """Makes the catalogue name a file of this test as the published one of a given name."""

    def replace(name: str, path: Path) -> CatalogueEntry:
        content = path.read_bytes()
        entry = dataclasses.replace(
            catalogue.CATALOGUE[name], bytes=len(content), sha256=hashlib.sha256(content).hexdigest()
        )
        monkeypatch.setitem(catalogue.CATALOGUE, name, entry)
        return entry

    return replace
