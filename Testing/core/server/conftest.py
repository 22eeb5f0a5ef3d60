"""A folder of libraries, a volume, what this computer makes of it, and two servers.

Each file of tests has its own: servers remember what they were sent, and which files share a process is chance.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from server_process import RunningServer, serving
from server_volumes import subject

from RetrievalSAMLib.cli.main import main
from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.volumes import write_volume


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the library `balls`, and something that is none."""
    folder = tmp_path_factory.mktemp("libraries")
    made = SupportLibrary.create(folder / "balls", "Balls of two sizes")
    for seed in (1, 2):
        made.add(*subject(seed), modality="MR")
    (folder / "nothing").mkdir()
    return folder


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A volume."""
    path = tmp_path_factory.mktemp("image") / "image.nii.gz"
    write_volume(subject(0)[0], path)
    return path


@pytest.fixture(scope="module")
def local(libraries: Path, image: Path) -> Path:
    """What `retrievalsam segment` makes of it here."""
    path = image.with_name("local.seg.nrrd")
    assert main(["segment", str(libraries / "balls"), str(image), "-o", str(path), "--preset", "fast"]) == 0
    return path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, libraries: Path) -> Iterator[RunningServer]:
    """With tokens and TLS."""
    options = ("--max-upload-mb", "1")
    with serving(tmp_path_factory.mktemp("server"), libraries, *options, secure=True) as running:
        yield running


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, libraries: Path) -> Iterator[RunningServer]:
    """For this computer only; keeps nothing, waits for nobody, and has one place in its queue."""
    options = ("--keep-minutes", "0", "--queue", "1", "--patience-seconds", "10")
    with serving(tmp_path_factory.mktemp("strict"), libraries, *options) as running:
        yield running


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory, libraries: Path) -> Path:
    """Three libraries, for a server that may change them."""
    folder = tmp_path_factory.mktemp("several")
    for name in ("balls", "liver", "more balls"):
        shutil.copytree(libraries / "balls", folder / name)
    return folder


@pytest.fixture(scope="module")
def open_desk(tmp_path_factory: pytest.TempPathFactory, several: Path) -> Iterator[RunningServer]:
    """For this computer only, without tokens; clients may change its libraries."""
    with serving(tmp_path_factory.mktemp("open_desk"), several, "--accept-labels") as running:
        yield running
