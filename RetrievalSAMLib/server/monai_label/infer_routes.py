"""`/infer`, `/batch/infer` and `/session` of MONAI Label's protocol."""

from __future__ import annotations

import asyncio
import shutil
import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Request, Response

from ...worker.protocol import Fault, Result, Stopped
from ..access import Owner
from ..problems import Problem
from ..work.engine import Answer
from ..work.run import Run
from .answers import Output, Wanted, answered, found_labels
from .desk import Desk, DeskOf
from .forms import Form, form_of
from .inference import finish, start
from .models import Model, find_model
from .samples import ORIGINAL, Sample, session_of
from .tasks import BackgroundTask, end_with

router = APIRouter()
Params = Annotated[dict[str, Any] | None, Body()]


@router.post("/infer/{model}")
async def infer(
    model: str,
    owner: Owner,
    desk: DeskOf,
    request: Request,
    image: str = "",
    session_id: str = "",
    output: Output | None = None,
) -> Response:
    """Segment an image that was sent before, or with this request; the answer comes when the run is done."""
    chosen = await asyncio.to_thread(find_model, desk.service.libraries, model)
    if output == "dicom_seg":
        remedy = "Ask for output=image; `retrievalsam export-dicom` and `segment -o OUT.dcm` write DICOM SEG."
        raise Problem(422, "request", "output", "DICOM SEG is not written here", remedy)
    began = time.monotonic()
    async with form_of(request, desk.settings.max_upload_bytes) as form:
        wanted, params = Wanted.of(form.params), form.params
        if form.one("label") is not None:
            remedy = "Use a model of GET /info/ without scribbles: set points, or correct the result and submit it."
            raise Problem(422, "request", "label", "no model here takes scribbles or a label", remedy)
        sample, is_new = await _sample_of(desk, owner, session_id or image, form)
    try:
        run = await finish(
            desk.service.runs,
            await start(desk.service, desk.samples, sample, chosen, params),
            request.is_disconnected,
        )
        told = await asyncio.to_thread(_told, run, began)
        if params.get("save_label"):
            await asyncio.to_thread(_keep, sample, run)
        return await asyncio.to_thread(answered, run.result, told, wanted, output)
    finally:
        if is_new:
            desk.samples.remove(sample)


@router.put("/session/")
async def create_session(owner: Owner, desk: DeskOf, request: Request) -> dict[str, Any]:
    """Send an image for several runs: one file, or the slices of one DICOM series."""
    async with form_of(request, desk.settings.max_upload_bytes) as form:
        sample = await desk.samples.add(owner, form.files.get("files", []), is_session=True)
    return {"session_id": sample.id, "session_info": session_of(sample, desk.settings.keep_seconds)}


@router.get("/session/{session_id}")
async def session(session_id: str, owner: Owner, desk: DeskOf) -> dict[str, Any]:
    """Whether the image is there; that counts as use."""
    sample = desk.samples.find(owner, session_id)
    desk.samples.upload(sample)
    return session_of(sample, desk.settings.keep_seconds)


@router.delete("/session/{session_id}")
async def remove_session(session_id: str, owner: Owner, desk: DeskOf) -> dict[str, Any]:
    """Delete the image."""
    sample = desk.samples.find(owner, session_id)
    desk.samples.remove(sample)
    return session_of(sample, desk.settings.keep_seconds)


@router.post("/batch/infer/{model}")
async def batch(
    model: str,
    owner: Owner,
    desk: DeskOf,
    images: Literal["all", "labeled", "unlabeled"] = "all",
    params: Params = None,
) -> dict[str, Any]:
    """Segment the images of this token, one after the other; each result becomes the image's `original` label."""
    chosen = await asyncio.to_thread(find_model, desk.service.libraries, model)
    samples = [s for s in desk.samples.of(owner) if images == "all" or s.is_labelled == (images == "labeled")]
    desk.batches.check_free()
    task = BackgroundTask(model, owner)
    desk.batches.begin(task, _segment_all(desk, task, samples, chosen, params or {}))
    return task.described()


@router.get("/batch/infer")
async def batch_status(_owner: Owner, desk: DeskOf, all: bool = False, check_if_running: bool = False) -> Any:
    """How the batch is."""
    return status_of(desk.batches.all(), "a batch", all, check_if_running)


@router.delete("/batch/infer")
async def stop_batch(owner: Owner, desk: DeskOf) -> dict[str, Any]:
    """Stop it; what is done stays."""
    return (await desk.batches.stop(owner, desk.service.runs)).described()


def status_of(tasks: list[BackgroundTask], what: str, every: bool, only_running: bool) -> Any:
    """A task as MONAI Label's clients ask for it: the one that runs, the last one, or all.

    Raises:
        Problem: There is none.
    """
    found = [task for task in tasks if task.status == "RUNNING"] if only_running else tasks
    if not found:
        raise Problem(404, "missing", what, "none is under way" if only_running else "there was none", "Start one.")
    return [task.described() for task in found] if every else found[-1].described()


async def _sample_of(desk: Desk, owner: str, sample_id: str, form: Form) -> tuple[Sample, bool]:
    """The image of a request, and whether it came with it and goes with it."""
    file = form.one("file")
    if file is not None:
        return await desk.samples.add(owner, [file], is_session=True), True
    if not sample_id:
        remedy = "Name it (image, session_id), or send it as `file`."
        raise Problem(422, "request", "image", "none is given", remedy)
    return await desk.samples.find_or_fetch(owner, sample_id), False


def _told(run: Run, began: float) -> dict[str, Any]:
    """What is said beside the result."""
    report = run.report
    return {
        "label_names": found_labels(run.result),
        "confidence": {segment["name"]: segment["confidence"] for segment in report["segments"]},
        "verdict": report["verdict"],
        "look_first": report["look_first"],
        "latencies": {"total": round(time.monotonic() - began, 2)},
    }


def _keep(sample: Sample, run: Run) -> None:
    path = sample.label_file(ORIGINAL)
    shutil.copyfile(run.result, path)
    sample.labels[ORIGINAL] = path


async def _segment_all(
    desk: Desk, task: BackgroundTask, samples: list[Sample], model: Model, params: dict[str, Any]
) -> None:
    async def is_gone() -> bool:
        return task.status != "RUNNING"

    answer: Answer = Result(task.id, {"images": len(samples)})
    for sample in samples:
        if task.status != "RUNNING":
            answer = Stopped(task.id)
            break
        try:
            run = await start(desk.service, desk.samples, sample, model, params)
            run = await finish(desk.service.runs, run, is_gone)
            await asyncio.to_thread(_keep, sample, run)
        except Problem as problem:
            body = problem.body
            answer = Fault(task.id, "input", body.thing, body.fact, body.remedy, body.message)
            break
    end_with(task, answer)
