"""Numbers of a segmentation against solids whose numbers are known."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from RetrievalSAMLib.evaluation.numbers import COLUMNS, largest_diameter_mm, numbers_of, write_numbers
from RetrievalSAMLib.volumes import Geometry, Segment, Segmentation, Volume

SPACING = (0.8, 1.0, 2.5)
SIZE = (80, 70, 30)
RADIUS = 22.0


@pytest.fixture(scope="module")
def ball() -> np.ndarray:
    places = np.indices(SIZE).transpose(1, 2, 3, 0) * np.array(SPACING)
    middle = (np.array(SIZE) - 1) / 2 * np.array(SPACING)
    found: np.ndarray = np.linalg.norm(places - middle, axis=-1) < RADIUS
    return found


def test_a_ball_has_the_numbers_of_a_ball(ball: np.ndarray) -> None:
    geometry = Geometry(SIZE, SPACING, (0.0, 0.0, 0.0), tuple(np.eye(3).ravel()))
    voxels = np.where(ball, 100, 0).astype(np.int16)
    voxels[40:] += ball[40:].astype(np.int16) * 20
    segments = (Segment("Ball", 1), Segment("Nothing", 2))
    segmentation = Segmentation.from_masks(segments, [ball, np.zeros(SIZE, bool)], geometry)
    row, nothing = numbers_of(Volume(voxels, geometry), segmentation, "a", {"Ball": 0.9}, [3, 4])
    assert row.volume_ml == pytest.approx(4 / 3 * np.pi * RADIUS**3 / 1000, rel=0.02)
    assert row.surface_cm2 == pytest.approx(4 * np.pi * RADIUS**2 / 100, rel=0.05)
    assert row.largest_diameter_mm == pytest.approx(2 * RADIUS, abs=2.5)
    assert (row.mean, row.sd) == (pytest.approx(voxels[ball].mean()), pytest.approx(voxels[ball].std()))
    assert (row.confidence, row.corrected_slices) == (0.9, 2)
    assert (nothing.volume_ml, nothing.surface_cm2, nothing.mean, nothing.confidence) == (0.0, None, None, None)


def test_the_largest_diameter_is_that_of_all_pairs() -> None:
    random = np.random.default_rng(1)
    for _time in range(5):
        mask = random.random((7, 6, 5)) > 0.8
        places = np.argwhere(mask) * np.array(SPACING)
        wanted = max(float(np.linalg.norm(a - b)) for a in places for b in places)
        assert largest_diameter_mm(mask, SPACING) == pytest.approx(wanted)
    one = np.zeros((3, 3, 3), bool)
    one[1, 1, 1] = True
    assert largest_diameter_mm(one, SPACING) == 0.0


def test_the_table_is_read_back_as_it_was(ball: np.ndarray, tmp_path: Path) -> None:
    geometry = Geometry(SIZE, SPACING, (0.0, 0.0, 0.0), tuple(np.eye(3).ravel()))
    segmentation = Segmentation.from_masks((Segment("Größe, links", 1),), [ball], geometry)
    rows = numbers_of(Volume(ball.astype(np.int16), geometry), segmentation, "b", {}, [])
    write_numbers(rows, tmp_path / "numbers.csv")
    with (tmp_path / "numbers.csv").open(encoding="utf-8-sig", newline="") as stream:
        (read,) = csv.DictReader(stream)
    assert tuple(read) == COLUMNS
    assert read["segment"] == "Größe, links"
    assert float(read["volume_ml"]) == pytest.approx(rows[0].volume_ml, rel=1e-5)
    assert read["confidence"] == ""
