"""`retrievalsam segment --server`: the same run on another computer; only voxels and grid leave this one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...errors import InputError
from ..so_far import unfinished_file
from ..terminal import progress_bars
from .credentials import secret_of

if TYPE_CHECKING:
    from ...segmentation.output.report import SegmentationReport
    from ...segmentation.prompts.points_and_boxes import PersonsPrompts
    from ...volumes import Segmentation, Volume

TOKEN, CA_FILE = "RETRIEVALSAM_SERVER_TOKEN", "RETRIEVALSAM_SERVER_CA"

Server = Annotated[
    str | None,
    typer.Option("--server", help="Address of a `retrievalsam serve`, which segments; LIB is a library's name there."),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(help=f"File (mode 600) with the server's token; else {TOKEN} of the environment is taken."),
]
CaFile = Annotated[
    Path | None,
    typer.Option(help=f"Certificate (PEM) of the server's authority; else {CA_FILE} of the environment is taken."),
]


@dataclass(frozen=True)
class ServerChoice:
    """Which server, and how it knows us."""

    address: str
    token_file: Path | None
    ca_file: Path | None


@dataclass(frozen=True)
class RemoteResult:
    """What came back."""

    segmentation: Segmentation
    report: SegmentationReport


def refuse_local_options(given: Mapping[str, object]) -> None:
    """Refuse options that a server decides by itself.

    Args:
        given: By option, what was given; None where nothing was.

    Raises:
        InputError: One was given.
    """
    for option, value in given.items():
        if value is not None:
            raise InputError(option, "with --server, the server decides this", "Leave it out.")


def segment_on_server(
    server: ServerChoice,
    library: str,
    target: Volume,
    prompts: PersonsPrompts,
    choices: Mapping[str, Any],
    so_far: Path | None = None,
) -> RemoteResult:
    """Send a volume, wait, and fetch the result.

    Args:
        server: The server.
        library: Its name there.
        target: The volume.
        prompts: Points and boxes.
        choices: preset, model, segments, plane, roi, seed, learned, clean.
        so_far: As `so_far.unfinished_file` has it.

    Raises:
        InputError: The server cannot be reached, or refuses.
    """
    import msgspec

    from ...segmentation.output.report import SegmentationReport
    from ...server.client import ServerClient
    from ...server.connection import Connection
    from ...volumes import read_segmentation

    ca_file = server.ca_file or (Path(os.environ[CA_FILE]) if os.environ.get(CA_FILE) else None)
    token = secret_of(server.token_file, "--token-file", TOKEN)
    client = ServerClient(Connection(server.address, token, ca_file))
    asked = {
        **choices,
        "points": msgspec.to_builtins(prompts.points),
        "boxes": msgspec.to_builtins(prompts.boxes),
    }
    with ExitStack() as opened:
        folder = opened.enter_context(TemporaryDirectory(prefix="retrievalsam-"))
        progress = opened.enter_context(progress_bars())
        grown = opened.enter_context(unfinished_file(so_far))
        fetched = Path(folder) / "result.seg.nrrd"

        def told(stage: str, done: int, total: int, _left: float | None) -> None:
            progress(stage, done, total)

        report = client.segment_volume(library, target, fetched, asked, told, grown=grown)
        segmentation = read_segmentation(fetched, allow_empty=True)
    return RemoteResult(segmentation, msgspec.convert(report, SegmentationReport))
