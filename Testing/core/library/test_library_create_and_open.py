"""Making and opening a library, and what is said where that cannot be."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from library_files import files_below, rewrite

from RetrievalSAMLib.errors import DamagedLibraryError, InputError
from RetrievalSAMLib.library import SupportLibrary


def test_a_new_library_opens_again_and_is_empty(tmp_path):
    made = SupportLibrary.create(tmp_path / "new" / "library", "Kidneys of the ward")
    opened = SupportLibrary.open(tmp_path / "new" / "library")
    assert opened.name == made.name == "Kidneys of the ward"
    assert opened.cases() == []
    assert opened.verify() == []
    assert sorted(p.name for p in opened.path.iterdir() if p.name != "cache" and not p.name.startswith(".")) == [
        "cases",
        "library.json",
        "library.json.sha256",
        "trash",
    ]


@pytest.mark.skipif(os.name == "nt", reason="sha256sum is a POSIX tool")
def test_checksum_files_are_what_sha256sum_reads(library, make_pair):
    case = library.add(*make_pair())
    for folder, name in ((library.path, "library.json.sha256"), (case.folder, "case.json.sha256")):
        subprocess.run(["sha256sum", "--check", "--strict", name], cwd=folder, check=True, capture_output=True)


def test_create_takes_an_empty_folder_and_what_an_interrupted_create_left(tmp_path, library):
    (tmp_path / "empty").mkdir()
    SupportLibrary.create(tmp_path / "empty")
    (library.path / "library.json").unlink()
    assert SupportLibrary.create(library.path).cases() == []


def test_create_refuses_a_folder_with_something_in_it(tmp_path, library):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty.*notes.txt"):
        SupportLibrary.create(tmp_path / "full")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["notes.txt"]
    with pytest.raises(InputError, match="a support library already"):
        SupportLibrary.create(library.path)
    with pytest.raises(InputError, match="it is a file"):
        SupportLibrary.create(library.path / "library.json")


def test_open_says_what_is_wrong_with_the_folder(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        SupportLibrary.open(tmp_path / "nothing")
    (tmp_path / "other").mkdir()
    with pytest.raises(InputError, match="not a support library") as caught:
        SupportLibrary.open(tmp_path / "other")
    assert not isinstance(caught.value, DamagedLibraryError)


def test_open_refuses_a_newer_format_and_changes_nothing(library):
    record = json.loads((library.path / "library.json").read_bytes())
    rewrite(library.path / "library.json", json.dumps({**record, "format_version": 2, "new": 1}).encode())
    before = files_below(library.path)
    with pytest.raises(InputError, match="format version is 2.*Update RetrievalSAM") as caught:
        SupportLibrary.open(library.path)
    assert not isinstance(caught.value, DamagedLibraryError)
    assert files_below(library.path) == before


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"format": "retrievalsam-library"}', b"\xff\xfe", b"[" * 100_000])
def test_open_names_a_damaged_library_json(library, data):
    rewrite(library.path / "library.json", data)
    with pytest.raises(DamagedLibraryError, match=r"library\.json.*cannot be read.*backup"):
        SupportLibrary.open(library.path)


def test_open_names_a_missing_or_wrong_checksum(library):
    (library.path / "library.json").write_bytes((library.path / "library.json").read_bytes() + b" ")
    with pytest.raises(DamagedLibraryError, match="not what its checksum"):
        SupportLibrary.open(library.path)
    (library.path / "library.json.sha256").unlink()
    with pytest.raises(DamagedLibraryError, match=r"library\.json\.sha256.*missing"):
        SupportLibrary.open(library.path)


def test_open_tells_a_library_without_its_json_from_another_folder(library):
    (library.path / "library.json").unlink()
    with pytest.raises(DamagedLibraryError, match=r"library\.json: it is missing"):
        SupportLibrary.open(library.path)
