"""A library is tuned for a network that nothing was fitted to, with as few passes as that takes."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import torch
from tuned_library import made_library

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.evaluation.leave_one_out import leave_out
from RetrievalSAMLib.library.case import Case
from RetrievalSAMLib.library.lock import lock_held
from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.segmentation.engines.interface import ImageFeatures
from RetrievalSAMLib.segmentation.sam2.engine import Sam2Engine
from RetrievalSAMLib.segmentation.settings.options import Models, RunOptions
from RetrievalSAMLib.segmentation.settings.presets import preset
from RetrievalSAMLib.tuning.choices import CHOICES, TRIED
from RetrievalSAMLib.tuning.kept_trials import FOLDER, KeptTrials
from RetrievalSAMLib.tuning.remembering import RememberingEngine
from RetrievalSAMLib.tuning.trial import CaseOnTrial, Trial, same_masks
from RetrievalSAMLib.tuning.tune import Tuned, TuneOptions, cases_by_patient, tune
from RetrievalSAMLib.tuning.use import tuned_states
from Testing.core.segmentation.made_up_cases import case

FAST = preset("fast")


def engine(models: Models) -> RememberingEngine:
    return RememberingEngine(models.segmenter.model, models.segmenter.precision, 1 << 28)


def on_trial(library: SupportLibrary, models: Models) -> tuple[CaseOnTrial, Case, list[Case]]:
    first, *others = library.cases()
    options = RunOptions(cache=library.cache_dir)
    return CaseOnTrial(first, others, models, options, engine(models)), first, others


def test_it_finds_that_a_network_which_knows_nothing_has_to_be_told_the_place(tuning: tuple[Path, Tuned]) -> None:
    _, told = tuning
    found = {one.name: one for one in told.settings}
    assert list(found) == [choice.name for choice in CHOICES]
    assert (told.cases, told.patients, told.untried) == (5, 5, ())
    assert found["place_weight"].usual == 5.0 and found["place_weight"].value > 5.0
    assert told.dice_after > told.dice_before
    assert told.runs + told.spared <= 5 * (1 + TRIED)


def test_what_was_found_is_told_in_words(tuned: SupportLibrary) -> None:
    (state,) = tuned_states(tuned)
    assert (state.preset, state.state) == ("fast", "current")
    assert state.text.startswith("tuned on 5 cases: place_weight ")
    made = case(9)
    tuned.add(made.image, made.segmentation)
    assert tuned_states(tuned)[0].state == "behind"


def test_a_trial_gives_what_a_whole_run_gives(tuned: SupportLibrary, models: Models) -> None:
    trial, first, others = on_trial(tuned, models)
    trial.run(FAST, lambda: None)
    for changed in (replace(FAST, place_weight=1.25, gate=0.0), replace(FAST, position_weight=0.5)):
        whole = leave_out(first, others, models, changed, RunOptions(cache=tuned.cache_dir))
        again = trial.run(changed, lambda: None)
        assert {value: round(dice, 4) for value, dice in again.dice.items()} == whole.dice


def test_other_settings_take_no_pass_of_the_image_encoder(
    tuned: SupportLibrary, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    count: Counter[str] = Counter()
    original = Sam2Engine.encode_images

    def counting(self: Sam2Engine, images: torch.Tensor) -> ImageFeatures:
        count["passes"] += 1
        return original(self, images)

    monkeypatch.setattr(Sam2Engine, "encode_images", counting)
    trial, _, _ = on_trial(tuned, models)
    trial.run(FAST, lambda: None)
    first = count["passes"]
    trial.run(replace(FAST, place_weight=10.0), lambda: None)
    trial.run(replace(FAST, gate=0.5), lambda: None)
    assert count["passes"] == first > 0


def test_a_full_memory_only_costs_time(models: Models) -> None:
    images = torch.rand(1, 128, 128)
    forgetful = RememberingEngine(models.segmenter.model, models.segmenter.precision, 0)
    with torch.inference_mode():
        one, other = forgetful.encode_images(images), engine(models).encode_images(images)
    assert torch.equal(one.embedding, other.embedding)


def test_a_run_that_can_only_give_known_masks_is_spared(tuned: SupportLibrary, models: Models) -> None:
    trial, _, _ = on_trial(tuned, models)
    known = trial.run(FAST, lambda: None)
    assert known.in_one_pass and known.has_place
    asked = [answer.predicted_iou for answer in known.answers if answer.predicted_iou is not None]
    assert asked
    # Between two gates that no estimate lies between, nothing is decided otherwise.
    near = replace(FAST, gate=max((iou for iou in asked if iou < FAST.gate), default=0.0) + 1e-6)
    assert same_masks(known, FAST, near)
    assert trial.run(near, lambda: None).dice == known.dice
    assert not same_masks(known, FAST, replace(FAST, place_weight=10.0))
    assert not same_masks(known, FAST, replace(FAST, position_weight=0.5))
    everything = replace(FAST, gate=min(asked) - 1e-6)
    passes = any(answer.vote > 0.75 and (answer.predicted_iou or 1.0) < FAST.gate for answer in known.answers)
    assert same_masks(known, FAST, everything) is not passes


def test_what_was_stopped_goes_on(models: Models, tuning: tuple[Path, Tuned], tmp_path: Path) -> None:
    folder, whole = tuning
    shutil.copytree(folder, tmp_path / "again", ignore=shutil.ignore_patterns("tuned", FOLDER))
    library = SupportLibrary.open(tmp_path / "again")

    class Enough(Exception):
        pass

    def until(stage: str, done: int, _total: int) -> None:
        if stage == "trying place_weight" and done == 6:
            raise Enough

    with pytest.raises(Enough):
        tune(library, models, FAST, TuneOptions(), until)
    assert not library.tuned.paths()
    second = tune(library, models, FAST, TuneOptions())
    assert 0 < second.runs < whole.runs
    assert second.settings == whole.settings
    third = tune(library, models, FAST, TuneOptions())
    assert third.runs == 0 and third.sha256 == second.sha256 == whole.sha256


def test_what_time_does_not_suffice_for_is_named_and_left(
    models: Models, tuning: tuple[Path, Tuned], tmp_path: Path
) -> None:
    shutil.copytree(tuning[0], tmp_path / "hasty", ignore=shutil.ignore_patterns("tuned"))
    library = SupportLibrary.open(tmp_path / "hasty")
    for kept in (library.cache_dir / FOLDER).glob("*/*.json"):
        if kept.name not in _of_the_preset(library, models):
            kept.unlink()
    told = tune(library, models, FAST, TuneOptions(minutes=1e-6))
    assert told.untried == tuple(choice.name for choice in CHOICES) and told.runs == 0
    assert all(one.value == one.usual and not one.tried for one in told.settings)
    assert told.dice_after == told.dice_before


def _of_the_preset(library: SupportLibrary, models: Models) -> set[str]:
    kept = KeptTrials.of(library.cache_dir, library.cases(), models)
    return {kept.path(case, FAST).name for case in library.cases()}


def test_of_fewer_than_three_patients_nothing_is_claimed(models: Models, tmp_path: Path) -> None:
    library = made_library(tmp_path / "two", (1, 2))
    again = case(3)
    library.add(again.image, again.segmentation, name="patient2_later")
    assert sorted(map(len, cases_by_patient(made_library(tmp_path / "three")).values())) == [1, 1, 1]
    shutil.move(library.cases()[1].folder, tmp_path / "aside")
    with pytest.raises(InputError, match="2 patients"):
        tune(library, models, FAST, TuneOptions())
    assert not library.tuned.folder.exists()


def test_two_visits_of_a_patient_never_try_each_other(tmp_path: Path) -> None:
    library = SupportLibrary.create(tmp_path / "visits")
    for name, seed in (("p1_a", 1), ("p1_b", 2), ("p2_a", 3), ("p3_a", 4)):
        made = case(seed)
        library.add(made.image, made.segmentation, name=name)
    found = cases_by_patient(library)
    assert sorted([one.name for one in of] for of in found.values()) == [["p1_a", "p1_b"], ["p2_a"], ["p3_a"]]


def test_published_methods_are_not_tuned(tuned: SupportLibrary, models: Models) -> None:
    with pytest.raises(InputError, match="published"):
        tune(tuned, models, preset("zhao-2024"), TuneOptions())


def test_only_one_program_tunes_a_library(tuned: SupportLibrary, models: Models) -> None:
    folder = tuned.cache_dir / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with lock_held(folder / ".lock", 0), pytest.raises(InputError, match="another program is tuning it"):
        tune(tuned, models, FAST, TuneOptions())


def test_a_trial_travels_through_its_file(tuned: SupportLibrary, models: Models) -> None:
    trial, _, _ = on_trial(tuned, models)
    made = trial.run(FAST, lambda: None)
    assert msgspec.json.decode(msgspec.json.encode(made), type=Trial) == made
