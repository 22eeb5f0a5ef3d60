"""What to mend in a library, and what to add to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from ...errors import ModelError
from ...evaluation.last_review import keep_last_review, last_review
from ...evaluation.review import check_enough, largest_size, review_library
from ...evaluation.suggest import suggest
from ...library.case import Case
from ...library.store import SupportLibrary
from ...models import catalogue, store
from ...models.device import choose_device
from ...retrieval.embedding import SliceEmbedder
from ...segmentation.output.report import read_report
from ...segmentation.settings.memory_use import memory_for_supports
from ...segmentation.settings.networks import encoder_for, image_size_for
from ...segmentation.settings.options import Models
from ...segmentation.settings.presets import preset as preset_of
from ...volumes import Plane, ReadingChoices
from ..task import Task
from .kept import KeptNetworks
from .leaving import left_at_any_layer


def review(task: Task, kept: KeptNetworks) -> dict[str, Any]:
    """Segment every case by the others; what was finished before a cancel is not repeated the next time."""
    wanted = task.parameters
    settings = preset_of(wanted.preset)
    library = SupportLibrary.open(wanted.folder)
    cases = library.cases()
    check_enough(library.name, cases)
    models = models_for_cases(task, kept, cases)
    with left_at_any_layer(task):
        found = review_library(library, models, settings, task.progress, max_memory_bytes=memory_for_supports())
    keep_last_review(library, cases, found)
    result: dict[str, Any] = msgspec.to_builtins(found)
    return result


def known_review(task: Task, kept: KeptNetworks) -> dict[str, Any]:
    """The review that was finished last, and whether it is of the cases as they are; needs no network."""
    library = SupportLibrary.open(task.parameters.folder)
    known = last_review(library)
    if known is None:
        return {"review": None, "finished": None, "current": False}
    return {
        "review": msgspec.to_builtins(known.review),
        "finished": known.finished.isoformat(),
        "current": known.is_current(library.cases()),
    }


def suggest_volumes(task: Task, kept: KeptNetworks) -> dict[str, Any]:
    """Rank volumes that are not annotated."""
    wanted = task.parameters
    library = SupportLibrary.open(wanted.folder)
    cases = library.cases()
    reports = [read_report(Path(path)) for path in wanted.reports or []]
    check_installed(wanted.encoder, "encoder")
    device = choose_device(wanted.device).name
    models = kept.get(catalogue.BUNDLED, wanted.encoder, device, None)
    with left_at_any_layer(task):
        found = suggest(
            cases,
            wanted.files,
            SliceEmbedder(models.encoder),
            cache=library.cache_dir,
            plane=None if wanted.plane == "auto" else Plane(wanted.plane),
            reports=reports,
            reading=ReadingChoices(wanted.series, wanted.straighten, wanted.spacing_mm),
            progress=task.progress,
        )
    result: dict[str, Any] = msgspec.to_builtins(found)
    return result


def models_for_cases(task: Task, kept: KeptNetworks, cases: Sequence[Case]) -> Models:
    """The networks that a request about a library's own cases asks for.

    Raises:
        ModelError: One is not installed.
    """
    wanted = task.parameters
    encoder = wanted.encoder or encoder_for(wanted.model)
    check_installed(wanted.model, "segmenter")
    check_installed(encoder, "encoder")
    device = choose_device(wanted.device).name
    key = (wanted.model, encoder, device, image_size_for(wanted.model, largest_size(cases)))
    if not kept.holds(*key):
        task.progress("loading the model", 0, 1)
    return kept.get(*key)


def check_installed(name: str, kind: catalogue.Kind) -> None:
    """Refuse networks whose weights are not there.

    Raises:
        ModelError: They are not.
    """
    entry = catalogue.get(name, kind)
    if not entry.is_bundled and not store.path_of(entry).is_file():
        remedy = "Download these weights, or import them from a folder; or use the bundled model."
        raise ModelError(entry.name, "its weights are not installed", remedy)


JOBS = {"library.review": review, "library.last_review": known_review, "library.suggest": suggest_volumes}
