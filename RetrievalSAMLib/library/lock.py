"""One writer at a time: a lock that the system lets go of when its holder ends, and a note that says who holds it.

The note (`.writer.json`) holds a process number and a time, no name of a user or a computer. A note without a lock is
what a killed writer leaves.
"""

from __future__ import annotations

import contextlib
import errno
import inspect
import logging
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.library.format import now

LOCK_FILE, NOTE_FILE = ".lock", ".writer.json"
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
_LOG = logging.getLogger(__name__)


class Writer(msgspec.Struct, frozen=True):
    """Who writes.

    Attributes:
        pid: Number of the process.
        since: When it began (UTC).
    """

    pid: int
    since: datetime

    def __str__(self) -> str:
        return f"process {self.pid}, since {self.since:%Y-%m-%d %H:%M:%S} UTC"


class LockHeldError(Exception):
    """Another program held the lock all the time."""


@contextlib.contextmanager
def lock_held(file: Path, timeout_seconds: float) -> Iterator[None]:
    """Hold a lock on a file, which is made where it is missing.

    Raises:
        LockHeldError: Another program held it all the time.
        OSError: The file cannot be written, or the drive knows no locks (`ENOLCK`).
    """
    import filelock

    # Newer versions would fall back to a file with the computer's name in it, which outlives a killed program.
    known = inspect.signature(filelock.FileLock.__init__).parameters
    options: dict[str, Any] = {"fallback_to_soft": False} if "fallback_to_soft" in known else {}
    lock = filelock.FileLock(file, timeout=timeout_seconds, **options)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise LockHeldError from error
    except (NotImplementedError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in _NO_LOCKS:
            raise
        raise OSError(errno.ENOLCK, "this drive cannot lock files") from error
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def only_writer(folder: Path, timeout_seconds: float) -> Iterator[None]:
    """Be the only writer in the folder of a library.

    Raises:
        InputError: Another program kept writing.
        OSError: As for `lock_held`.
    """
    note = folder / NOTE_FILE
    try:
        with lock_held(folder / LOCK_FILE, timeout_seconds):
            if (before := _writer(note)) is not None:
                _LOG.warning("a program was interrupted while it wrote to this library (%s)", before)
            try:
                note.write_bytes(msgspec.json.encode(Writer(os.getpid(), now())))
            except OSError as error:  # a full disk must not keep anyone from emptying the trash
                _LOG.info("who writes to the library cannot be noted (%s)", type(error).__name__)
            try:
                yield
            finally:
                with contextlib.suppress(OSError):  # then the next writer says that this one was interrupted
                    note.unlink(missing_ok=True)
    except LockHeldError as error:
        holder = _writer(note)
        raise InputError(
            str(folder),
            f"another program{f' ({holder})' if holder else ''} was still writing to it after "
            f"{timeout_seconds:g} seconds",
            "Wait until it has finished, or close it, then try again. Nothing was changed.",
        ) from error


@contextlib.contextmanager
def only_one_at_work(folder: Path, library: Path, doing: str) -> Iterator[None]:
    """Be the only program that does some long work on a library, which others may use meanwhile.

    Args:
        folder: Of what the work derives; made where it is missing.
        library: The library.
        doing: The work, as in "another program is learning from it".

    Raises:
        InputError: Another program does it, or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with lock_held(folder / LOCK_FILE, timeout_seconds=0):
            yield
    except LockHeldError as error:
        raise InputError(
            str(library), f"another program is {doing} it just now", "Wait until it has finished."
        ) from error
    except PermissionError as error:
        raise InputError(
            str(folder), f"it cannot be written to ({error.strerror})", "This needs a library that you may write to."
        ) from error


def _writer(note: Path) -> Writer | None:
    try:
        return msgspec.json.decode(note.read_bytes(), type=Writer)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
