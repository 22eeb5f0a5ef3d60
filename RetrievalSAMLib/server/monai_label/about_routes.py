"""`/info`, `/auth` and `/logs` of MONAI Label's protocol."""

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
