"""Odd paths, drives without locks, clocks that go backwards, and who holds a library."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.library import Provenance, SupportLibrary, versions
from RetrievalSAMLib.library.lock import NOTE_FILE
from RetrievalSAMLib.library.sharing.archive import export_library, import_archive

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    "name",
    ["my library (old) & new", "Bibliothèque 肝臓 – Å Ω", "x" * 250, "/".join(["d" * 200] * 4), "é" * 80, "%41#?'"],
    ids=["spaces", "non-ascii", "250 characters", "deep", "composed", "signs"],
)
@pytest.mark.skipif(os.name == "nt", reason="Windows limits whole paths, by its own setting")
def test_a_library_may_lie_under_any_name(tmp_path, make_pair, name):
    made = SupportLibrary.create(tmp_path / name, "Ärzte 肝")
    made.add(*make_pair(), name="Fall Ä 肝")
    made.add_version("fall ä 肝", make_pair()[1], provenance=Provenance())
    opened = SupportLibrary.open(tmp_path / name)
    opened.cases()[0].load()
    assert opened.verify() == []
    file = tmp_path / ("y" * 240 + ".rslib")
    export_library(opened, file)
    opened.remove("FALL Ä 肝")
    assert import_archive(opened, file).added == ["Fall Ä 肝"]
    assert [case.name for case in opened.removed()] == ["Fall Ä 肝"] and opened.verify() == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has another limit")
def test_a_name_that_no_disk_takes_is_refused_in_words(tmp_path):
    for act in (SupportLibrary.create, SupportLibrary.open):
        with pytest.raises(InputError):
            act(tmp_path / ("x" * 300))


def test_names_that_differ_by_their_letters_case_only_are_one(library, make_pair):
    library.add(*make_pair(), name="Straße")
    for other in ("STRASSE", "strasse", " Straße "):
        with pytest.raises(InputError, match="has the case `Straße`"):
            library.add(*make_pair(1), name=other)
    assert library.get("STRASSE").name == "Straße"


@pytest.mark.skipif(os.name == "nt", reason="replaces the system's lock on POSIX")
@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP], ids=errno.errorcode.get)
def test_a_drive_without_locks_is_said_and_can_be_read(library, make_pair, monkeypatch, code):
    library.add(*make_pair())

    def refused(*_):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr("fcntl.flock", refused)
        with pytest.raises(InputError, match="cannot lock files.*Two programs could change it.*another drive"):
            library.add(*make_pair(1))
        library.cases()[0].load()
        assert library.verify() == []
    assert len(library.cases()) == 1 and not (library.path / NOTE_FILE).exists()


def test_a_clock_that_goes_backwards_costs_nothing(library, make_pair, monkeypatch):
    first = library.add(*make_pair(), name="a")
    library.cases()
    past = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(days=4000)
    monkeypatch.setattr(versions, "now", lambda: past)
    monkeypatch.setattr("time.time_ns", lambda: int(past.timestamp() * 1e9))
    library.add_version("a", make_pair(names={1: "Anterior"})[1], provenance=Provenance())
    os.utime(first.folder / "case.json", (past.timestamp(), past.timestamp()))
    library.add(*make_pair(1), name="b")
    for _ in range(2):
        opened = SupportLibrary.open(library.path)
        assert [(case.name, len(case.versions)) for case in opened.cases()] == [("a", 2), ("b", 1)]
    assert opened.get("a").versions[1].created == past < opened.get("a").versions[0].created
    assert opened.verify() == []


HOLDS = """
import sys
from pathlib import Path
from RetrievalSAMLib.library.folders import Folders
with Folders(Path(sys.argv[1])).writing(60):
    print("holding", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(library):
    """A process that writes to the library until it is told to end, or killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(library.path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout.readline() == "holding\n"
        yield process
        process.kill()


def test_who_holds_a_library_is_said_by_process_and_time_only(library, make_pair, holder):
    library.lock_timeout_seconds = 0.1
    with pytest.raises(InputError) as caught:
        library.add(*make_pair())
    assert f"another program (process {holder.pid}, since {datetime.now(timezone.utc):%Y}" in str(caught.value)
    note = (library.path / NOTE_FILE).read_text()
    assert os.uname().nodename not in note if hasattr(os, "uname") else note
    holder.communicate("")
    assert library.add(*make_pair()).name == "case-001"
    assert not (library.path / NOTE_FILE).exists()


@pytest.mark.skipif(os.name == "nt", reason="sends SIGKILL")
def test_the_lock_of_a_killed_writer_is_taken_over_and_that_is_said(library, make_pair, holder, caplog):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert library.add(*make_pair()).name == "case-001"
    assert [f"process {holder.pid}, since" in record.getMessage() for record in caplog.records] == [True]
    assert not (library.path / NOTE_FILE).exists()
