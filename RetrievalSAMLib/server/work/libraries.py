"""The support libraries of a folder, each known by its folder's name."""

from __future__ import annotations

import logging
from pathlib import Path

from ...errors import InputError
from ...library.format import LIBRARY_FILE
from ...library.segments import segments_of
from ...library.store import SupportLibrary
from ..messages import Library, LibrarySegment

_LOG = logging.getLogger(__name__)


class LibraryFolder:
    """Names come from the folder itself: what a client says is compared with them, never made a path of."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, name: str) -> Path | None:
        """The library of that name, None where there is none."""
        return self._all().get(name)

    def described(self) -> list[Library]:
        """All that can be read; no paths, no cases' names."""
        found = []
        for name, path in sorted(self._all().items()):
            try:
                cases = SupportLibrary.open(path).cases()
                segments = segments_of(cases)
            except InputError as error:
                _LOG.warning("a library cannot be used and is left out (%s)", type(error).__name__)
                continue
            listed = [
                LibrarySegment(name=s.name, value=s.value, color=s.color, terminology=s.terminology) for s in segments
            ]
            found.append(Library(name=name, segments=listed, cases=len(cases)))
        return found

    def segments(self, name: str) -> dict[str, int]:
        """Values by name of the segments that a library shows; none where there is no such library.

        Raises:
            InputError: It cannot be read.
        """
        path = self.find(name)
        return {} if path is None else {segment.name: segment.value for segment in SupportLibrary.open(path).segments()}

    def _all(self) -> dict[str, Path]:
        return {entry.name: entry.resolve() for entry in self._folder.iterdir() if (entry / LIBRARY_FILE).is_file()}
