"""What is kept of many cases in one file comes back whole, whatever happens to it or to who writes it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from made_up_evidence import made_up_case

from RetrievalSAMLib.retrieval.evidence import CaseEvidence
from RetrievalSAMLib.retrieval.evidence_file import EvidenceFile

ROOT = Path(__file__).resolve().parents[3]


def same(found: CaseEvidence | None, expected: CaseEvidence) -> bool:
    if found is None:
        return False
    arrays = ("embeddings", "position", "areas_mm2", "file_index", "extent_mm")
    equal = [np.array_equal(getattr(found, a), getattr(expected, a), equal_nan=True) for a in arrays]
    return all(equal) and (found.values, found.overlapping) == (expected.values, expected.overlapping)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "embeddings" / "made-up-axial.evidence"


@pytest.fixture
def cases() -> dict[str, CaseEvidence]:
    return {f"{n:040d}": made_up_case(n, 5 + n, values=tuple(range(1, n + 2)), annotated=0.7) for n in range(5)}


@pytest.fixture
def filled(path: Path, cases: dict[str, CaseEvidence]) -> Path:
    file = EvidenceFile(path)
    for key, case in cases.items():
        file.append(key, case)
    return path


def test_every_case_comes_back_to_the_bit(filled: Path, cases: dict[str, CaseEvidence]) -> None:
    file = EvidenceFile(filled)
    assert all(same(file.get(key), case) for key, case in cases.items())
    assert file.get("0" * 39 + "9") is None


def test_appending_reads_and_writes_no_other_case(filled: Path, cases: dict[str, CaseEvidence]) -> None:
    before = filled.read_bytes()
    file = EvidenceFile(filled)
    file.append("new", made_up_case(9))
    assert filled.read_bytes().startswith(before)
    file.append("new", made_up_case(9))
    assert filled.read_bytes().count(b'"key":"new"') == 1


def test_a_reader_follows_what_others_append(filled: Path) -> None:
    writer, reader = EvidenceFile(filled), EvidenceFile(filled)
    writer.append("a", made_up_case(6))
    reader.append("b", made_up_case(7))
    assert same(reader.get("a"), made_up_case(6)) and same(reader.get("b"), made_up_case(7))
    assert same(EvidenceFile(filled).get("a"), made_up_case(6))


def test_views_stay_what_they_were_while_the_file_grows(filled: Path, cases: dict[str, CaseEvidence]) -> None:
    file = EvidenceFile(filled)
    key, case = next(iter(cases.items()))
    view = file.get(key)
    for n in range(20):
        file.append(str(n), made_up_case(n, 50))
    assert same(view, case) and same(file.get("19"), made_up_case(19, 50))


def damaged(data: bytes) -> Iterator[bytes]:
    for position in range(0, len(data), 61):
        yield data[:position] + bytes([data[position] ^ 0x21]) + data[position + 1 :]
        yield data[:position]


def test_a_changed_byte_or_a_cut_costs_one_case_and_never_gives_a_wrong_one(
    filled: Path, cases: dict[str, CaseEvidence]
) -> None:
    data = filled.read_bytes()
    for number, broken in enumerate(damaged(data)):
        filled.write_bytes(broken)
        file = EvidenceFile(filled)
        found = {key: file.get(key) for key in cases}
        assert all(case is None or same(case, cases[key]) for key, case in found.items())
        if len(broken) == len(data):
            assert sum(case is None for case in found.values()) <= 1
        if number % 20 == 0:
            for key, case in cases.items():
                file.append(key, case)
            assert all(same(EvidenceFile(filled).get(key), case) for key, case in cases.items())


def test_the_file_may_vanish_or_be_another_one_at_any_time(filled: Path, cases: dict[str, CaseEvidence]) -> None:
    file = EvidenceFile(filled)
    filled.unlink()
    file.append("a", made_up_case(6))
    assert same(file.get("a"), made_up_case(6))
    other = filled.with_name("other.evidence")
    for n in range(9):
        EvidenceFile(other).append(f"other {n}", made_up_case(n, 40))
    os.replace(other, filled)
    file.append("b", made_up_case(7))
    fresh = EvidenceFile(filled)
    assert same(fresh.get("other 8"), made_up_case(8, 40)) and same(fresh.get("b"), made_up_case(7))


KILLED = """
import os, sys
from pathlib import Path
from made_up_evidence import made_up_case
from RetrievalSAMLib.retrieval.evidence_file import EvidenceFile
left = int(sys.argv[2])
def sync(descriptor):
    global left
    left -= 1
    if left == 0:
        os._exit(9)
os.fsync = sync
file = EvidenceFile(Path(sys.argv[1]))
file.append("half", made_up_case(33, 500))
"""


def run(script: str, *arguments: object) -> subprocess.Popen[str]:
    places = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    environment = {**os.environ, "PYTHONPATH": places}
    return subprocess.Popen([sys.executable, "-c", script, *map(str, arguments)], env=environment, text=True)


@pytest.mark.parametrize(("sync", "kept"), [(1, False), (2, True)])
def test_a_program_that_is_killed_while_it_appends_leaves_what_was_there(
    filled: Path, cases: dict[str, CaseEvidence], sync: int, kept: bool
) -> None:
    """Killed before its description is written, a case is not there; afterwards it is whole."""
    process = run(KILLED, filled, sync)
    assert process.wait(120) == 9
    file = EvidenceFile(filled)
    assert all(same(file.get(key), case) for key, case in cases.items())
    assert same(file.get("half"), made_up_case(33, 500)) is kept
    file.append("next", made_up_case(8))
    fresh = EvidenceFile(filled)
    assert same(fresh.get("next"), made_up_case(8)) and all(same(fresh.get(k), case) for k, case in cases.items())


APPENDS = """
import sys
from pathlib import Path
from made_up_evidence import made_up_case
from RetrievalSAMLib.retrieval.evidence_file import EvidenceFile
file = EvidenceFile(Path(sys.argv[1]))
for n in range(int(sys.argv[2]), int(sys.argv[3])):
    file.append(str(n), made_up_case(n, 30))
"""


def test_programs_that_append_at_once_lose_nothing_and_read_nothing_by_halves(path: Path) -> None:
    processes = [run(APPENDS, path, *part) for part in ((0, 40), (20, 60), (50, 80))]
    while any(process.poll() is None for process in processes):
        file = EvidenceFile(path)
        for n in range(80):
            found = file.get(str(n))
            assert found is None or same(found, made_up_case(n, 30))
    assert [process.wait() for process in processes] == [0, 0, 0]
    file = EvidenceFile(path)
    assert all(same(file.get(str(n)), made_up_case(n, 30)) for n in range(80))
    data = path.read_bytes()
    assert all(data.count(f'"key":"{n}"'.encode()) == 1 for n in range(80))


def test_a_folder_that_cannot_be_written_costs_the_keeping_only(tmp_path: Path) -> None:
    (tmp_path / "embeddings").write_text("a file where the folder should be")
    file = EvidenceFile(tmp_path / "embeddings" / "made-up.evidence")
    file.append("a", made_up_case(1))
    assert file.get("a") is None
