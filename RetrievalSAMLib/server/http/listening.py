"""uvicorn, listening where the settings say."""

from __future__ import annotations

import logging
import socket
import ssl
import sys

import uvicorn
from fastapi import FastAPI

from ...errors import InputError
from ..access import Tokens
from ..settings import Settings
from .app import application

_MOST_CONNECTIONS = 512
_GOODBYE_SECONDS = 3
_LOG = logging.getLogger(__name__)


class _Server(uvicorn.Server):
    """Ends streams of events before it waits for connections to end."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Say goodbye, then end as uvicorn does."""
        self._app.state.service.runs.close()
        await super().shutdown(sockets)


def listen(settings: Settings, tokens: Tokens) -> None:
    """Serve until the process is told to end (Ctrl+C, SIGTERM).

    Raises:
        InputError: The address cannot be listened on, or certificate and key do not go together.
    """
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("RetrievalSAMLib").setLevel(logging.INFO)
    # The access log is our own; uvicorn's would hold paths, and its tracebacks texts of errors.
    app = application(settings, tokens)
    config = uvicorn.Config(
        app,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
        log_config=None,
        access_log=False,
        log_level="warning",
        server_header=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_graceful_shutdown=_GOODBYE_SECONDS,
    )
    try:
        config.load()
    except (ssl.SSLError, OSError) as error:
        fact = f"certificate and key cannot be used ({type(error).__name__})"
        raise InputError("--tls-cert and --tls-key", fact, "Give a certificate in PEM form and its own key.") from error
    with _bound(settings) as bound:
        port = bound.getsockname()[1]
        _LOG.info("listening on %s://%s:%d", settings.scheme, settings.host, port)
        _Server(config, app).run(sockets=[bound])


def _bound(settings: Settings) -> socket.socket:
    host = settings.host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, settings.port), family=family)
    except (OSError, OverflowError) as error:
        fact = f"nothing can listen there ({getattr(error, 'strerror', None) or error})"
        raise InputError(
            f"{host}:{settings.port}", fact, "Choose another --port, or end the program that uses this one."
        ) from error
