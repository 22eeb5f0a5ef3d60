"""A library as one file, and back."""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from library_files import files_below

from RetrievalSAMLib.errors import DamagedLibraryError, InputError
from RetrievalSAMLib.library import Provenance, SupportLibrary
from RetrievalSAMLib.library.sharing.archive import Exported, Skipped, export_library, import_archive, open_or_create


class Stop(Exception):
    """What a user's Cancel raises in the progress function."""


@pytest.fixture
def filled(library, make_pair) -> SupportLibrary:
    """Three cases, one of them with two versions, one more in the trash, and a cache."""
    library.add(*make_pair(0), name="first", modality="MR")
    library.add(*make_pair(1), name="second")
    library.add_version("first", make_pair(0, {1: "Anterior"})[1], provenance=Provenance(origin="corrected"))
    library.remove(library.add(*make_pair(2), name="removed").id)
    library.add(*make_pair(3), name="third")
    library.cache_dir.mkdir(exist_ok=True)
    (library.cache_dir / "index.bin").write_bytes(b"derived")
    return library


@pytest.fixture
def archive(filled, tmp_path) -> Path:
    file = tmp_path / "all.rslib"
    export_library(filled, file)
    return file


def empty(tmp_path, name="other") -> SupportLibrary:
    return SupportLibrary.create(tmp_path / name)


def test_a_round_trip_gives_the_same_cases_to_the_byte(filled, archive, tmp_path):
    other = empty(tmp_path)
    imported = import_archive(other, archive)
    assert imported.added == ["first", "second", "third"] and imported.skipped == []
    assert files_below(other.path / "cases") == files_below(filled.path / "cases")
    assert other.verify() == []
    assert len(other.get("first").versions) == 2
    again = tmp_path / "again.rslib"
    export_library(SupportLibrary.open(other.path), again)
    with zipfile.ZipFile(archive) as one, zipfile.ZipFile(again) as two:
        assert [n for n in one.namelist() if n.startswith("cases/")] == [
            n for n in two.namelist() if n.startswith("cases/")
        ]


def test_the_file_is_the_same_to_the_byte_wherever_and_whenever_it_is_written(filled, archive, tmp_path):
    moved = tmp_path / "elsewhere" / "Doe_Jane"
    shutil.copytree(filled.path, moved)
    for path in moved.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    second = tmp_path / "second.rslib"
    exported = export_library(SupportLibrary.open(moved), second)
    assert second.read_bytes() == archive.read_bytes()
    assert exported == Exported(3, archive.stat().st_size)
    assert b"Doe_Jane" not in second.read_bytes() and str(tmp_path).encode() not in second.read_bytes()


def test_an_archive_that_any_program_has_unpacked_is_a_library_again(archive, tmp_path):
    shutil.unpack_archive(archive, tmp_path / "unpacked", "zip")
    unpacked = SupportLibrary.open(tmp_path / "unpacked")
    assert unpacked.verify() == [] and unpacked.removed() == []
    unpacked.remove("first")
    assert [case.name for case in unpacked.cases()] == ["second", "third"]


def test_cache_trash_and_leftovers_stay_behind(filled, tmp_path):
    leftover = filled.get("second").folder / "v2"
    leftover.mkdir()
    (leftover / "segmentation.seg.nrrd").write_bytes(b"half a se")
    file = tmp_path / "a.rslib"
    export_library(filled, file)
    with zipfile.ZipFile(file) as opened:
        names = opened.namelist()
        assert {entry.date_time for entry in opened.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert names[:2] == ["library.json", "library.json.sha256"]
    assert len(names) == 2 + (5 + 4 + 4)
    assert all(name.startswith("cases/") for name in names[2:])


def test_single_cases_are_exported_by_name_or_id(filled, tmp_path):
    file = tmp_path / "some.rslib"
    second = filled.get("second")
    assert export_library(filled, file, ["THIRD", second.id, "second"]).cases == 2
    assert import_archive(empty(tmp_path), file).added == ["second", "third"]


def test_what_cannot_be_exported_is_said(filled, tmp_path, make_pair):
    with pytest.raises(InputError, match="no such case"):
        export_library(filled, tmp_path / "a.rslib", ["fourth"])
    with pytest.raises(InputError, match=r"\.zip cannot be written.*\.rslib"):
        export_library(filled, tmp_path / "a.zip")
    with pytest.raises(InputError, match="lies in the library itself"):
        export_library(filled, filled.path / "cases" / "a.rslib")
    with pytest.raises(InputError, match="no case to export"):
        export_library(empty(tmp_path), tmp_path / "a.rslib")
    assert not list(tmp_path.rglob("*.rslib"))


@pytest.mark.parametrize("what", ["gone", "changed", "longer"])
def test_a_damaged_case_is_not_exported_and_an_older_export_stays(filled, archive, what):
    before = archive.read_bytes()
    image = filled.get("second").image_path
    if what == "gone":
        image.unlink()
    else:
        data = image.read_bytes()
        image.write_bytes(data[:-1] + bytes([data[-1] ^ 1]) + (b"more" if what == "longer" else b""))
    with pytest.raises(DamagedLibraryError, match=r"image\.nrrd"):
        export_library(filled, archive)
    assert archive.read_bytes() == before
    assert sorted(path.name for path in archive.parent.iterdir()) == ["all.rslib", "library"]


def test_what_is_there_already_is_skipped_with_the_reason(filled, archive, tmp_path, make_pair):
    other = empty(tmp_path)
    other.add(*make_pair(1), name="mine")
    before = files_below(other.path / "cases")
    imported = import_archive(other, archive)
    assert imported.added == ["first", "third"]
    assert imported.skipped == [Skipped("second", "its content is in the library already, as `mine`")]
    assert before.items() <= files_below(other.path / "cases").items()
    again = import_archive(other, archive)
    assert again.added == [] and [case.name for case in again.skipped] == ["first", "second", "third"]


def test_an_older_version_of_a_case_adds_nothing(filled, archive, make_pair):
    filled.add_version("third", make_pair(3, {1: "Anterior"})[1], provenance=Provenance())
    before = files_below(filled.path)
    assert import_archive(filled, archive).added == []
    assert files_below(filled.path) == before


def test_a_newer_version_of_a_case_comes_as_a_case_of_its_own(filled, archive, tmp_path, make_pair):
    other = empty(tmp_path)
    import_archive(other, archive)
    filled.add_version("third", make_pair(3, {1: "Anterior"})[1], provenance=Provenance(origin="corrected"))
    export_library(filled, archive)
    imported = import_archive(other, archive)
    assert imported.added == ["third (2)"]
    assert other.get("third (2)").id != other.get("third").id
    assert len(other.get("third (2)").versions) == 2 and len(other.get("third").versions) == 1
    other.get("third (2)").load()
    assert other.verify() == []


def test_a_name_that_is_taken_gets_a_free_one(filled, archive, tmp_path, make_pair):
    other = empty(tmp_path)
    other.add(*make_pair(10), name="SECOND")
    other.add(*make_pair(11), name="second (2)")
    assert import_archive(other, archive).added == ["first", "second (3)", "third"]
    assert other.verify() == []


def test_a_long_name_that_is_taken_is_shortened_to_fit(library, make_pair, tmp_path):
    library.add(*make_pair(0), name="n" * 100)
    export_library(library, tmp_path / "a.rslib")
    other = empty(tmp_path)
    other.add(*make_pair(1), name="n" * 100)
    assert import_archive(other, tmp_path / "a.rslib").added == ["n" * 96 + " (2)"]


def test_a_case_whose_id_lies_in_the_trash_comes_back_as_another(filled, archive):
    old = filled.remove("second")
    assert import_archive(filled, archive).added == ["second"]
    assert filled.get("second").id != old
    assert filled.verify() == []
    filled.remove("second")
    assert filled.restore(old).name == "second"


def test_contradicting_segments_are_refused_naming_both_cases(archive, tmp_path, make_pair):
    other = empty(tmp_path)
    other.add(*make_pair(5, {1: "Liver", 7: "Spleen"}), name="mine")
    before = files_below(other.path)
    with pytest.raises(InputError, match=r"`first` and `mine`.*Anterior.*Liver"):
        import_archive(other, archive)
    assert files_below(other.path) == before


def count_calls(filled, archive, tmp_path) -> int:
    calls = []
    import_archive(empty(tmp_path, "counted"), archive, lambda *call: calls.append(call))
    assert {stage for stage, _, _ in calls} == {"unpacking", "checking"}
    assert all(0 <= done <= total for _, done, total in calls)
    return len(calls)


def test_a_cancel_at_any_step_of_an_import_leaves_nothing_behind(filled, archive, tmp_path, make_pair):
    other = empty(tmp_path)
    other.add(*make_pair(9), name="mine")
    before = files_below(other.path)
    for last in range(count_calls(filled, archive, tmp_path)):
        seen = []

        def cancelled(*call, seen=seen, last=last):
            seen.append(call)
            if len(seen) > last:
                raise Stop

        with pytest.raises(Stop):
            import_archive(other, archive, cancelled)
        assert files_below(other.path) == before
        assert not (other.path / ".staging").exists()
    assert import_archive(other, archive).added == ["first", "second", "third"]


def test_a_cancel_of_an_export_leaves_the_older_file(filled, archive, make_pair):
    before = archive.read_bytes()
    filled.add(*make_pair(4))
    calls = []

    def cancelled(stage, done, total):
        calls.append((stage, done, total))
        if done >= 5:
            raise Stop

    with pytest.raises(Stop):
        export_library(filled, archive, progress=cancelled)
    assert calls[0] == ("exporting", 2, 19)
    assert archive.read_bytes() == before
    assert sorted(path.name for path in archive.parent.iterdir()) == ["all.rslib", "library"]


def test_an_import_that_ends_between_two_cases_is_finished_by_whoever_opens_the_library_next(
    archive, tmp_path, monkeypatch
):
    other = empty(tmp_path)
    moved = []
    original = os.rename

    def dying(source, target):
        if len(moved) == 2:
            raise Stop
        moved.append(target)
        original(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", dying)
        with pytest.raises(Stop):
            import_archive(other, archive)
    assert len(other.cases()) == 1 and other.verify() == []
    opened = SupportLibrary.open(other.path)
    assert [case.name for case in opened.cases()] == ["first", "second", "third"] and opened.verify() == []
    assert import_archive(opened, archive).added == []


def test_a_full_disk_is_said_before_anything_lands(archive, tmp_path, monkeypatch):
    other = empty(tmp_path)
    before = files_below(other.path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=10, used=9, free=1))
    with pytest.raises(InputError, match="Free some space"):
        import_archive(other, archive)
    assert files_below(other.path) == before


def test_a_new_folder_becomes_a_library_of_the_same_name(filled, archive, tmp_path):
    made = open_or_create(tmp_path / "new" / "one", archive)
    assert made.name == filled.name and import_archive(made, archive).added
    assert open_or_create(made.path, archive).cases()
    (tmp_path / "no.rslib").write_bytes(b"PK")
    with pytest.raises(InputError):
        open_or_create(tmp_path / "never", tmp_path / "no.rslib")
    assert not (tmp_path / "never").exists()
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="not a support library"):
        open_or_create(tmp_path / "papers", archive)
