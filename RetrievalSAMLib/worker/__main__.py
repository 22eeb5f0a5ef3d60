"""`python -m RetrievalSAMLib.worker`: takes requests on stdin, answers on stdout, logs on stderr."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

from .server import Server
from .task import Task


def main() -> int:
    """Serve until the client goes."""
    logging.getLogger("RetrievalSAMLib").setLevel(logging.INFO)
    return serve_client(_Jobs())


def serve_client(work: Callable[[Task], dict[str, Any]]) -> int:
    """Answer the requests on stdin until the client goes.

    Args:
        work: Does a request.

    Returns:
        The exit code.
    """
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")
    # Ctrl+C in a terminal goes to the client as well, whose end is seen on stdin.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests, answers = private_streams()
    Server(requests, answers, work).serve()
    return 0


class _Jobs:
    """Loads what does the work with the first request, so that `ready` does not wait for it."""

    def __init__(self) -> None:
        self._workshop: Any = None

    def __call__(self, task: Task) -> dict[str, Any]:
        if self._workshop is None:
            from .jobs import Workshop

            self._workshop = Workshop()
        result: dict[str, Any] = self._workshop.do(task)
        return result


def private_streams() -> tuple[int, BinaryIO]:
    """Descriptors of the protocol that nothing else knows; what a library prints goes to stderr.

    The standard input is emptied too: on Windows, loading a DLL asks for the type of the standard input, and that
    waits for as long as the reading thread waits for a line.
    """
    requests = os.dup(0)
    answers = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    if sys.platform == "win32":
        import msvcrt

        for descriptor in (requests, answers.fileno()):
            msvcrt.setmode(descriptor, os.O_BINARY)
    return requests, answers


if __name__ == "__main__":
    sys.exit(main())
