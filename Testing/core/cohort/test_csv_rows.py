"""CSV that a spreadsheet opens: nothing in it is run, numbers stay numbers, and what stood there is read back."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from msgspec.structs import replace

from RetrievalSAMLib.cohort.items import Item, read_items, write_items
from RetrievalSAMLib.cohort.review.decisions import Decisions
from RetrievalSAMLib.cohort.table import write_table
from RetrievalSAMLib.csv_rows import as_it_was, read_rows, write_rows
from RetrievalSAMLib.evaluation.numbers import SegmentNumbers, write_numbers
from Testing.batch_folders import batch

RUN = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\uff1d1+1", "-", "--1", "+a"]
NUMBERS = ["-12.5", "+3", "1e-05", "-1.5e+06", "0", "12."]
TEXTS = ["Liver", "left-right", "a=b", "", "'", "'quoted'", "''", "'-5", "x\ny", 'with "quotes", and commas']


def written(tmp_path: Path, *cells: str) -> list[str]:
    """The cells as any other program reads them."""
    file = tmp_path / "written.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        write_rows(stream, [[cell] for cell in ("name", *cells)])
    with file.open(encoding="utf-8", newline="") as stream:
        return [row[0] if row else "" for row in csv.reader(stream)][1:]


def test_what_a_spreadsheet_would_run_is_text(tmp_path: Path) -> None:
    assert written(tmp_path, *RUN) == [f"'{cell}" for cell in RUN]


@pytest.mark.parametrize("cell", [*NUMBERS, *TEXTS])
def test_numbers_and_other_texts_stay_as_they_are(tmp_path: Path, cell: str) -> None:
    assert written(tmp_path, cell) == [cell]


@pytest.mark.parametrize("cell", [*RUN, *NUMBERS, *TEXTS, "'=1", "''=1", "'\t1"])
def test_what_stood_there_is_read_back(tmp_path: Path, cell: str) -> None:
    (read,) = written(tmp_path, cell)
    assert as_it_was(read) == cell


def test_tables_that_this_wrote_are_read_as_they_were(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    with table.open("w", encoding="utf-8", newline="") as stream:
        write_rows(stream, [("path", "id"), ("@scans/-a.nrrd", "'=b"), ("-5", "c")])
    assert list(read_rows(table, ("path", "id"), ()).values()) == [
        {"path": "@scans/-a.nrrd", "id": "'=b"},
        {"path": "-5", "id": "c"},
    ]
    write_items([Item("a", tmp_path / "=x.nrrd")], table)
    assert [item.path for item in read_items(table)] == [tmp_path / "=x.nrrd"]


def test_names_in_the_numbers_are_text_and_negative_means_are_numbers(tmp_path: Path) -> None:
    row = SegmentNumbers("=A1", "-Liver", 1.0, 2.0, 3.0, -120.25, 4.0, None, 0)
    write_numbers([row], tmp_path / "numbers.csv")
    with (tmp_path / "numbers.csv").open(encoding="utf-8-sig", newline="") as stream:
        (read,) = csv.DictReader(stream)
    assert (read["volume_id"], read["segment"], read["mean"]) == ("'=A1", "'-Liver", "-120.25")


def test_names_and_messages_in_a_batch_table_are_text(tmp_path: Path) -> None:
    (outcome, *_others), _results = batch(tmp_path, 6)
    segment = replace(outcome.segments[0], name="=Liver")
    changed = replace(outcome, segments=(segment,), notes=("@note",), error="-error")
    write_table([changed], tmp_path / "batch.csv", Decisions())
    with (tmp_path / "batch.csv").open(encoding="utf-8-sig", newline="") as stream:
        (read,) = csv.DictReader(stream)
    assert (read["reading"], read["error"]) == ("'@note", "'-error")
    assert float(read["'=Liver (mm3)"]) == pytest.approx(segment.volume_mm3, abs=1e-3)
