"""Whole runs with a SAM 3 of random weights: what they find means nothing; where it lies and how it is told does."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from made_up_cases import GEOMETRY, case
from sam3_tracker import SIZE, random_segmenter

from RetrievalSAMLib.errors import InputError, NotEnoughMemoryError
from RetrievalSAMLib.models.build import at_image_size, build_encoder
from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.segmentation.output.report import RefinementReport
from RetrievalSAMLib.segmentation.output.result import SegmentationResult
from RetrievalSAMLib.segmentation.pipeline import Models, RunOptions, refine_volume, segment_volume, start_volume
from RetrievalSAMLib.segmentation.prompts.points_and_boxes import NO_PROMPTS, BoxPrompt, PersonsPrompts, PointPrompt
from RetrievalSAMLib.segmentation.sam3.engine import Sam3Engine
from RetrievalSAMLib.segmentation.settings.presets import FATE_SAM, preset
from RetrievalSAMLib.volumes import Segmentation


@pytest.fixture(scope="module")
def models() -> Models:
    return Models(random_segmenter(), build_encoder())


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def found(models: Models, supports: list[MemoryCase], state: Path) -> SegmentationResult:
    return segment_volume(case(0).image, supports, models, preset("fast"), RunOptions(state=state))


def test_a_run_gives_masks_on_the_target_s_grid(found: SegmentationResult) -> None:
    segmentation = found.segmentation
    assert segmentation.geometry == GEOMETRY and segmentation.names == ("Large", "Small")
    assert segmentation.mask(0).any()


def test_its_report_names_the_model(found: SegmentationResult) -> None:
    model = found.report.model
    assert (model.name, model.image_size, model.origin) == ("sam3", SIZE, "random")
    assert model.software.startswith("transformers 5")


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


LARGE, SMALL = 0, 1
POINT = PointPrompt("Large", at(5, 27, 25), False)
BOX = BoxPrompt("Large", (at(5, 18, 16), at(5, 30, 28)))


def corrected(found: Segmentation) -> Segmentation:
    """The result with a square in slice 5 of the large structure."""
    large, small = found.mask(LARGE).copy(), found.mask(SMALL).copy()
    large[:, :, 5] = False
    large[14:26, 20:34, 5] = True
    small[:, :, 5] &= ~large[:, :, 5]
    return Segmentation.from_masks(found.segments, (large, small), GEOMETRY)


@pytest.mark.parametrize("known", [True, False], ids=["what the run left", "nothing left of the run"])
@pytest.mark.parametrize(
    ("slices", "prompts"),
    [
        ([5], NO_PROMPTS),
        ([], PersonsPrompts((POINT,))),
        ([], PersonsPrompts(boxes=(BOX,))),
        ([5], PersonsPrompts((PointPrompt("Large", at(8, 27, 25), False),))),
    ],
    ids=["a corrected slice", "a point", "a box", "a corrected slice and a point"],
)
def test_what_a_person_corrects_or_points_at_is_carried_on(
    slices: list[int],
    prompts: PersonsPrompts,
    known: bool,
    models: Models,
    supports: list[MemoryCase],
    found: SegmentationResult,
    state: Path,
    tmp_path: Path,
) -> None:
    before = corrected(found.segmentation) if slices else found.segmentation
    runs = Path(shutil.copytree(state, tmp_path / "runs")) if known else tmp_path / "none"
    refined = refine_volume(
        case(0).image, before, slices, supports, models, preset("fast"), RunOptions(state=runs), prompts
    )
    told = refined.report.refinement
    assert told is not None and (told.reused, list(told.corrected)) == (known, slices)
    assert refined.report.model.name == "sam3"
    assert_only_what_is_told_changed(told, before, refined.segmentation)
    if slices:  # what a person drew stays
        after = refined.segmentation
        assert all(np.array_equal(before.mask(n)[:, :, 5], after.mask(n)[:, :, 5]) for n in (LARGE, SMALL))
    assert told.prompted == ({"Large": (8 if slices else 5,)} if prompts else {})
    if prompts.boxes:  # nothing of what was pointed at lies outside
        drawn = np.argwhere(refined.segmentation.mask(LARGE)[:, :, 5])
        assert len(drawn) and (drawn.min(0) >= (16, 18)).all() and (drawn.max(0) <= (28, 30)).all()
    elif prompts and not slices:
        assert not refined.segmentation.mask(LARGE)[25, 27, 5]


def assert_only_what_is_told_changed(told: RefinementReport, before: Segmentation, after: Segmentation) -> None:
    looked = {name: set(told.recomputed.get(name, ())) | set(told.prompted.get(name, ())) for name in before.names}
    assert any(looked.values())
    for number, name in enumerate(before.names):
        differ = (before.mask(number) != after.mask(number)).any(axis=(0, 1)).nonzero()[0].tolist()
        assert set(differ) <= looked[name]


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Memory that suffices for images of up to 90 pixels a side; the sizes that were tried."""
    tried: list[int] = []
    encode = Sam3Engine.encode_images

    def small_only(self: Sam3Engine, images: torch.Tensor) -> Any:
        tried.append(images.shape[-1])
        if images.shape[-1] > 90:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return encode(self, images)

    monkeypatch.setattr(Sam3Engine, "encode_images", small_only)
    yield tried


def test_where_memory_runs_out_the_image_becomes_smaller_by_whole_patches(
    little_memory: list[int], models: Models, supports: list[MemoryCase]
) -> None:
    run = (case(0).image, supports, models, preset("fast"))
    with pytest.raises(NotEnoughMemoryError, match="smaller model or image size"):
        segment_volume(*run)
    assert set(little_memory) == {SIZE}
    less = segment_volume(*run, RunOptions(least_image_size=90))
    assert set(little_memory) == {SIZE, 84} and less.report.model.image_size == 84
    assert less.report.less_memory == ("memories-on-disk", "one-segment-at-a-time", "image-size-84")
    own = replace(models, segmenter=at_image_size(models.segmenter, 84))
    direct = segment_volume(case(0).image, supports, own, preset("fast"))
    assert np.mean(direct.segmentation.labelmap() != less.segmentation.labelmap()) <= 1e-4
