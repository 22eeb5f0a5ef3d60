from __future__ import annotations

import numpy as np
import pytest
from grids import geometries, planes
from hypothesis import given, settings
from hypothesis import strategies as st

from RetrievalSAMLib.volumes import Geometry, Plane, SliceFrame, Volume, intensity_window, normalise


@pytest.fixture
def tissue() -> np.ndarray:
    return np.random.default_rng(0).normal(500, 100, (40, 40, 40))


def test_percentiles_of_the_volume_become_zero_and_one(tissue: np.ndarray):
    low, high = intensity_window(tissue)
    assert (low, high) == pytest.approx(tuple(np.percentile(tissue, [0.5, 99.5])), rel=1e-3)
    result = normalise(tissue)
    assert result.dtype == np.float32 and result.min() == 0 and result.max() == 1
    assert np.allclose(result, np.clip((tissue - low) / (high - low), 0, 1), atol=1e-6)


@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_counting_and_sorting_agree(tissue: np.ndarray, dtype: type):
    assert intensity_window(tissue.astype(dtype)) == pytest.approx(intensity_window(np.trunc(tissue)), abs=1)
    assert np.abs(normalise(tissue.astype(dtype)) - normalise(tissue)).max() < 0.01


def test_a_few_extreme_voxels_do_not_darken_the_rest(tissue: np.ndarray):
    """As in case 044 of MSD Task04, with intensities up to 358,214."""
    broken = tissue.astype(np.float32)
    broken[5:8, 5:8, 5:8] = 358214
    assert np.abs(normalise(broken) - normalise(tissue)).mean() < 0.01


def test_a_broken_region_of_two_percent_does_not_darken_the_rest(tissue: np.ndarray):
    broken = tissue.astype(np.float32)
    broken[:, :, 0] = 358214
    low, high = intensity_window(broken)
    assert high < 5000
    assert normalise(broken)[:, :, 1:].std() > 0.02


def test_padding_does_not_take_part(tissue: np.ndarray):
    padded = np.full((80, 40, 40), -2048.0)
    padded[40:] = tissue
    assert intensity_window(padded) == pytest.approx(intensity_window(tissue))
    assert not normalise(padded)[:40].any()


def test_a_window_is_used_as_given():
    voxels = np.array([[[-2000, -160, 40, 240, 3000]]], dtype=np.int16)
    assert np.allclose(normalise(voxels, (-160, 240)), [[[0, 0, 0.5, 1, 1]]])
    with pytest.raises(ValueError):
        normalise(voxels, (240, -160))
    with pytest.raises(ValueError):
        normalise(voxels, (float("nan"), 1))


def test_a_binary_image_stays_visible():
    voxels = np.zeros((10, 10, 10), dtype=np.uint8)
    voxels[2:8, 2:8, 2:8] = 1
    assert np.array_equal(normalise(voxels), voxels)


def test_large_integers_keep_their_steps():
    voxels = (np.arange(1000) + 2**30).astype(np.int32).reshape(10, 10, 10)
    assert len(np.unique(normalise(voxels))) > 980


@settings(max_examples=30)
@given(geometries(), planes, st.sampled_from([np.int16, np.float32]))
def test_the_result_does_not_depend_on_the_order_of_the_axes(geometry: Geometry, plane: Plane, dtype: type):
    voxels = np.random.default_rng(1).normal(0, 300, geometry.size).astype(dtype)
    frame = SliceFrame(geometry, plane)
    assert np.array_equal(frame.from_slices(normalise(frame.to_slices(voxels))), normalise(voxels))


def test_a_volume_may_be_given_and_is_not_changed(tissue: np.ndarray):
    volume = Volume(tissue, Geometry((40, 40, 40), (1, 1, 1), (0, 0, 0), tuple(np.eye(3).ravel())))
    before = volume.content_hash()
    assert np.array_equal(normalise(volume), normalise(tissue))
    assert volume.content_hash() == before
