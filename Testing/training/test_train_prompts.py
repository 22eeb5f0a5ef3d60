"""Teaching points and boxes leaves everything else as it was, and goes on where it was stopped."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from RetrievalSAMLib.models.build import build_segmenter
from RetrievalSAMLib.segmentation.sam2_engine import Sam2Engine
from training import train_prompts

HEADS = ("output_hypernetworks_mlps.1.", "output_hypernetworks_mlps.2.", "output_hypernetworks_mlps.3.")
IOU = "sam_mask_decoder.iou_prediction_head.layers.2."


class Stopped(Exception):
    """In the place of a person who stops the training."""


def train(
    state: Path, monkeypatch: pytest.MonkeyPatch, *more: str, stop_after: int | None = None
) -> dict[str, torch.Tensor]:
    monkeypatch.setattr(train_prompts, "SHAPES", ((1, 2, 1),))
    monkeypatch.setattr(train_prompts, "SAVE_EVERY", 1)
    monkeypatch.setattr("sys.argv", ["train_prompts", "--state", str(state), "--steps", "3", "--peak", "0.05", *more])
    done, train_on = 0, train_prompts.train_on

    def counted(*given: object) -> dict[str, float]:
        nonlocal done
        if done == stop_after:
            raise Stopped
        done += 1
        return train_on(*given)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(train_prompts, "train_on", counted)
        if stop_after is None:
            train_prompts.main()
        else:
            with pytest.raises(Stopped):
                train_prompts.main()
    found: dict[str, torch.Tensor] = torch.load(state / "segmenter.pt", weights_only=True)["model"]
    return found


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    with pytest.MonkeyPatch.context() as patch:
        return train(tmp_path_factory.mktemp("whole"), patch)


def test_only_what_no_run_without_prompts_uses_changes(trained: dict[str, torch.Tensor]) -> None:
    before = build_segmenter().model.state_dict()
    assert trained.keys() == before.keys()
    changed = {name for name in before if not torch.equal(before[name], trained[name])}
    assert any("point_embeddings.1" in name for name in changed) and any(HEADS[0] in name for name in changed)
    allowed = ("sam_prompt_encoder.point_embeddings.", *(f"sam_mask_decoder.{head}" for head in HEADS), IOU)
    assert all(name.startswith(allowed) for name in changed)
    for name in (f"{IOU}weight", f"{IOU}bias"):
        assert torch.equal(before[name][0], trained[name][0]) and not torch.equal(before[name], trained[name])


@torch.inference_mode()
def test_answers_without_prompts_are_bit_for_bit_what_they_were(trained: dict[str, torch.Tensor]) -> None:
    image = torch.rand(1, 256, 256, generator=torch.Generator().manual_seed(0))
    mask = torch.zeros(1, 256, 256)
    mask[:, 60:160, 80:140] = 1
    answers = []
    for weights in (None, trained):
        model = build_segmenter().model
        if weights is not None:
            model.load_state_dict(weights)
            train_prompts.ask_for_three(model)
        engine = Sam2Engine(model)
        features = engine.encode_images(image)
        answer = engine.decode(features, features.embedding)
        support = engine.encode_support(features, mask)
        answers.append((answer.logits, answer.predicted_iou, answer.pointer, support.spatial, support.pointer))
    assert all(torch.equal(one, other) for one, other in zip(*answers, strict=True))


def test_training_that_was_stopped_ends_where_it_would_have(
    trained: dict[str, torch.Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(tmp_path, monkeypatch, stop_after=1)
    again = train(tmp_path, monkeypatch)
    assert all(torch.equal(trained[name], again[name]) for name in trained)


def test_points_can_be_trained_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = train(tmp_path, monkeypatch, "--only-points")
    before = build_segmenter().model.state_dict()
    changed = {name for name in before if not torch.equal(before[name], found[name])}
    assert changed and all(name.startswith("sam_prompt_encoder.point_embeddings.") for name in changed)
