"""The catalogue saves reading the cases; whatever happens to it, the case folders are what counts."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import uuid

import pytest
from library_files import rewrite

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.library import Case, Provenance, SupportLibrary
from RetrievalSAMLib.library import catalogue as catalogue_module
from RetrievalSAMLib.library.find import case_folders


@pytest.fixture
def settled(monkeypatch):
    """What was written just now is believed at once."""
    monkeypatch.setattr(catalogue_module, "_SETTLED_NS", -(10**12))


@pytest.fixture
def filled(library, make_pair):
    for seed in range(3):
        library.add(*make_pair(seed))
    library.remove(library.add(*make_pair(3)).id)
    return library


def truth(library):
    return sorted((Case.read(folder) for folder in case_folders(library.path / "cases")), key=lambda case: case.name)


def catalogue_of(library):
    return library.cache_dir / catalogue_module.FILE


def test_a_library_opens_without_reading_its_cases(filled, settled, monkeypatch):
    expected = truth(filled)
    assert filled.cases() == expected and len(filled.removed()) == 1
    monkeypatch.setattr(catalogue_module, "read_case", lambda folder: pytest.fail(f"{folder.name} was read"))
    assert SupportLibrary.open(filled.path).cases() == expected
    assert [case.name for case in filled.removed()] == ["case-004"]


def test_a_file_that_was_written_a_moment_ago_is_read_again(filled, monkeypatch):
    monkeypatch.setattr(catalogue_module, "_SETTLED_NS", 10**18)
    filled.cases()
    seen = []
    monkeypatch.setattr(catalogue_module, "read_case", lambda folder: seen.append(folder.name) or Case.read(folder))
    filled.cases()
    assert len(seen) == 3


COUNTED = """
import sys
from pathlib import Path
import numpy as np
from RetrievalSAMLib.library import SupportLibrary
from RetrievalSAMLib.volumes import Geometry, Segment, Segmentation, Volume
grid = Geometry((4, 3, 5), (1.0, 1.0, 2.0), (0.0, 0.0, 0.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
mask = np.zeros(grid.size, dtype=bool)
mask[1:3, 1, 2] = True
drawn = Segmentation.from_masks([Segment("Liver", 1)], [mask], grid)
library = SupportLibrary.create(Path(sys.argv[1]))
counts, counting = [], False
def heard(event, arguments):
    if counting and event in ("open", "os.scandir", "os.listdir", "os.rename", "sqlite3.connect"):
        counts[-1] += 1
sys.addaudithook(heard)
for number in range(25):
    image = Volume(np.random.default_rng(number).integers(0, 99, grid.size, dtype=np.int16), grid)
    counts.append(0)
    counting = True
    library.add(image, drawn)
    counting = False
print(*counts[2:])
"""


def test_adding_a_case_touches_as_many_files_in_a_large_library_as_in_a_small_one(tmp_path):
    process = subprocess.run(
        [sys.executable, "-c", COUNTED, str(tmp_path / "library")], capture_output=True, text=True, check=True
    )
    counts = set(process.stdout.split())
    assert len(counts) == 1 and int(counts.pop()) > 5


@pytest.mark.parametrize("where", ["start", "middle", "end", "cut", "empty", "text"])
def test_a_damaged_catalogue_is_made_anew(filled, settled, make_pair, where):
    expected = filled.cases()
    file = catalogue_of(filled)
    data = file.read_bytes()
    middle = len(data) // 2
    file.write_bytes(
        {
            "start": bytes(200) + data[200:],
            "middle": data[:middle] + bytes(4096) + data[middle + 4096 :],
            "end": data[:-3000] + bytes([7]) * 3000,
            "cut": data[:middle],
            "empty": b"",
            "text": b"this is no database at all" * 100,
        }[where]
    )
    assert filled.cases() == expected
    assert filled.add(*make_pair(9)).name == "case-005"
    with pytest.raises(InputError, match="already"):
        filled.add(*make_pair(10), name="Case-002")
    assert len(filled.cases()) == 4


def test_a_missing_catalogue_is_made_anew(filled, settled):
    expected = filled.cases()
    shutil.rmtree(filled.cache_dir)
    assert filled.cases() == expected
    assert catalogue_of(filled).is_file()


def test_what_another_program_does_to_the_cases_is_seen(filled, settled, make_pair):
    first, second, third = filled.cases()
    record = json.loads((first.folder / "case.json").read_bytes())
    record["name"] = "renamed"
    rewrite(first.folder / "case.json", json.dumps(record).encode())
    shutil.rmtree(second.folder)
    copied = third.folder.with_name(str(uuid.uuid4()))
    shutil.copytree(third.folder, copied)
    record = json.loads((copied / "case.json").read_bytes())
    record.update(id=copied.name, name="copied")
    rewrite(copied / "case.json", json.dumps(record).encode())
    assert [case.name for case in filled.cases()] == ["case-003", "copied", "renamed"]
    assert filled.get("renamed").id == first.id
    with pytest.raises(InputError, match="no such case"):
        filled.get("case-001")


def test_a_case_that_another_program_put_there_is_seen_by_a_writer(filled, settled, make_pair):
    """A writer looks at the listing of the folder only."""
    third = filled.get("case-003")
    copied = third.folder.with_name(str(uuid.uuid4()))
    shutil.copytree(third.folder, copied)
    record = json.loads((copied / "case.json").read_bytes())
    record.update(id=copied.name, name="case-017")
    rewrite(copied / "case.json", json.dumps(record).encode())
    assert filled.add(*make_pair(9)).name == "case-018"
    with pytest.raises(InputError, match="already"):
        filled.add(*make_pair(10), name="case-017")


def test_a_case_json_that_was_damaged_later_is_named(filled, settled):
    filled.cases()
    case = filled.get("case-002")
    (case.folder / "case.json").write_bytes(b"{}")
    assert [case.name for case in filled.cases()] == ["case-001", "case-003"]
    assert [damage.file for damage in filled.left_out()] == [f"cases/{case.id}/case.json"]


def test_segments_of_a_new_version_count_for_the_next_case(filled, settled, make_pair):
    image, segmentation = make_pair(0, {5: "Pancreas"})
    for case in filled.cases()[1:]:
        filled.remove(case.id)
    filled.add_version("case-001", segmentation, provenance=Provenance())
    with pytest.raises(InputError, match="Pancreas"):
        filled.add(*make_pair(7, {5: "Kidney"}))
    assert filled.add(*make_pair(8, {5: "Pancreas", 6: "Kidney"})).name == "case-005"


def test_a_catalogue_that_another_program_holds_does_not_hinder(filled, settled, make_pair, monkeypatch):
    monkeypatch.setattr(catalogue_module, "_BUSY_SECONDS", 0.01)
    expected = filled.cases()
    other = sqlite3.connect(catalogue_of(filled), isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    assert filled.cases() == expected
    added = filled.add(*make_pair(9))
    other.execute("ROLLBACK")
    other.close()
    assert added.name == "case-005" and len(filled.cases()) == 4
    assert [case.name for case in filled.cases()] == [case.name for case in truth(filled)]


def test_where_nothing_can_be_kept_the_cases_are_read(filled, settled):
    expected = filled.cases()
    shutil.rmtree(filled.cache_dir)
    filled.cache_dir.write_text("a file where the folder should be")
    assert filled.cases() == expected


KILLED = """
import os, sys
from pathlib import Path
from RetrievalSAMLib.library import SupportLibrary, catalogue
enter = catalogue._enter
def killed(*arguments):
    enter(*arguments)
    os._exit(9)
catalogue._enter = killed
SupportLibrary.open(Path(sys.argv[1])).cases()
"""


def test_a_program_that_is_killed_while_it_writes_the_catalogue_leaves_a_good_one(filled, settled):
    expected = filled.cases()
    for file in filled.cache_dir.iterdir():
        os.remove(file)
    assert subprocess.run([sys.executable, "-c", KILLED, str(filled.path)], check=False).returncode == 9
    assert filled.cases() == expected
