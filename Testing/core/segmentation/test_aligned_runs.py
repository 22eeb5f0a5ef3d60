"""Runs from end to end that align their cases. The weights are random unless what is found matters."""

from __future__ import annotations

from dataclasses import replace
from typing import NoReturn

import numpy as np
import pytest
from made_up_cases import GEOMETRY, SEGMENTS, case, stored_otherwise

from RetrievalSAMLib import side_by_side
from RetrievalSAMLib.alignment import affine
from RetrievalSAMLib.models.build import build_encoder, build_segmenter, random_encoder, random_segmenter
from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.segmentation.output.result import SegmentationResult
from RetrievalSAMLib.segmentation.pipeline import Models, segment_volume
from RetrievalSAMLib.segmentation.settings.presets import preset
from RetrievalSAMLib.segmentation.spatial_prior import aligned_cases, crops, posed_cases
from RetrievalSAMLib.volumes import Segmentation, Volume
from RetrievalSAMLib.volumes.overlap import dice

ALIGNED = replace(preset("fast"), supports=2, aligned_cases=4, place_weight=0.5, view_margin=1.6)


@pytest.fixture(scope="module")
def models() -> Models:
    return Models(random_segmenter("bundled", 128), random_encoder())


@pytest.fixture(scope="module")
def trained() -> Models:
    return Models(build_segmenter(image_size=128), build_encoder())


@pytest.fixture(scope="module")
def supports() -> list[MemoryCase]:
    return [case(seed) for seed in (1, 2)]


@pytest.fixture(scope="module")
def plain(models: Models, supports: list[MemoryCase]) -> SegmentationResult:
    return segment_volume(case(0).image, supports, models, ALIGNED)


def used_supports(result: SegmentationResult) -> list[list[tuple[str, int]]]:
    return [
        [(s.case, s.slice) for name in sorted(slice_.segments) for s in slice_.segments[name].supports]
        for slice_ in result.report.slices
    ]


def otherwise(one: MemoryCase, order: tuple[int, int, int], flipped: tuple[bool, bool, bool]) -> MemoryCase:
    """The same case, stored on permuted and reversed axes."""
    image = stored_otherwise(one.image, order, flipped)
    labels = stored_otherwise(Volume(one.segmentation.labelmap(), GEOMETRY), order, flipped)
    masks = [labels.voxels == s.value for s in SEGMENTS]
    return MemoryCase(one.name, image, Segmentation.from_masks(SEGMENTS, masks, image.geometry))


def test_the_run_aligned_its_cases_and_found_something(plain: SegmentationResult) -> None:
    assert "aligning cases" in plain.report.seconds
    assert {name for row in used_supports(plain) for name, _ in row} == {"case-1", "case-2"}
    assert all(plain.segmentation.mask(n).any() for n in range(2))


def test_the_order_of_cases_does_not_matter(
    models: Models, supports: list[MemoryCase], plain: SegmentationResult
) -> None:
    again = segment_volume(case(0).image, supports[::-1], models, ALIGNED)
    assert np.array_equal(again.segmentation.labelmap(), plain.segmentation.labelmap())
    assert used_supports(again) == used_supports(plain)


@pytest.mark.parametrize("processors", [1, 2])
def test_the_number_of_processors_does_not_matter(
    models: Models,
    supports: list[MemoryCase],
    plain: SegmentationResult,
    monkeypatch: pytest.MonkeyPatch,
    processors: int,
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(side_by_side, "available_processors", lambda: processors)
    assert side_by_side.workers() == processors
    again = segment_volume(case(0).image, supports, models, ALIGNED)
    assert np.array_equal(again.segmentation.labelmap(), plain.segmentation.labelmap())
    assert again.report.slices == plain.report.slices


def test_not_even_of_cases_that_are_alike(models: Models, supports: list[MemoryCase]) -> None:
    twins = [replace(supports[0], name="b"), replace(supports[0], name="a")]
    settings = replace(ALIGNED, supports=1, aligned_cases=1)
    one, other = (segment_volume(case(0).image, cases, models, settings) for cases in (twins, twins[::-1]))
    assert used_supports(one) == used_supports(other) and slices_with(one, "Large")
    assert np.array_equal(one.segmentation.labelmap(), other.segmentation.labelmap())


def test_how_target_and_cases_are_stored_does_not_matter(
    models: Models, supports: list[MemoryCase], plain: SegmentationResult
) -> None:
    order, flipped = (2, 0, 1), (True, False, True)
    turned = stored_otherwise(case(0).image, order, flipped)
    cases = [
        otherwise(supports[0], (1, 0, 2), (False, True, True)),
        otherwise(supports[1], (0, 2, 1), (True, False, False)),
    ]
    found = segment_volume(turned, cases, models, ALIGNED).segmentation
    assert found.geometry == turned.geometry
    expected = stored_otherwise(Volume(plain.segmentation.labelmap(), GEOMETRY), order, flipped).voxels
    # The cases' content hashes order them, and sums of floats depend on that in the last digit.
    assert (found.labelmap() != expected).mean() < 1e-3
    assert (np.flip(found.labelmap(), 2) != expected).mean() > 1e-2


class Registered(Exception):
    pass


def refuse(*arguments: object) -> NoReturn:
    raise Registered


@pytest.mark.parametrize("name", ["zhao-2024", "fate-sam"])
def test_published_presets_align_nothing(
    name: str, models: Models, supports: list[MemoryCase], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(affine.sitk, "ImageRegistrationMethod", refuse)
    result = segment_volume(case(0).image, supports, models, preset(name, supports=2))
    assert "aligning cases" not in result.report.seconds
    assert len(result.report.slices) == GEOMETRY.size[2]


def test_other_presets_align(models: Models, supports: list[MemoryCase], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(affine.sitk, "ImageRegistrationMethod", refuse)
    with pytest.raises(Registered):
        segment_volume(case(0).image, supports, models, preset("fast"))


def without(one: MemoryCase, value: int) -> MemoryCase:
    """The same case without a segment."""
    kept = [(n, s) for n, s in enumerate(SEGMENTS) if s.value != value]
    masks = [one.segmentation.mask(n) for n, _ in kept]
    return replace(one, segmentation=Segmentation.from_masks([s for _, s in kept], masks, one.image.geometry))


def slices_with(result: SegmentationResult, segment: str) -> set[int]:
    return {s.slice for row in result.report.slices for s in row.segments[segment].supports}


def test_a_segment_drawn_in_one_slice_is_looked_for_beyond_what_that_slice_shows(
    trained: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The large structure was drawn only near its end, where it is small."""
    monkeypatch.setattr(crops, "_LEAST_PIXELS", 1)
    sparse = [replace(case(1), annotated_slices={1: (8,)}), replace(case(2), annotated_slices={1: (), 2: (7,)})]
    result = segment_volume(case(0).image, sparse, trained, replace(ALIGNED, view_margin=1.0))
    assert slices_with(result, "Large") == {8}
    assert dice(result.segmentation.mask(0), case(0).segmentation.mask(0)) > 0.8


def test_a_segment_that_no_aligned_case_has_is_not_found_and_nothing_fails(models: Models) -> None:
    """The only case with the small structure was not annotated in any slice of this plane."""
    unspoken = replace(case(2), annotated_slices={1: (), 2: ()})
    result = segment_volume(case(0).image, [without(case(1), 2), unspoken], models, replace(ALIGNED, aligned_cases=1))
    assert result.segmentation.names == ("Large", "Small")
    assert result.segmentation.mask(0).any() and not result.segmentation.mask(1).any()
    assert slices_with(result, "Small") == set()


def test_no_case_annotated_anywhere_gives_an_empty_result(models: Models) -> None:
    result = segment_volume(case(0).image, [replace(case(1), annotated_slices={1: (), 2: ()})], models, ALIGNED)
    assert not result.segmentation.labelmap().any() and result.segmentation.geometry == GEOMETRY


def test_cases_that_cannot_be_aligned_by_their_images_are_aligned_by_what_was_found(
    trained: Models, supports: list[MemoryCase], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aligned_cases, "TRUSTED", 2.0)
    monkeypatch.setattr(posed_cases, "TRUSTED", 2.0)
    result = segment_volume(case(0).image, supports[:1], trained, replace(ALIGNED, finding_passes=1))
    assert "looking closer" in result.report.seconds
    assert dice(result.segmentation.mask(0), case(0).segmentation.mask(0)) > 0.7
