from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from balls import case, grid

from RetrievalSAMLib.evaluation.metrics import evaluate
from RetrievalSAMLib.retrieval.evidence import CaseSlices
from RetrievalSAMLib.volumes import Plane
from training.baselines.unet import TrainedUnet, UNet, UnetSettings, _Crops, _Scale, train_unet

SMALL = UnetSettings(pixels=48, crop=32, widths=(8, 16, 16), steps=60, batch=8, peak=1e-2)
GRID = grid((48, 44, 10), (1.0, 1.0, 4.0))
SUPPORTS = [case("a", GRID), case("b", GRID, middle_mm=(4.0, 2.0, 0.0), scale=0.9, seed=1)]


@pytest.fixture(scope="module")
def trained() -> TrainedUnet:
    return train_unet(SUPPORTS, SMALL)


def test_a_bright_structure_is_learnt(trained: TrainedUnet) -> None:
    target = case("target", GRID, middle_mm=(-4.0, 3.0, 2.0), scale=1.1, seed=2)
    scores = {s.name: s.dice for s in evaluate(trained.segment(target.image), target.segmentation)}
    assert set(scores) == {"Shell", "Core"}
    assert min(scores.values()) > 0.7


def test_millimetres_count_and_not_pixels(trained: TrainedUnet) -> None:
    # Twice as many pixels and half again as much around it as any support shows.
    fine = case("target", grid((144, 132, 10), (0.5, 0.5, 4.0)), middle_mm=(6.0, 0.0, 0.0), seed=3)
    scores = {s.name: s.dice for s in evaluate(trained.segment(fine.image), fine.segmentation)}
    assert min(scores.values()) > 0.6


def test_training_repeats_itself_and_leaves_the_generator_alone() -> None:
    quick = replace(SMALL, steps=2)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = train_unet(SUPPORTS, quick)
    assert torch.equal(torch.rand(3), expected)
    torch.manual_seed(6)
    second = train_unet(SUPPORTS, quick)
    for one, other in zip(first.network.parameters(), second.network.parameters(), strict=True):
        assert torch.equal(one, other)


def test_classes_are_the_masks_at_the_scale_of_the_network() -> None:
    slices = CaseSlices.load(SUPPORTS[0], Plane.AXIAL)
    scale = _Scale(Plane.AXIAL, pixel_mm=1.0, stride=4)
    classes = scale.labels(slices, [1, 2])
    assert classes.shape == (10, 48, 48)
    assert scale.images(slices.stack).shape == (10, 1, 48, 48)
    for number, value in ((1, 1), (2, 2)):
        masks = np.stack([slices.mask(value, i) for i in range(10)])
        # 44 rows in a square of 48: two black ones above.
        assert np.array_equal((classes == number).numpy()[:, 2:46], masks)


def test_every_segment_is_looked_at_as_often_however_small() -> None:
    scale = _Scale(Plane.AXIAL, pixel_mm=1.0, stride=4)
    slices = CaseSlices.load(SUPPORTS[0], Plane.AXIAL)
    settings = replace(SMALL, foreground=1.0, batch=40, crop=24)
    torch.manual_seed(0)
    images, classes = _Crops([scale.images(slices.stack)], [scale.labels(slices, [1, 2])], settings).batch()
    assert images.shape == (40, 1, 24, 24)
    assert float((classes == 2).any(dim=2).any(dim=1).float().mean()) > 0.5


def test_sides_need_only_be_multiples_of_the_stride() -> None:
    network = UNet((4, 8, 8), classes=3).eval()
    with torch.inference_mode():
        assert network(torch.zeros(2, 1, 20, 36)).shape == (2, 3, 20, 36)
