"""Pages for a browser, and what they ask for.

A page itself holds nothing of anybody's, so that it needs no token; its script asks for the rest with the token that
its reader enters and that stays in that tab. No page loads anything from elsewhere.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from base64 import b64encode
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import FileResponse, HTMLResponse
from starlette.concurrency import run_in_threadpool

from ... import __version__
from ...cohort.review.decisions import Decision, add_decisions
from ...cohort.review.page import page_of
from ...errors import InputError
from ...library.case import Case
from ...library.lock import LockHeldError
from ...library.store import SupportLibrary
from ...library.thumbnails import case_thumbnail
from ..access import Owner
from ..http.routes import ServiceOf, refusals
from ..messages import Name
from ..problems import Problem
from ..settings import Settings
from .batches import Batch, BatchFolder
from .messages import AllDecisions, BatchState, Decided, Overview, OwnRun, Taken

_SEAT_DIGITS = 8
_SCRIPT = re.compile("<script>(.*?)</script>", re.DOTALL)
router = APIRouter()


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


SettingsOf = Annotated[Settings, Depends(_settings)]


def _batch(name: Name, _owner: Owner, settings: SettingsOf) -> Batch:
    found = BatchFolder(settings.batches).find(name)
    if found is None:
        raise Problem(404, "missing", "batch", "the server has none of this name", "Choose one of its page.")
    return found


OneBatch = Annotated[Batch, Depends(_batch)]


@router.get("/", include_in_schema=False)
def home() -> HTMLResponse:
    """The server's page."""
    return _page(_home())


@router.get("/batches/{name}", include_in_schema=False)
def batch_page(name: Name) -> HTMLResponse:
    """The page of a batch, whether there is one of this name or not."""
    return _page(_empty_batch_page())


@router.get("/v1/overview", responses=refusals())
async def overview(owner: Owner, service: ServiceOf, settings: SettingsOf) -> Overview:
    """How the server is, and what is this token's own."""
    counted = await run_in_threadpool(BatchFolder(settings.batches).counted)
    return Overview(
        seat=owner[:_SEAT_DIGITS] if settings.token_file is not None else "",
        version=__version__,
        devices=service.runs.devices,
        model_ready=service.runs.is_ready,
        queue_length=service.runs.length,
        queue_limit=settings.queue,
        keep_minutes=settings.keep_seconds / 60,
        max_upload_mb=settings.max_upload_bytes >> 20,
        accept_labels=settings.accept_labels,
        runs=[OwnRun(library=run.request.library, run=service.runs.state_of(run)) for run in service.runs.of(owner)],
        batches=[BatchState(name=name, **states) for name, states in counted],
    )


@router.get(
    "/v1/libraries/{name}/pictures/{number}",
    response_class=Response,
    responses={**refusals(404, 422), 200: {"content": {"image/png": {}}}},
)
def library_picture(name: Name, number: int, _owner: Owner, service: ServiceOf) -> Response:
    """A small picture of a case, by its place in the library from 0."""
    folder = service.libraries.find(name)
    cases = [] if folder is None else SupportLibrary.open(folder).cases()
    if not 0 <= number < len(cases):
        raise Problem(404, "missing", "picture", "there is no such library or case", "Choose one of /v1/libraries.")
    return Response(_thumbnail(cases[number]), media_type="image/png")


@router.get("/v1/batches/{name}", responses=refusals(404, 422))
def batch_content(batch: OneBatch) -> dict[str, Any]:
    """What the page of a batch shows, with the decisions made so far."""
    return batch.content


@router.get("/v1/batches/{name}/decisions", responses=refusals(404, 422))
def batch_decisions(batch: OneBatch) -> AllDecisions:
    """All decisions of a batch."""
    return AllDecisions(decisions=batch.decisions)


@router.post("/v1/batches/{name}/decisions", responses=refusals(404, 422, 429, 507))
def decide(batch: OneBatch, decided: Decided) -> Taken:
    """Add decisions; they are on the disk when this is answered. One that is there already is left out."""
    known = batch.volumes
    for line in decided.decisions:
        if line.volume not in known:
            raise Problem(422, "input", "volume", "the batch has none of this id", "Load the page again.")
    try:
        lines = [Decision.of(line.as_json()) for line in decided.decisions]
        return Taken(added=add_decisions(batch.results.folder, lines))
    except ValueError as error:
        raise Problem(422, "input", "decision", str(error), "docs/batch.md describes every field.") from error
    except LockHeldError as error:
        fact = "others were writing decisions all the time"
        raise Problem(429, "busy", "batch", fact, "Try again.", {"Retry-After": "2"}) from error
    except OSError as error:
        fact = f"decisions cannot be written ({error.strerror or type(error).__name__})"
        raise Problem(507, "disk", "batch", fact, "Have the server's administrator look.") from error


_FILE: dict[int | str, dict[str, Any]] = {200: {"content": {"application/octet-stream": {}}}}


@router.get(
    "/v1/batches/{name}/pictures/{file}", response_class=FileResponse, responses={**refusals(404, 422), **_FILE}
)
def batch_picture(batch: OneBatch, file: str) -> FileResponse:
    """A picture of the page of a batch."""
    return _file(batch.picture(file))


@router.get("/v1/batches/{name}/results/{file}", response_class=FileResponse, responses={**refusals(404, 422), **_FILE})
def batch_result(batch: OneBatch, file: str) -> FileResponse:
    """A segmentation or report of a batch."""
    return _file(batch.result(file))


def _file(found: Path | None) -> FileResponse:
    if found is None:
        raise Problem(404, "missing", "file", "the batch has none of this name", "Load the page again.")
    return FileResponse(found, media_type="application/octet-stream")


def _page(html: str) -> HTMLResponse:
    """With rules of its own: nothing from elsewhere, in no frame, and no address of it told to anybody."""
    hashes = " ".join(
        f"'sha256-{b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in _SCRIPT.findall(html)
    )
    policy = (
        f"default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src {hashes}; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
    return HTMLResponse(html, headers=headers)


@lru_cache(maxsize=1)
def _home() -> str:
    return Path(__file__).with_name("home.html").read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _empty_batch_page() -> str:
    return page_of(None)


@lru_cache(maxsize=256)
def _thumbnail(case: Case) -> bytes:
    """Drawn in a folder that goes at once: the server leaves nothing beside the library."""
    try:
        with tempfile.TemporaryDirectory(prefix="retrievalsam-") as folder:
            return case_thumbnail(case, Path(folder)).read_bytes()
    except InputError as error:
        raise Problem(404, "missing", "picture", "it cannot be drawn", "Verify the library on the server.") from error
