"""The published loop: the same logits as the preset and as sam2's batched code, by far more passes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from discs import SEGMENTS, cases, loaded, slices

from RetrievalSAMLib.benchmark.bare_modules import CallRecorder
from RetrievalSAMLib.benchmark.published_loop import PublishedLoop
from RetrievalSAMLib.segmentation.published.fate_sam import LabelledSlices, fate_sam
from RetrievalSAMLib.segmentation.sam2.engine import Sam2Engine
from Testing.reference.fate_sam_reference import tell

TOLERANCE = 1e-3
POOL = 9
"""Slices of the cases that show anything."""


def loop(supports: int) -> tuple[dict[int, torch.Tensor], CallRecorder]:
    model = loaded().model
    with CallRecorder(model) as recorder:
        answers = PublishedLoop(model, slices(1)[0], cases(), SEGMENTS, supports).run()
    return answers, recorder


def preset(supports: int) -> tuple[dict[int, torch.Tensor], CallRecorder]:
    model = loaded().model
    loaders = [lambda case=case: case for case in cases()]  # type: ignore[misc]
    with CallRecorder(model) as recorder:
        answers = fate_sam(Sam2Engine(model), slices(1)[0], loaders, SEGMENTS, lambda *told: None, supports)
        logits = {found.index: found.logits for found, _ in answers}
    return logits, recorder


@pytest.mark.parametrize("supports", [1, 3])
def test_the_logits_are_those_of_the_preset_fate_sam(supports: int) -> None:
    published, ours = loop(supports)[0], preset(supports)[0]
    assert list(published) == list(ours) == [2, 1, 0, 3, 4]
    absent = torch.stack([(ours[index] == -1024).flatten(1).all(1) for index in ours])
    assert absent.any() and not absent.all(), "the model must find some segments and miss others"
    for index, logits in ours.items():
        assert (published[index] - logits).abs().max() <= TOLERANCE


def test_the_logits_are_those_of_sam2_s_own_code_with_all_segments_in_one_batch() -> None:
    labelled = []
    for case in cases():
        labels = np.zeros(case.slices.shape, dtype=int)
        for value in SEGMENTS:
            labels[case.masks[value]] = value
        labelled.append((np.asarray(case.slices), labels))
    told = tell(loaded().model, slices(1)[0], labelled)
    for index, logits in loop(3)[0].items():
        assert (told.logits[index] - logits).abs().max() <= TOLERANCE


def test_every_query_slice_costs_its_supports_again_and_every_segment_a_pass_of_its_own() -> None:
    published, ours = loop(3)[1], preset(3)[1]
    assert ours.counts()["image_encoder"] == POOL + 5
    assert published.counts()["image_encoder"] == POOL + 5 * (2 + 2 * 3)  # each slice for retrieval and to be tracked
    assert ours.counts()["memory_attention"] == 5
    assert published.counts()["memory_attention"] == 5 * len(SEGMENTS)
    assert published.passes()["memory_attention"] == ours.passes()["memory_attention"] == 5 * len(SEGMENTS)
    assert published.passes()["memory_encoder"] == ours.passes()["memory_encoder"] == 5 * (3 + 1) * len(SEGMENTS)


def test_a_segment_that_a_case_does_not_have_is_absent_there() -> None:
    first, second = cases()
    bare = LabelledSlices(second.slices, {1: second.masks[1]})
    empty = LabelledSlices(second.slices, {**second.masks, 2: second.masks[2] & False, 3: second.masks[3] & False})
    answers = [PublishedLoop(loaded().model, slices(1)[0], [first, case], SEGMENTS, 2).run() for case in (bare, empty)]
    for index, logits in answers[0].items():
        assert torch.equal(logits, answers[1][index])


def test_the_model_is_left_as_it_was() -> None:
    model = loaded().model
    before = model.binarize_mask_from_pts_for_mem_enc
    loop(1)
    assert model.binarize_mask_from_pts_for_mem_enc is before is False
