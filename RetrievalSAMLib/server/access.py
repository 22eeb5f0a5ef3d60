"""Who may ask: bearer tokens, compared in constant time. Whose run is whose goes by the token's digest."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from ..errors import InputError
from .problems import Problem

SHORTEST_TOKEN = 20
_FINGERPRINT = 8
_LOCAL_NAMES = {"127.0.0.1", "::1", "localhost"}


@dataclass(frozen=True)
class Tokens:
    """Tokens that are accepted; with none at all everybody on this computer is.

    Attributes:
        digests: SHA-256 of each: equal lengths, so that comparing tells nothing of one.
    """

    digests: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def checked(cls, tokens: Sequence[str], name: str) -> Tokens:
        """Tokens from a file of that name.

        Raises:
            InputError: There is none, or one is too short or cannot be sent in a header.
        """
        if not tokens:
            raise InputError(name, "it holds no token", f"Put one token of {SHORTEST_TOKEN} characters or more a line.")
        if any(len(token) < SHORTEST_TOKEN or not token.isascii() or len(token.split()) != 1 for token in tokens):
            raise InputError(
                name,
                f"a token is shorter than {SHORTEST_TOKEN} characters, or holds blanks or letters beyond ASCII",
                'Make them with: python -c "import secrets; print(secrets.token_urlsafe(32))"',
            )
        return cls(tuple(_digest(token) for token in tokens))

    def owner_of(self, token: str) -> str | None:
        """The digest, in hexadecimal, that stands for whoever holds this token; None where it is not known."""
        given, owner = _digest(token), None
        for digest in self.digests:
            if secrets.compare_digest(digest, given):
                owner = digest.hex()
        return owner


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


_BEARER = HTTPBearer(auto_error=False, description="A token of the server's --token-file.")


def owner(request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]) -> str:
    """Who asks.

    Raises:
        Problem: The token is missing or unknown; or, without tokens, a name was used that a web page in a browser
            of this computer could have made up (DNS rebinding), or a page of another server asks.
    """
    tokens: Tokens = request.app.state.tokens
    if not tokens.digests:
        if request.url.hostname not in _LOCAL_NAMES:
            raise Problem(
                403,
                "access",
                "address",
                "this server answers on this computer only",
                "Use http://127.0.0.1 and its port.",
            )
        _check_origin(request)
        return "local"
    known = tokens.owner_of(given.credentials) if given is not None else None
    if known is None:
        fact = "the server does not know it" if given is not None else "none was given"
        raise Problem(
            401,
            "access",
            "token",
            fact,
            "Enter the token that the server's administrator gave you.",
            {"WWW-Authenticate": "Bearer"},
        )
    request.state.fingerprint = known[:_FINGERPRINT]
    return known


def _check_origin(request: Request) -> None:
    """A browser lets any page send forms here, and only keeps the answers from it: a training would begin.

    Raises:
        Problem: The page that asks is of another server, and not one that may.
    """
    origin = request.headers.get("origin")
    allowed: tuple[str, ...] = request.app.state.settings.origins
    if origin is None or origin == f"{request.url.scheme}://{request.url.netloc}" or origin in allowed:
        return
    remedy = "If it is your own page (OHIF), have the server started with --allow-origin and the page's address."
    raise Problem(403, "access", "web page", "pages of other servers may not use this one", remedy)


Owner = Annotated[str, Depends(owner)]
