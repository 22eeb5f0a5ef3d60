"""`retrievalsam serve`: segment for other computers."""

from __future__ import annotations

import logging
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError

_NEEDED = ("fastapi", "pydantic", "starlette", "uvicorn")


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
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Segment for other computers: HTTPS, tokens, one queue (docs/serve.md)."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise InputError(
            "retrievalsam serve", f"it needs {', '.join(missing)}", 'Install it: pip install "retrievalsam[server]"'
        )
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")
    if device not in ("auto", "cpu", "cuda", "mps"):
        raise InputError("--device", f"'{device}' is no device", "Use auto, cpu, cuda or mps.")
    from ..server.listening import listen
    from ..server.settings import Settings, checked

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
        device=device,
    )
    listen(settings, checked(settings))
