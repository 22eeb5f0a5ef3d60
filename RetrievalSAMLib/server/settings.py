"""What `retrievalsam serve` is told, checked before anything is loaded."""

from __future__ import annotations

import ipaddress
import logging
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from ..errors import InputError
from .access import Tokens
from .work.devices import devices_of

_LOCAL_NAME = "localhost"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """How to serve.

    Attributes:
        libraries: A folder whose subfolders are support libraries; each is selected by its folder's name.
        host: Name or address to listen on.
        port: 0 for any that is free.
        token_file: One token a line; None for none, which only loopback may have.
        tls_certificate: PEM, with what leads to its authority; None for plain HTTP, which only loopback may have.
        tls_key: PEM.
        max_upload_bytes: Of one upload as it is sent.
        keep_seconds: How long a volume stays after its last run, and what its runs left; 0: it goes with the run.
        keep_bytes: What all uploads may hold together.
        queue: Runs that may wait.
        patience_seconds: A run that nobody has listened to for so long is cancelled.
        devices: Where to compute, one run on each: auto, cpu, cuda, mps, or cuda:0 and so on.
        archive: Address of a DICOMweb server from which images are fetched by the UID of their series; None for none.
        archive_secret: `USER:PASSWORD` or a token for it.
        archive_ca: Certificates to trust for it.
        accept_labels: Whether labels that clients submit become cases, and clients may let libraries learn.
        batches: A folder whose subfolders are those of batches, to be decided on in a browser; None for none.
        origins: Of other servers whose pages may ask this one from a browser (OHIF), such as `http://127.0.0.1:3000`.
    """

    libraries: Path
    host: str = "127.0.0.1"
    port: int = 8765
    token_file: Path | None = None
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    max_upload_bytes: int = 1 << 30
    keep_seconds: float = 30 * 60
    keep_bytes: int = 20 << 30
    queue: int = 8
    patience_seconds: float = 60.0
    devices: tuple[str, ...] = ("auto",)
    archive: str | None = None
    archive_secret: str | None = field(default=None, repr=False)
    archive_ca: Path | None = None
    accept_labels: bool = False
    batches: Path | None = None
    origins: tuple[str, ...] = ()

    @property
    def scheme(self) -> str:
        """Of the address."""
        return "http" if self.tls_certificate is None else "https"


def checked(settings: Settings) -> Tokens:
    """The tokens, after everything was found to be as it must be.

    Raises:
        InputError: There is no such folder, file or device, one of a pair is missing, or it would listen beyond this
            computer without a token and TLS.
    """
    if not settings.libraries.is_dir():
        raise InputError(
            str(settings.libraries), "there is no such folder", "Name a folder that holds support libraries."
        )
    devices_of(settings.devices)
    for origin in settings.origins:
        _check_origin(origin)
    if settings.batches is not None and not settings.batches.is_dir():
        raise InputError(str(settings.batches), "there is no such folder", "Name a folder that holds those of batches.")
    if (settings.tls_certificate is None) != (settings.tls_key is None):
        raise InputError("--tls-cert and --tls-key", "one of them is missing", "Give both, or none.")
    for file in (settings.token_file, settings.tls_certificate, settings.tls_key):
        if file is not None and not file.is_file():
            raise InputError(str(file), "there is no such file", "Check the path.")
    missing = [
        option
        for option, given in (("--token-file", settings.token_file), ("--tls-cert", settings.tls_certificate))
        if given is None
    ]
    if missing and not is_loopback(settings.host):
        raise InputError(
            f"--host {settings.host}",
            f"other computers could reach it without {' and '.join(missing)}",
            "Patients' volumes travel with a token and TLS only: give --token-file, --tls-cert and --tls-key, "
            "or listen on 127.0.0.1.",
        )
    return Tokens(()) if settings.token_file is None else _tokens_of(settings.token_file)


def _check_origin(origin: str) -> None:
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or not parts.netloc or f"{parts.scheme}://{parts.netloc}" != origin:
        remedy = "Give what a browser sends: scheme, name and port alone, such as http://127.0.0.1:3000."
        raise InputError("--allow-origin", f"'{origin}' is no origin of a page", remedy)


def is_loopback(host: str) -> bool:
    """Whether only this computer reaches it."""
    if host == _LOCAL_NAME:
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _tokens_of(file: Path) -> Tokens:
    if os.name == "posix" and stat.S_IMODE(file.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
        _LOG.warning("other users of this computer can read the file of tokens: chmod 600 it")
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise InputError(str(file), "it is no text", "Give a text file with one token a line.") from None
    return Tokens.checked([line.strip() for line in lines if line.strip()], str(file))
