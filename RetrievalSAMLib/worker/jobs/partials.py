"""What is found so far, as files in a folder of the client's: one a segment, no larger than the segment.

A client that shows them has little to do for each, however large the volume is.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...volumes import Segmentation, write_segmentation
from ..task import StopRequested, Task

_LOG = logging.getLogger(__name__)


class PartialFiles:
    """Writes a file for every segment that has changed; the client deletes what it has read.

    Args:
        folder: Where to.
        task: Whose client is told.
    """

    def __init__(self, folder: Path, task: Task) -> None:
        self._folder, self._task = folder, task
        self._known: dict[int, bytes] = {}
        self._number = 0
        self._broken = False

    def __call__(self, segmentation: Segmentation, done: int, total: int) -> None:
        """Write what has changed and say so. A folder that cannot be written to costs the pictures, not the run."""
        if self._broken:
            return
        try:
            for file in self._changed(segmentation):
                self._tell(file, done, total)
        except InputError as error:
            _LOG.warning("results so far cannot be written (%s)", type(error).__name__)
            self._broken = True

    def last(self, segmentation: Segmentation) -> list[str]:
        """Write what the end has changed, for the result to name.

        Raises:
            InputError: The folder cannot be written to.
        """
        files: list[Path] = []
        try:
            for file in self._changed(segmentation):
                files.append(file)
        except InputError:
            for file in files:
                file.unlink(missing_ok=True)
            raise
        return [str(file) for file in files]

    def _tell(self, file: Path, done: int, total: int) -> None:
        try:
            self._task.partial(str(file), done, total)
        except StopRequested:
            file.unlink(missing_ok=True)  # nobody knows of it who would delete it
            raise

    def _changed(self, segmentation: Segmentation) -> Iterator[Path]:
        for index, segment in enumerate(segmentation.segments):
            alone = cropped(segmentation, index)
            key = hashlib.sha256(repr(alone.geometry.origin_mm).encode() + alone.mask(0).tobytes()).digest()
            if self._known.get(segment.value) != key:
                self._number += 1
                path = self._folder / f"partial-{self._number:05d}.seg.nrrd"
                write_segmentation(alone, path)
                self._known[segment.value] = key
                yield path


def cropped(segmentation: Segmentation, index: int) -> Segmentation:
    """One segment on the part of the grid that holds it, and a voxel around it: Slicer cannot read a single voxel."""
    mask, geometry = segmentation.mask(index), segmentation.geometry
    box = []
    for axis in range(3):
        held = np.flatnonzero(mask.any(axis=tuple(other for other in range(3) if other != axis)))
        first, last = (int(held[0]), int(held[-1])) if len(held) else (0, 0)
        box.append(slice(max(first - 1, 0), min(last + 2, geometry.size[axis])))
    x, y, z = (float(part) for part in geometry.index_to_lps(np.array([side.start for side in box])))
    a, b, c = (side.stop - side.start for side in box)
    part = replace(geometry, size=(a, b, c), origin_mm=(x, y, z))
    return Segmentation.from_masks([segmentation.segments[index]], [mask[tuple(box)]], part)
