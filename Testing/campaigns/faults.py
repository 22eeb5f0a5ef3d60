"""The n-th file operation of a process goes wrong: the process is killed there, the power fails, the disk is full.

Operations are counted where Python hands them to the system (audit hooks, and the files that `open` gives), so that
nothing in the product knows of it. A child process is forked for each, from one that has all imported: POSIX only.
SQLite's own writes are not seen; its statements count instead, and what becomes of a half-written page is its promise.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import sqlite3
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

NOT_REACHED, KILLED, REFUSED, WRONG = -1, 9, 3, 4
_CHANGES = {"os.rename": "rename", "os.remove": "unlink", "os.mkdir": "mkdir", "os.rmdir": "rmdir"}
_NO_FILE_IS_LONGER = 1 << 16
_HARMLESS_SQL = ("SELECT", "ROLLBACK")
_FULL_DISK = {"create", "write", "fsync", "mkdir", "rename", "sqlite"}


@dataclass(frozen=True)
class Fault:
    """What goes wrong.

    Attributes:
        name: For reports.
        kinds: Operations that it strikes; None for all.
        errno: What the system says; None where the process ends instead.
        lasting: Whether it goes wrong from then on, or once.
        half: Whether half of the bytes of a write arrive before.
        power: Whether all that was not synced is lost.
        longest: Where not 0, the system itself lets no file grow beyond the n-th multiple of so many bytes: SQLite's
            own writes fail too.
    """

    name: str
    kinds: frozenset[str] | None = None
    errno: int | None = None
    lasting: bool = False
    half: bool = False
    power: bool = False
    longest: int = 0


FAULTS = (
    Fault("killed"),
    Fault("killed within a write", frozenset({"write"}), half=True),
    Fault("power cut", power=True),
    Fault("disk full", frozenset(_FULL_DISK), errno.ENOSPC, lasting=True, half=True),
    Fault("disk full for a moment", frozenset(_FULL_DISK), errno.ENOSPC),
    Fault("no room in a file", frozenset(), errno.EFBIG, longest=1024),
    Fault("renaming refused", frozenset({"rename", "unlink", "rmdir"}), errno.EACCES, lasting=True),
    Fault("renaming refused for a moment", frozenset({"rename", "unlink", "rmdir"}), errno.EACCES),
    Fault(
        "read-only", frozenset({"create", "mkdir", "rename", "unlink", "rmdir", "sqlite"}), errno.EROFS, lasting=True
    ),
)


@dataclass
class FaultyFiles:
    """Counts this process's file operations below a folder, and has the one with a number go wrong.

    Attributes:
        folder: Where operations count.
        fault: What happens.
        at: To which operation that it strikes, from 0.
    """

    folder: Path
    fault: Fault
    at: int
    count: int = 0
    _opened: dict[int, Path] = field(default_factory=dict)
    _on_disk: dict[int, bytes] = field(default_factory=dict)
    _unsynced: set[int] = field(default_factory=set)
    _renamed: list[tuple[Path, Path, bytes | None]] = field(default_factory=list)
    _ended: bool = False

    def install(self) -> None:
        """From now on, until the process ends."""
        if self.fault.longest:
            import resource

            limit = self.at * self.fault.longest
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        original_open, original_connect = io.open, sqlite3.connect
        self._open_plainly = original_open

        def opened(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
            if not set(mode) & set("wxa+") or not self._is_ours(file):
                return original_open(file, mode, *args, **kwargs)
            before = None if "w" in mode else self._contents(Path(file))
            stream = original_open(file, mode, *args, **kwargs)
            inode = os.fstat(stream.fileno()).st_ino
            self._opened[inode] = Path(file)
            self._on_disk.setdefault(inode, before or b"")
            self._unsynced.add(inode)
            return _Written(stream, self)

        def synced(descriptor: int) -> None:
            self.reached("fsync")
            inode = os.fstat(descriptor).st_ino
            if inode in self._opened:
                self._unsynced.discard(inode)
                self._on_disk[inode] = self._contents(self._opened[inode]) or b""
            self._renamed = [one for one in self._renamed if one[1].parent.stat().st_ino != inode]

        files = self

        class Counted(sqlite3.Connection):
            def execute(self, statement: str, *args: Any) -> sqlite3.Cursor:
                if not statement.startswith(_HARMLESS_SQL):
                    files.reached("sqlite")
                return super().execute(statement, *args)

        def connected(database: Any, *args: Any, **kwargs: Any) -> sqlite3.Connection:
            kind = sqlite3.Connection if database == ":memory:" else Counted
            return original_connect(database, *args, **kwargs, factory=kind)

        builtins.open = io.open = opened
        os.fsync = synced  # what counts is the order; syncing for real would take most of the time
        sqlite3.connect = connected
        sys.addaudithook(self._heard)

    def reached(self, kind: str, half: Callable[[], None] | None = None) -> None:
        """An operation is about to happen; `half` does half of it."""
        if self._ended or (self.fault.kinds is not None and kind not in self.fault.kinds):
            return
        number = self.count
        self.count += 1
        if number != self.at and not (self.fault.lasting and number > self.at):
            return
        if self.fault.half and half is not None:
            half()
        if self.fault.errno is None:
            self.end()
        if kind == "sqlite":
            raise sqlite3.OperationalError("database or disk is full")
        raise OSError(self.fault.errno, os.strerror(self.fault.errno))

    def end(self) -> NoReturn:
        """End as a killed process does; where the power is cut, what was not synced is lost."""
        self._ended = True
        if self.fault.power:
            for source, target, replaced in reversed(self._renamed):
                if replaced is not None:
                    os.replace(target, source)
                    with self._open_plainly(target, "wb") as stream:
                        stream.write(replaced)
                elif target.exists():
                    os.makedirs(source.parent, exist_ok=True)
                    os.rename(target, source)
            for parent, _, names in os.walk(self.folder):
                for path in (Path(parent, name) for name in names):
                    if path.stat().st_ino in self._unsynced:
                        with self._open_plainly(path, "wb") as stream:
                            stream.write(self._on_disk[path.stat().st_ino])
        os._exit(KILLED)

    def written_to(self, descriptor: int) -> None:
        """A file holds what is not on the disk yet."""
        self._unsynced.add(os.fstat(descriptor).st_ino)

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._ended or (event != "open" and event not in _CHANGES):
            return
        # What is deleted in a whole folder is named within that folder, which is open.
        within_a_folder = event in ("os.remove", "os.rmdir") and arguments[1] >= 0
        if not within_a_folder and not self._is_ours(arguments[0]):
            return
        if event != "open":
            self.reached(_CHANGES[event])
            if event == "os.rename":
                source, target = Path(os.fsdecode(arguments[0])), Path(os.fsdecode(arguments[1]))
                self._renamed.append((source, target, self._contents(target)))
        elif arguments[2] & (os.O_WRONLY | os.O_RDWR):
            self.reached("create")

    def _contents(self, file: Path) -> bytes | None:
        if not file.is_file():
            return None
        with self._open_plainly(file, "rb") as stream:
            return stream.read()

    def _is_ours(self, path: Any) -> bool:
        return isinstance(path, (str, bytes, os.PathLike)) and os.fsdecode(path).startswith(str(self.folder))


class _Written:
    """A file that is open for writing."""

    def __init__(self, stream: Any, files: FaultyFiles) -> None:
        self._stream, self._files = stream, files

    def write(self, data: Any) -> int:
        def half() -> None:
            self._stream.write(data[: len(data) // 2])
            self._stream.flush()

        self._files.reached("write", half)
        self._files.written_to(self._stream.fileno())
        return self._stream.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __enter__(self) -> _Written:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()


def in_child(
    act: Callable[[], object], folder: Path, fault: Fault, at: int, refusals: tuple[type[Exception], ...]
) -> tuple[int, str]:
    """Do something in a forked process whose n-th file operation goes wrong.

    Returns:
        How it ended, and what it said: 0 where it was done in spite of the fault, NOT_REACHED where it was done before
        so many operations were; KILLED; REFUSED where one of `refusals` was raised; WRONG for any other exception.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        files = FaultyFiles(folder, fault, at)
        files.install()
        ended, said = 0, ""
        try:
            act()
        except refusals as error:
            ended, said = REFUSED, str(error)
        except BaseException:
            ended, said = WRONG, traceback.format_exc()
        never = at * fault.longest > _NO_FILE_IS_LONGER if fault.longest else files.count <= at
        done = never and ended == 0
        os.write(writer, b"done" if done else said.encode()[-8000:])
        if fault.power and done:
            files.end()  # what was said to be done must be on the disk
        os._exit(ended)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        said = stream.read().decode()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return (NOT_REACHED if said == "done" else code), said
