"""One line a request: method, route, status, bytes, seconds, fingerprint of the token. Nothing of any patient."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from ...tracebacks import told_without_data
from ..problems import Problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_METHODS = {"GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"}
LOG = logging.getLogger("RetrievalSAMLib.server.access")


class AccessLog:
    """Tells the route's template, never the path: that may hold the hash of a volume, or whatever a client made up.

    What nothing else has caught ends here, so that no text of an error reaches a log or a client.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, sent, received = time.perf_counter(), 0, 0, 0

        async def counted_receive() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            return message

        async def counted_send(message: Message) -> None:
            nonlocal status, sent
            status = message.get("status", status)
            sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, counted_receive, counted_send)
        except Exception as error:  # the boundary of the server
            LOG.error("a fault of the server:\n%s", told_without_data(error))
            if not status:
                fact = f"something unexpected went wrong ({type(error).__name__})"
                problem = Problem(500, "internal", "server", fact, "Have its administrator look at its log.")
                await problem.answer(counted_send)
        finally:
            route = getattr(scope.get("route"), "path", "-")
            token = scope.get("state", {}).get("fingerprint", "-")
            seconds = time.perf_counter() - began
            method = scope["method"] if scope["method"] in _METHODS else "-"
            LOG.info("%s %s %d in=%d out=%d %.3fs token=%s", method, route, status, received, sent, seconds, token)
