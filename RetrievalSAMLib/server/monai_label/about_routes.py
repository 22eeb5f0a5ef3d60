"""`/info`, `/auth` and `/logs` of MONAI Label's protocol; and, for what it has and this server has not, what to use."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Query, Request
from fastapi.responses import PlainTextResponse

from ..access import Owner, Tokens
from ..problems import Problem
from .desk import DeskOf

router = APIRouter()
_METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE"]
_NOTES = "Send a label anew: PUT /datastore/label. Decisions and notes on results are kept by the pages of batches."
_ABSENT = {
    "/infer/wsi/{model}": ("slides are not segmented here", "Send a volume: POST /infer/MODEL."),
    "/infer/wsi_v2/{model}": ("slides are not segmented here", "Send a volume: POST /infer/MODEL."),
    "/batch/infer/wsi/{model}": ("slides are not segmented here", "Use POST /batch/infer/MODEL."),
    "/scoring/{name:path}": ("images are not scored here", "Ask for the next sample: POST /activelearning/suggest."),
    "/model/{name:path}": (
        "networks are not handed out or replaced by this protocol",
        "`retrievalsam models` on the server has them.",
    ),
    "/proxy/{name:path}": (
        "nothing is passed on to the archive",
        "Let OHIF ask the archive itself; the server fetches series from it with --dicomweb.",
    ),
    "/ohif/{name:path}": ("OHIF is not served here", "Serve it by a web server; docs/monai-label.md says how."),
    "/datastore/updatelabelinfo": ("the MONAI Label Reviewer's notes are not kept here", _NOTES),
    "/datastore/label/info": ("no notes on labels are kept here", _NOTES),
    "/datastore/image/info": ("no notes on images are kept here", _NOTES),
    "/datastore/dataset": (
        "libraries are not handed out by this protocol",
        "`retrievalsam library export` on the server makes one file of a library.",
    ),
}


@router.get("/info/")
async def info(owner: Owner, desk: DeskOf) -> dict[str, Any]:
    """Models, labels, strategies and how far the images are."""
    return await asyncio.to_thread(desk.info, owner)


@router.get("/auth/")
async def auth_enabled(request: Request) -> dict[str, Any]:
    """Whether a token is asked for."""
    tokens: Tokens = request.app.state.tokens
    return {"enabled": bool(tokens.digests), "client_id": "retrievalsam", "realm": ""}


@router.post("/auth/token")
async def token(request: Request) -> dict[str, Any]:
    """For clients that ask for a name and a password: the password is the seat's token, the name is not looked at.

    Raises:
        Problem: The server does not know it.
    """
    tokens: Tokens = request.app.state.tokens
    sent = parse_qs((await request.body()).decode("ascii", "replace")).get("password", [""])[0]
    if not tokens.digests:
        return {"access_token": None, "token_type": None}  # none is needed  # nosec B105
    if tokens.owner_of(sent) is None:
        remedy = "Enter the token that the server's administrator gave you as the password; the name is not looked at."
        raise Problem(401, "access", "token", "the server does not know it", remedy, {"WWW-Authenticate": "Bearer"})
    return {"access_token": sent, "token_type": "bearer"}  # a kind of token, not one  # nosec B105


@router.get("/auth/token/valid")
async def token_is_valid(owner: Owner) -> dict[str, Any]:
    """Answers where the token is known."""
    return {"username": owner[:8], "roles": []}


@router.get("/logs/", response_class=PlainTextResponse)
async def logs(_owner: Owner, desk: DeskOf, lines: Annotated[int, Query(ge=1, le=1000)] = 300) -> str:
    """The last lines of the log; nothing of any patient stands there."""
    return "\n".join(desk.lines.last(lines)) + "\n"


def _add(path: str, fact: str, remedy: str) -> None:
    async def absent(_owner: Owner) -> None:
        raise Problem(501, "request", "request", fact, remedy)

    router.add_api_route(path, absent, methods=_METHODS)


for _path, (_fact, _remedy) in _ABSENT.items():
    _add(_path, _fact, _remedy)
