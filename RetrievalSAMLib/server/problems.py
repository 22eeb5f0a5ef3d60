"""Refusals in words: the fields of the worker's `error` event, under a status of HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..errors import InputError
from .messages import ErrorBody

if TYPE_CHECKING:
    from ..worker.protocol import Fault


class Problem(Exception):
    """A request that is refused.

    Args:
        status: Of HTTP.
        code: One of the worker's, or ``access``, ``missing``, ``busy``, ``large``, ``early``.
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

    @classmethod
    def of(cls, error: InputError, status: int = 422) -> Problem:
        """What cannot be used, of an upload or a request."""
        return cls(status, "input", error.thing, error.fact, error.remedy)


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
