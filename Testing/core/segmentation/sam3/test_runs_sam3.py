"""Whole runs with a SAM 3 of random weights: what they find means nothing; where it lies and how it is told does."""

from __future__ import annotations

import numpy as np
import pytest
from made_up_cases import GEOMETRY, case
from sam3_tracker import SIZE, random_segmenter

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.models.build import build_encoder
from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.segmentation.output.result import SegmentationResult
from RetrievalSAMLib.segmentation.pipeline import Models, segment_volume, start_volume
from RetrievalSAMLib.segmentation.prompts.points_and_boxes import BoxPrompt, PersonsPrompts, PointPrompt
from RetrievalSAMLib.segmentation.settings.presets import FATE_SAM, preset


@pytest.fixture(scope="module")
def models() -> Models:
    return Models(random_segmenter(), build_encoder())


@pytest.fixture(scope="module")
def found(models: Models, supports: list[MemoryCase]) -> SegmentationResult:
    return segment_volume(case(0).image, supports, models, preset("fast"))


def test_a_run_gives_masks_on_the_target_s_grid(found: SegmentationResult) -> None:
    segmentation = found.segmentation
    assert segmentation.geometry == GEOMETRY and segmentation.names == ("Large", "Small")
    assert segmentation.mask(0).any()


def test_its_report_names_the_model(found: SegmentationResult) -> None:
    model = found.report.model
    assert (model.name, model.image_size, model.origin) == ("sam3", SIZE, "random")


def test_the_same_run_gives_the_same_masks(
    found: SegmentationResult, models: Models, supports: list[MemoryCase]
) -> None:
    again = segment_volume(case(0).image, supports, models, preset("fast"))
    assert np.array_equal(again.segmentation.labelmap(), found.segmentation.labelmap())


def at(index: int, row: float, column: float) -> tuple[float, float, float]:
    """Position of a place in a slice; this grid's slices, rows and columns are its own k, j, i."""
    x, y, z = GEOMETRY.index_to_lps(np.array([column, row, index])).tolist()
    return x, y, z


@pytest.mark.parametrize("boxed", [False, True], ids=["a point", "a box"])
def test_a_first_case_starts_from_what_somebody_points_at(models: Models, boxed: bool) -> None:
    first, middle, last = (at(5, *place) for place in ((20, 18), (27, 25), (34, 32)))
    point, box = PointPrompt("Large", middle, True), BoxPrompt("Large", (first, last))
    prompts = PersonsPrompts(boxes=(box,)) if boxed else PersonsPrompts((point,))
    started = start_volume(case(0).image, None, None, models, prompts=prompts).segmentation
    assert started.geometry == GEOMETRY and started.names == ("Large",)
    drawn = np.argwhere(started.mask(0)[:, :, 5])
    assert len(drawn)
    if boxed:  # nothing of what was pointed at lies outside
        assert (drawn.min(0) >= (18, 20)).all() and (drawn.max(0) <= (32, 34)).all()


def test_the_published_preset_asks_for_sam_2(models: Models, supports: list[MemoryCase]) -> None:
    with pytest.raises(InputError, match="bound to SAM 2, and the model is sam3"):
        segment_volume(case(0).image, supports, models, preset(FATE_SAM))
