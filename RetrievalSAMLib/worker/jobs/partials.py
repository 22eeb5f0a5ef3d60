"""Results so far, as files in a folder of the client's."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path

from ...errors import InputError
from ...volumes import Segmentation, write_segmentation
from ..task import Task

_LOG = logging.getLogger(__name__)


class PartialFiles:
    """Writes one file after the other, and deletes all but the last two: the client may be reading the one before.

    Args:
        folder: Where to; the client deletes it.
        task: Whose client is told.
    """

    def __init__(self, folder: Path, task: Task) -> None:
        self._folder, self._task = folder, task
        self._written: list[Path] = []
        self._number = 0
        self._broken = False

    def __call__(self, segmentation: Segmentation, done: int, total: int) -> None:
        """Write what there is so far and say so. A folder that cannot be written to costs the pictures, not the run."""
        if self._broken:
            return
        self._number += 1
        path = self._folder / f"partial-{self._number:04d}.seg.nrrd"
        try:
            write_segmentation(segmentation, path)
        except InputError as error:
            _LOG.warning("results so far cannot be written (%s)", type(error).__name__)
            self._broken = True
            return
        self._written.append(path)
        self._task.partial(str(path), done, total)
        for old in self._written[:-2]:
            # Windows deletes no file that is being read; it goes the next time.
            with contextlib.suppress(PermissionError):
                old.unlink(missing_ok=True)
                self._written.remove(old)
