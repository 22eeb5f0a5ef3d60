"""`retrievalsam serve`: segment for other computers."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from ..elsewhere.archive_batch import CREDENTIALS, CaFile, CredentialsFile
from ..elsewhere.credentials import secret_of
from ..packages import check_packages

_NEEDED = {name: name for name in ("fastapi", "jinja2", "pydantic", "starlette", "uvicorn")} | {
    "python_multipart": "python-multipart"
}


def serve(
    libraries: Annotated[Path, typer.Argument(help="Folder of support libraries, each selected by its folder's name.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 for any.", min=0, max=65535)] = 8765,
    token_file: Annotated[Path | None, typer.Option(help="File with one accepted token a line.")] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate (PEM).")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its key (PEM).")] = None,
    max_upload_mb: Annotated[int, typer.Option(help="MB of one upload.", min=1)] = 1024,
    keep_minutes: Annotated[
        float, typer.Option(help="Minutes that a volume stays after its last run; 0: it goes with the run.", min=0)
    ] = 30,
    keep_gb: Annotated[float, typer.Option(help="GB that all uploads may hold.", min=0.001)] = 20,
    queue: Annotated[int, typer.Option(help="Runs that may wait.", min=1)] = 8,
    patience_seconds: Annotated[
        float, typer.Option(help="A run that nobody has followed for so long is cancelled.", min=1)
    ] = 60,
    device: Annotated[
        list[str] | None,
        typer.Option(help="auto (which is the default), cpu, cuda, mps, or cuda:0; given again, each does one run."),
    ] = None,
    accept_labels: Annotated[
        bool,
        typer.Option(
            "--accept-labels",
            help="Labels that are submitted (docs/monai-label.md) become cases, and clients may let libraries learn.",
        ),
    ] = False,
    dicomweb: Annotated[
        str | None,
        typer.Option(
            help="Address of a DICOMweb server: OHIF's images are fetched from it by the UID of their series."
        ),
    ] = None,
    dicomweb_credentials: CredentialsFile = None,
    dicomweb_ca: CaFile = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            help="Address of a page that may use the server from a browser, such as http://127.0.0.1:3000 for OHIF; "
            "may be given again."
        ),
    ] = None,
    batches: Annotated[
        Path | None, typer.Option(help="Folder of batches (`batch -o`), to be decided on in a browser.")
    ] = None,
) -> None:
    """Segment for other computers: HTTPS, tokens, one queue (docs/serve.md)."""
    check_packages("retrievalsam serve", _NEEDED)
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")
    if dicomweb is not None:
        check_packages("retrievalsam serve --dicomweb", {"dicomweb_client": "dicomweb-client"})
    from ...server.http.listening import listen
    from ...server.monai_label.desk import archive_of
    from ...server.settings import Settings, checked

    settings = Settings(
        libraries=libraries,
        host=host,
        port=port,
        token_file=token_file,
        tls_certificate=tls_cert,
        tls_key=tls_key,
        max_upload_bytes=max_upload_mb << 20,
        keep_seconds=keep_minutes * 60,
        keep_bytes=int(keep_gb * (1 << 30)),
        queue=queue,
        patience_seconds=patience_seconds,
        devices=tuple(device or ("auto",)),
        accept_labels=accept_labels,
        archive=dicomweb,
        archive_secret=secret_of(dicomweb_credentials, "--dicomweb-credentials", CREDENTIALS),
        archive_ca=dicomweb_ca,
        batches=batches,
        origins=tuple(allow_origin or ()),
    )
    archive_of(settings)
    listen(settings, checked(settings))
