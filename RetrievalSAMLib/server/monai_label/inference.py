"""Runs for MONAI Label's `infer`: put into the server's queue, and waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import ValidationError

from ...volumes import Geometry
from ...volumes.reading import read_information
from ..messages import RunRequest
from ..problems import Problem
from ..work.run import Run
from ..work.runs import Runs
from ..work.service import Service
from ..work.uploads import Upload
from .models import Model
from .prompts import boxes_of, points_of
from .samples import Sample, Samples

_LOOK_SECONDS = 0.5
_CHOICES = ("preset", "plane", "seed")
# Faults that the sender can do something about; the others are the server's.
_SENDERS_FAULTS = {"input", "request"}


async def start(service: Service, samples: Samples, sample: Sample, model: Model, params: dict[str, Any]) -> Run:
    """Put a run into the queue.

    Args:
        service: The server.
        samples: All images.
        sample: The image.
        model: What to segment it by.
        params: `preset`, `plane`, `seed`; `label_prompt`, the values of the labels that are wanted; points and boxes as
            `prompts` has them.

    Raises:
        Problem: It cannot be asked for, or as many wait as may.
    """
    upload = samples.upload(sample)
    names = await asyncio.to_thread(service.libraries.segments, model.library)
    choices: dict[str, Any] = {name: params[name] for name in _CHOICES if params.get(name) is not None}
    if params.get("label_prompt"):
        choices["segments"] = _chosen(params["label_prompt"], names)
    if model.takes_points:
        geometry = await asyncio.to_thread(_geometry_of, upload)
        choices["points"] = points_of(params, list(names), geometry)
        choices["boxes"] = boxes_of(params, list(names), geometry)
    try:
        wanted = RunRequest(library=model.library, volume=sample.sha256, **choices)
    except ValidationError as error:
        field = str(error.errors()[0]["loc"][0])
        fact = "it is not what the API's description says"
        raise Problem(422, "request", field, fact, "docs/monai-label.md names what `params` may hold.") from error
    before = _before(service.runs, sample, wanted)
    run = service.runs.add(sample.owner, wanted, model.path, upload, None, before)
    sample.library = model.library
    if not wanted.points and not wanted.boxes:
        sample.runs[model.library] = run.id
    return run


async def finish(runs: Runs, run: Run, is_gone: Callable[[], Awaitable[bool]]) -> Run:
    """Wait for a run; one whose client has gone is cancelled.

    Args:
        runs: All runs.
        run: The run.
        is_gone: Tells whether nobody waits for it any more.

    Raises:
        Problem: It has no result.
    """
    following = asyncio.create_task(_followed(runs, run))
    try:
        while not following.done():
            await asyncio.wait({following}, timeout=_LOOK_SECONDS)
            if not following.done() and await is_gone():
                await runs.cancel(run)
    finally:
        following.cancel()
    if run.state == "done":
        return run
    if run.error is not None:
        told = run.error
        status = 422 if told.code in _SENDERS_FAULTS else 500
        raise Problem(status, told.code, told.thing, told.fact, told.remedy)
    raise Problem(409, "early", "run", "it was stopped", "Start it again.")


async def _followed(runs: Runs, run: Run) -> None:
    async for _event in runs.follow(run):
        pass


def _before(runs: Runs, sample: Sample, wanted: RunRequest) -> Run | None:
    """The run without points that points are carried on from: nothing of it is computed again."""
    if not wanted.points and not wanted.boxes:
        return None
    run = runs.find(sample.owner, sample.runs.get(wanted.library, ""))
    if run is None or run.state != "done":
        return None
    nothing: dict[str, Any] = {"points": [], "boxes": []}
    return run if run.request == wanted.model_copy(update=nothing) else None


def _chosen(values: object, names: dict[str, int]) -> list[str]:
    chosen = [name for name, value in names.items() if isinstance(values, list) and value in values]
    if not chosen:
        remedy = "Give values of the model's labels in GET /info/."
        raise Problem(422, "request", "label_prompt", "the model has no such label", remedy)
    return chosen


def _geometry_of(upload: Upload) -> Geometry:
    geometry = read_information(upload.path)
    assert geometry is not None  # it was written by this server
    return geometry
