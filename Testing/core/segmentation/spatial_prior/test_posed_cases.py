"""Cases come to lie on a target however it is turned; where they do not, the run says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from aligned_stacks import stack_of
from scipy import ndimage
from whole_bodies import body_case, turned

from RetrievalSAMLib.alignment import Alignment, stack_places_mm
from RetrievalSAMLib.retrieval.evidence import CaseSlices, MemoryCase
from RetrievalSAMLib.segmentation.spatial_prior.aligned_cases import AlignedCases, aligned_by_image
from RetrievalSAMLib.segmentation.spatial_prior.prior_maps import PlaceMaps
from RetrievalSAMLib.segmentation.spatial_prior.registered_cases import example_of
from RetrievalSAMLib.volumes import Plane, Segmentation, Volume
from RetrievalSAMLib.volumes.overlap import dice
from training import lookalikes

CASES = [body_case(seed) for seed in (1, 2, 3)]


def aligned(target: MemoryCase) -> AlignedCases:
    loaded = [CaseSlices.load(case, Plane.AXIAL) for case in CASES]
    stack = CaseSlices.load(target, Plane.AXIAL).stack
    return aligned_by_image(range(3), loaded.__getitem__, stack, (1, 2), lambda done, total: None)


def agreement_with_truth(found: AlignedCases, target: MemoryCase) -> list[float]:
    """By segment, Dice of the cases' mean mask, cut at half, and the truth."""
    place, truth = found.place, CaseSlices.load(target, Plane.AXIAL)
    assert place is not None
    scores = []
    for value in (1, 2):
        means = [place.mean(value, index) for index in range(place.shape[0])]
        mask = np.stack([np.zeros(place.shape[1:], bool) if mean is None else mean >= 0.5 for mean in means])
        scores.append(dice(mask, truth.labels[value][0] == truth.labels[value][1]))
    return scores


@pytest.fixture(scope="module")
def straight() -> list[float]:
    return agreement_with_truth(aligned(body_case(4)), body_case(4))


@pytest.mark.parametrize(
    ("degrees", "header"), [(60, True), (180, True), (30, False), (45, False), (60, False), (135, False), (180, False)]
)
def test_masks_lie_as_well_on_a_turned_target(degrees: float, header: bool, straight: list[float]) -> None:
    target = turned(body_case(4), degrees, header)
    found = agreement_with_truth(aligned(target), target)
    assert min(straight) > 0.7
    assert np.allclose(found, straight, atol=0.08)


def test_cases_that_are_like_few_slices_in_no_pose_are_laid_by_none() -> None:
    noise = np.random.default_rng(5)

    def of_noise(case: MemoryCase) -> MemoryCase:
        grid, voxels = case.image.geometry, noise.normal(100, 20, case.image.geometry.size).astype(np.float32)
        few = replace(grid, size=(*grid.size[:2], 8))
        masks = [case.segmentation.mask(n)[:, :, 8:16] for n in range(len(case.segmentation.segments))]
        drawn = Segmentation.from_masks(case.segmentation.segments, masks, few)
        return MemoryCase(case.name, Volume(voxels[:, :, 8:16], few), drawn, Plane.AXIAL)

    loaded = [CaseSlices.load(of_noise(case), Plane.AXIAL) for case in CASES]
    stack = CaseSlices.load(of_noise(body_case(4)), Plane.AXIAL).stack
    found = aligned_by_image(range(3), loaded.__getitem__, stack, (1, 2), lambda done, total: None)
    assert found.place is None and not found.could_be_aligned


def test_cases_that_lie_as_the_target_does_stay_unturned() -> None:
    found = aligned(body_case(4))
    assert not found.posed and found.trust == 1
    for alignment in found.alignments.values():
        assert np.abs(alignment.matrix - np.diag(alignment.matrix.diagonal())).max() < 0.2


def test_a_slice_that_nobody_drew_in_is_taken_to_be_as_the_nearest_one_that_somebody_did() -> None:
    whole = body_case(1)
    truth = CaseSlices.load(whole, Plane.AXIAL)
    drawn = np.flatnonzero((truth.labels[1][0] == 1).any(axis=(1, 2)))[::2].tolist()
    masks = [np.zeros(whole.image.geometry.size, bool) for _ in range(2)]
    for mask, value in zip(masks, (1, 2), strict=True):
        mask[:, :, drawn] = whole.segmentation.labelmap()[:, :, drawn] == value
    segmentation = type(whole.segmentation).from_masks(whole.segmentation.segments, masks, whole.image.geometry)
    sparse = MemoryCase("sparse", whole.image, segmentation, Plane.AXIAL, {1: drawn, 2: drawn})
    one, other = (example_of(CaseSlices.load(case, Plane.AXIAL), (1, 2, 7)) for case in (whole, sparse))
    assert one.masks.keys() == other.masks.keys() == {1, 2}
    assert ndimage.center_of_mass(one.masks[1])[1:] == pytest.approx(ndimage.center_of_mass(other.masks[1])[1:], abs=1)
    assert other.masks[1].any(axis=(1, 2)).sum() > len(drawn)


@pytest.mark.parametrize(("similarity", "trust"), [(0.7, 1.0), (0.35, 0.75), (0.25, 0.25), (0.1, 0.0)])
def test_an_alignment_is_believed_as_far_as_the_images_are_alike(similarity: float, trust: float) -> None:
    alignment = Alignment(np.eye(3), np.zeros(3), similarity)
    cases = AlignedCases({0: alignment}, PlaceMaps(stack_of((4, 8, 8), (1.0, 1.0, 1.0)), (1,)))
    assert cases.trust == pytest.approx(trust) and cases.could_be_aligned == (trust >= 0.5)


def test_cases_that_lie_centre_on_centre_are_aligned_where_nobody_tried_and_not_where_all_failed() -> None:
    centred = {0: Alignment.centred(np.ones(3), np.ones(3))}
    assert AlignedCases(centred, None).could_be_aligned
    assert not AlignedCases(centred, None, centred).could_be_aligned


def test_the_likeliest_pose_of_few_slices_is_told_where_it_is_not_sure_and_can_be_begun_from() -> None:
    cases, straight_target = next(iter(lookalikes.splits("hearts", 1, lookalikes.CHAMBERS)))
    target = CaseSlices.load(turned(straight_target, 180, False), Plane.AXIAL)
    loaded = [CaseSlices.load(case, Plane.AXIAL) for case in cases]
    values = tuple(sorted(target.labels))

    def laid(start: Mapping[int, Alignment] | None = None) -> AlignedCases:
        numbers = range(len(loaded))
        return aligned_by_image(numbers, loaded.__getitem__, target.stack, values, lambda done, total: None, 0.0, start)

    found = laid()
    assert found.likeliest.keys() == set(range(len(loaded)))
    again = laid(found.likeliest)
    assert not again.likeliest and again.turned_degrees is not None and abs(again.turned_degrees) > 150
    off = [
        np.mean(
            [
                np.linalg.norm(one.alignments[n].to_target(middle_mm(loaded[n], v)) - middle_mm(target, v))
                for n in one.alignments
                for v in values
            ]
        )
        for one in (found, again)
    ]
    assert off[1] < off[0] - 10


@pytest.mark.parametrize("degrees", [0, 30, 45, 180])
def test_structures_far_from_the_middle_of_a_turned_head_are_found_where_they_are(degrees: float) -> None:
    cases, straight_target = next(iter(lookalikes.splits("heads", 1, lookalikes.CHAMBERS)))
    target = CaseSlices.load(turned(straight_target, degrees, False), Plane.AXIAL)
    loaded = [CaseSlices.load(case, Plane.AXIAL) for case in cases]
    values = tuple(sorted(target.labels))
    found = aligned_by_image(range(len(loaded)), loaded.__getitem__, target.stack, values, lambda done, total: None)
    assert found.place is not None and found.by_segment.keys() == set(values)
    for value, of_case in found.by_segment.items():
        apart = [
            np.linalg.norm(alignment.to_target(middle_mm(loaded[number], value)) - middle_mm(target, value))
            for number, alignment in of_case.items()
        ]
        assert np.mean(apart) < 12, value  # eyes are 13 mm in radius, and 20 to 40 mm off where a head is sheared


def middle_mm(case: CaseSlices, value: int) -> np.ndarray:
    """Mean place of a segment in stack coordinates, (3,)."""
    layer, label = case.labels[value]
    middle: np.ndarray = stack_places_mm(case.stack, layer == label).mean(axis=0)
    return middle
