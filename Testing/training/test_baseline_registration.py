from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from balls import TURNED, case, grid

from RetrievalSAMLib.evaluation.metrics import evaluate
from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.volumes import Segmentation
from training.baselines.copying import copy_case
from training.baselines.registration import RegistrationSettings, _at_level, as_image, register_cases

# What is left of the default where every test is to take a second.
QUICK = replace(
    RegistrationSettings(),
    linear_voxels=(4_000, 4_000, 12_000),
    linear_samples=6_000,
    linear_iterations=40,
    spline_voxels=(4_000,),
    spline_samples=(3_000,),
    control_intervals=(3,),
    spline_iterations=4,
)
PLAIN = grid((48, 44, 24), (1.0, 1.0, 2.0))


def dice(found: Segmentation, truth: MemoryCase) -> dict[str, float]:
    return {s.name: s.dice for s in evaluate(found, truth.segmentation)}


@pytest.fixture(scope="module")
def target() -> MemoryCase:
    return case("target", PLAIN, middle_mm=(5.0, -4.0, 3.0), scale=1.15, seed=1)


def test_a_moved_and_scaled_structure_is_found_where_a_copy_misses_it(target: MemoryCase) -> None:
    supports = [case("support", PLAIN)]
    copied = dice(copy_case(target.image, supports), target)
    registered = dice(register_cases(target.image, supports, QUICK), target)
    assert max(copied.values()) < 0.7
    assert min(registered.values()) > 0.85


def test_the_grid_of_a_support_does_not_matter(target: MemoryCase) -> None:
    # Stored the other way round, with thick slices along another axis.
    supports = [case("support", grid((50, 12, 52), (1.0, 4.0, 1.0), TURNED))]
    assert dice(register_cases(target.image, supports, QUICK), target)["Shell"] > 0.75


def test_the_same_comes_out_twice(target: MemoryCase) -> None:
    supports = [case("support", PLAIN)]
    first, second = (register_cases(target.image, supports, QUICK).labelmap() for _ in range(2))
    assert np.array_equal(first, second)


def test_the_majority_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.baselines.registration.register", lambda *_: sitk.Transform(3, sitk.sitkIdentity))
    here = case("a", PLAIN)
    there = case("c", PLAIN, middle_mm=(9.0, 0.0, 0.0))
    found = register_cases(here.image, [here, replace(here, name="b"), there], QUICK)
    assert np.array_equal(found.labelmap(), here.segmentation.labelmap())


def test_a_case_without_a_segment_votes_against_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.baselines.registration.register", lambda *_: sitk.Transform(3, sitk.sitkIdentity))
    full = case("a", PLAIN)
    shell = Segmentation.from_masks(full.segmentation.segments[:1], [full.segmentation.mask("Shell")], PLAIN)
    bare = [replace(full, name=name, segmentation=shell) for name in ("b", "c")]
    found = register_cases(full.image, [full, *bare], QUICK)
    assert not found.mask("Core").any()
    assert np.array_equal(found.mask("Shell"), full.segmentation.mask("Shell"))


def test_a_level_leaves_thick_slices_and_the_faces_of_the_grid_as_they_are() -> None:
    image = as_image(np.zeros((64, 48, 9), dtype=np.float32), grid((64, 48, 9), (1.0, 1.0, 8.0), TURNED))
    coarse = _at_level(image, 4.0)
    assert coarse.GetSize() == (16, 12, 9)
    assert coarse.GetSpacing() == pytest.approx((4.0, 4.0, 8.0))
    corners = [i.TransformContinuousIndexToPhysicalPoint((-0.5, -0.5, -0.5)) for i in (image, coarse)]
    assert corners[0] == pytest.approx(corners[1])


def test_a_level_does_not_shrink_an_axis_to_nothing() -> None:
    image = as_image(np.zeros((64, 48, 6), dtype=np.float32), grid((64, 48, 6), (1.0, 1.0, 1.0)))
    assert _at_level(image, 4.0).GetSize() == (16, 12, 4)
