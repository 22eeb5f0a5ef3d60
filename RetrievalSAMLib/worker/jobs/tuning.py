"""A preset fitted to a model on the library's own cases, and what the library has tuned so far."""

from __future__ import annotations

from typing import Any

import msgspec

from ...learning.use import check_preset
from ...library.store import SupportLibrary
from ...segmentation.settings.presets import preset as preset_of
from ...tuning.tune import TuneOptions, tune
from ...tuning.use import tuned_states
from ..task import Task
from .kept import KeptNetworks
from .leaving import left_at_any_layer
from .reviewing import models_for_cases


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


JOBS = {"library.tune": tune_to_library, "library.tuned": what_was_tuned}
