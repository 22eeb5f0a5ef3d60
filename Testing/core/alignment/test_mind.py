"""Descriptors say what is around a voxel, whatever the brightness and contrast."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from RetrievalSAMLib.alignment.mind import CHANNELS, mind_ssc

DISTANCE = (2, 2, 2)


def picture(seed: int = 0, shape: tuple[int, ...] = (9, 10, 11)) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).random(shape, dtype=np.float32))


def by_the_formula(image: np.ndarray, place: tuple[int, int, int], distance: tuple[int, int, int]) -> list[float]:
    """The descriptor of a voxel, sum by sum."""

    def at(voxel: np.ndarray) -> float:
        return float(image[tuple(np.clip(voxel, 0, np.array(image.shape) - 1))])

    steps = [sign * distance[axis] * np.eye(3, dtype=int)[axis] for axis in range(3) for sign in (-1, 1)]
    found = []
    for one, other in itertools.combinations(range(6), 2):
        if one // 2 == other // 2:
            continue
        squares = [
            (at(np.array(place) + steps[one] + around) - at(np.array(place) + steps[other] + around)) ** 2
            for around in itertools.product((-1, 0, 1), repeat=3)
        ]
        found.append(sum(squares) / 27)
    least = min(found)
    mean = sum(value - least for value in found) / CHANNELS
    return [math.exp(-(value - least) / mean) for value in found]


@pytest.mark.parametrize("distance", [(1, 1, 1), (1, 2, 2)])
def test_it_is_what_the_formula_says(distance: tuple[int, int, int]) -> None:
    image = picture()
    found = mind_ssc(image, distance)
    assert found.shape == (CHANNELS, 9, 10, 11)
    for place in ((4, 5, 5), (3, 6, 4)):
        expected = by_the_formula(image.numpy(), place, distance)
        assert found[(slice(None), *place)].numpy() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("change", [lambda x: 3 * x + 7, lambda x: 1 - x])
def test_brightness_and_contrast_do_not_matter(change: object) -> None:
    image = picture(1)
    assert torch.allclose(mind_ssc(change(image), DISTANCE), mind_ssc(image, DISTANCE), atol=1e-3)  # type: ignore[operator]


def test_what_is_around_does() -> None:
    assert (mind_ssc(picture(1), DISTANCE) - mind_ssc(picture(2), DISTANCE)).abs().mean() > 0.1


@pytest.mark.parametrize("shape", [(6, 6, 6), (1, 8, 8)])
def test_a_uniform_image_has_finite_descriptors(shape: tuple[int, int, int]) -> None:
    found = mind_ssc(torch.full(shape, 0.4), (1, 2, 2))
    assert torch.isfinite(found).all() and torch.allclose(found, torch.ones(()))
