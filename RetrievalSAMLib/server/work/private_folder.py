"""A folder that only this user can read, for as long as one server lives; what dead ones left is removed."""

from __future__ import annotations

import logging
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ...segmentation.settings.cache_space import user_cache_folder

_LOCK = ".lock"
_PATIENCE_SECONDS = 30.0
_LOG = logging.getLogger(__name__)


@contextmanager
def private_folder(parent: Path | None = None) -> Iterator[Path]:
    """A new folder (0700), deleted at the end.

    Args:
        parent: Where to; by default `serve` in the user's own cache folder.
    """
    parent = user_cache_folder() / "serve" if parent is None else parent
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with FileLock(parent / _LOCK, timeout=_PATIENCE_SECONDS):  # nobody takes a folder for dead before it is locked
        _remove_leftovers(parent)
        folder = parent / uuid.uuid4().hex
        folder.mkdir(mode=0o700)
        living = FileLock(_lock_of(folder))
        living.acquire()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        living.release()
        _lock_of(folder).unlink(missing_ok=True)


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _remove_leftovers(parent: Path) -> None:
    for folder in [entry for entry in parent.iterdir() if entry.is_dir()]:
        lock = FileLock(_lock_of(folder), timeout=0)
        try:
            with lock:
                shutil.rmtree(folder, ignore_errors=True)
        except Timeout:
            continue  # of a server that runs
        _lock_of(folder).unlink(missing_ok=True)
        _LOG.info("removed what an earlier server left")
