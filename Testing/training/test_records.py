"""What is kept of long measurements: a stop costs one line at most, and nothing is computed twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.records import Records, read_records

PARTS = ("target", "settings")


def test_a_figure_is_found_again_by_what_it_belongs_to(tmp_path: Path) -> None:
    file = tmp_path / "new" / "results.jsonl"
    first = Records(file, PARTS)
    first.append({"target": "a", "settings": {"k": 4, "gate": 0.5}, "dice": 0.5})
    first.append({"target": "a", "settings": {"k": 8, "gate": 0.5}, "dice": 0.6})
    again = Records(file, PARTS)
    found = again.find({"settings": {"gate": 0.5, "k": 8}, "target": "a"})
    assert found is not None and found["dice"] == 0.6
    assert again.find({"target": "b", "settings": {"k": 8, "gate": 0.5}}) is None


def test_the_last_of_two_figures_that_are_the_same_counts(tmp_path: Path) -> None:
    files = [tmp_path / "1.jsonl", tmp_path / "2.jsonl"]
    for file, dice in zip(files, (0.5, 0.7), strict=True):
        Records(file, PARTS).append({"target": "a", "settings": {}, "dice": dice})
    assert [record["dice"] for record in read_records(files, PARTS)] == [0.7]


@pytest.mark.parametrize("torn", ['{"target": "b", "sett', '{"target": "b"}', "[1, 2]", ""])
def test_a_line_that_is_no_record_is_skipped_and_the_next_one_is_whole(
    tmp_path: Path, torn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "results.jsonl"
    records = Records(file, PARTS)
    records.append({"target": "a", "settings": {}})
    file.write_text(file.read_text() + torn)
    records.append({"target": "c", "settings": {}})
    assert [record["target"] for record in read_records([file], PARTS)] == ["a", "c"]
    assert ("line 2: no record, skipped" in capsys.readouterr().err) == bool(torn)


def test_without_a_file_figures_are_kept_for_this_process(tmp_path: Path) -> None:
    records = Records(None, PARTS)
    records.append({"target": "a", "settings": {}, "dice": 1})
    assert records.find({"target": "a", "settings": {}}) == {"target": "a", "settings": {}, "dice": 1}
