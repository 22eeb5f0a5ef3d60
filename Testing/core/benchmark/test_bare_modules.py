"""The roofline: the bare modules are called as the run called them."""

from __future__ import annotations

import pytest
import torch
from discs import SEGMENTS, cases, loaded, slices

from RetrievalSAMLib.benchmark.bare_modules import MODULES, OTHER, CallRecorder, replay
from RetrievalSAMLib.segmentation.published.fate_sam import fate_sam
from RetrievalSAMLib.segmentation.sam2.engine import Sam2Engine
from RetrievalSAMLib.stages import StageTimes, listening


@pytest.fixture(scope="module")
def recorded() -> CallRecorder:
    times, model = StageTimes(), loaded().model
    loaders = [lambda case=case: case for case in cases()]  # type: ignore[misc]
    with listening(times), CallRecorder(model, times) as recorder:
        for _ in fate_sam(Sam2Engine(model), slices(1)[0], loaders, SEGMENTS, lambda *told: None):
            pass
    return recorder


def test_a_replay_makes_the_same_calls_in_the_same_order(recorded: CallRecorder) -> None:
    with CallRecorder(loaded().model) as again:
        seconds, worked = replay(loaded(), recorded.calls, lambda: None)
    assert [(c.module, c.positional, c.named) for c in again.calls] == [
        (c.module, c.positional, c.named) for c in recorded.calls
    ]
    assert {call.module for call in again.calls} == set(MODULES)
    assert set(seconds) == {call.stage for call in recorded.calls} and worked > 0


def test_calls_belong_to_the_stage_of_the_run_that_made_them(recorded: CallRecorder) -> None:
    stages = {(call.module, call.stage) for call in recorded.calls}
    assert stages == {
        ("image_encoder", "image encoder"),
        ("memory_attention", "memory attention"),
        ("sam_mask_decoder", "mask decoder"),
        ("sam_mask_decoder", "support memories"),
        ("memory_encoder", "support memories"),
        ("memory_encoder", "prediction memories"),
    }


def test_a_bank_that_grows_is_replayed_at_its_size(recorded: CallRecorder) -> None:
    tokens = [call.named["memory"].shape[0] for call in recorded.calls if call.module == "memory_attention"]
    cells, pieces, supports = (64 // 16) ** 2, 96 // 32, 3
    back = [(cells + pieces) * (supports + past) for past in range(3)]
    # On the way forward the published preset does not see the object pointers of the supports.
    forward = [cells * (supports + past) + pieces * past for past in (3, 4)]
    assert tokens == back + forward


def test_nothing_is_taken_down_before_or_after(recorded: CallRecorder) -> None:
    model, image = loaded().model, torch.zeros(1, 3, 64, 64)
    with torch.inference_mode(), CallRecorder(model) as recorder:
        model.image_encoder(image)
    model.image_encoder(image)
    assert recorder.counts() == {**dict.fromkeys(MODULES, 0), "image_encoder": 1}
    assert recorder.calls[0].stage == OTHER
