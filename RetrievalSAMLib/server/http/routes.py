"""What can be asked, version 1."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import FileResponse
from fastapi.sse import EventSourceResponse

from ... import __version__
from ..access import Owner
from ..messages import Event, Health, Libraries, RunId, RunRequest, RunState, Sha256, Uploaded
from ..problems import Problem
from ..work.run import Run
from ..work.runs import Runs
from ..work.service import Service
from ..work.uploads import Upload

_WORDS = {
    401: "The token is missing or unknown",
    403: "Asked under another name than that of this computer",
    404: "There is none of this token's",
    408: "Nothing more came",
    409: "It is not at its end",
    413: "Too large",
    415: "Of a kind that is not taken here",
    422: "It cannot be used",
    429: "Full; Retry-After says when to try again",
    507: "No room",
}


_ERROR = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorBody"}}}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """How the API's description tells of refusals."""
    return {status: {"description": _WORDS[status], "content": _ERROR} for status in (401, 403, *statuses)}


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


ServiceOf = Annotated[Service, Depends(_service)]


def _own_run(run_id: RunId, owner: Owner, service: ServiceOf) -> Run:
    run = service.runs.find(owner, run_id)
    if run is None:
        raise Problem(404, "missing", "run", "there is none of this id, or it was deleted", "Start it again.")
    return run


OwnRun = Annotated[Run, Depends(_own_run)]
router = APIRouter()


@router.get("/health")
def health(service: ServiceOf) -> Health:
    """Whether runs can be started; needs no token."""
    return Health(version=__version__, model_ready=service.engine.ready, queue_length=service.runs.length)


@router.get("/v1/libraries", responses=refusals())
def libraries(_owner: Owner, service: ServiceOf) -> Libraries:
    """The support libraries, with the segments that each can find."""
    return Libraries(libraries=service.libraries.described())


@router.head("/v1/volumes/{sha256}", status_code=204, responses=refusals(404, 422))
def has_volume(sha256: Sha256, owner: Owner, service: ServiceOf) -> Response:
    """Whether an upload is there."""
    if service.uploads.find(owner, sha256) is None:
        raise _no_upload("volume")
    return Response(status_code=204)


_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.put(
    "/v1/volumes/{sha256}", status_code=201, responses=refusals(408, 413, 415, 422, 429, 507), openapi_extra=_BODY
)
async def put_volume(sha256: Sha256, owner: Owner, service: ServiceOf, request: Request) -> Uploaded:
    """Send a volume or a segmentation: one gzip-compressed .nrrd or .seg.nrrd file, named by its SHA-256."""
    upload = service.uploads.find(owner, sha256)
    if upload is None:
        announced = request.headers.get("content-length", "")
        length = int(announced) if announced.isdecimal() else None
        upload = await service.uploads.take(owner, sha256, aiter(request.stream()), length)
    return Uploaded(sha256=sha256, bytes=upload.bytes)


@router.post("/v1/runs", status_code=202, responses=refusals(404, 415, 422, 429))
async def start_run(wanted: RunRequest, owner: Owner, service: ServiceOf) -> RunState:
    """Put a run into the queue."""
    library = await asyncio.to_thread(service.libraries.find, wanted.library)
    if library is None:
        names = ", ".join(sorted(one.name for one in await asyncio.to_thread(service.libraries.described)))
        remedy = f"It has {names}." if names else "Its folder of libraries holds none that can be read."
        raise Problem(404, "missing", "library", "the server has none of this name", remedy)
    volume = _upload(service, owner, wanted.volume, "volume", is_segmentation=False)
    segmentation = None
    if wanted.segmentation is not None:
        segmentation = _upload(service, owner, wanted.segmentation, "segmentation", is_segmentation=True)
    refines = _refined(service.runs, owner, wanted)
    if segmentation is None and refines is None and wanted.corrected:
        raise Problem(
            422, "input", "corrected", "there is no segmentation in which they were", "Send it, or name the run."
        )
    run = service.runs.add(owner, wanted, library, volume, segmentation, refines)
    return service.runs.state_of(run)


@router.get("/v1/runs/{run_id}", responses=refusals(404, 422))
async def run_state(run: OwnRun, service: ServiceOf) -> RunState:
    """Where a run is."""
    return service.runs.state_of(run)


@router.get("/v1/runs/{run_id}/events", response_class=EventSourceResponse, responses=refusals(404, 422))
async def run_events(run: OwnRun, service: ServiceOf) -> AsyncIterator[Event]:
    """Follow a run to its end; it may be asked for again and again, and begins with where the run is."""
    async for event in service.runs.follow(run):
        yield event


@router.delete("/v1/runs/{run_id}", status_code=204, responses=refusals(404, 422))
async def end_run(run: OwnRun, service: ServiceOf) -> Response:
    """Cancel a run; of one that has ended, delete the result."""
    await service.runs.cancel(run)
    return Response(status_code=204)


@router.get(
    "/v1/runs/{run_id}/segmentation",
    response_class=FileResponse,
    responses={**refusals(404, 409, 422), 200: {"content": {"application/octet-stream": {}}}},
)
async def run_segmentation(run: OwnRun) -> FileResponse:
    """The result, a .seg.nrrd file."""
    return FileResponse(_done(run).result, media_type="application/octet-stream")


@router.get("/v1/runs/{run_id}/report", responses=refusals(404, 409, 422))
async def run_report(run: OwnRun) -> dict[str, Any]:
    """The report of `segment` or `refine` (docs/formats.md)."""
    return _done(run).report


def _done(run: Run) -> Run:
    if run.state != "done":
        raise Problem(409, "early", "run", f"it is {run.state}", "Follow its events until it has a result.")
    return run


def _upload(service: Service, owner: str, sha256: str, what: str, *, is_segmentation: bool) -> Upload:
    upload = service.uploads.find(owner, sha256)
    if upload is None:
        raise _no_upload(what)
    if upload.is_segmentation != is_segmentation:
        kind = "a segmentation" if upload.is_segmentation else "an image"
        raise Problem(422, "input", what, f"what was sent is {kind}", "Send the other file.")
    return upload


def _refined(runs: Runs, owner: str, wanted: RunRequest) -> Run | None:
    """The run whose result is corrected."""
    if wanted.refines is None:
        return None
    run = runs.find(owner, wanted.refines)
    if run is None or run.state != "done":
        raise Problem(
            404, "missing", "earlier run", "it has no result, or that was deleted", "Send the whole segmentation."
        )
    if run.request.volume != wanted.volume:
        raise Problem(422, "input", "earlier run", "it was of another volume", "Send the whole segmentation.")
    return run


def _no_upload(what: str) -> Problem:
    return Problem(404, "missing", what, "the server does not have it, or no longer", "Send it.")
