"""One slice as points change it: what was set holds, nothing is looked at twice, bits lie as the voxels do."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from RetrievalSAMLib.demo.cohort import make_subject
from RetrievalSAMLib.models.build import random_segmenter
from RetrievalSAMLib.models.prompt_decoder import PromptDecoder
from RetrievalSAMLib.segmentation.desk import preview as preview_module
from RetrievalSAMLib.segmentation.desk.preview import SlicePreview
from RetrievalSAMLib.segmentation.engines.interface import Decoded
from RetrievalSAMLib.segmentation.first_case import clicks as clicks_module
from RetrievalSAMLib.segmentation.prompts.points_and_boxes import OnSlice, PlacedPoint
from RetrievalSAMLib.segmentation.sam2.engine import Sam2Engine
from RetrievalSAMLib.segmentation.settings.networks import encoder_for, load_models
from RetrievalSAMLib.volumes import Geometry, Plane, SliceFrame, SliceStack
from RetrievalSAMLib.volumes.overlap import dice

SIZE = (5, 6, 7)
TURNS = ((1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0), (0, 0, -1.0, 1.0, 0, 0, 0, -1.0, 0), (-1.0, 0, 0, 0, 0, 1.0, 0, 1.0, 0))


@pytest.mark.parametrize("plane", list(Plane))
@pytest.mark.parametrize("direction", TURNS)
def test_one_slice_is_turned_as_the_whole_volume_is(plane: Plane, direction: tuple[float, ...]) -> None:
    voxels = np.random.default_rng(1).random(SIZE)
    frame = SliceFrame(Geometry(SIZE, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), direction), plane)
    own = np.take(voxels, frame.file_index(2), axis=frame.plane_axis)
    np.testing.assert_array_equal(frame.to_slice(own), frame.to_slices(voxels)[2])
    np.testing.assert_array_equal(frame.from_slice(frame.to_slice(own)), own)


def test_points_mend_a_slice_hold_in_it_and_are_seen_once(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = make_subject(3)
    models = load_models("bundled", encoder_for("bundled"), device="cpu", image_size=None)
    stack = SliceStack.of(subject.image)
    encoded: list[int] = []

    def counted(engine: Sam2Engine, stack: SliceStack, index: int, window: object) -> object:
        encoded.append(index)
        return original(engine, stack, index, window)

    original = preview_module.encode_slice
    monkeypatch.setattr(preview_module, "encode_slice", counted)
    shown = SlicePreview(Sam2Engine.of(models.segmenter), stack)
    truth = stack.frame.to_slices(subject.segmentation.mask(0))
    index = int(np.argmax(truth.sum(axis=(1, 2))))
    before = truth[index].copy()
    before[:, : int(np.argwhere(before).mean(axis=0)[1])] = False  # half of it is missing
    missing = np.argwhere(truth[index] & ~before)
    points: list[PlacedPoint] = []
    mask = before
    for pixel in missing[:: len(missing) // 3][:3]:
        place = (pixel + 0.5) * np.array(stack.spacing_mm)
        points.append(PlacedPoint((float(place[0]), float(place[1])), (int(pixel[0]), int(pixel[1])), True))
        mask = shown.mask(index, before, OnSlice(tuple(points), None))
        assert all(mask[point.pixel] for point in points)
    before_again = len(encoded)
    assert before_again < len(points)
    np.testing.assert_array_equal(shown.mask(index, before, OnSlice(tuple(points), None)), mask)
    assert len(encoded) == before_again
    assert dice(mask, truth[index]) > dice(before, truth[index])


@pytest.mark.parametrize("sees", [True, False])
def test_a_decoder_that_denies_what_was_set_has_no_say(monkeypatch: pytest.MonkeyPatch, sees: bool) -> None:
    subject = make_subject(3)
    stack = SliceStack.of(subject.image)
    truth = stack.frame.to_slices(subject.segmentation.mask(0))
    index = int(np.argmax(truth.sum(axis=(1, 2))))
    before = truth[index].copy()
    before[:, : int(np.argwhere(before).mean(axis=0)[1])] = False
    missing = np.argwhere(truth[index] & ~before)
    pixel = missing[len(missing) // 2]
    place = (pixel + 0.5) * np.array(stack.spacing_mm)
    point = PlacedPoint((float(place[0]), float(place[1])), (int(pixel[0]), int(pixel[1])), True)
    engine = Sam2Engine(random_segmenter(image_size=64).model)
    logits = torch.full((1, 16, 16), 6.0 if sees else -6.0)
    answer = Decoded(logits, torch.ones(1), torch.ones(1), torch.zeros(1, 1))
    monkeypatch.setattr(clicks_module, "decode_shown", lambda *asked: answer)
    mask = SlicePreview(engine, stack).mask(index, before, OnSlice((point,), None))
    if sees:
        assert mask.sum() > truth[index].sum()  # all of the window, as the decoder said
    else:
        assert dice(mask, truth[index]) > dice(before, truth[index])
        assert (mask & ~before).sum() > 1  # more than the pixel that was clicked


def test_the_decoder_of_prompts_is_asked_once_there_is_a_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = make_subject(3)
    stack = SliceStack.of(subject.image)
    truth = stack.frame.to_slices(subject.segmentation.mask(0))
    index = int(np.argmax(truth.sum(axis=(1, 2))))
    pixel = np.argwhere(truth[index])[truth[index].sum() // 2]
    place = (pixel + 0.5) * np.array(stack.spacing_mm)
    point = PlacedPoint((float(place[0]), float(place[1])), (int(pixel[0]), int(pixel[1])), True)
    model = random_segmenter(image_size=64).model
    engine = Sam2Engine(model, prompt_decoder=PromptDecoder(model))
    asked: list[bool] = []

    def answered(asked_engine: Sam2Engine, *rest: object) -> Decoded:
        asked.append(asked_engine.prompt_decoder is not None)
        return Decoded(torch.full((1, 16, 16), -6.0), torch.ones(1), torch.ones(1), torch.zeros(1, 1))

    monkeypatch.setattr(clicks_module, "decode_shown", answered)
    shown = SlicePreview(engine, stack)
    shown.mask(index, np.zeros_like(truth[index]), OnSlice((point,), None))
    assert len(asked) > 1 and asked == [False] * (len(asked) - 1) + [True]
    asked.clear()
    shown.mask(index, truth[index], OnSlice((point,), None))
    assert asked == [True]
