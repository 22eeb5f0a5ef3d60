"""Several writers, interrupted writers, full disks."""

from __future__ import annotations

import os
import threading

import filelock
import pytest
from library_files import files_below

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.library import Provenance, SupportLibrary, files


def test_leftovers_of_an_interrupted_writer_are_ignored_and_cleaned(library, make_pair):
    case = library.add(*make_pair())
    leftover = library.path / ".staging" / "dead"
    leftover.mkdir(parents=True)
    (leftover / "case.json").write_text("half a ca")
    assert [c.id for c in library.cases()] == [case.id]
    assert library.verify() == []
    library.add(*make_pair(1))
    assert not (library.path / ".staging").exists()


def test_a_reader_between_the_steps_of_a_replacement_finds_a_whole_case(library, make_pair, monkeypatch):
    """At every rename of `add_version`, and after a crash there, the case is the old or the new one."""
    library.add(*make_pair(), name="a")
    seen = []
    for name in ("replace", "rename"):
        original = getattr(os, name)

        def watched(source, target, original=original):
            original(source, target)
            seen.append(len(SupportLibrary.open(library.path).get("a").versions))
            assert library.verify() == []

        monkeypatch.setattr(os, name, watched)
    library.add_version("a", make_pair()[1], provenance=Provenance())
    assert seen[0] == 1 and seen[-1] == 2 and seen == sorted(seen)


def test_a_second_writer_waits_and_then_says_so(library, make_pair):
    impatient = SupportLibrary.open(library.path)
    impatient.lock_timeout_seconds = 0.1
    with (
        filelock.FileLock(library.path / ".lock"),
        pytest.raises(InputError, match="another program.*0.1 seconds"),
    ):
        impatient.add(*make_pair())
    assert library.cases() == []
    assert impatient.add(*make_pair()).name == "case-001"


def test_threads_that_add_and_read_lose_nothing(library, make_pair):
    errors = []

    def write(number):
        try:
            mine = SupportLibrary.open(library.path)
            for seed in range(3):
                mine.add(*make_pair(10 * number + seed))
                for case in mine.cases():
                    case.load()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert [case.name for case in library.cases()] == [f"case-{n:03d}" for n in range(1, 13)]
    assert library.verify() == []


@pytest.mark.skipif(os.name == "nt" or (hasattr(os, "geteuid") and os.geteuid() == 0), reason="root writes anywhere")
def test_a_folder_that_cannot_be_written_is_said(library, make_pair):
    library.path.chmod(0o500)
    try:
        with pytest.raises(InputError, match="cannot be used"):
            library.add(*make_pair())
    finally:
        library.path.chmod(0o700)


def test_a_full_disk_is_said_and_leaves_nothing(library, make_pair, monkeypatch):
    library.add(*make_pair())
    before = files_below(library.path)

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("RetrievalSAMLib.library.files.os.fsync", full)
        with pytest.raises(InputError, match="No space left"):
            library.add(*make_pair(1))
    assert files_below(library.path) == before
    assert not (library.path / ".staging").exists()


@pytest.fixture
def meanwhile(library, monkeypatch):
    """Have another program take a case to the trash at the next read of its `case.json`, before or after it."""

    def arrange(case, *, before=False, back=False):
        trashed = library.path / "trash" / case.id
        read, moved = files._read_limited, []

        def moving():
            moved.append(case.folder.rename(trashed))

        def watched(path):
            if moved or path.parent != case.folder:
                return read(path)
            if before:
                moving()
            try:
                return read(path)
            finally:
                if not before:
                    moving()
                if back:
                    trashed.rename(case.folder)

        monkeypatch.setattr(files, "_read_limited", watched)
        return moved

    return arrange


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("look", ["left_out", "verify"])
def test_a_case_that_is_removed_while_it_is_read_is_not_called_damaged(library, make_pair, meanwhile, before, look):
    moved = meanwhile(library.add(*make_pair()), before=before)
    library.forget_catalogue()
    assert getattr(library, look)() == [] and moved
    assert library.cases() == [] and len(library.removed()) == 1


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("look", ["left_out", "verify"])
def test_a_case_that_goes_to_the_trash_and_back_while_it_is_read_is_there(library, make_pair, meanwhile, before, look):
    moved = meanwhile(library.add(*make_pair()), before=before, back=True)
    library.forget_catalogue()
    assert getattr(library, look)() == [] and moved
    assert len(library.cases()) == 1
