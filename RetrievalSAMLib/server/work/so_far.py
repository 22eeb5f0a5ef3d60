"""What a run has found so far, for whoever asks while it goes on: whole, on the grid of its volume, marked unfinished.

The worker writes a small file for every segment that has changed. They are put together when somebody asks, and once
for every change and format, however often that is: asking costs the run nothing.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...errors import InputError
from ...progress import unfinished
from ...worker.protocol import Partial
from ..messages import PartialState

Ending = Literal["seg.nrrd", "nii.gz"]


@dataclass(frozen=True)
class Encoded:
    """A file.

    Attributes:
        state: What it stands for.
        content: Of the file.
    """

    state: PartialState
    content: bytes


class SoFar:
    """Of one run, until it ends.

    Args:
        volume: Of the run; its grid is that of what is found.
        folder: For the worker's files; goes with the run.
    """

    def __init__(self, volume: Path, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        self.folder = folder
        self._volume = volume
        self._arrived: list[Partial] = []
        self._files: dict[str, Path] = {}  # by the name of the segment
        self._old: list[Path] = []
        self._encoded: dict[Ending, Encoded] = {}
        self._one_at_a_time = asyncio.Lock()
        self._closed = False
        self.state: PartialState | None = None

    def note(self, told: Partial) -> None:
        """A segment has changed; it counts with the others that changed with it, once `settle` is called."""
        self._arrived.append(told)

    def settle(self) -> bool:
        """Take what has arrived for what there is now; whether there was anything."""
        if not self._arrived:
            return False
        for told in self._arrived:
            path = Path(told.file)
            name = _segment_of(path)
            if name in self._files:
                self._old.append(self._files[name])
            self._files[name] = path
        last = self._arrived[-1]
        number = 1 if self.state is None else self.state.number + 1
        self.state = PartialState(number=number, done=last.done, total=last.total)
        self._arrived.clear()
        if not self._one_at_a_time.locked():
            self._forget_old()
        return True

    async def file(self, ending: Ending) -> Encoded | None:
        """What there is now, None where there is nothing yet or any more.

        Raises:
            InputError: Segments overlap, which a label map (`nii.gz`) cannot hold.
        """
        async with self._one_at_a_time:
            state, known = self.state, self._encoded.get(ending)
            if state is None or (known is not None and known.state == state):
                return known
            try:
                files = list(self._files.values())
                content = await asyncio.to_thread(_put_together, self._volume, files, state, ending)
            except (InputError, OSError):
                if self._closed:  # its files were deleted meanwhile
                    return None
                raise
            self._forget_old()
            if self._closed:
                return None
            self._encoded[ending] = Encoded(state, content)
            return self._encoded[ending]

    def close(self) -> None:
        """Keep nothing: the run has ended."""
        self._closed, self.state = True, None
        self._arrived.clear()
        self._encoded.clear()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _forget_old(self) -> None:
        """Delete files that later ones have replaced; nobody reads them now."""
        for path in self._old:
            path.unlink(missing_ok=True)
        self._old.clear()


def _segment_of(path: Path) -> str:
    """The name of the one segment of a file."""
    from ...volumes.formats.nrrd_header import read_nrrd_header

    header = read_nrrd_header(path, "what there is so far")
    assert header is not None  # the worker has written it
    return header.key_values["Segment0_Name"]


def _put_together(volume: Path, files: Sequence[Path], state: PartialState, ending: Ending) -> bytes:
    """Segments on their places in the volume's grid, as a file."""
    import numpy as np

    from ...volumes import Segmentation, read_segmentation, write_segmentation
    from ...volumes.fitting import voxel_offset
    from ...volumes.reading import read_information

    grid = read_information(volume)
    assert grid is not None  # it was accepted by this server
    parts = [read_segmentation(path, allow_empty=True) for path in files]
    parts.sort(key=lambda part: part.segments[0].value)

    def masks() -> Iterator[np.ndarray]:
        for part in parts:
            start = voxel_offset(part.geometry, grid)
            assert start is not None  # the worker has cut it out of this grid
            mask = np.zeros(grid.size, dtype=bool)
            mask[tuple(slice(s, s + n) for s, n in zip(start, part.geometry.size, strict=True))] = part.mask(0)
            yield mask

    whole = Segmentation.from_masks([part.segments[0] for part in parts], masks(), grid)
    with tempfile.TemporaryDirectory(dir=files[0].parent.parent) as folder:
        path = Path(folder) / f"unfinished.{ending}"
        write_segmentation(whole, path, comment=unfinished(state.done, state.total))
        return path.read_bytes()
