"""Figures in a file of JSON lines: appended as soon as they are there, and looked up before they are computed again."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Record = dict[str, Any]
"""One figure: what it belongs to, and what came out."""


def identity(record: Mapping[str, Any], parts: Sequence[str]) -> str:
    """What makes a figure the same figure: the values of some of its fields.

    Raises:
        KeyError: The record lacks one of them.
    """
    return json.dumps([record[part] for part in parts], sort_keys=True)


def read_records(paths: Sequence[Path], parts: Sequence[str] | None) -> list[Record]:
    """The records of some files, each figure once: the last of those that are the same.

    A line that a stopped process left unfinished is skipped, and said so.

    Args:
        paths: Files of JSON lines.
        parts: Fields that make a figure the same figure; None where no two are.
    """
    found: dict[str, Record] = {}
    for path in paths:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            try:
                record = json.loads(line)
                found[f"{path} {number}" if parts is None else identity(record, parts)] = record
            except (ValueError, KeyError, TypeError):
                print(f"{path}, line {number}: no record, skipped", file=sys.stderr)
    return list(found.values())


class Records:
    """Figures that are there already, and a file that new ones are appended to.

    Args:
        path: The file, made when the first figure is there; None to keep nothing.
        parts: Fields that make a figure the same figure; plain JSON values.
    """

    def __init__(self, path: Path | None, parts: Sequence[str]) -> None:
        self.path = path
        self.parts = tuple(parts)
        there = [path] if path is not None and path.exists() else []
        self.known = {identity(record, parts): record for record in read_records(there, parts)}

    def find(self, wanted: Mapping[str, Any]) -> Record | None:
        """The record of a figure, None where it is not there yet."""
        return self.known.get(identity(wanted, self.parts))

    def append(self, record: Record) -> None:
        """Keep a record, in the file too where there is one."""
        self.known[identity(record, self.parts)] = record
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # A process that was stopped in the middle of a line must not spoil the next one too.
        torn = self.path.exists() and self.path.read_bytes()[-1:] not in (b"", b"\n")
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write("\n" * torn + json.dumps(record) + "\n")
