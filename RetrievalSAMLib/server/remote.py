"""`python -m RetrievalSAMLib.server.remote`: the worker's protocol on stdin and stdout, computed by a server.

Whoever speaks to a worker can have its runs on a server without knowing. Of the verbs there are `segment` and `refine`,
whose `folder` is the name of a library on the server (`device` is the server's affair), and
`environment`, which gives `version`, `model_ready`, `queue_length` and `libraries`. Which server is said by
environment variables: what stands on a command line, everybody on the computer can read.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path
from typing import Any

from ..worker.__main__ import serve_client
from ..worker.codec import ProtocolError
from ..worker.task import StopRequested, Task

ADDRESS, TOKEN, CA_FILE = "RETRIEVALSAM_SERVER", "RETRIEVALSAM_SERVER_TOKEN", "RETRIEVALSAM_SERVER_CA"
_CHOICES = (
    "preset",
    "model",
    "segments",
    "plane",
    "roi",
    "seed",
    "points",
    "boxes",
    "learned",
    "teach",
    "trust_header",
    "clean",
)


def main() -> int:
    """Serve until the client goes."""
    return serve_client(_Jobs())


class _Jobs:
    """Does requests; connects with the first, so that `ready` does not wait for it."""

    def __init__(self) -> None:
        self._client: Any = None

    def __call__(self, task: Task) -> dict[str, Any]:
        from .client import RunStopped, ServerClient
        from .connection import Connection

        if self._client is None:
            ca_file = os.environ.get(CA_FILE)
            connection = Connection(
                os.environ.get(ADDRESS, ""), os.environ.get(TOKEN) or None, Path(ca_file) if ca_file else None
            )
            self._client = ServerClient(connection)
        verb = task.request.verb
        if verb == "environment":
            return {**self._client.health(), "libraries": self._client.libraries()}
        if verb not in ("segment", "refine"):
            raise ProtocolError(f"a server does not do '{verb}'")
        try:
            return self._run(verb, task)
        except RunStopped:
            raise StopRequested from None

    def _run(self, verb: str, task: Task) -> dict[str, Any]:
        from ..volumes import ReadingChoices, read_segmentation
        from ..worker.jobs.file_warnings import warnings_of
        from ..worker.jobs.partials import PartialFiles

        wanted = task.parameters
        choices = {name: value for name, value in dataclasses.asdict(wanted).items() if name in _CHOICES}
        output = Path(wanted.output)

        def told(stage: str, done: int, total: int, seconds_left: float | None) -> None:
            if seconds_left is not None:
                task.expect(seconds_left)
            task.progress(stage, done, total)

        shown = None if wanted.partial is None else PartialFiles(Path(wanted.partial), task)
        warnings: list[dict[str, str]] = []
        given: dict[str, Any] = {
            "output": output,
            "choices": choices,
            "told": told,
            "stopping": lambda: task.stopping,
            "reading": ReadingChoices(wanted.series, wanted.straighten, wanted.spacing_mm),
            "grown": shown,
            "noted": lambda file, notes: warnings.extend(warnings_of({str(file): notes})),
        }
        if verb == "segment":
            report = self._client.segment(wanted.folder, Path(wanted.image), **given)
        else:
            files = Path(wanted.image), Path(wanted.segmentation)
            report = self._client.refine(wanted.folder, *files, wanted.corrected, grid=wanted.grid, **given)
        changed = [] if shown is None else shown.last(read_segmentation(output, allow_empty=True))
        return {"segmentation": str(output), "files": changed, "report": report, "warnings": warnings}


if __name__ == "__main__":
    sys.exit(main())
