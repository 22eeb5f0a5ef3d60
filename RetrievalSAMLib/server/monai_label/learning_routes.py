"""`/activelearning` and `/train` of MONAI Label's protocol: `library suggest` and `library learn`."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import TypeAdapter, ValidationError

from ...worker.protocol import Fault, Result
from ..access import Owner
from ..problems import Problem, body_of
from ..work.run import Errand
from .desk import RANDOM, SUGGEST, Desk, DeskOf
from .infer_routes import status_of
from .models import find_model
from .samples import Sample
from .tasks import BackgroundTask, do_errand

router = APIRouter()
Params = Annotated[dict[str, Any] | None, Body()]
_LONGEST_MINUTES = 24 * 60.0
_MINUTES = TypeAdapter(float)


@router.post("/activelearning/{strategy}")
async def next_sample(strategy: str, owner: Owner, desk: DeskOf, params: Params = None) -> dict[str, Any]:
    """The image to annotate next, of those of this token that have no label; nothing where there is none."""
    kind, _, library = strategy.partition(":")
    if kind not in (RANDOM, SUGGEST):
        raise Problem(404, "missing", "strategy", "there is none of this name", "Choose one of GET /info/.")
    candidates = [sample for sample in desk.samples.of(owner) if not sample.is_labelled]
    if not candidates:
        return {}
    if kind == RANDOM:
        return _told(random.choice(candidates))
    name = library or str((params or {}).get("library", ""))
    path = await asyncio.to_thread(_library, desk, name)
    return await _suggested(desk, path, candidates)


@router.post("/train/")
async def train_all(owner: Owner, desk: DeskOf, params: Params = None) -> dict[str, Any]:
    """As `train`, for the one library whose name `params` has, as OHIF sends it; else for the only one there is."""
    given = {name: one for name, one in (params or {}).items() if isinstance(one, dict)}
    if not given:
        name = (await asyncio.to_thread(_library, desk, "")).name
    elif len(given) == 1:
        (name,) = given
    else:
        raise Problem(422, "request", "library", "several are named", "One trains at a time: name one.")
    return {name: {"result": await train(name, owner, desk, given.get(name)), "detail": None}}


@router.post("/train/{model}")
async def train(model: str, owner: Owner, desk: DeskOf, params: Params = None) -> dict[str, Any]:
    """Let a library learn from its cases; `minutes` says how long it may take, `preset` which runs it is to help."""
    desk.check_changes()
    chosen = await asyncio.to_thread(find_model, desk.service.libraries, model)
    desk.trainings.check_free()
    asked: dict[str, Any] = {name: (params or {})[name] for name in ("preset", "seed") if name in (params or {})}
    minutes = _minutes((params or {}).get("minutes", 10.0))
    given: dict[str, Any] = {"folder": str(chosen.path), "minutes": minutes, **asked}
    errand = Errand("library.learn", given, gives_way=True)
    desk.service.runs.send(errand)
    task = BackgroundTask(chosen.library, owner, errand=errand)
    desk.trainings.begin(task, do_errand(task, errand))
    return task.described()


@router.get("/train/")
async def training_status(_owner: Owner, desk: DeskOf, all: bool = False, check_if_running: bool = False) -> Any:
    """How the training is."""
    return status_of(desk.trainings.all(), "a training", all, check_if_running)


@router.delete("/train/")
async def stop_training(owner: Owner, desk: DeskOf) -> dict[str, Any]:
    """Stop it; what was done is not repeated the next time."""
    return (await desk.trainings.stop(owner, desk.service.runs)).described()


def _library(desk: Desk, name: str) -> Path:
    """The folder of a library; of the only one where no name is given.

    Raises:
        Problem: There is none, or several.
    """
    if name:
        return find_model(desk.service.libraries, name).path
    names = [library.name for library in desk.service.libraries.described()]
    if len(names) != 1:
        fact = "the server has none" if not names else "there are several, and none is named"
        remedy = (
            "Next sample: choose a strategy of GET /info/. Training: POST /train/NAME; in OHIF, change its `minutes` "
            "under Options, which sends its name."
        )
        raise Problem(422, "request", "library", fact, remedy)
    return find_model(desk.service.libraries, names[0]).path


def _minutes(given: object) -> float:
    try:
        minutes = _MINUTES.validate_python(given, strict=False)
    except ValidationError:
        minutes = 0.0
    if not 0 < minutes <= _LONGEST_MINUTES:
        raise Problem(422, "request", "minutes", "it is no time", f"Give up to {_LONGEST_MINUTES:g}.")
    return minutes


async def _suggested(desk: Desk, library: Path, candidates: list[Sample]) -> dict[str, Any]:
    uploads = [desk.samples.upload(sample) for sample in candidates]
    by_file = {str(upload.path): sample for upload, sample in zip(uploads, candidates, strict=True)}
    errand = Errand("library.suggest", {"folder": str(library), "files": list(by_file)})
    desk.service.runs.send(errand)
    for upload in uploads:
        upload.users += 1
    try:
        answer = await errand.answer
    finally:
        for upload in uploads:
            upload.users -= 1
    if isinstance(answer, Fault):
        body = body_of(answer, {**dict.fromkeys(by_file, "the image"), str(library): library.name})
        raise Problem(422 if body.code == "input" else 500, body.code, body.thing, body.fact, body.remedy)
    if not isinstance(answer, Result):
        raise Problem(409, "early", "next sample", "it was stopped", "Ask again.")
    first = answer.result["volumes"][0]
    shown = {name: first[name] for name in ("score", "slices", "plane", "note")}
    return _told(by_file[first["file"]]) | shown


def _told(sample: Sample) -> dict[str, Any]:
    """Where an image is fetched: GET /datastore/image. `checksum` is of what comes there; OHIF opens the study."""
    told = {"id": sample.id, "name": f"{sample.id}.nrrd", "checksum": f"SHA256:{sample.sha256}", "ts": sample.created}
    if sample.study is not None:
        told |= {"StudyInstanceUID": sample.study, "SeriesInstanceUID": sample.id}
    return told
