"""The table of studies that a batch is about."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..csv_rows import read_rows
from ..errors import InputError

STUDY, SERIES, ID = "study", "series", "id"
_UID = re.compile(r"[0-9]+(\.[0-9]+)+")
_LONGEST_UID = 64
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True)
class Study:
    """One row.

    Attributes:
        id: What the volume is called in results.
        study: UID.
        series: UID; empty where the study has one series of images alone.
    """

    id: str
    study: str = field(repr=False)
    series: str = field(repr=False)


def is_uid(text: str) -> bool:
    """Whether it is a UID of DICOM."""
    return len(text) <= _LONGEST_UID and _UID.fullmatch(text) is not None


def read_studies(table: Path) -> list[Study]:
    """The rows of a table with the columns `study` and, if wanted, `series` and `id`.

    Rows without an id are numbered (`volume-0001`), by their place in the table.

    Raises:
        InputError: It cannot be read, or a row is wrong: the message names the row, never what stands there.
    """
    name = str(table)
    rows = read_rows(table, (STUDY,), (SERIES, ID))
    studies = [_study(row, f"{name}, row {line}", number) for number, (line, row) in enumerate(rows.items(), start=1)]
    seen: dict[str, int] = {}
    for number, study in enumerate(studies, start=1):
        first = seen.setdefault(study.id.casefold(), number)
        if first != number:
            fact = f"the ids of volumes {first} and {number} are the same"
            raise InputError(name, fact, "Give every volume an id of its own.")
    return studies


def _study(row: Mapping[str, str], thing: str, number: int) -> Study:
    for column, needed in ((STUDY, True), (SERIES, False)):
        if (needed or row[column]) and not is_uid(row[column]):
            raise InputError(f"{thing}, {column}", "it is no UID", "A UID is of digits and points.")
    if row[ID] and _NAME.fullmatch(row[ID]) is None:
        remedy = "Use letters, digits, points, _ and -, such as `case-001`."
        raise InputError(f"{thing}, {ID}", "it cannot be a file's name", remedy)
    return Study(row[ID] or f"volume-{number:04d}", row[STUDY], row[SERIES])
