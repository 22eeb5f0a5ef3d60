"""Metrics against closed forms, SimpleITK's own filters, brute force, and at the edges (empty, one slice)."""

from __future__ import annotations

import math

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.evaluation.metrics import (
    dice,
    evaluate,
    match_segments,
    score_masks,
    surface_distances,
)
from RetrievalSAMLib.volumes.geometry import Geometry
from RetrievalSAMLib.volumes.volume import Segment, Segmentation

IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
OBLIQUE = (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, -1.0)


def grid(size, spacing=(1.0, 1.0, 1.0), direction=IDENTITY) -> Geometry:
    return Geometry(size=size, spacing_mm=spacing, origin_mm=(5.0, -7.0, 11.0), direction=direction)


def box(size, low, high) -> np.ndarray:
    mask = np.zeros(size, dtype=bool)
    mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    return mask


def ellipsoid(size, centre, radii) -> np.ndarray:
    axes = np.ogrid[tuple(slice(0, n) for n in size)]
    return sum(((x - c) / r) ** 2 for x, c, r in zip(axes, centre, radii, strict=True)) <= 1.0


def image(mask: np.ndarray, geometry: Geometry) -> sitk.Image:
    result = sitk.GetImageFromArray(mask.astype(np.uint8).transpose(2, 1, 0))
    result.SetSpacing(geometry.spacing_mm)
    result.SetOrigin(geometry.origin_mm)
    result.SetDirection(geometry.direction)
    return result


def simpleitk_surface_distances(a: sitk.Image, b: sitk.Image) -> tuple[np.ndarray, np.ndarray]:
    """Directed distances by SimpleITK alone: label contours and Maurer's distance maps of the contours."""

    def contour(mask: sitk.Image) -> sitk.Image:
        return sitk.LabelContour(mask, fullyConnected=False)

    def distance(mask: sitk.Image) -> np.ndarray:
        return sitk.GetArrayFromImage(
            sitk.Abs(sitk.SignedMaurerDistanceMap(contour(mask), squaredDistance=False, useImageSpacing=True))
        )

    on_a, on_b = (sitk.GetArrayFromImage(contour(mask)) > 0 for mask in (a, b))
    return distance(b)[on_a], distance(a)[on_b]


SPACINGS = [(1.0, 1.0, 1.0), (0.7, 0.7, 5.0), (8.0, 1.37, 0.31)]


@pytest.mark.parametrize("spacing", SPACINGS)
def test_shifted_box_has_the_distances_of_the_shift(spacing):
    size = (24, 20, 18)
    geometry = grid(size, spacing)
    reference = box(size, (4, 4, 4), (12, 12, 12))
    prediction = box(size, (7, 4, 4), (15, 12, 12))
    shift = 3 * spacing[0]
    scores = score_masks(prediction, reference, geometry)
    assert scores.dice == pytest.approx(2 * 5 / (8 + 8))
    # Voxels of the face left behind are 3 voxels from the nearest of the other box, straight ahead; no
    # distance is larger. They are 64 of the 296 voxels of a surface, over 5 %, so HD95 is this distance too.
    distances = surface_distances(prediction, reference, spacing)
    assert distances.to_reference_mm.size == distances.to_prediction_mm.size == 296
    assert distances.hausdorff_mm() == pytest.approx(shift)
    assert scores.hd95_mm == pytest.approx(shift)
    assert scores.volume_difference_mm3 == pytest.approx(0.0)
    assert scores.volume_difference_percent == pytest.approx(0.0)


def test_parallel_slabs_have_exact_distances():
    """Two one-voxel slabs, 4 voxels of 2.5 mm apart: every voxel is surface and every distance is 10 mm."""
    size = (12, 10, 14)
    geometry = grid(size, (1.0, 2.0, 2.5))
    near, far = box(size, (2, 2, 3), (10, 8, 4)), box(size, (2, 2, 7), (10, 8, 8))
    scores = score_masks(near, far, geometry)
    assert (scores.hd95_mm, scores.assd_mm) == (pytest.approx(10.0), pytest.approx(10.0))
    assert scores.dice == 0.0


def test_single_voxels_are_a_euclidean_distance_apart():
    size = (10, 10, 10)
    a, b = np.zeros(size, bool), np.zeros(size, bool)
    a[1, 2, 3], b[4, 6, 8] = True, True
    spacing = (2.0, 0.5, 3.0)
    expected = math.dist((0, 0, 0), (3 * 2.0, 4 * 0.5, 5 * 3.0))
    scores = score_masks(a, b, grid(size, spacing))
    assert scores.hd95_mm == pytest.approx(expected)
    assert scores.assd_mm == pytest.approx(expected)


def test_concentric_spheres_approach_the_closed_form():
    """Radii 12 and 15 mm on an anisotropic grid: distances near 3 mm, Dice near 2 r^3 / (r^3 + R^3)."""
    spacing = (0.5, 0.5, 1.0)
    size = (72, 72, 36)
    centre = tuple((n - 1) / 2 for n in size)
    small, large = (ellipsoid(size, centre, [radius / s for s in spacing]) for radius in (12.0, 15.0))
    scores = score_masks(small, large, grid(size, spacing))
    assert scores.dice == pytest.approx(2 * 12**3 / (12**3 + 15**3), abs=0.005)
    assert scores.assd_mm == pytest.approx(3.0, abs=0.3)
    assert scores.hd95_mm == pytest.approx(3.0, abs=1.0)
    assert scores.prediction_volume_mm3 == pytest.approx(4 / 3 * math.pi * 12**3, rel=0.01)
    assert scores.volume_difference_mm3 == pytest.approx(4 / 3 * math.pi * (12**3 - 15**3), rel=0.02)
    assert scores.volume_difference_percent == pytest.approx(100 * (12**3 / 15**3 - 1), abs=0.5)


def test_hd95_is_the_larger_directed_percentile_and_forgives_a_small_outlier():
    """A far single voxel is 1 of 57 surface voxels: the Hausdorff distance sees it, HD95 does not."""
    size = (40, 12, 12)
    reference = box(size, (2, 2, 2), (6, 6, 6))
    prediction = reference.copy()
    prediction[30, 4, 4] = True
    distances = surface_distances(prediction, reference, (1.0, 1.0, 1.0))
    assert distances.hausdorff_mm() == pytest.approx(25.0)
    assert distances.hausdorff_mm(95.0) == 0.0
    # Many far voxels on one side only: that direction decides, it is not diluted by the other.
    prediction[26:30, 2:6, 2:6] = True
    distances = surface_distances(prediction, reference, (1.0, 1.0, 1.0))
    directed = [np.percentile(d, 95) for d in (distances.to_reference_mm, distances.to_prediction_mm)]
    assert distances.hausdorff_mm(95.0) == max(directed) > min(directed) == 0.0


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("direction", [IDENTITY, OBLIQUE])
def test_agrees_with_simpleitk(spacing, direction):
    size = (26, 24, 22)
    geometry = grid(size, spacing, direction)
    random = np.random.default_rng(7)
    prediction = ellipsoid(size, (12, 11, 10), (8, 6, 7)) & (random.random(size) > 0.03)
    reference = ellipsoid(size, (13, 12, 11), (7, 8, 5))
    scores = score_masks(prediction, reference, geometry)
    a, b = image(prediction, geometry), image(reference, geometry)

    overlap = sitk.LabelOverlapMeasuresImageFilter()
    overlap.Execute(a, b)
    assert scores.dice == pytest.approx(overlap.GetDiceCoefficient(1), abs=1e-12)

    to_reference, to_prediction = simpleitk_surface_distances(a, b)
    hd95 = max(np.percentile(to_reference, 95), np.percentile(to_prediction, 95))
    assert scores.hd95_mm == pytest.approx(hd95, rel=1e-5)
    assd = (to_reference.sum() + to_prediction.sum()) / (to_reference.size + to_prediction.size)
    assert scores.assd_mm == pytest.approx(assd, rel=1e-5)

    shape = sitk.LabelShapeStatisticsImageFilter()
    volumes = []
    for mask in (a, b):
        shape.Execute(mask)
        volumes.append(shape.GetPhysicalSize(1))
    assert scores.volume_difference_mm3 == pytest.approx(volumes[0] - volumes[1], rel=1e-9)


@pytest.mark.parametrize("spacing", SPACINGS)
def test_hausdorff_agrees_with_simpleitk_on_separate_bodies(spacing):
    """SimpleITK measures between sets, this module between surfaces: the same for bodies apart."""
    size = (40, 22, 22)
    geometry = grid(size, spacing)
    a, b = ellipsoid(size, (9, 10, 10), (6, 5, 7)), ellipsoid(size, (28, 11, 9), (7, 8, 4))
    theirs = sitk.HausdorffDistanceImageFilter()
    theirs.Execute(image(a, geometry), image(b, geometry))
    ours = surface_distances(a, b, spacing)
    # Their farthest point of a set is on its surface, as the nearest points of the other are.
    assert ours.hausdorff_mm() == pytest.approx(theirs.GetHausdorffDistance(), rel=1e-5)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), spacing=st.tuples(*[st.floats(0.05, 9.0)] * 3))
def test_agrees_with_brute_force(seed, spacing):
    """Every pair of surface voxels, at the border of the volume too."""
    random = np.random.default_rng(seed)
    size = tuple(random.integers(2, 6, 3))
    a, b = random.random(size) > 0.5, random.random(size) > 0.6
    distances = surface_distances(a, b, spacing)
    if not (a.any() and b.any()):
        assert distances is None
        return

    def surface_points(mask):
        padded = np.pad(mask, 1)
        points = []
        for voxel in np.argwhere(mask):
            steps = np.concatenate([np.eye(3, dtype=int), -np.eye(3, dtype=int)])
            if not all(padded[tuple(voxel + 1 + step)] for step in steps):
                points.append(voxel * np.array(spacing))
        return np.array(points)

    pa, pb = surface_points(a), surface_points(b)
    pairs = np.linalg.norm(pa[:, None] - pb[None], axis=2)
    np.testing.assert_allclose(np.sort(distances.to_reference_mm), np.sort(pairs.min(1)), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(np.sort(distances.to_prediction_mm), np.sort(pairs.min(0)), rtol=1e-9, atol=1e-9)


def test_scores_do_not_depend_on_where_the_axes_are():
    size, spacing = (20, 16, 12), (0.8, 1.5, 4.0)
    random = np.random.default_rng(1)
    a = ellipsoid(size, (9, 8, 5), (6, 5, 4)) & (random.random(size) > 0.05)
    b = ellipsoid(size, (10, 7, 6), (7, 4, 3))
    first = score_masks(a, b, grid(size, spacing))
    for order in [(2, 0, 1), (1, 0, 2)]:
        turned = score_masks(
            a.transpose(order)[::-1],
            b.transpose(order)[::-1],
            grid(tuple(size[i] for i in order), tuple(spacing[i] for i in order)),
        )
        for name in ("dice", "hd95_mm", "assd_mm", "volume_difference_mm3"):
            assert getattr(turned, name) == pytest.approx(getattr(first, name), rel=1e-12)


def test_one_slice_is_judged_by_its_outline():
    size = (30, 30, 1)
    a, b = box(size, (5, 5, 0), (25, 25, 1)), box(size, (8, 8, 0), (22, 22, 1))
    distances = surface_distances(a, b, (1.0, 1.0, 5.0))
    assert distances.to_reference_mm.size == 4 * 19
    assert distances.to_prediction_mm.size == 4 * 13
    assert distances.to_prediction_mm.min() == 3.0


def test_empty_masks_follow_the_documented_rule():
    geometry = grid((6, 6, 6))
    empty, full = np.zeros((6, 6, 6), bool), box((6, 6, 6), (1, 1, 1), (4, 4, 4))
    both = score_masks(empty, empty, geometry)
    assert (both.dice, both.hd95_mm, both.assd_mm) == (1.0, None, None)
    assert (both.volume_difference_mm3, both.volume_difference_percent) == (0.0, 0.0)
    missed = score_masks(empty, full, geometry)
    assert (missed.dice, missed.hd95_mm, missed.assd_mm) == (0.0, None, None)
    assert (missed.volume_difference_mm3, missed.volume_difference_percent) == (-27.0, -100.0)
    invented = score_masks(full, empty, geometry)
    assert (invented.dice, invented.hd95_mm, invented.assd_mm) == (0.0, None, None)
    assert (invented.volume_difference_mm3, invented.volume_difference_percent) == (27.0, None)


def test_empty_slices_count_in_the_volume():
    """Dice of the whole volume, not the mean over slices."""
    size = (8, 8, 10)
    reference, prediction = box(size, (2, 2, 2), (6, 6, 6)), box(size, (2, 2, 4), (6, 6, 8))
    assert dice(prediction, reference) == pytest.approx(0.5)


def test_large_masks_do_not_overflow():
    mask = np.ones((300, 300, 300), dtype=bool)
    assert dice(mask, mask) == 1.0


def labelled(voxels, names=None, geometry=None) -> Segmentation:
    return Segmentation.from_labelmap(voxels, geometry or grid(voxels.shape), names)


def test_evaluate_scores_every_segment_of_either_side():
    truth = np.zeros((8, 8, 8), np.uint8)
    truth[1:4, 1:4, 1:4], truth[5:7, 5:7, 5:7] = 1, 2
    guess = truth.copy()
    guess[truth == 2] = 3
    scores = evaluate(labelled(guess, {1: "liver", 3: "Cyst"}), labelled(truth, {1: "Liver", 2: "Spleen"}))
    assert [(s.name, s.value, s.dice) for s in scores] == [
        ("Liver", 1, 1.0),
        ("Spleen", 2, 0.0),
        ("Cyst", 3, 0.0),
    ]


def test_evaluate_reads_a_label_map_without_names_by_value():
    voxels = np.zeros((6, 6, 6), np.uint8)
    voxels[1:3, 1:3, 1:3], voxels[3:5, 3:5, 3:5] = 1, 2
    scores = evaluate(labelled(voxels), labelled(voxels, {1: "Anterior", 2: "Posterior"}))
    assert [(s.name, s.dice) for s in scores] == [("Anterior", 1.0), ("Posterior", 1.0)]


def test_evaluate_never_pairs_two_named_segments_by_value():
    voxels = np.zeros((6, 6, 6), np.uint8)
    voxels[1:3, 1:3, 1:3] = 1
    scores = evaluate(labelled(voxels, {1: "Liver"}), labelled(voxels, {1: "Spleen"}))
    assert [(s.name, s.dice) for s in scores] == [("Spleen", 0.0), ("Liver", 0.0)]


def test_segments_pair_by_code_where_names_differ():
    code = "General~SCT^123037004^Anatomical Structure~SCT^10200004^Liver~^^~~^^~^^"
    voxels = np.ones((3, 3, 3), np.uint8)
    german = Segmentation((Segment("Leber", 4, None, code),), (voxels,), (0,), (1,), grid((3, 3, 3)))
    english = Segmentation((Segment("Liver", 1, None, code),), (voxels,), (0,), (1,), grid((3, 3, 3)))
    assert match_segments(german, english) == [(0, 0)]


def test_evaluate_refuses_different_grids():
    voxels = np.ones((4, 4, 4), np.uint8)
    with pytest.raises(InputError) as caught:
        evaluate(
            labelled(voxels),
            labelled(voxels, geometry=grid((4, 4, 4), (1.0, 1.0, 2.0))),
            prediction_name="out.nrrd",
            reference_name="truth.nrrd",
        )
    assert "out.nrrd" in str(caught.value) or "truth.nrrd" in str(caught.value)


def test_evaluate_measures_overlapping_segments_each_on_its_own():
    size = (8, 8, 8)
    segments = (Segment("whole", 1), Segment("part", 2))
    masks = [box(size, (1, 1, 1), (7, 7, 7)), box(size, (2, 2, 2), (4, 4, 4))]
    overlapping = Segmentation.from_masks(segments, masks, grid(size))
    assert overlapping.overlapping
    assert [score.dice for score in evaluate(overlapping, overlapping)] == [1.0, 1.0]
