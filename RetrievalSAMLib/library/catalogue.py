"""What the `case.json` of every case says, in one derived file, so that a large library opens without reading them all.

The case folders are the truth. A row of the catalogue counts while the `case.json` that it was made of has the same
size, time and inode; whatever does not fit is read again. Writers, who only need to know which names and values are
taken, compare the listing of the folder with what the catalogue was made of: two numbers, so that adding a case
costs the same however many there are.

The file may be deleted at any time. Where it is damaged it is made anew, and where it cannot be used at all (a folder
without the right to write, a lock that another program holds) the same is done in memory.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from RetrievalSAMLib.errors import DamagedLibraryError
from RetrievalSAMLib.library.case import Case
from RetrievalSAMLib.library.find import case_folders, id_prefix, read_case
from RetrievalSAMLib.library.format import CASE_FILE, CaseRecord, CaseSegment
from RetrievalSAMLib.library.names import number_of, same_name_key

FILE = "catalogue.sqlite3"
_SCHEMA_VERSION = 2
_SCHEMA = """
CREATE TABLE cases (
    id TEXT PRIMARY KEY, part TEXT NOT NULL, name TEXT NOT NULL, name_key TEXT NOT NULL, number INTEGER,
    segments TEXT NOT NULL, size INTEGER NOT NULL, changed_ns INTEGER NOT NULL, inode TEXT NOT NULL,
    read_ns INTEGER NOT NULL, record BLOB NOT NULL, sum INTEGER NOT NULL
);
CREATE INDEX by_name ON cases (part, name_key);
CREATE INDEX by_segments ON cases (part, segments, id);
CREATE INDEX by_number ON cases (number);
CREATE TABLE parts (name TEXT PRIMARY KEY, count INTEGER NOT NULL, ids TEXT NOT NULL);
"""
# A file that was written so shortly before it was read may be written again without its time telling.
_SETTLED_NS = 2_000_000_000
_BUSY_SECONDS = 2.0
_LOG = logging.getLogger(__name__)
_DECODER = msgspec.msgpack.Decoder(CaseRecord)
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class _Stamp:
    """How a file was when it was read."""

    bytes: int
    changed_ns: int
    inode: str
    read_ns: int

    @classmethod
    def of(cls, folder: Path) -> _Stamp:
        """Of a case's `case.json`, to be taken before it is read."""
        read_ns = time.time_ns()
        status = (folder / CASE_FILE).stat()
        return cls(status.st_size, status.st_mtime_ns, str(status.st_ino), read_ns)

    def holds(self, now: _Stamp) -> bool:
        """Whether the file is as it was."""
        same = (self.bytes, self.changed_ns, self.inode) == (now.bytes, now.changed_ns, now.inode)
        return same and self.read_ns - self.changed_ns > _SETTLED_NS


_UNLIKE_ANY = _Stamp(bytes=-1, changed_ns=0, inode="", read_ns=0)


class _Unusable(Exception):
    """A row is not what was written."""


class _Row(NamedTuple):
    """What the catalogue says of a case; `sum` is the CRC-32 of all the rest."""

    id: str
    part: str
    name: str
    name_key: str
    number: int | None
    segments: str
    size: int
    changed_ns: int
    inode: str
    read_ns: int
    record: bytes
    sum: int = 0

    @classmethod
    def of(cls, case: Case, stamp: _Stamp) -> _Row:
        """The row for a case."""
        row = cls(
            id=case.id,
            part=case.folder.parent.name,
            name=case.name,
            name_key=same_name_key(case.name),
            number=number_of(case.name),
            segments=_segments_key(case),
            size=stamp.bytes,
            changed_ns=stamp.changed_ns,
            inode=stamp.inode,
            read_ns=stamp.read_ns,
            record=msgspec.msgpack.encode(case.record),
        )
        return row._replace(sum=row._sum())

    @classmethod
    def checked(cls, columns: Sequence[Any]) -> _Row:
        """A row as it was read; raises _Unusable where it is not what was written."""
        row = cls(*columns)
        if row._sum() != row.sum:
            raise _Unusable
        return row

    @property
    def stamp(self) -> _Stamp:
        """How the case's `case.json` was."""
        return _Stamp(self.size, self.changed_ns, self.inode, self.read_ns)

    def case_in(self, part: Path) -> Case:
        """The case."""
        try:
            return Case(part / self.id, _DECODER.decode(self.record))
        except msgspec.DecodeError as error:
            raise _Unusable from error

    def _sum(self) -> int:
        return zlib.crc32(repr(self[:-1]).encode("utf-8", "backslashreplace"))


class Catalogue:
    """The catalogue of one library.

    Args:
        cache: The library's folder of derived data.
        parts: The folders that hold cases (`cases`, `trash`).
    """

    def __init__(self, cache: Path, parts: tuple[Path, ...]) -> None:
        self._file = cache / FILE
        self._parts = parts

    def cases(self, part: Path) -> tuple[list[Case], list[DamagedLibraryError]]:
        """Every case in a folder, in the order of their UUIDs; each `case.json` is looked at, changed ones are read.

        Returns:
            The cases that can be read, and what is wrong with each of the others.
        """

        def checked(db: sqlite3.Connection) -> tuple[list[Case], list[DamagedLibraryError]]:
            rows = db.execute("SELECT * FROM cases WHERE part=?", (part.name,))
            known = {row.id: row for row in map(_Row.checked, rows)}
            found: list[Case] = []
            fresh: list[tuple[Case, _Stamp]] = []
            damaged: list[DamagedLibraryError] = []
            for folder in case_folders(part):
                row = known.pop(folder.name, None)
                if row is not None and _is_current(folder, row.stamp):
                    found.append(row.case_in(part))
                    continue
                try:
                    read = _read(folder)
                except DamagedLibraryError as error:
                    damaged.append(error)
                    continue
                if read is not None:
                    found.append(read[0])
                    fresh.append(read)
            if known or fresh:
                with contextlib.suppress(sqlite3.OperationalError), _change(db):  # another program may be writing it
                    _forget(db, part, known)
                    for case, stamp in fresh:
                        _enter(db, case, stamp)
                    _count(db, part, len(found), _sum_of(case.folder for case in found))
            return found, damaged

        return self._with_file(checked)

    def find(self, part: Path, name_or_id: str) -> Case | None:
        """The only case with a name, or whose UUID begins so.

        None where there is none, where there are several, and where its `case.json` has changed since it was read.
        """

        def one(db: sqlite3.Connection) -> Case | None:
            self._follow(db, part)
            key = same_name_key(name_or_id.strip())
            ids = [row[0] for row in db.execute("SELECT id FROM cases WHERE part=? AND name_key=?", (part.name, key))]
            if not ids and id_prefix(key):
                query = "SELECT id FROM cases WHERE part=? AND id>=? AND id<?"
                ids = [row[0] for row in db.execute(query, (part.name, key, key + "g"))]
            if len(ids) != 1:
                return None
            row = _Row.checked(db.execute("SELECT * FROM cases WHERE id=?", ids).fetchone())
            return row.case_in(part) if _is_current(part / row.id, row.stamp) else None

        return self._with_file(one)

    def owner_of(self, part: Path, name: str) -> str | None:
        """The name of the case that has a name already, as it is written there."""

        def owner(db: sqlite3.Connection) -> str | None:
            self._follow(db, part)
            row = db.execute(
                "SELECT name FROM cases WHERE part=? AND name_key=? LIMIT 1", (part.name, same_name_key(name))
            ).fetchone()
            return row[0] if row else None

        return self._with_file(owner)

    def highest_number(self) -> int:
        """The highest N of the names `case-N` of all folders; 0 where there is none."""

        def highest(db: sqlite3.Connection) -> int:
            for part in self._parts:
                self._follow(db, part)
            return int(db.execute("SELECT max(number) FROM cases").fetchone()[0] or 0)

        return self._with_file(highest)

    def segment_sets(self, part: Path, without: str | None = None) -> list[tuple[str, tuple[CaseSegment, ...]]]:
        """For every way in which cases name and number their segments one case's name, and its segments.

        Args:
            part: The folder.
            without: UUID of a case that is left out.
        """

        def sets(db: sqlite3.Connection) -> list[tuple[str, tuple[CaseSegment, ...]]]:
            self._follow(db, part)
            found, after = [], ""
            while row := db.execute(
                "SELECT segments FROM cases WHERE part=? AND segments>? ORDER BY segments LIMIT 1", (part.name, after)
            ).fetchone():
                after = row[0]
                one = db.execute(
                    "SELECT * FROM cases WHERE part=? AND segments=? AND id!=? LIMIT 1",
                    (part.name, after, without or ""),
                ).fetchone()
                if one is not None:
                    case = _Row.checked(one).case_in(part)
                    found.append((case.name, case.segments))
            return found

        return self._with_file(sets)

    def added(self, case: Case) -> None:
        """Enter a case that was just put into its folder."""

        def enter(db: sqlite3.Connection) -> None:
            part = case.folder.parent
            counted = db.execute("SELECT count, ids FROM parts WHERE name=?", (part.name,)).fetchone()
            if counted is None or db.execute("SELECT 1 FROM cases WHERE id=?", (case.id,)).fetchone():
                return
            with _change(db):
                _enter(db, case, _Stamp.of(case.folder))
                _count(db, part, counted[0] + 1, int(counted[1]) ^ _as_number(case.id))

        self._with_file(enter)

    def forget(self, case_id: str) -> None:
        """Have a case read again: its `case.json` was replaced, or it was moved."""

        def drop(db: sqlite3.Connection) -> None:
            with _change(db):
                db.execute("DELETE FROM cases WHERE id=?", (case_id,))
                db.execute("DELETE FROM parts")

        self._with_file(drop)

    def _follow(self, db: sqlite3.Connection, part: Path) -> None:
        """Take in the cases that came into a folder and went from it since, by its listing alone.

        Damaged ones are passed over, and not counted: the next one who looks tries them again.
        """
        folders = case_folders(part)
        ids = _sum_of(folders)
        if (len(folders), str(ids)) == db.execute("SELECT count, ids FROM parts WHERE name=?", (part.name,)).fetchone():
            return
        known = {row[0] for row in db.execute("SELECT id FROM cases WHERE part=?", (part.name,))}
        came, whole = [], []
        for folder in folders:
            if folder.name not in known:
                try:
                    came.append(_read(folder))
                except DamagedLibraryError:
                    continue
            whole.append(folder)
        entered = [item for item in came if item is not None]
        with _change(db):
            _forget(db, part, known - {folder.name for folder in folders})
            for case, stamp in entered:
                _enter(db, case, stamp)
            _count(db, part, len(whole), _sum_of(whole))

    def fault(self) -> str | None:
        """What is wrong with the file, as a clause; None where nothing is, and where it is not there or in use."""
        try:
            with contextlib.closing(sqlite3.connect(f"{self._file.absolute().as_uri()}?mode=ro", uri=True)) as db:
                if db.execute("PRAGMA user_version").fetchone()[0] != _SCHEMA_VERSION:
                    return None  # of another version of the program, or just begun: it is made anew by itself
                if (said := db.execute("PRAGMA integrity_check").fetchone()[0]) != "ok":
                    return f"the database is damaged ({' '.join(said.split())})"
                for row in db.execute("SELECT * FROM cases"):
                    _Row.checked(row)
        except sqlite3.OperationalError as error:
            return f"the database is damaged ({error})" if _is_damage(error) else None
        except sqlite3.DatabaseError as error:
            return f"the database is damaged ({error})"
        except _Unusable:
            return "a row is not what was written"
        return None

    def delete(self) -> None:
        """Have it made anew."""
        for file in (self._file, self._file.with_name(self._file.name + "-journal")):
            with contextlib.suppress(OSError):  # held open by another program: then all is done in memory
                file.unlink(missing_ok=True)

    def _with_file(self, work: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """Do work on the file; on a new one where it is damaged, in memory where neither can be used."""
        for _ in range(2):
            try:
                with contextlib.closing(_opened(self._file)) as db:
                    return work(db)
            except OSError as error:
                _LOG.info("the catalogue of the library cannot be kept (%s)", type(error).__name__)
                break
            except sqlite3.OperationalError as error:
                if not _is_damage(error):
                    _LOG.info("the catalogue of the library cannot be used now (%s)", error)
                    break
                self._make_anew()
            except (sqlite3.DatabaseError, _Unusable):
                self._make_anew()
        with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
            db.executescript(_SCHEMA)
            return work(db)

    def _make_anew(self) -> None:
        _LOG.info("the catalogue of the library is damaged and is made anew")
        self.delete()


def _opened(file: Path) -> sqlite3.Connection:
    file.parent.mkdir(exist_ok=True)
    db = sqlite3.connect(file, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        if db.execute("PRAGMA user_version").fetchone()[0] != _SCHEMA_VERSION:
            with _change(db):
                for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'").fetchall():
                    db.execute(f'DROP TABLE "{table}"')
                for statement in _SCHEMA.split(";"):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version={_SCHEMA_VERSION}")
    except sqlite3.DatabaseError:
        db.close()
        raise
    return db


@contextlib.contextmanager
def _change(db: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing, whatever happens."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _is_damage(error: sqlite3.OperationalError) -> bool:
    """Whether the tables are not what they should be; otherwise the file is in use, or may not be written."""
    return any(sign in str(error) for sign in ("no such table", "no such column", "has no column", "malformed"))


def _read(folder: Path) -> tuple[Case, _Stamp] | None:
    try:
        stamp = _Stamp.of(folder)
    except OSError:
        stamp = _UNLIKE_ANY  # reading says what is wrong, unless the case is gone, or has just come back
    case = read_case(folder)
    return None if case is None else (case, stamp)


def _is_current(folder: Path, stamp: _Stamp) -> bool:
    try:
        return stamp.holds(_Stamp.of(folder))
    except OSError:
        return False


def _enter(db: sqlite3.Connection, case: Case, stamp: _Stamp) -> None:
    row = _Row.of(case, stamp)
    db.execute(f"INSERT OR REPLACE INTO cases VALUES ({','.join('?' * len(row))})", row)


def _forget(db: sqlite3.Connection, part: Path, ids: Iterable[str]) -> None:
    db.executemany("DELETE FROM cases WHERE id=? AND part=?", [(case_id, part.name) for case_id in ids])


def _count(db: sqlite3.Connection, part: Path, count: int, ids: int) -> None:
    db.execute("INSERT OR REPLACE INTO parts VALUES (?, ?, ?)", (part.name, count, str(ids)))


def _segments_key(case: Case) -> str:
    """Equal for cases whose segments have the same names, values and codes: they contradict the same others."""
    said = [[segment.value, segment.name, segment.terminology] for segment in case.segments]
    return hashlib.sha256(msgspec.msgpack.encode(said)).hexdigest()


def _sum_of(folders: Iterable[Path]) -> int:
    """The same for the same cases, in any order."""
    total = 0
    for folder in folders:
        total ^= _as_number(folder.name)
    return total


def _as_number(case_id: str) -> int:
    return int(case_id.replace("-", ""), 16)
