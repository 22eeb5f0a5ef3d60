"""The segmenter learns in every way it is used, and goes on where it was stopped."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from RetrievalSAMLib.models.build import at_image_size, build_segmenter, random_segmenter
from RetrievalSAMLib.models.prompt_decoder import PromptDecoder
from RetrievalSAMLib.segmentation.engines.interface import MemoryBank, Prompts
from RetrievalSAMLib.segmentation.sam2.engine import Sam2Engine
from training import train_segmenter
from training.episodes import EpisodeSource, batch
from training.losses import loss_of
from training.modes import MODES, PROMPT_MODES
from training.train_segmenter import PARTS, Part

SIZE = 64
SHAPES = {"library": (1, 2, 2), "prompted": (1, 2, 1), "first_case": (1, 1, 3)}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_segmenter, "LOG_STEPS", 1)
    stages = (1, (SIZE, SIZE)), (0, (SIZE, 2 * SIZE))
    for part, known in PARTS.items():
        modes = {name: replace(mode, shapes=(SHAPES[name],)) for name, mode in known.modes.items()}
        monkeypatch.setitem(PARTS, part, Part(modes, stages, objects=1))


def train(state: Path, monkeypatch: pytest.MonkeyPatch, *more: str) -> dict[str, torch.Tensor]:
    words = ["train_segmenter", "--state", str(state), "--steps", "2", "--workers", "0", "--peak", "0.01", *more]
    monkeypatch.setattr("sys.argv", words)
    train_segmenter.main()
    part = "prompts" if "prompts" in more else "segmenter"
    found: dict[str, torch.Tensor] = torch.load(state / train_segmenter.WEIGHTS[part], weights_only=True)["model"]
    return found


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("part", PARTS)
def test_training_that_was_stopped_ends_where_it_would_have(
    part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(tmp_path / "whole", monkeypatch, "--part", part)
    parts = tmp_path / "parts"
    while True:  # a stop after every step
        with monkeypatch.context() as patch:
            _stop_after_one_step(patch)
            found = train(parts, monkeypatch, "--part", part)
        state = torch.load(parts / "state.pt", weights_only=True)
        if state["step"] == 2:
            break
    steps = [json.loads(line)["step"] for line in (parts / "log.jsonl").read_text().splitlines()]
    assert steps == [1, 2]
    assert all(torch.equal(whole[name], found[name]) for name in whole)


def _stop_after_one_step(patch: pytest.MonkeyPatch) -> None:
    """In the place of a person who stops the training while a step is computed."""
    asked = False

    class Stop:
        def __init__(self, minutes: float | None) -> None:
            pass

        def __bool__(self) -> bool:
            return asked

    learn = train_segmenter.Trainer.learn

    def learn_once(self: train_segmenter.Trainer, tasks: list[train_segmenter.Task]) -> dict[str, float]:
        nonlocal asked
        asked = True
        return learn(self, tasks)

    patch.setattr(train_segmenter, "_Stop", Stop)
    patch.setattr(train_segmenter.Trainer, "learn", learn_once)


@pytest.mark.usefixtures("small")
def test_what_was_trained_is_a_file_of_weights_for_the_product(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = train(tmp_path, monkeypatch)
    shipped = build_segmenter().model.state_dict()
    trained = build_segmenter(checkpoint=tmp_path / "segmenter.pt").model.state_dict()
    assert all(torch.equal(trained[name], found[name]) for name in trained)
    assert any(not torch.equal(trained[name], shipped[name]) for name in shipped)


@pytest.mark.usefixtures("small")
def test_only_the_prompt_decoder_learns_where_it_is_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = train(tmp_path, monkeypatch, "--part", "prompts", "--initial", "random")
    before = random_segmenter(seed=0)
    decoder = PromptDecoder(before.model)
    assert any(not torch.equal(found[name], value) for name, value in decoder.state_dict().items())
    decoder.load_state_dict(found)
    trained = Sam2Engine(before.model, prompt_decoder=decoder)
    features = trained.encode_images(torch.rand(1, 256, 256))
    conditioned = trained.attend(features, MemoryBank([], []))
    nothing = Prompts(torch.zeros(1, 1, 2), -torch.ones(1, 1, dtype=torch.int32))
    plain, asked = (Sam2Engine(before.model).decode(features, conditioned, p).logits for p in (None, nothing))
    assert torch.equal(plain, trained.decode(features, conditioned).logits)
    assert torch.equal(asked, trained.decode(features, conditioned, nothing).logits)
    pictured = replace(nothing, picture=torch.zeros(1, 64, 64))
    assert not torch.equal(asked, trained.decode(features, conditioned, pictured).logits)


@pytest.mark.parametrize("name", MODES)
def test_every_way_of_use_teaches_the_parts_that_it_needs(name: str) -> None:
    torch.manual_seed(1)
    model = at_image_size(random_segmenter(seed=1), SIZE).model.requires_grad_(True)
    engine, source = Sam2Engine(model), EpisodeSource(SIZE, render_sizes=(SIZE,))
    answers = MODES[name].run(engine, batch(source, *SHAPES[name], 2))
    assert all(a.decoded.logits.shape[0] == a.masks.shape[0] for a in answers)
    torch.stack([loss_of(a.decoded, a.masks)[0] for a in answers]).sum().backward()
    learned = {key for key, value in model.named_parameters() if value.grad is not None and value.grad.any()}
    wanted = ["image_encoder.trunk.", "sam_mask_decoder.transformer."]
    wanted += ["memory_attention.layers.", "memory_encoder.", "maskmem_tpos_enc"]
    assert [part for part in wanted if not any(part in key for key in learned)] == []


@pytest.mark.parametrize("shape", [(1, 1, 2), (1, 2, 1)])
def test_prompts_teach_the_decoder_beside_a_segmenter_that_stays(shape: tuple[int, int, int]) -> None:
    torch.manual_seed(3)
    model = at_image_size(random_segmenter(seed=1), SIZE).model
    decoder = PromptDecoder(model).requires_grad_(True)
    engine, source = Sam2Engine(model, prompt_decoder=decoder), EpisodeSource(SIZE, render_sizes=(SIZE,))
    asked = set()
    for _ in range(12):  # several draws of what a person sets
        answers = PROMPT_MODES["prompted"].run(engine, batch(source, *shape, 2))
        assert all(a.decoded.logits.shape[0] == a.masks.shape[0] for a in answers)
        torch.stack([loss_of(a.decoded, a.masks)[0] for a in answers]).sum().backward()
        asked |= {answer.name for answer in answers}
    learned = {key for key, value in decoder.named_parameters() if value.grad is not None and value.grad.any()}
    assert any("mask_downscaling" in key for key in learned) and any("sam_mask_decoder" in key for key in learned)
    assert all(parameter.grad is None for parameter in model.parameters())
    # Alone and on a mask so far, a click or box at first and clicks after it.
    assert {name.split(" ")[0] for name in asked} >= {"click", "box"}
    assert any("alone" in name for name in asked) and any("on a mask" in name for name in asked)
    assert any("+" in name for name in asked)


def test_both_sizes_learn_the_same_parameters() -> None:
    loaded = random_segmenter(seed=2)
    small = train_segmenter.tied(loaded, SIZE)
    assert small.model is not loaded.model and small.image_size == SIZE
    pairs = zip(small.model.named_parameters(), loaded.model.named_parameters(), strict=True)
    assert all(one is other and name == own for (name, one), (own, other) in pairs)


def test_steps_of_a_stage_have_the_sizes_of_that_stage() -> None:
    for part in PARTS.values():
        (first, sizes), (_, last) = part.stages
        assert part.sizes_of(0) == part.sizes_of(first - 1) == sizes
        assert part.sizes_of(first) == part.sizes_of(10 * first) == last


def test_several_processes_draw_what_one_draws(small: None) -> None:
    sources = {size: EpisodeSource(size, render_sizes=(32,)) for size in (SIZE, 2 * SIZE)}

    def first(workers: int) -> list[train_segmenter.Task]:
        tasks = train_segmenter.Tasks(PARTS["segmenter"], sources, 5, 0)
        loader = iter(torch.utils.data.DataLoader(tasks, batch_size=None, num_workers=workers))
        return [next(loader) for _ in range(5)]

    for one, other in zip(first(0), first(2), strict=True):
        assert (one.mode, one.size) == (other.mode, other.size)
        assert torch.equal(one.episode.images, other.episode.images)
        assert torch.equal(one.episode.masks, other.episode.masks)
