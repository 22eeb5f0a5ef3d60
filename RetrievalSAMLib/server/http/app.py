"""The application: routes, refusals in words, access log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from difflib import get_close_matches

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect

from ... import NOTICE, __version__
from ..access import Tokens
from ..messages import ErrorBody
from ..monai_label import about_routes, datastore_routes, infer_routes, learning_routes
from ..monai_label.desk import desk_of
from ..pages import routes as pages
from ..problems import Problem
from ..settings import Settings
from ..work.service import service_of
from .access_log import AccessLog
from .body_limit import BodyLimit
from .routes import router

_METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE"]
"""That pages of other addresses may use, where `--allow-origin` names these."""


def application(settings: Settings, tokens: Tokens) -> FastAPI:
    """The server as an ASGI application.

    Args:
        settings: As `settings.checked` accepted them.
        tokens: What that gave.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with service_of(settings) as service, desk_of(service, settings) as desk:
            app.state.service, app.state.desk = service, desk
            yield

    # The pages of documentation would load scripts from elsewhere.
    app = FastAPI(
        title="RetrievalSAM", version=__version__, description=NOTICE, lifespan=lifespan, docs_url=None, redoc_url=None
    )
    app.state.tokens, app.state.settings = tokens, settings
    app.include_router(router)
    for monai_label in (about_routes, infer_routes, datastore_routes, learning_routes):
        app.include_router(monai_label.router, include_in_schema=False)  # described by MONAI Label
    app.include_router(pages.router)
    app.add_exception_handler(Problem, _refuse)
    app.add_exception_handler(RequestValidationError, _refuse_invalid)
    app.add_exception_handler(HTTPException, _refuse_http)
    app.add_exception_handler(ClientDisconnect, _note_disconnect)
    app.add_middleware(BodyLimit)
    if settings.origins:
        headers = ["Authorization", "Content-Type"]
        app.add_middleware(
            CORSMiddleware, allow_origins=settings.origins, allow_methods=_METHODS, allow_headers=headers
        )
    app.add_middleware(AccessLog)
    return app


async def _refuse(_request: Request, problem: Exception) -> JSONResponse:
    assert isinstance(problem, Problem)
    return _answer(problem)


async def _refuse_invalid(request: Request, error: Exception) -> JSONResponse:
    """Which field is wrong, and how; never the value, which may be anybody's."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if first["loc"] == ("body",) and first["type"] != "json_invalid" and not kind.endswith("json"):
        remedy = "Send JSON with the header Content-Type: application/json (curl: --json '{...}')."
        return _answer(Problem(415, "request", "request", "its body is not sent as JSON", remedy))
    thing = ".".join(str(part) for part in first["loc"] if part != "body")[:100] or "request"
    fact = {"extra_forbidden": "there is no such field", "json_invalid": "it is not JSON"}.get(
        first["type"], "it is missing, or not what the API's description says"
    )
    return _answer(Problem(422, "request", thing, fact, "GET /openapi.json describes every field."))


async def _refuse_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    fact = "it cannot be answered"
    remedy = "GET /openapi.json describes every address, and docs/serve.md has a recipe."
    if error.status_code == 404:
        fact = "there is nothing at this address"
        alike = get_close_matches(request.url.path, sorted(_addresses(request.app)), n=1)
        remedy = f"Did you mean {alike[0]}? {remedy}" if alike else remedy
    elif error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        fact = f"this address takes {allowed}, not another method" if allowed else "this method is not for this address"
    return _answer(Problem(error.status_code, "request", "request", fact, remedy, error.headers))


def _addresses(app: FastAPI) -> set[str]:
    return set(app.openapi()["paths"])


async def _note_disconnect(_request: Request, _error: Exception) -> JSONResponse:
    """Nobody reads it; the access log shows its status."""
    return _answer(Problem(408, "request", "upload", "the connection broke off", "Send it again."))


def _answer(problem: Problem) -> JSONResponse:
    body: ErrorBody = problem.body
    return JSONResponse(body.model_dump(), problem.status, problem.headers)
