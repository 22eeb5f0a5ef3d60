"""No request but an upload may be large: bodies of JSON are read into memory before anybody's token is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..problems import Problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 4 << 20
_UPLOADS = "PUT"  # counted where they are written to the disk, as images are that come with MONAI Label's requests
_WITH_IMAGES = "/infer/"


class BodyLimit:
    """Refuses a body that is announced to be larger, and reads no further in one that is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Raises:
            Problem: The body goes on beyond the limit; FastAPI, which reads it, answers 400.
        """
        if scope["type"] != "http" or scope["method"] == _UPLOADS or scope["path"].startswith(_WITH_IMAGES):
            await self._app(scope, receive, send)
            return
        problem = Problem(413, "large", "request", f"it has over {MOST_BYTES >> 20} MB", "Send less at once.")
        announced = dict(scope["headers"]).get(b"content-length", b"")
        if announced.isdigit() and int(announced) > MOST_BYTES:
            await problem.answer(send)
            return
        received = 0

        async def counted_receive() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MOST_BYTES:
                raise problem
            return message

        await self._app(scope, counted_receive, send)
