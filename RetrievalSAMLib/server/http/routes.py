"""What can be asked, version 1."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.responses import FileResponse
from fastapi.sse import EventSourceResponse

from ... import __version__
from ...errors import InputError
from ..access import Owner
from ..messages import Event, Health, Libraries, PartialState, RunId, RunRequest, RunState, Sha256, Uploaded
from ..problems import Problem
from ..work.run import Run
from ..work.runs import Runs
from ..work.service import Service
from ..work.so_far import Ending, SoFar
from ..work.uploads import Upload

_WORDS = {
    303: "It has ended, and the whole result is elsewhere",
    401: "The token is missing or unknown",
    403: "Asked under another name than that of this computer, or by a page of another server",
    404: "There is none of this token's",
    408: "Nothing more came",
    409: "It is not so far yet",
    410: "It has ended without a result",
    413: "Too large",
    415: "Of a kind that is not taken here",
    422: "It cannot be used",
    429: "Full; Retry-After says when to try again",
    503: "None of its devices can be used",
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
    return Health(version=__version__, model_ready=service.runs.is_ready, queue_length=service.runs.length)


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


@router.post("/v1/runs", status_code=202, responses=refusals(404, 415, 422, 429, 503))
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


@router.get(
    "/v1/runs/{run_id}/partial",
    response_class=Response,
    responses={
        **refusals(303, 404, 409, 410, 422),
        200: {"content": {"application/octet-stream": {}}},
        304: {"description": "Nothing has changed since the one whose ETag stands in If-None-Match"},
    },
)
async def run_partial(
    run: OwnRun, format: Ending = "seg.nrrd", if_none_match: Annotated[str | None, Header()] = None
) -> Response:
    """What a run has found so far, unfinished, on the grid of its volume; `format` is that of the file."""
    so_far = _growing(run)
    run.hear()
    state = so_far.state
    if state is not None and _tag(state, format) in (if_none_match or ""):
        return Response(status_code=304, headers={"ETag": _tag(state, format)})
    try:
        found = await so_far.file(format)
    except InputError as error:
        remedy = "A .seg.nrrd holds them: ask without format."
        raise Problem(422, "input", "what there is so far", error.fact, remedy) from error
    if found is None:
        _growing(run)  # it may just have ended
        remedy = "Ask again; the run's events say when there is something."
        raise Problem(409, "early", "run", "it has found nothing yet", remedy, {"Retry-After": "2"})
    headers = {
        "ETag": _tag(found.state, format),
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f'attachment; filename="unfinished.{format}"',
        "RetrievalSAM-Unfinished": f"{found.state.done}/{found.state.total}",
    }
    return Response(found.content, media_type="application/octet-stream", headers=headers)


@router.get("/v1/runs/{run_id}/report", responses=refusals(404, 409, 422))
async def run_report(run: OwnRun) -> dict[str, Any]:
    """The report of `segment` or `refine` (docs/formats.md)."""
    return _done(run).report


def _growing(run: Run) -> SoFar:
    """What a run has found so far.

    Raises:
        Problem: It has ended, has not begun, or does not keep it.
    """
    if run.state == "done":
        whole = f"/v1/runs/{run.id}/segmentation"
        raise Problem(303, "late", "run", "it is done", f"The whole result is at {whole}.", {"Location": whole})
    if run.error is not None:
        raise Problem(410, run.error.code, run.error.thing, run.error.fact, run.error.remedy)
    if run.state == "stopped":
        raise Problem(410, "late", "run", "it was stopped, and nothing of it is kept", "Start it again.")
    if not run.request.partial:
        remedy = 'Start it with "partial": true, or wait for its end.'
        raise Problem(404, "missing", "what there is so far", "the run was not asked to tell it", remedy)
    if run.so_far is None:
        remedy = "Follow its events: they say when there is something."
        raise Problem(409, "early", "run", f"it is {run.state}", remedy, {"Retry-After": "2"})
    return run.so_far


def _tag(state: PartialState, format: Ending) -> str:
    return f'"{state.number}.{format}"'


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
