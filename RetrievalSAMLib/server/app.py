"""The application: routes, refusals in words, access log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from .. import NOTICE, __version__
from .access import Tokens
from .access_log import AccessLog
from .body_limit import BodyLimit
from .messages import ErrorBody
from .problems import Problem
from .routes import router
from .service import service_of
from .settings import Settings


def application(settings: Settings, tokens: Tokens) -> FastAPI:
    """The server as an ASGI application.

    Args:
        settings: As `settings.checked` accepted them.
        tokens: What that gave.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with service_of(settings) as service:
            app.state.service = service
            yield

    # The pages of documentation would load scripts from elsewhere.
    app = FastAPI(
        title="RetrievalSAM", version=__version__, description=NOTICE, lifespan=lifespan, docs_url=None, redoc_url=None
    )
    app.state.tokens = tokens
    app.include_router(router)
    app.add_exception_handler(Problem, _refuse)
    app.add_exception_handler(RequestValidationError, _refuse_invalid)
    app.add_exception_handler(HTTPException, _refuse_http)
    app.add_exception_handler(ClientDisconnect, _note_disconnect)
    app.add_middleware(BodyLimit)
    app.add_middleware(AccessLog)
    return app


async def _refuse(_request: Request, problem: Exception) -> JSONResponse:
    assert isinstance(problem, Problem)
    return _answer(problem)


async def _refuse_invalid(_request: Request, error: Exception) -> JSONResponse:
    """Which field is wrong, and how; never the value, which may be anybody's."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    thing = ".".join(str(part) for part in first["loc"] if part != "body")[:100] or "request"
    fact = {"extra_forbidden": "there is no such field", "json_invalid": "it is not JSON"}.get(
        first["type"], "it is missing, or not what the API's description says"
    )
    return _answer(Problem(422, "request", thing, fact, "GET /openapi.json describes every field."))


async def _refuse_http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    facts = {404: "there is nothing at this address", 405: "this method is not for this address"}
    fact = facts.get(error.status_code, "it cannot be answered")
    remedy = "GET /openapi.json describes every address."
    return _answer(Problem(error.status_code, "request", "request", fact, remedy, error.headers))


async def _note_disconnect(_request: Request, _error: Exception) -> JSONResponse:
    """Nobody reads it; the access log shows its status."""
    return _answer(Problem(408, "request", "upload", "the connection broke off", "Send it again."))


def _answer(problem: Problem) -> JSONResponse:
    body: ErrorBody = problem.body
    return JSONResponse(body.model_dump(), problem.status, problem.headers)
