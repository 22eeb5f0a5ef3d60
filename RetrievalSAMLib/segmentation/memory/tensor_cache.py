"""Tensors kept on disk from run to run, a file an entry: derived data, which may be deleted at any time.

A file begins with 32 bytes, BLAKE2b over its name and the rest; the rest is what safetensors writes. What was cut,
changed, or put there under another name is known by that, and made anew. Programs write one at a time and make room
before they do, so that the limit holds for all of them together; readers need no lock.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from collections.abc import Mapping

import filelock
import torch
from safetensors.torch import load, save

from ..settings.cache_space import SUFFIX, CacheSpace

_SUM_BYTES = 32
_PENDING_BYTES = 8 << 20
"""What waits in main memory to be written together: for each writing the folder is looked through."""
_LOCK_SECONDS = 10.0
_STAGED = ".part"

_LOG = logging.getLogger(__name__)


class TensorCache:
    """Tensors by name, for one run. Whatever goes wrong with the disk costs time, not the run.

    What this run has used already gives no room to what it makes later: a run that needs more than the limit finds the
    same part of it again every time, where it would else throw away each file just before it needs it.

    Args:
        space: Folder and limit.
    """

    def __init__(self, space: CacheSpace) -> None:
        self._space = space
        self._used: set[str] = set()
        self._pending: dict[str, bytes] = {}
        self._pending_bytes = 0
        self._closed = False
        self._told: set[str] = set()

    def get(self, name: str) -> dict[str, torch.Tensor] | None:
        """What was put under a name of letters and digits, on the CPU; None where there is nothing whole."""
        if name in self._pending:
            return _loaded(self._pending[name])
        path = self._space.folder / f"{name}{SUFFIX}"
        try:
            content = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            self._tell("a file of the memory cache cannot be read", error)
            return None
        whole = content[:_SUM_BYTES] == _sum(name, content[_SUM_BYTES:])
        with contextlib.suppress(OSError):  # read-only: it looks older than it is, or stays damaged
            if whole:
                os.utime(path)
            else:
                path.unlink()
        if not whole:
            self._tell("a file of the memory cache is damaged, and made anew")
            return None
        self._used.add(path.name)
        return _loaded(content)

    def put(self, name: str, tensors: Mapping[str, torch.Tensor]) -> None:
        """Keep tensors under a name; on the disk after the next `flush` at the latest."""
        if self._closed or name in self._pending:
            return
        body = save({key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()})
        self._pending[name] = _sum(name, body) + body
        self._pending_bytes += len(self._pending[name])
        if self._pending_bytes >= _PENDING_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._pending:
            try:
                self._space.folder.mkdir(parents=True, exist_ok=True)
                with filelock.FileLock(self._space.folder / "lock", timeout=_LOCK_SECONDS):
                    self._write()
            except (OSError, filelock.Timeout) as error:
                self._closed = True
                self._tell("what was made of support slices cannot be kept", error)
        self._pending, self._pending_bytes = {}, 0

    def _tell(self, what: str, error: Exception | None = None) -> None:
        """Log something once; of an error its kind alone, as its text names files."""
        if what not in self._told:
            self._told.add(what)
            _LOG.warning("%s%s", what, f" ({type(error).__name__})" if error else "")

    def _write(self) -> None:
        """Under the lock: make room, then write."""
        folder, limit = self._space.folder, self._space.limit_bytes
        for left in folder.glob(f"*{_STAGED}"):  # of a program that was killed: no other one writes now
            left.unlink()
        files = self._space.files()
        held = sum(size for _, size, _ in files)
        old = iter([(size, file) for _, size, file in files if file not in self._used])
        for name, content in self._pending.items():
            path = folder / f"{name}{SUFFIX}"
            if path.exists():  # another program was faster
                self._used.add(path.name)
                continue
            while held + len(content) > limit and (oldest := next(old, None)) is not None:
                size, file = oldest
                with contextlib.suppress(PermissionError):  # Windows, while another program reads it
                    (folder / file).unlink(missing_ok=True)
                    held -= size
            if held + len(content) > limit:
                self._closed = True
                return
            staged = path.with_suffix(_STAGED)
            try:
                staged.write_bytes(content)
                staged.replace(path)
            finally:
                staged.unlink(missing_ok=True)
            held += len(content)
            self._used.add(path.name)


def _loaded(content: bytes) -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = load(content[_SUM_BYTES:])
    return tensors


def _sum(name: str, body: bytes) -> bytes:
    return hashlib.blake2b(name.encode() + body, digest_size=_SUM_BYTES).digest()
