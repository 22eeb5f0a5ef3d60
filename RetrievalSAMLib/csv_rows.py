"""CSV, written so that spreadsheets run nothing of it, and read back as it was; tables that a person has made.

A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@`, a tab or a line break for a formula, and runs it. An
apostrophe before it makes it text, which readers here take away again. Numbers stay as they are.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from .errors import InputError

# Blanks before it are skipped by some spreadsheets; the wide signs of East Asian keyboards are taken for the others.
_FORMULA = re.compile(r"[\t\r\n]|\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile("[+-]?[0-9]+([.][0-9]*)?([eE][+-]?[0-9]+)?")
_TEXT = "'"


def begins_like_formula(text: str) -> bool:
    """Whether a spreadsheet takes it for a formula, or for a number with a sign."""
    return _FORMULA.match(text) is not None


def write_rows(stream: TextIO, rows: Iterable[Sequence[str]]) -> None:
    """Write rows of CSV, with lines as RFC 4180 ends them; cells that could be formulas become texts."""
    csv.writer(stream).writerows([_as_text(cell) for cell in row] for row in rows)


def as_it_was(cell: str) -> str:
    """What stood in a cell before `write_rows` made a text of it."""
    return cell[1:] if cell.startswith(_TEXT) and _could_be_run(cell) else cell


def _as_text(cell: str) -> str:
    return f"{_TEXT}{cell}" if _could_be_run(cell) else cell


def _could_be_run(cell: str) -> bool:
    """Whether it could be without the apostrophes before it: one more or less is told by this."""
    bare = cell.lstrip(_TEXT)
    return begins_like_formula(bare) and _NUMBER.fullmatch(bare) is None


def read_rows(table: Path, needed: Sequence[str], wanted: Sequence[str]) -> dict[int, dict[str, str]]:
    """The rows of a table, by line as messages count them.

    Args:
        table: The file.
        needed: Columns that must be there.
        wanted: Columns that may be there besides; a row has an empty text where they are not.

    Returns:
        At least one row: what stands in it by column, without blanks around it, and without the apostrophe that keeps
        spreadsheets from running it.

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
        yield read.line_num, {column: as_it_was((row.get(column) or "").strip()) for column in columns}
