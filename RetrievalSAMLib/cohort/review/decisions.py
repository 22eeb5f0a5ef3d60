"""What reviewers decided of the results of a batch: lines that are only ever added to (docs/batch.md).

Files `decisions*.jsonl` of a batch's folder, a JSON object a line. All lines of all files count, in whatever file they
are: two reviewers' files lie side by side, a line that is there twice counts once, and of one reviewer's decisions on
one result the latest holds. Python's own library only: Slicer's side reads them too.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from ...errors import InputError

FORMAT, FORMAT_VERSION = "retrievalsam-decision", 1
PATTERN = "decisions*.jsonl"
SERVER_FILE = "decisions-server.jsonl"
"""Where `retrievalsam serve` adds what reviewers decide in their browsers."""

ACCEPTED, REJECTED, UNDECIDED = "accepted", "rejected", "undecided"
"""What one reviewer says; `UNDECIDED` takes back what was said before, or is a note alone."""

DISPUTED = "disputed"
"""What a volume is when reviewers say different things."""

_LONGEST = {"key": 64, "volume": 200, "note": 2000, "reviewer": 100}
_SHA256 = re.compile("[0-9a-f]{64}")
_NO_KEY = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Decision:
    """One line.

    Attributes:
        key: Unique: a line that is read twice is known by it.
        volume: Id of the volume in its batch.
        result: SHA-256 of the segmentation's file that was looked at: a decision holds for no other.
        decision: `ACCEPTED`, `REJECTED` or `UNDECIDED`.
        note: Whatever the reviewer wants to say.
        reviewer: As the reviewer wants to be called; may be empty.
        time: When, with its zone.
    """

    key: str
    volume: str
    result: str
    decision: str
    note: str
    reviewer: str
    time: datetime

    @classmethod
    def of(cls, told: object) -> Decision:
        """From JSON.

        Raises:
            ValueError: It is something else; the text is a clause that says why.
        """
        if not isinstance(told, dict) or told.get("format") != FORMAT:
            raise ValueError(f"it is no `{FORMAT}`")
        if told.get("version") != FORMAT_VERSION:
            raise ValueError(f"its version is not {FORMAT_VERSION}: a newer RetrievalSAM wrote it")
        names = ("key", "volume", "result", "decision", "note", "reviewer", "time")
        if set(told) != {"format", "version", *names}:
            raise ValueError(f"its fields are not format, version, {', '.join(names)}")
        texts = {name: told[name] for name in names}
        if wrong := [name for name, text in texts.items() if not isinstance(text, str)]:
            raise ValueError(f"its `{wrong[0]}` is no text")
        if long := [name for name, most in _LONGEST.items() if len(texts[name]) > most]:
            raise ValueError(f"its `{long[0]}` is longer than {_LONGEST[long[0]]} characters")
        if not texts["key"] or not texts["volume"] or _NO_KEY.search(texts["key"] + texts["volume"]):
            raise ValueError("its `key` or `volume` is empty, or holds what is no letter")
        if not _SHA256.fullmatch(texts["result"]):
            raise ValueError("its `result` is no SHA-256")
        if texts["decision"] not in (ACCEPTED, REJECTED, UNDECIDED):
            raise ValueError("its `decision` is neither accepted nor rejected nor undecided")
        return cls(**{**texts, "time": _time(texts["time"])})

    def as_json(self) -> dict[str, Any]:
        """As it stands in a file."""
        return {"format": FORMAT, "version": FORMAT_VERSION, **asdict(self), "time": self.time.isoformat()}


def _time(text: str) -> datetime:
    # Python 3.10 does not read the Z of JavaScript.
    try:
        time = datetime.fromisoformat(re.sub("[zZ]$", "+00:00", text))
    except ValueError:
        raise ValueError("its `time` is no time of ISO 8601") from None
    if time.tzinfo is None:
        raise ValueError("its `time` has no zone")
    return time


@dataclass(frozen=True)
class Standing:
    """What is decided of one volume's result.

    Attributes:
        state: `ACCEPTED` or `REJECTED` where all who decided say so, `DISPUTED` where they do not, else `UNDECIDED`.
        latest: Of each reviewer the decision that holds, the latest last.
    """

    state: str = UNDECIDED
    latest: tuple[Decision, ...] = ()

    @property
    def notes(self) -> str:
        """All that is noted, each with its reviewer's name."""
        noted = [one for one in self.latest if one.note]
        return "; ".join(f"{one.reviewer}: {one.note}" if one.reviewer else one.note for one in noted)


@dataclass(frozen=True)
class Decisions:
    """All lines that were found.

    Attributes:
        lines: In the order of their times.
        faults: Lines that cannot be read: file, number, and why.
    """

    lines: tuple[Decision, ...] = ()
    faults: tuple[str, ...] = field(default=())

    def standing(self, volume: str, result: str) -> Standing:
        """What is decided of a result.

        Args:
            volume: Its volume's id.
            result: SHA-256 of its segmentation's file.
        """
        latest: dict[str, Decision] = {}
        for one in self.lines:
            if (one.volume, one.result) == (volume, result):
                latest.pop(one.reviewer, None)
                latest[one.reviewer] = one
        said = {one.decision for one in latest.values()} - {UNDECIDED}
        state = UNDECIDED if not said else said.pop() if len(said) == 1 else DISPUTED
        return Standing(state, tuple(latest.values()))

    def outdated(self, results: Mapping[str, str]) -> int:
        """How many lines are of other results than those that are there now (SHA-256 by volume)."""
        return sum(results.get(one.volume) != one.result for one in self.lines)


def read_decisions(folder: Path) -> Decisions:
    """The decisions in a batch's folder; none where there is no file.

    Raises:
        InputError: A file cannot be read at all.
    """
    found: dict[str, Decision] = {}
    faults: list[str] = []
    for file in sorted(folder.glob(PATTERN)):
        for one in _lines_of(file, faults):
            found.setdefault(one.key, one)
    return Decisions(tuple(sorted(found.values(), key=lambda one: one.time)), tuple(faults))


def _lines_of(file: Path, faults: list[str]) -> Iterable[Decision]:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputError(str(file), f"it cannot be read ({error.strerror or error})", "Check its rights.") from error
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if line.strip():
            try:
                yield Decision.of(json.loads(line))
            except (ValueError, RecursionError) as error:
                why = "it is no JSON" if isinstance(error, (json.JSONDecodeError, UnicodeDecodeError)) else str(error)
                faults.append(f"{file.name}, line {number}: {why}")


def add_decisions(folder: Path, given: Sequence[Decision]) -> int:
    """Add lines to the server's file, on the disk when this returns; those that are there already are left out.

    Returns:
        How many were new.

    Raises:
        LockHeldError: Others kept writing.
        OSError: It cannot be written.
    """
    from ...library.lock import lock_held

    file = folder / SERVER_FILE
    with lock_held(folder / ".decisions.lock", _PATIENCE_SECONDS):
        known = {one.key for one in _lines_of(file, [])} if file.is_file() else set()
        new = list({one.key: one for one in given if one.key not in known}.values())
        if new:
            _append(file, "".join(json.dumps(one.as_json(), ensure_ascii=False) + "\n" for one in new).encode())
    return len(new)


_PATIENCE_SECONDS = 10.0


def _append(file: Path, lines: bytes) -> None:
    with file.open("ab+") as stream:
        # A line that a power cut left unfinished must not swallow the next one.
        if stream.seek(0, os.SEEK_END):
            stream.seek(-1, os.SEEK_END)
            if stream.read(1) != b"\n":
                lines = b"\n" + lines
        stream.write(lines)
        stream.flush()
        os.fsync(stream.fileno())
