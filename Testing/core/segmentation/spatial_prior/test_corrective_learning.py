"""What bent cases' masks get wrong is learned from the cases, and not taken where that does not help."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bent_bodies import ONE, OTHER, laid, person, worth

from RetrievalSAMLib.retrieval.evidence import CaseSlices
from RetrievalSAMLib.segmentation.spatial_prior import corrective_learning as module
from RetrievalSAMLib.segmentation.spatial_prior.aligned_cases import AlignedCases
from RetrievalSAMLib.segmentation.spatial_prior.corrective_learning import corrected_place
from RetrievalSAMLib.segmentation.spatial_prior.prior_maps import PlaceMaps
from RetrievalSAMLib.segmentation.spatial_prior.voxel_network import VoxelNetwork

CASES, TARGET = [person(seed) for seed in (1, 2, 3)], person(4)


def corrected(aligned: AlignedCases, cases: list[CaseSlices], target: CaseSlices = TARGET) -> PlaceMaps:
    assert aligned.place is not None and aligned.bent is not None
    return corrected_place(aligned.place, aligned.bent, cases.__getitem__, target.stack, lambda done, total: None)


@pytest.fixture(scope="module")
def aligned() -> AlignedCases:
    return laid(CASES, TARGET)


def maps_of(place: PlaceMaps, value: int) -> np.ndarray:
    return np.stack([row for index in range(place.shape[0]) if (row := place.mean(value, index)) is not None])


def test_corrected_maps_are_better_than_mean_masks(aligned: AlignedCases) -> None:
    after = corrected(aligned, CASES)
    for value in (ONE, OTHER):
        assert worth(after, TARGET, value) > worth(aligned.place, TARGET, value)
        assert 0.8 < after.reliability(value) <= 1
        assert maps_of(after, value).min() >= 0 and maps_of(after, value).max() <= 1


def test_the_same_cases_teach_the_same(aligned: AlignedCases) -> None:
    first, second = corrected(aligned, CASES), corrected(aligned, CASES)
    for value in (ONE, OTHER):
        assert np.array_equal(maps_of(first, value), maps_of(second, value))


def test_what_is_given_stays_as_it_is(aligned: AlignedCases) -> None:
    assert aligned.place is not None
    before = maps_of(aligned.place, ONE)
    corrected(aligned, CASES)
    assert np.array_equal(maps_of(aligned.place, ONE), before)


def test_one_case_teaches_nothing_of_how_cases_differ() -> None:
    alone = laid(CASES[:1], TARGET)
    assert corrected(alone, CASES[:1]) is alone.place


def test_two_cases_teach_each_other() -> None:
    two = laid(CASES[:2], TARGET)
    after = corrected(two, CASES[:2])
    assert np.mean([worth(after, TARGET, v) - worth(two.place, TARGET, v) for v in (ONE, OTHER)]) > 0


def test_a_correction_that_harms_unseen_cases_is_not_taken(
    aligned: AlignedCases, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert aligned.place is not None
    true = VoxelNetwork.probabilities

    def wrong_of_one(self: VoxelNetwork, features: np.ndarray) -> np.ndarray:
        found = true(self, features).copy()
        found[:, 0] = 1 - found[:, 0]
        return found

    monkeypatch.setattr(VoxelNetwork, "probabilities", wrong_of_one)
    after = corrected(aligned, CASES)
    assert np.array_equal(maps_of(after, ONE), maps_of(aligned.place, ONE))
    assert after.reliability(ONE) == aligned.place.agreement(ONE)
    assert not np.array_equal(maps_of(after, OTHER), maps_of(aligned.place, OTHER))


def test_a_segment_is_not_erased(aligned: AlignedCases, monkeypatch: pytest.MonkeyPatch) -> None:
    assert aligned.place is not None
    true = VoxelNetwork.probabilities

    def nothing_on_target(self: VoxelNetwork, features: np.ndarray) -> np.ndarray:
        found = true(self, features).copy()
        if len(features) == target_voxels:
            found[:, 0] = 0.1
        return found

    seen: list[int] = []
    monkeypatch.setattr(VoxelNetwork, "probabilities", lambda self, f: seen.append(len(f)) or true(self, f))
    corrected(aligned, CASES)
    target_voxels = seen[-1]
    monkeypatch.setattr(VoxelNetwork, "probabilities", nothing_on_target)
    after = corrected(aligned, CASES)
    assert np.array_equal(maps_of(after, ONE), maps_of(aligned.place, ONE))
    assert not np.array_equal(maps_of(after, OTHER), maps_of(aligned.place, OTHER))


def test_a_large_volume_is_corrected_on_every_second_plane(
    aligned: AlignedCases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_VOXELS", 12_000)
    after = corrected(aligned, CASES)
    for value in (ONE, OTHER):
        assert maps_of(after, value).shape == (24, 64, 64)
        assert worth(after, TARGET, value) > worth(aligned.place, TARGET, value) - 0.02


def test_slices_that_nobody_drew_in_teach_nothing(aligned: AlignedCases) -> None:
    def sparse(number: int, case: CaseSlices) -> CaseSlices:
        known = (np.arange(len(case.stack)) + number) % 3 != 0
        layer, label = case.labels[ONE]
        # What else is in the file is wrong: it was never drawn.
        layer = np.where(known[:, None, None], layer, 0)
        return replace(case, labels={**case.labels, ONE: (layer, label)}, annotated={**case.annotated, ONE: known})

    cases = [sparse(number, case) for number, case in enumerate(CASES)]
    some = laid(cases, TARGET)
    after = worth(corrected(some, cases), TARGET, ONE)
    assert after > worth(some.place, TARGET, ONE)
    assert after > worth(corrected(aligned, CASES), TARGET, ONE) - 0.03


def test_a_segment_of_one_case_alone_stays_as_it_is() -> None:
    cases = [person(1), person(2, (ONE,)), person(3, (ONE,))]
    some = laid(cases, TARGET)
    after = corrected(some, cases)
    assert some.place is not None
    assert np.array_equal(maps_of(after, OTHER), maps_of(some.place, OTHER))
    assert worth(after, TARGET, ONE) > worth(some.place, TARGET, ONE)


def test_it_can_be_stopped(aligned: AlignedCases) -> None:
    seen: list[tuple[int, int]] = []

    def stop(done: int, total: int) -> None:
        seen.append((done, total))
        if done == 4:
            raise KeyboardInterrupt

    assert aligned.place is not None and aligned.bent is not None
    with pytest.raises(KeyboardInterrupt):
        corrected_place(aligned.place, aligned.bent, CASES.__getitem__, TARGET.stack, stop)
    # Three cases are laid there and sampled, then three networks trained.
    assert seen == [(1, 9), (2, 9), (3, 9), (4, 9)]
