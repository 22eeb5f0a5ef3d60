"""Tables that a person has made: CSV whose first row names the columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from .errors import InputError


def read_rows(table: Path, needed: Sequence[str], wanted: Sequence[str]) -> dict[int, dict[str, str]]:
    """The rows of a table, by line as messages count them.

    Args:
        table: The file.
        needed: Columns that must be there.
        wanted: Columns that may be there besides; a row has an empty text where they are not.

    Returns:
        At least one row: what stands in it by column, without blanks around it.

    Raises:
        InputError: It cannot be read, or a row is wrong. The message names the row, never what stands there, which may
            name a patient; columns only where those that must be there show that the first row names columns.
    """
    name = str(table)
    try:
        text = table.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(name, f"it cannot be read ({error.strerror or error})", "Check the path.") from error
    except UnicodeDecodeError as error:
        raise InputError(name, "it is not UTF-8", "Save it as 'CSV UTF-8'.") from error
    read = csv.DictReader(io.StringIO(text, newline=""), restkey="", strict=True)
    try:
        _check_columns(name, list(read.fieldnames or []), needed, wanted)
        rows = dict(_rows(read, name, (*needed, *wanted)))
    except csv.Error as error:
        line = read.reader.line_num
        raise InputError(f"{name}, row {line}", f"it is no row of a table ({error})", "Mend it.") from error
    if not rows:
        raise InputError(name, "it has no rows", "Give a row for each volume.")
    return rows


def _check_columns(name: str, found: Sequence[str], needed: Sequence[str], wanted: Sequence[str]) -> None:
    remedy = f"The first row names the columns: {_listed(needed)} and, if wanted, {_listed(wanted)}."
    for column in needed:
        if column not in found:
            raise InputError(name, f"it has no column '{column}'", remedy)
    for column in found:
        if column not in (*needed, *wanted) or found.count(column) > 1:
            raise InputError(name, f"its column '{column}' is not known, or there twice", remedy)


def _listed(columns: Sequence[str]) -> str:
    return " and ".join(columns)


def _rows(read: csv.DictReader[str], name: str, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    for row in read:
        if "" in row or None in row.values():
            fact = "it has not as many fields as the first row"
            raise InputError(f"{name}, row {read.line_num}", fact, "Put texts with commas in quotes.")
        yield read.line_num, {column: (row.get(column) or "").strip() for column in columns}
