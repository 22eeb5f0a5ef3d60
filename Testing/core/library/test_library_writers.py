"""Several writers, interrupted writers, full disks."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading

import filelock
import pytest
from library_files import files_below

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.library import Provenance, SupportLibrary


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


class Crash(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("what", ["add", "add_version", "remove", "restore", "empty_trash", "create"])
def test_a_crash_at_any_rename_or_sync_leaves_the_old_or_the_new_state(tmp_path, make_pair, monkeypatch, what):
    def prepared(folder):
        made = SupportLibrary.create(folder)
        made.add(*make_pair(), name="a")
        made.remove(made.add(*make_pair(1), name="b").id)
        return made

    act = {
        "add": lambda made: made.add(*make_pair(2), name="c"),
        "add_version": lambda made: made.add_version("a", make_pair()[1], provenance=Provenance()),
        "remove": lambda made: made.remove("a"),
        "restore": lambda made: made.restore("b"),
        "empty_trash": lambda made: made.empty_trash(),
        "create": lambda made: SupportLibrary.create(made.path.with_name(made.path.name + "-new")),
    }[what]

    def state(made):
        if what == "create":
            new = made.path.with_name(made.path.name + "-new")
            return (new / "library.json").exists()
        opened = SupportLibrary.open(made.path)
        assert opened.verify() == []
        return [[(c.name, len(c.versions)) for c in cases] for cases in (opened.cases(), opened.removed())]

    reference = prepared(tmp_path / "reference")
    old = state(reference)
    act(reference)
    new = state(reference)
    assert old != new
    points = 0
    while True:
        made = prepared(tmp_path / f"n{points}")
        calls = itertools.count(1)
        with monkeypatch.context() as patch:
            for name in ("replace", "rename", "fsync"):
                original = getattr(os, name)

                def dying(*args, original=original, calls=calls, last=points, **kwargs):
                    if next(calls) > last:
                        raise Crash
                    return original(*args, **kwargs)

                patch.setattr(os, name, dying)
            # A process that ends cleans nothing up.
            patch.setattr(SupportLibrary, "_clean_staging", lambda self: None)
            try:
                act(made)
                crashed = False
            except Crash:
                crashed = True
        assert state(made) in (old, new)
        if not crashed:
            break
        if what in ("create", "add", "add_version") and state(made) == old:
            act(made)  # the next writer finishes the job
            assert state(made) == new
            assert not (made.path / ".staging").exists()
        points += 1
    assert points >= 3


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


def test_processes_that_add_lose_nothing(library):
    script = """
import sys
import numpy as np
from RetrievalSAMLib.library import SupportLibrary
from RetrievalSAMLib.volumes.geometry import Geometry
from RetrievalSAMLib.volumes.volume import Segmentation, Volume
geometry = Geometry((4, 4, 3), (1., 1., 3.), (0., 0., 0.), (1., 0., 0., 0., 1., 0., 0., 0., 1.))
labels = np.zeros((4, 4, 3), np.uint8)
labels[1:3, 1:3, 1] = 1
library = SupportLibrary.open(sys.argv[1])
for n in range(3):
    voxels = np.random.default_rng(int(sys.argv[2]) * 10 + n).random((4, 4, 3)).astype(np.float32)
    library.add(Volume(voxels, geometry), Segmentation.from_labelmap(labels, geometry, {1: "A"}))
"""
    running = [subprocess.Popen([sys.executable, "-c", script, str(library.path), str(number)]) for number in range(3)]
    assert [process.wait(timeout=120) for process in running] == [0, 0, 0]
    assert [case.name for case in library.cases()] == [f"case-{n:03d}" for n in range(1, 10)]
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
