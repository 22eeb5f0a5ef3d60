"""What a library works out of its cases: an expert that is trained, and settings fitted to a model; and what it has."""

from __future__ import annotations

from typing import Any

import msgspec

from ...learning.learn import LearnOptions, learn, usable_cases
from ...learning.use import check_preset, learned_state
from ...library.store import SupportLibrary
from ...models.device import choose_device
from ...segmentation.settings.presets import preset as preset_of
from ...tuning.tune import TuneOptions, tune
from ...tuning.use import tuned_for, tuned_states
from ..task import Task
from .kept import KeptNetworks
from .leaving import left_at_any_layer
from .reviewing import models_for_cases


def learn_from_library(task: Task, kept: KeptNetworks) -> dict[str, Any]:
    """Train and prove an expert; what was done before a cancel is not repeated the next time."""
    wanted = task.parameters
    check_preset(wanted.preset)
    library = SupportLibrary.open(wanted.folder)
    cases = usable_cases(library)
    models = models_for_cases(task, kept, cases)
    settings, _ = tuned_for(library, cases, preset_of(wanted.preset), models)
    options = LearnOptions(minutes=wanted.minutes, seed=wanted.seed, device=choose_device(wanted.device).name)
    with left_at_any_layer(task):
        found = learn(library, models, settings, options, task.progress)
    result: dict[str, Any] = msgspec.to_builtins(found)
    return result | {"state": msgspec.to_builtins(learned_state(library))}


def what_was_learned(task: Task, kept: KeptNetworks) -> dict[str, Any]:
    """What the library has learned, in words too; needs no network."""
    result: dict[str, Any] = msgspec.to_builtins(learned_state(SupportLibrary.open(task.parameters.folder)))
    return result


def tune_to_library(task: Task, kept: KeptNetworks) -> dict[str, Any]:
    """Try other settings on every case; runs that were made before a cancel are not made again the next time."""
    wanted = task.parameters
    check_preset(wanted.preset)
    library = SupportLibrary.open(wanted.folder)
    models = models_for_cases(task, kept, library.cases())
    with left_at_any_layer(task):
        found = tune(library, models, preset_of(wanted.preset), TuneOptions(minutes=wanted.minutes), task.progress)
    result: dict[str, Any] = msgspec.to_builtins(found)
    return result | _states(library)


def what_was_tuned(task: Task, kept: KeptNetworks) -> dict[str, Any]:
    """What the library has tuned, by model and preset; needs no network."""
    return _states(SupportLibrary.open(task.parameters.folder))


def _states(library: SupportLibrary) -> dict[str, Any]:
    return {"tuned": msgspec.to_builtins(tuned_states(library))}


JOBS = {
    "library.learn": learn_from_library,
    "library.learned": what_was_learned,
    "library.tune": tune_to_library,
    "library.tuned": what_was_tuned,
}
