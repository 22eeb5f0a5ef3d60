"""Where what of a library lies, and changing it: one writer at a time, who leaves no half-done change behind.

What an interrupted writer leaves in `.staging` is no part of the library; the next writer deletes it. Several cases
that come together become part of the library at once, when their folder is renamed to `.arriving`: where a writer is
interrupted after that, whoever opens the library next moves them into `cases`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.library.files import checksum_file, delete_folder, explained, move_folder
from RetrievalSAMLib.library.find import case_folders
from RetrievalSAMLib.library.format import LIBRARY_FILE
from RetrievalSAMLib.library.lock import LOCK_FILE, NOTE_FILE, only_writer

_FROM_THE_DESKTOP = {".DS_Store", "Thumbs.db", "desktop.ini"}

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Folders:
    """The folders of one library; only `cases` must be there.

    Attributes:
        path: Of the library.
    """

    path: Path

    @property
    def cases(self) -> Path:
        """The cases in use."""
        return self.path / "cases"

    @property
    def trash(self) -> Path:
        """Removed cases, until emptied."""
        return self.path / "trash"

    @property
    def cache(self) -> Path:
        """Derived data."""
        return self.path / "cache"

    @property
    def quarantine(self) -> Path:
        """What a repair took out."""
        return self.path / "quarantine"

    @property
    def staging(self) -> Path:
        """What is being written."""
        return self.path / ".staging"

    @property
    def arriving(self) -> Path:
        """Cases of an import on their way into `cases`."""
        return self.path / ".arriving"

    @contextlib.contextmanager
    def writing(self, timeout_seconds: float) -> Iterator[None]:
        """Be the only writer, with an empty staging folder before and after.

        Raises:
            InputError: Another program kept writing, or the disk cannot be written.
        """
        with explained(self.path), only_writer(self.path, timeout_seconds):
            try:
                self._clean_staging()
                self._let_in()
                yield
            finally:
                self._clean_staging()

    def take_in(self, staged: Path) -> None:
        """Make every case in a staged folder one of the library: all of them, whatever happens in between."""
        move_folder(staged, self.arriving)
        self._let_in()

    def finish_interrupted(self) -> None:
        """Take in the cases of an import that was interrupted half-way, if there are any and nobody writes just now."""
        if not self.arriving.exists():
            return
        try:
            with self.writing(timeout_seconds=0):
                pass
        except InputError as error:
            _LOG.info("the cases of an import are not all there yet (%s)", error.fact)

    def _let_in(self) -> None:
        for folder in case_folders(self.arriving):
            move_folder(folder, self.cases / folder.name)
        if self.arriving.exists():
            delete_folder(self.arriving, self.staging)

    def _clean_staging(self) -> None:
        if self.staging.exists():
            shutil.rmtree(self.staging, ignore_errors=True)


def check_empty(folder: Path) -> None:
    """Refuse a folder for a new library that holds anything but what an interrupted `create` leaves.

    Raises:
        InputError: It holds something.
    """
    if (folder / LIBRARY_FILE).exists():
        remedy = "Use that one, or choose another folder for a new one."
        raise InputError(str(folder), "there is a support library already", remedy)
    folders = Folders(folder)
    parts = (folders.cases, folders.trash)
    own = {part.name for part in (*parts, folders.staging)}
    own |= {LOCK_FILE, NOTE_FILE, checksum_file(Path(LIBRARY_FILE)).name, *_FROM_THE_DESKTOP}
    others = sorted(set(os.listdir(folder)) - own)
    others += [part.name for part in parts if part.is_dir() and os.listdir(part)]
    if others:
        fact = f"the folder is not empty (it holds `{others[0]}`)"
        raise InputError(str(folder), fact, "Choose a new or an empty folder.")
