"""A library's expert: train it, and say what it has learned."""

from __future__ import annotations

from typing import Any

import msgspec

from ...learning.learn import LearnOptions, learn, usable_cases
from ...learning.use import check_preset, learned_state
from ...library.store import SupportLibrary
from ...models.device import choose_device
from ...segmentation.settings.presets import preset as preset_of
from ...tuning.use import tuned_for
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


JOBS = {"library.learn": learn_from_library, "library.learned": what_was_learned}
