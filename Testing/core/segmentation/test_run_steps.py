"""The steps of a run are functions of values: what another step puts in between is what the next ones go by."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
import torch
from made_up_cases import case

from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.segmentation.run import run
from RetrievalSAMLib.segmentation.settings.options import Models, RunOptions
from RetrievalSAMLib.segmentation.settings.presets import preset
from RetrievalSAMLib.segmentation.steps.describe import describe
from RetrievalSAMLib.segmentation.steps.inputs import RunInputs
from RetrievalSAMLib.segmentation.steps.report import outcomes
from RetrievalSAMLib.segmentation.steps.retrieve import align, correct_place, retrieve
from RetrievalSAMLib.segmentation.steps.segment import segment
from RetrievalSAMLib.segmentation.steps.side_outputs import side_outputs


@pytest.fixture(scope="module")
def inputs(models: Models, supports: list[MemoryCase]) -> RunInputs:
    return RunInputs.of(case(0).image, supports, models, preset("fast"), RunOptions(segments=("Large",)))


@torch.inference_mode()
def test_steps_taken_one_by_one_give_what_the_run_gives(inputs: RunInputs) -> None:
    whole = run(inputs)
    with side_outputs(inputs, inputs.content_keys()) as outputs:
        described = describe(inputs)
        aligned = align(inputs, described, retrieve(inputs, described))
        segmented = segment(inputs, described, correct_place(inputs, aligned), outputs)
    assert np.array_equal(segmented.canvas.segmentation().mask(0), whole.segmentation.mask(0))
    told = {one.file_index: one.segments[0].confidence for one in outcomes(inputs, described, segmented)}
    assert told == pytest.approx({row.index: row.segments["Large"].confidence for row in whole.report.slices}, abs=1e-4)


@torch.inference_mode()
def test_segmenting_goes_by_the_supports_that_it_is_given(inputs: RunInputs) -> None:
    with side_outputs(inputs, inputs.content_keys()) as outputs:
        described = describe(inputs)
        retrieved = align(inputs, described, retrieve(inputs, described))
        number = retrieved.case_numbers()[0]
        of_one_case = [
            [replace(one, supports=tuple(s for s in one.supports if s.case == number)) for one in row]
            for row in retrieved.supports
        ]
        assert of_one_case != retrieved.supports
        segmented = segment(inputs, described, replace(retrieved, supports=of_one_case), outputs)
    named = {s.case for one in outcomes(inputs, described, segmented) for s in one.segments[0].supports}
    assert named == {inputs.cases[number].name}


def test_the_values_of_steps_are_not_changed(inputs: RunInputs) -> None:
    described = describe(inputs)
    for value, name in ((inputs, "segments"), (described, "embeddings"), (retrieve(inputs, described), "supports")):
        with pytest.raises(FrozenInstanceError):
            setattr(value, name, ())
