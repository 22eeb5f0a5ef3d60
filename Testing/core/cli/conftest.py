"""A small library and volumes for the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_volumes import blob

from RetrievalSAMLib.cli.main import main
from RetrievalSAMLib.volumes import write_segmentation, write_volume


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library with three cases, made by the commands themselves."""
    folder = tmp_path_factory.mktemp("cli")
    path = folder / "library"
    assert main(["library", "create", str(path)]) == 0
    for seed in range(3):
        image, segmentation = blob(seed)
        write_volume(image, folder / f"image{seed}.nii.gz")
        write_segmentation(segmentation, folder / f"drawn{seed}.seg.nrrd")
        assert (
            main(
                [
                    "library",
                    "add",
                    str(path),
                    "--image",
                    str(folder / f"image{seed}.nii.gz"),
                    "--segmentation",
                    str(folder / f"drawn{seed}.seg.nrrd"),
                ]
            )
            == 0
        )
    return path


@pytest.fixture(scope="session")
def image(library: Path) -> Path:
    """A volume that goes with the library."""
    return library.parent / "image1.nii.gz"


@pytest.fixture(scope="session")
def drawn(library: Path) -> Path:
    """Its segmentation."""
    return library.parent / "drawn1.seg.nrrd"
