"""A target of few slices that is turned against the cases, where the headers do not tell of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from RetrievalSAMLib.models.build import build_encoder, build_segmenter
from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.segmentation.output.result import SegmentationResult
from RetrievalSAMLib.segmentation.pipeline import Models, segment_volume
from RetrievalSAMLib.segmentation.settings.presets import preset
from RetrievalSAMLib.volumes.overlap import dice
from training.lookalikes import CHAMBERS, heart

FAST = preset("fast")


@pytest.fixture(scope="module")
def models() -> Models:
    return Models(build_segmenter(), build_encoder())


@pytest.fixture(scope="module")
def hearts() -> list[MemoryCase]:
    return [heart(1, number, CHAMBERS) for number in (4, 5)]


def mean_dice(result: SegmentationResult, truth: MemoryCase) -> float:
    pairs = zip(result.segmentation.segments, truth.segmentation.segments, strict=True)
    assert all(found.name == true.name for found, true in pairs)
    count = len(truth.segmentation.segments)
    return float(np.mean([dice(result.segmentation.mask(n), truth.segmentation.mask(n)) for n in range(count)]))


def test_a_heart_turned_by_45_degrees_is_found_on_its_own_grid(models: Models, hearts: list[MemoryCase]) -> None:
    target = heart(1, 1, CHAMBERS, (0, 0, 45))
    result = segment_volume(target.image, hearts, models, FAST)
    without = segment_volume(target.image, hearts, models, replace(FAST, turned_starts=False))
    assert result.segmentation.geometry == target.image.geometry
    assert mean_dice(result, target) > mean_dice(without, target) + 0.1
    assert "trying turns" in result.report.seconds and "trying turns" not in without.report.seconds


def test_a_target_that_lies_as_the_cases_do_is_not_glanced_at(models: Models, hearts: list[MemoryCase]) -> None:
    own = replace(hearts[0], name="the same")
    result = segment_volume(hearts[0].image, [own], models, FAST)
    assert "trying turns" not in result.report.seconds
