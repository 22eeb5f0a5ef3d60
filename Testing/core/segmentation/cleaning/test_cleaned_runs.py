"""Whole runs and refinements with cleaning: what their masks and reports say, and that what a person drew stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from made_up_cases import GEOMETRY, case

from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.segmentation.cleaning.of_refinement import clean_refined
from RetrievalSAMLib.segmentation.corrections.carry_on import CarriedOn
from RetrievalSAMLib.segmentation.corrections.correction_propagation import Carried
from RetrievalSAMLib.segmentation.corrections.prompted_start import prompted_start
from RetrievalSAMLib.segmentation.corrections.refinement_inputs import RefinementInputs
from RetrievalSAMLib.segmentation.corrections.run_before import run_before
from RetrievalSAMLib.segmentation.output.report import LearnedReport
from RetrievalSAMLib.segmentation.pipeline import Models, RunOptions, SegmentationResult, segment_volume
from RetrievalSAMLib.segmentation.settings.cleaning import NO_CLEANING, Cleaning
from RetrievalSAMLib.segmentation.settings.presets import preset
from RetrievalSAMLib.segmentation.steps.second_opinion import Findings, Revision
from RetrievalSAMLib.volumes import Segmentation, SliceFrame, choose_plane

FRAME = SliceFrame(GEOMETRY, choose_plane(GEOMETRY))
FAST = preset("fast")
LARGE = 0
SPOILED = 5


class Spoiling:
    """A second opinion that puts an island and a hole into a slice."""

    def revise(self, findings: Findings) -> Revision:
        logits = findings.logits[LARGE].copy()
        logits[SPOILED, 2:4, 2:4] = 10
        logits[SPOILED, 26:28, 18:20] = -10
        n, h, w = logits.shape
        return Revision((slice(0, n), slice(0, h), slice(0, w)), {LARGE: logits}, LearnedReport("", 0, "", {}))


def spoiled_run(
    models: Models, supports: Sequence[MemoryCase], target: MemoryCase, options: RunOptions
) -> SegmentationResult:
    return segment_volume(target.image, supports, models, FAST, options, opinion=Spoiling())


@pytest.fixture(scope="module")
def target() -> MemoryCase:
    return case(0)


def large(segmentation: Segmentation) -> np.ndarray:
    return FRAME.to_slices(segmentation.mask(LARGE))


def test_the_report_tells_what_was_cleaned_and_its_figures_are_those_of_the_clean_masks(
    models: Models, supports: list[MemoryCase], target: MemoryCase, tmp_path: Path
) -> None:
    options = RunOptions(cache=tmp_path)
    as_found = spoiled_run(models, supports, target, replace(options, cleaning=NO_CLEANING))
    assert as_found.report.cleaned == {}
    assert as_found.report.settings["cleaning"] == {"islands": False, "holes": False, "smooth": False}
    assert large(as_found.segmentation)[SPOILED, 2, 2] and not large(as_found.segmentation)[SPOILED, 26, 18]
    steps = Cleaning.of(["islands", "holes"])
    cleaned = spoiled_run(models, supports, target, replace(options, cleaning=steps))
    mask = large(cleaned.segmentation)
    assert not mask[SPOILED, 2:4, 2:4].any() and mask[SPOILED, 26:28, 18:20].all()
    done = cleaned.report.cleaned["Large"]
    assert (done.islands, done.island_voxels, done.holes, done.hole_voxels) == (1, 4, 1, 4)
    told = cleaned.report.segments[LARGE]
    assert told.volume_mm3 == pytest.approx(mask.sum() * GEOMETRY.voxel_volume_mm3)
    areas = [row.segments["Large"].area_mm2 for row in cleaned.report.slices]
    assert areas == pytest.approx(mask.sum(axis=(1, 2)).tolist())  # pixels of 1 mm2


def test_a_refinement_cleans_what_it_has_looked_at_and_nothing_else(
    models: Models, supports: list[MemoryCase], target: MemoryCase
) -> None:
    masks = [FRAME.to_slices(target.segmentation.mask(place)).copy() for place in (0, 1)]
    looked_at, drawn, pointed_at, far = 4, 5, 6, 8
    for index, place in ((looked_at, 2), (drawn, 8), (pointed_at, 14), (far, 20)):
        masks[LARGE][index, 2:4, place : place + 2] = True
    segments = target.segmentation.segments
    carried = Segmentation.from_masks(segments, [FRAME.from_slices(mask) for mask in masks], GEOMETRY)
    options = RunOptions(cleaning=Cleaning.of(["islands"]))
    inputs = RefinementInputs.of(target.image, carried, [drawn], supports, models, FAST, options)
    with torch.inference_mode():
        before = run_before(inputs, None)
        start = replace(prompted_start(inputs, before), prompts={LARGE: {pointed_at: None}})  # type: ignore[dict-item]
        kept = {(LARGE, index) for index in (looked_at, drawn, pointed_at)}
        clean, done = clean_refined(inputs, before, start, CarriedOn(carried, Carried(looked={}, kept=kept)))
    expected = masks[LARGE].copy()
    expected[looked_at, 2:4, 2:4] = False
    assert np.array_equal(large(clean.segmentation), expected)
    assert np.array_equal(FRAME.to_slices(clean.segmentation.mask(1)), masks[1])
    assert {segments[n].name: one.islands for n, one in done.items()} == {"Large": 1}
