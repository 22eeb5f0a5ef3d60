"""What does the work: one function a verb, imported when it is first asked for."""

from __future__ import annotations

import gc
import importlib
from collections.abc import Callable
from typing import Any

from ...out_of_memory import is_out_of_memory
from ..task import Task
from .kept import KeptNetworks

_MODULE_OF = {
    "ping": "machine",
    "environment": "machine",
    "models.download": "machine",
    "models.import": "machine",
    "models.remove": "machine",
    "estimate": "segmenting",
    "segment": "segmenting",
    "refine": "refining",
    "start": "starting",
    "library.add": "adding",
    "library.add_files": "adding",
    "library.unnamed": "adding",
    "example": "starting",
    "preview": "previewing",
    "numbers": "previewing",
    "library.review": "reviewing",
    "library.last_review": "reviewing",
    "library.suggest": "reviewing",
    "library.learn": "learning",
    "library.learned": "learning",
    "library.tune": "learning",
    "library.tuned": "learning",
}
_LIBRARY = "library"

Job = Callable[[Task, KeptNetworks], dict[str, Any]]


class Workshop:
    """Does requests, and keeps the networks loaded from one to the next."""

    def __init__(self) -> None:
        self._networks = KeptNetworks()

    def do(self, task: Task) -> dict[str, Any]:
        """The result of a request.

        Raises:
            StopRequested: The client does not want it any more.
        """
        verb = task.request.verb
        module = importlib.import_module(f"{__name__}.{_MODULE_OF.get(verb, _LIBRARY)}")
        job: Job = module.JOBS[verb]
        task.check()
        try:
            return job(task, self._networks)
        except Exception as error:
            if is_out_of_memory(error):
                # What is kept loaded may be what the next, smaller request lacks.
                self._networks.forget()
            raise
        finally:
            # A run refers to itself: until that is found, it holds its volumes, and files of the library open.
            gc.collect()
