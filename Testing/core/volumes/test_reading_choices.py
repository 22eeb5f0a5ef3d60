"""Choices of how files are to be read, for one volume and for several of any formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dicom_series import SPACING, hounsfield, write_series
from PIL import Image

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.volumes import Geometry, ReadingChoices, Volume, write_volume


def test_among_others_a_choice_counts_for_what_it_can_be_about(tmp_path: Path) -> None:
    write_series(tmp_path / "disc" / "a", number=1)
    write_series(tmp_path / "disc" / "b", number=2, shift=lambda k: np.array([0.0, k, 0.0]))
    grid = Geometry(hounsfield().shape, SPACING, (0, 0, 0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    write_volume(Volume(hounsfield(), grid), tmp_path / "volume.nrrd")
    for number in range(3):
        (tmp_path / "pictures").mkdir(exist_ok=True)
        picture = np.arange(20, dtype=np.uint8).reshape(4, 5) + number
        Image.fromarray(picture).save(tmp_path / "pictures" / f"{number}.png")
    choices = ReadingChoices(series="2", straighten=True, spacing_mm=(0.1, 0.2, 0.3))
    assert "gantry tilt" in choices.read_among_others(tmp_path / "disc").notes[0]
    assert np.array_equal(choices.read_among_others(tmp_path / "volume.nrrd").voxels, hounsfield())
    assert choices.read_among_others(tmp_path / "pictures").geometry.spacing_mm == (0.1, 0.2, 0.3)
    for name in ("disc", "volume.nrrd", "pictures"):
        with pytest.raises(InputError):  # for one volume, a choice that it cannot be about is a slip
            choices.read(tmp_path / name)
    with pytest.raises(InputError, match="no such file"):
        choices.read_among_others(tmp_path / "nothing.nrrd")
