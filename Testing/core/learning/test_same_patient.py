from __future__ import annotations

import dataclasses
import itertools

import numpy as np
from scipy import ndimage

from RetrievalSAMLib.learning.proof.folds import FoldCase, folds_of, patients
from RetrievalSAMLib.learning.proof.same_patient import fine_detail, same_patient_pairs
from RetrievalSAMLib.volumes import Geometry, SliceStack, Volume

SIZE = (80, 72, 12)  # x, y, z
GRID = Geometry(SIZE, (1.0, 1.0, 3.0), (0.0, 0.0, 0.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
TEXTURE, NOISE = 25.0, 4.0


def person(seed: int) -> np.ndarray:
    """A body of about the same shape as others', with a texture of its own; float (x, y, z)."""
    random = np.random.default_rng(seed)
    x, y, _ = np.indices(SIZE)
    width, height = random.uniform(0.85, 1.1, 2)
    body = 100.0 * ((x - 40) ** 2 / (30 * width) ** 2 + (y - 36) ** 2 / (26 * height) ** 2 < 1)
    own = ndimage.gaussian_filter(random.normal(size=SIZE), 2.0)
    return body * (1 + own / own.std() * TEXTURE / 100)


def visit(image: np.ndarray, seed: int, spacing: float = 1.0) -> SliceStack:
    """The same person at another time: bent by up to two voxels, with other noise and brightness."""
    random = np.random.default_rng(1000 + seed)
    places = np.indices(SIZE).astype(float)
    for axis in (0, 1):
        bend = ndimage.gaussian_filter(random.normal(size=SIZE), 12)
        places[axis] += bend / np.abs(bend).max() * 2
    moved = ndimage.map_coordinates(image, places, order=1) * random.uniform(0.8, 1.2)
    voxels = (moved + random.normal(0, NOISE, SIZE)).astype(np.int16)
    return SliceStack.of(Volume(voxels, dataclasses.replace(GRID, spacing_mm=(spacing, spacing, 3.0))))


def test_one_persons_visits_are_told_by_their_images_and_different_people_are_not() -> None:
    details = {f"{who}{when}": fine_detail(visit(person(who), 10 * who + when)) for who in range(4) for when in (1, 2)}
    assert same_patient_pairs(details) == [(f"{who}1", f"{who}2") for who in range(4)]


def test_people_in_one_template_space_are_not_one_person() -> None:
    edges = person(0)  # the same outlines in all images, and a texture of everyone's own
    own = [ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=SIZE), 2.0) for seed in range(4)]
    details = {f"{n}": fine_detail(visit(edges + 400 * texture, n)) for n, texture in enumerate(own)}
    assert same_patient_pairs(details) == []


def test_visits_under_unrelated_names_lie_in_one_fold() -> None:
    stacks = {"a": visit(person(0), 1), "b": visit(person(1), 2), "c": visit(person(0), 3), "d": visit(person(2), 4)}
    pairs = same_patient_pairs({key: fine_detail(stack) for key, stack in stacks.items()})
    folds = folds_of(patients([FoldCase(key, f"case {key}") for key in stacks], pairs), 3)
    assert folds["a"] == folds["c"]
    assert len({folds[key] for key in "abd"}) == 3


def test_images_on_other_grids_and_empty_images_are_nobodys() -> None:
    details = {
        "one": fine_detail(visit(person(0), 1)),
        "coarser": fine_detail(visit(person(0), 1, spacing=1.5)),
        "empty": fine_detail(visit(np.zeros(SIZE), 1)),
        "nothing": fine_detail(SliceStack.of(Volume(np.zeros(SIZE, np.int16), GRID))),
    }
    for one, other in itertools.combinations(sorted(details), 2):
        assert (one, other) not in same_patient_pairs(details)
