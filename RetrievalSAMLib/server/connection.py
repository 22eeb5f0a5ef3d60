"""Asking a server, with every failure in words."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from ..errors import InputError

_TIMEOUT_SECONDS = (10.0, 60.0)  # to connect; between two packets: the server says something every 15 s
_UNAUTHORIZED = 401
_LOCAL = {"127.0.0.1", "::1", "localhost"}


class ServerError(InputError):
    """A server cannot be used, or refuses.

    Args:
        status: Of HTTP; 0 where there was no answer.
    """

    def __init__(self, thing: str, fact: str, remedy: str, status: int = 0) -> None:
        super().__init__(thing, fact, remedy)
        self.status = status


class Connection:
    """One server.

    Args:
        address: `https://host:port`; plain http only to this computer.
        token: None for a server on this computer that has none.
        ca_file: Certificates (PEM) to trust, of a hospital's own authority; None for those that everybody trusts.

    Raises:
        ServerError: The address is none, or would send the token in the clear.
    """

    def __init__(self, address: str, token: str | None = None, ca_file: Path | None = None) -> None:
        self.address = address.rstrip("/")
        parts = urlsplit(self.address)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise ServerError(address, "it is no address of a server", "Give it as https://name:8765.")
        if parts.scheme == "http" and parts.hostname not in _LOCAL:
            raise ServerError(
                address, "volumes would travel unencrypted", "Use https://, with the server's certificate."
            )
        if ca_file is not None and not ca_file.is_file():
            raise ServerError(str(ca_file), "there is no such file", "Name the certificate of your authority (PEM).")
        self._session = requests.Session()
        # Neither proxies nor passwords of the environment: a volume goes to this address and to no other.
        self._session.trust_env = False
        self._session.verify = str(ca_file) if ca_file is not None else True
        if token is not None:
            if not token.isascii() or len(token.split()) != 1:
                raise ServerError("token", "it holds blanks or letters beyond ASCII", "Copy it again.")
            self._session.headers["Authorization"] = f"Bearer {token}"

    def ask(self, method: str, path: str, *, accept: tuple[int, ...] = (), **options: Any) -> requests.Response:
        """Ask, and wait for the answer.

        Args:
            method: Of HTTP.
            path: Behind the address.
            accept: Statuses beyond 2xx that are answers too.
            options: For `requests`.

        Raises:
            ServerError: There is no answer, or it is a refusal.
        """
        try:
            answer = self._session.request(
                method, f"{self.address}{path}", timeout=_TIMEOUT_SECONDS, allow_redirects=False, **options
            )
        except requests.RequestException as error:
            raise self._unreachable(error) from error
        if not 200 <= answer.status_code < 300 and answer.status_code not in accept:
            with answer:
                raise self._refusal(answer)
        return answer

    def events(self, path: str) -> Iterator[dict[str, Any]]:
        """Server-Sent Events, one JSON object each, until the server ends them.

        Raises:
            ServerError: There is no answer, it is a refusal, or it breaks off.
        """
        with self.ask("GET", path, stream=True) as answer:
            try:
                for line in answer.iter_lines():
                    if line.startswith(b"data:"):
                        yield json.loads(line[5:])
            except requests.RequestException as error:
                raise self._unreachable(error) from error

    def _refusal(self, answer: requests.Response) -> ServerError:
        try:
            body = answer.json()
            return ServerError(str(body["thing"]), str(body["fact"]), str(body["remedy"]), answer.status_code)
        except (requests.RequestException, ValueError, KeyError, TypeError):
            if answer.status_code == _UNAUTHORIZED:  # without words, as answers to HEAD are
                fact, remedy = "none was given, or the server does not know it", "Give the one of your administrator."
                return ServerError("token", fact, remedy, answer.status_code)
            fact = f"it answers as no RetrievalSAM server does (status {answer.status_code})"
            return ServerError(self.address, fact, "Check address and port.", answer.status_code)

    def _unreachable(self, error: requests.RequestException) -> ServerError:
        fact, remedy = "the connection broke off", "Check the network and try again."
        causes = list(_causes(error))
        if isinstance(error, requests.exceptions.SSLError):
            fact = "its certificate is not one that this computer trusts, or is of another name"
            remedy = "Ask your administrator for the certificate of your authority and name it as the CA file."
        elif any(isinstance(cause, socket.gaierror) for cause in causes):
            fact, remedy = "there is no computer of this name", "Check the spelling of the address and the network."
        elif any(isinstance(cause, ConnectionRefusedError) for cause in causes):
            fact, remedy = "nothing answers there", "Check the port, and whether the server runs."
        elif isinstance(error, requests.Timeout):
            fact, remedy = "it does not answer", "Check the address, the network and the firewall."
        return ServerError(self.address, fact, remedy)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and all that it wraps; `requests` and urllib3 keep causes in their arguments."""
    yield error
    inner = [argument for argument in error.args if isinstance(argument, BaseException)]
    for cause in (*inner, getattr(error, "reason", None), error.__cause__):
        if isinstance(cause, BaseException):
            yield from _causes(cause)
