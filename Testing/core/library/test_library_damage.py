"""Damaged, missing and lying files are found and named."""

from __future__ import annotations

import json
import re
import uuid

import pytest
from library_files import rewrite

from RetrievalSAMLib import volumes
from RetrievalSAMLib.errors import DamagedLibraryError


def test_verify_names_missing_and_shortened_files(library, make_pair):
    case = library.add(*make_pair())
    case.image_path.write_bytes(case.image_path.read_bytes()[:-1])
    case.segmentation_path.unlink()
    (case.folder / "case.json.sha256").unlink()
    below = f"cases/{case.id}"
    assert [(d.file, d.fact) for d in library.verify()] == [
        (f"{below}/case.json.sha256", "the checksum file is missing")
    ]
    rewrite(case.folder / "case.json", (case.folder / "case.json").read_bytes())
    damage = {d.file: d.fact for d in library.verify()}
    assert set(damage) == {f"{below}/v1/image.nrrd", f"{below}/v1/segmentation.seg.nrrd"}
    assert "bytes, not" in damage[f"{below}/v1/image.nrrd"]
    assert damage[f"{below}/v1/segmentation.seg.nrrd"] == "it is missing"


def test_loading_a_damaged_file_names_it(library, make_pair):
    case = library.add(*make_pair())
    for path, load in ((case.image_path, case.load_image), (case.segmentation_path, case.load_segmentation)):
        data = path.read_bytes()
        path.write_bytes(data[:-5] + bytes([data[-5] ^ 1]) + data[-4:])
        with pytest.raises(DamagedLibraryError, match=re.escape(str(path)) + ".*backup"):
            load()


@pytest.mark.parametrize("name", ["read_volume", "read_segmentation"])
def test_a_case_that_is_taken_away_while_it_is_read_is_called_missing(library, make_pair, monkeypatch, name):
    """Another program may put it into the trash between the look at its checksum and the reading."""
    case = library.add(*make_pair())
    read = getattr(volumes, name)

    def read_after_removal(path):
        library.remove(case.name)
        return read(path)

    monkeypatch.setattr(volumes, name, read_after_removal)
    with pytest.raises(DamagedLibraryError, match="it is missing"):
        case.load()


def test_a_damaged_case_is_named_and_left_out_and_can_be_removed_by_its_id(library, make_pair, caplog):
    case = library.add(*make_pair(), name="a")
    library.add(*make_pair(1), name="b")
    (case.folder / "case.json").write_bytes(b"{}")
    file = f"cases/{case.id}/case.json"
    assert [other.name for other in library.cases()] == ["b"] and library.segments()
    assert [damage.file for damage in library.left_out()] == [file]
    assert [record.getMessage().count(file) for record in caplog.records] == [1]  # once, however often it is met
    with pytest.raises(DamagedLibraryError, match=re.escape(str(case.folder / "case.json"))):
        library.get(case.id[:8])
    assert library.add(*make_pair(2)).name == "case-001"
    library.remove("case-001")
    library.remove("b")
    assert library.remove(case.id[:8]) == case.id
    assert library.cases() == []
    assert library.empty_trash() == 3


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record["versions"][0]["image"].update(path="../../../../etc/passwd"),
        lambda record: record["versions"][0]["image"].update(path="/etc/passwd"),
        lambda record: record["versions"][0]["image"].update(path="v1/../../x/image.nrrd"),
        lambda record: record["versions"][0].update(name="v2"),
        lambda record: record.update(id=str(uuid.uuid4())),
        lambda record: record.update(id="../" + record["id"]),
        lambda record: record.update(plane="oblique"),
        lambda record: record.update(patient="X"),
        lambda record: record["segments"][0].update(value=0),
        lambda record: record["segments"].pop(),
        lambda record: record.update(versions=[]),
        lambda record: [s["segments"][1].update(value=1) for s in (record, record["versions"][0])],
    ],
)
def test_a_case_json_that_lies_is_refused_though_its_checksum_fits(library, make_pair, change):
    case = library.add(*make_pair())
    record = json.loads((case.folder / "case.json").read_bytes())
    change(record)
    rewrite(case.folder / "case.json", json.dumps(record).encode())
    assert library.cases() == []
    assert [damage.file for damage in library.verify()] == [f"cases/{case.id}/case.json"]
