"""Refusals in words: the fields of the worker's `error` event, under a status of HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .messages import ErrorBody

if TYPE_CHECKING:
    from starlette.types import Send

    from ..worker.protocol import Fault


class Problem(Exception):
    """A request that is refused.

    Args:
        status: Of HTTP.
        code: One of the worker's, or ``access``, ``missing``, ``busy``, ``large``, ``early``, ``late``, ``unheard``.
        thing: What is wrong, by the name that the user knows.
        fact: What is wrong with it, a clause.
        remedy: What to do, whole sentences.
        headers: Of the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        thing: str,
        fact: str,
        remedy: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{thing}: {fact}. {remedy}")
        self.status, self.headers = status, dict(headers or {})
        self.body = ErrorBody(code=code, thing=thing, fact=fact, remedy=remedy, message=str(self))

    async def answer(self, send: Send) -> None:
        """Answer with it, where no framework does."""
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body.model_dump_json().encode()})


def body_of(fault: Fault, words: Mapping[str, str]) -> ErrorBody:
    """A fault of the worker for somebody on another computer.

    Args:
        fault: What the worker said.
        words: By path on this computer, what the client knows it as.
    """

    def told(text: str) -> str:
        for path, word in sorted(words.items(), key=lambda item: -len(item[0])):
            text = text.replace(path, word)
        return text

    thing, fact, remedy = told(fault.thing), told(fault.fact), told(fault.remedy)
    return ErrorBody(code=fault.code, thing=thing, fact=fact, remedy=remedy, message=f"{thing}: {fact}. {remedy}")
