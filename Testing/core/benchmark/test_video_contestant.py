"""The video predictor as a contestant: it sees every support, and works on segments one by one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from discs import SEGMENTS, cases, loaded, slices

from RetrievalSAMLib.benchmark.bare_modules import CallRecorder
from RetrievalSAMLib.benchmark.video_predictor import Film, segment_film, video_predictor


@pytest.fixture
def film(tmp_path: Path) -> Film:
    case = cases()[0]
    masks = [{value: case.masks[value][index] for value in SEGMENTS} for index in range(4)]
    return Film(tmp_path, 64, list(case.slices[:4]), masks, slices(1)[0])


def test_supports_come_first_and_empty_masks_do_not_enter(film: Film) -> None:
    assert len(list(film.folder.glob("*.jpg"))) == 4 + 5
    assert [(frame, segment) for frame, segment, _ in film.entries] == [(0, 1), (1, 1), (1, 2), (2, 1), (2, 2), (3, 2)]


def test_every_slice_attends_to_all_conditioning_frames(film: Film, capsys: pytest.CaptureFixture[str]) -> None:
    predictor = video_predictor(loaded())
    with CallRecorder(predictor) as recorder:
        assert segment_film(predictor, film) == 5
    calls = [call for call in recorder.calls if call.module == "memory_attention"]
    assert len(calls) == 5 * 2  # the two segments that entered, one after another
    cells, pieces = (64 // 16) ** 2, 96 // 32
    frames = [(c.named["memory"].shape[0] - c.named["num_obj_ptr_tokens"]) // cells for c in calls]
    assert frames == [3 + n for n in range(5) for _ in range(2)]
    assert {c.named["num_obj_ptr_tokens"] % pieces for c in calls} == {0}
    assert capsys.readouterr().err == ""


def test_it_has_the_weights_of_the_segmenter_and_the_settings_of_sam2_s_builder() -> None:
    predictor, model = video_predictor(loaded()), loaded().model
    for name, weights in model.state_dict().items():
        assert torch.equal(weights, predictor.state_dict()[name]), name
    assert predictor.binarize_mask_from_pts_for_mem_enc and not predictor.training
    assert predictor.sam_mask_decoder.dynamic_multimask_via_stability
    assert not model.sam_mask_decoder.dynamic_multimask_via_stability
