"""`library verify --repair`: what is derived is made anew, what is not is moved aside, nothing is deleted."""

from __future__ import annotations

import json
import shutil

import pytest
from library_files import files_below, rewrite

from RetrievalSAMLib.cli.main import main
from RetrievalSAMLib.errors import InputError, NewerLibraryError
from RetrievalSAMLib.library import Provenance, SupportLibrary
from RetrievalSAMLib.library.upkeep.repair import damage_of, repair


def damage_one_byte(path):
    data = path.read_bytes()
    path.write_bytes(data[:-5] + bytes([data[-5] ^ 1]) + data[-4:])


def test_a_sound_library_is_left_alone(library, make_pair):
    library.add(*make_pair(), name="a")
    before = files_below(library.path)
    assert repair(library.path) == []
    assert files_below(library.path) == before


def test_a_damaged_case_goes_to_quarantine_as_it_is_with_a_note(library, make_pair, capsys):
    case = library.add(*make_pair(), name="a")
    library.add(*make_pair(1), name="b")
    damage_one_byte(case.image_path)
    before = files_below(case.folder)
    assert main(["library", "verify", str(library.path)]) == 1
    assert main(["library", "verify", str(library.path), "--repair"]) == 0
    assert f"cases/{case.id}: it was moved to quarantine/{case.id}" in capsys.readouterr().out
    assert [left.name for left in SupportLibrary.open(library.path).cases()] == ["b"]
    assert files_below(library.path / "quarantine" / case.id) == before
    note = (library.path / "quarantine" / f"{case.id}.txt").read_text()
    assert "v1/image.nrrd: it is not what its checksum" in note and "move the\nfolder to `cases`" in note
    # The note says how it comes back: the file from a backup, the folder to its place.
    damage_one_byte(library.path / "quarantine" / case.id / "v1" / "image.nrrd")
    (library.path / "quarantine" / case.id).rename(case.folder)
    assert library.verify() == [] and [left.name for left in library.cases()] == ["a", "b"]


@pytest.mark.parametrize(("damaged", "kept"), [("v1", "v2"), ("v2", "v1")])
def test_the_last_whole_version_of_a_damaged_case_stays_in_use(library, make_pair, damaged, kept):
    case = library.add(*make_pair(), name="a")
    case = library.add_version("a", make_pair(names={1: "Anterior"})[1], provenance=Provenance())
    versions = {version.name: version for version in case.versions}
    damage_one_byte(case.folder / versions[damaged].segmentation.path)
    assert len(repair(library.path)) == 2
    assert library.verify() == []
    left = library.get("a")
    assert left.content_hash == versions[kept].content_hash and len(left.versions) == 1
    left.load()
    assert (library.path / "quarantine" / case.id / "v2" / "segmentation.seg.nrrd").is_file()


def test_a_version_that_contradicts_other_cases_does_not_come_back(library, make_pair):
    library.add(*make_pair(names={1: "Wrong"}), name="a")
    library.add_version("a", make_pair(names={1: "Right"})[1], provenance=Provenance())
    library.add(*make_pair(1, names={1: "Right"}), name="b")
    damage_one_byte(library.get("a").segmentation_path)
    repair(library.path)
    assert [case.name for case in library.cases()] == ["b"] and library.verify() == []


@pytest.mark.parametrize("part", ["cases", "trash"])
def test_a_wrong_checksum_of_a_whole_file_is_made_anew(library, make_pair, part):
    case = library.add(*make_pair(), name="a")
    if part == "trash":
        library.remove("a")
    before = files_below(library.path)
    sums = library.path / part / case.id / "case.json.sha256"
    sums.write_bytes(b"0" + sums.read_bytes()[1:] if sums.read_bytes()[:1] != b"0" else b"1" + sums.read_bytes()[1:])
    assert [done.file for done in repair(library.path)] == [f"{part}/{case.id}/case.json.sha256"]
    assert files_below(library.path) == before


@pytest.mark.parametrize("content", [None, b"", b"{", b'{"format": "other", "format_version": 1}'])
def test_a_library_without_a_legible_library_json_is_verified_and_mended(library, make_pair, content, capsys):
    library.add(*make_pair(), name="a")
    file = library.path / "library.json"
    file.unlink() if content is None else file.write_bytes(content)
    assert main(["library", "verify", str(library.path)]) == 1
    assert "library.json: " in capsys.readouterr().out
    repair(library.path)
    assert [case.name for case in SupportLibrary.open(library.path).cases()] == ["a"]
    assert damage_of(library.path) == []
    kept = library.path / "quarantine" / "library.json"
    assert kept.read_bytes() == content if content else not kept.exists()


def test_the_name_of_a_library_outlives_a_missing_checksum(tmp_path):
    made = SupportLibrary.create(tmp_path / "library", "Livers")
    (made.path / "library.json.sha256").unlink()
    repair(made.path)
    assert SupportLibrary.open(made.path).record == made.record


@pytest.mark.parametrize("with_checksum", [True, False])
def test_a_library_of_a_newer_format_is_not_repaired(library, make_pair, with_checksum):
    library.add(*make_pair())
    file = library.path / "library.json"
    newer = json.dumps({**json.loads(file.read_bytes()), "format_version": 2, "new": 1}).encode()
    rewrite(file, newer) if with_checksum else file.write_bytes(newer)
    before = files_below(library.path)
    with pytest.raises(NewerLibraryError, match="format version is 2.*Update RetrievalSAM"):
        repair(library.path)
    assert files_below(library.path) == before


def test_what_an_interrupted_correction_left_is_moved_aside(library, make_pair):
    case = library.add(*make_pair(), name="a")
    shutil.copytree(case.folder / "v1", case.folder / "v2")
    assert library.verify() == []
    repair(library.path)
    assert not (case.folder / "v2").exists() and (library.path / "quarantine" / f"{case.id}-v2").is_dir()
    assert library.get("a") == case


def test_a_folder_that_is_no_library_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    for act in (damage_of, repair):
        with pytest.raises(InputError, match="not a support library"):
            act(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
