"""Archives that were damaged, or made to do harm: refused in words, with the library as it was."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from library_files import files_below

from RetrievalSAMLib.errors import DamagedLibraryError, InputError
from RetrievalSAMLib.library import SupportLibrary
from RetrievalSAMLib.library.sharing import archive_file
from RetrievalSAMLib.library.sharing.archive import export_library, import_archive

Files = dict[str, bytes]


@pytest.fixture
def exported(library, make_pair, tmp_path) -> Path:
    library.add(*make_pair(0), name="a")
    library.add(*make_pair(1), name="b")
    export_library(library, tmp_path / "good.rslib")
    return tmp_path / "good.rslib"


@pytest.fixture
def target(tmp_path, make_pair) -> SupportLibrary:
    other = SupportLibrary.create(tmp_path / "target")
    other.add(*make_pair(7), name="mine")
    return other


def contents(archive: Path) -> Files:
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def pack(path: Path, files: Files | list[tuple[zipfile.ZipInfo | str, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w") as made:
        for name, data in files.items() if isinstance(files, dict) else files:
            made.writestr(name, data)
    return path


def case_file(files: Files) -> str:
    return next(name for name in files if name.endswith("/case.json"))


def resum(files: Files, name: str, data: bytes) -> None:
    """Change a JSON file together with its checksum, as whoever means harm does."""
    files[name] = data
    line = f"{hashlib.sha256(data).hexdigest()}  {name.rpartition('/')[2]}\n"
    files[name + ".sha256"] = line.encode()


def revolume(files: Files, ending: str, change: Callable[[bytes], bytes]) -> None:
    """Change a volume of the first case together with what `case.json` says of it."""
    name = case_file(files)
    record = json.loads(files[name])
    volume = f"{name.rpartition('/')[0]}/v1/{ending}"
    data = change(files[volume])
    files[volume] = data
    field = "image" if ending == "image.nrrd" else "segmentation"
    record["versions"][0][field] |= {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    resum(files, name, json.dumps(record).encode())


def refuse(target: SupportLibrary, archive: Path, match: str, kind: type[InputError] = InputError) -> None:
    before, around = files_below(target.path), sorted(target.path.parent.iterdir())
    with pytest.raises(kind, match=match) as caught:
        import_archive(target, archive)
    assert caught.value.thing == str(archive) and caught.value.remedy
    assert files_below(target.path) == before
    assert sorted(target.path.parent.iterdir()) == around
    assert not (target.path / ".staging").exists()


@pytest.mark.parametrize(
    "name",
    [
        "../evil.txt",
        "cases/../../evil.txt",
        "/etc/evil.txt",
        "C:\\evil.txt",
        "..\\evil.txt",
        "//server/share/evil.txt",
        "evil.txt",
        "library.json/",
        "cases/",
        "trash/00000000-0000-0000-0000-000000000000/case.json",
        "cases/00000000-0000-0000-0000-000000000000/v1/image.nrrd.exe",
        "cases/00000000-0000-0000-0000-000000000000/v0/image.nrrd",
        "cases/00000000-0000-0000-0000-000000000000/v1/../v2/image.nrrd",
        "CASES/00000000-0000-0000-0000-000000000000/case.json",
        "library.json\n",
        "cache/index.bin",
        ".lock",
    ],
)
def test_only_the_files_of_a_library_are_taken(target, exported, tmp_path, name):
    files = contents(exported) | {name: b"evil"}
    refuse(target, pack(tmp_path / "bad.rslib", files), "no file of a support library")


def test_a_name_that_ends_at_a_nul_is_refused(target, exported, tmp_path):
    bad = tmp_path / "bad.rslib"
    pack(bad, contents(exported) | {"library.jsonX": b"evil"})
    bad.write_bytes(bad.read_bytes().replace(b"library.jsonX", b"library.json\0"))
    refuse(target, bad, "no file of a support library")


def test_links_are_refused(target, exported, tmp_path):
    files = contents(exported)
    name = next(name for name in files if name.endswith("image.nrrd"))
    link = zipfile.ZipInfo(name)
    link.create_system, link.external_attr = 3, 0o120777 << 16
    packed = [(n, d) for n, d in files.items() if n != name] + [(link, b"../../../../secret.nrrd")]
    refuse(target, pack(tmp_path / "bad.rslib", packed), "a link or a device")


def test_a_name_that_comes_twice_is_refused(target, exported, tmp_path):
    files = contents(exported)
    name = case_file(files)
    with pytest.warns(UserWarning, match="Duplicate name"):
        bad = pack(tmp_path / "bad.rslib", [*files.items(), (name, files[name])])
    refuse(target, bad, "twice")


def test_a_bomb_is_refused_before_it_is_unpacked(target, exported, tmp_path, monkeypatch):
    files = contents(exported)
    bad = tmp_path / "bad.rslib"
    with zipfile.ZipFile(bad, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(name, bytes(8 << 20) if name.endswith("image.nrrd") else data)
    refuse(target, bad, "claims 8388608 bytes, packed into")
    monkeypatch.setattr(archive_file, "MAX_FILE_BYTES", 100)
    refuse(target, exported, "bytes")
    monkeypatch.undo()
    monkeypatch.setattr(archive_file, "MAX_TOTAL_BYTES", 1000)
    refuse(target, exported, "bytes of contents")
    monkeypatch.undo()
    monkeypatch.setattr(archive_file, "MAX_ENTRIES", 5)
    refuse(target, exported, "files")
    monkeypatch.undo()
    import_archive(target, exported)


def test_contents_that_exceed_what_the_directory_claims_are_not_unpacked(target, exported, tmp_path):
    """The directory claims a small file, so that the limits pass; the packed data would give a large one."""
    files = contents(exported)
    name = next(name for name in files if name.endswith("image.nrrd"))
    bad = tmp_path / "bad.rslib"
    claimed = len(files[name])
    with zipfile.ZipFile(bad, "w", zipfile.ZIP_DEFLATED) as made:
        for entry, data in files.items():
            made.writestr(entry, bytes(64 << 20) if entry == name else data)
    data = bytearray(bad.read_bytes())
    central = data.index(b"PK\x01\x02")
    position = data.index(name.encode(), central) - 46
    assert data[position : position + 4] == b"PK\x01\x02"
    struct.pack_into("<L", data, position + 24, claimed)
    struct.pack_into("<L", data, position + 20, claimed)
    bad.write_bytes(data)
    refuse(target, bad, "cannot be unpacked|not what its checksum|overlap", InputError)


def test_entries_that_share_their_bytes_are_refused(target, exported, tmp_path):
    data = bytearray(exported.read_bytes())
    total, central = len(data), data.index(b"PK\x01\x02")
    for field in (20, 24):
        struct.pack_into("<L", data, central + field, total)
    bad = tmp_path / "bad.rslib"
    bad.write_bytes(data)
    refuse(target, bad, "overlap")


def test_an_encrypted_or_unusually_packed_file_is_refused(target, exported, tmp_path):
    data = bytearray(exported.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "bad.rslib").write_bytes(data)
    refuse(target, tmp_path / "bad.rslib", "encrypted")
    bad = tmp_path / "lzma.rslib"
    with zipfile.ZipFile(bad, "w", zipfile.ZIP_LZMA) as made:
        for name, content in contents(exported).items():
            made.writestr(name, content)
    refuse(target, bad, "unusual way")


def test_a_changed_byte_of_a_volume_is_found_by_its_checksum(target, exported, tmp_path):
    files = contents(exported)
    name = next(name for name in files if name.endswith("segmentation.seg.nrrd"))
    files[name] = files[name][:-1] + bytes([files[name][-1] ^ 1])
    refuse(target, pack(tmp_path / "bad.rslib", files), "not what its checksum says", DamagedLibraryError)


@pytest.mark.parametrize("what", ["library.json", "case.json"])
def test_a_changed_description_is_found_by_its_checksum(target, exported, tmp_path, what):
    files = contents(exported)
    name = next(name for name in files if name.endswith(what))
    files[name] = files[name].replace(b"a", b"b", 1)
    refuse(target, pack(tmp_path / "bad.rslib", files), "not what its checksum says", DamagedLibraryError)


@pytest.mark.parametrize("what", ["library.json", "case.json", "case.json.sha256", "image.nrrd"])
def test_a_missing_file_is_named(target, exported, tmp_path, what):
    files = contents(exported)
    del files[next(name for name in files if name.endswith(what))]
    refuse(target, pack(tmp_path / "bad.rslib", files), rf"{what}` is missing", DamagedLibraryError)


def test_a_volume_that_no_version_names_is_refused(target, exported, tmp_path):
    files = contents(exported)
    files[f"{case_file(files).rpartition('/')[0]}/v9/image.nrrd"] = b"NRRD0004\n\n"
    refuse(target, pack(tmp_path / "bad.rslib", files), "no version of the case names")


def test_a_newer_format_says_to_update(target, exported, tmp_path):
    files = contents(exported)
    newer = json.loads(files["library.json"]) | {"format_version": 2, "news": True}
    resum(files, "library.json", json.dumps(newer).encode())
    refuse(target, pack(tmp_path / "bad.rslib", files), "format version is 2.*Update RetrievalSAM")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"id": "00000000-0000-0000-0000-000000000000"}, "belongs to the case 0000"),
        ({"name": "../up"}, "cannot be stored"),
        ({"name": "bell\u0007"}, "cannot be stored"),
        ({"name": " blanks "}, "usual form"),
        ({"modality": "MR\n"}, "usual form|cannot be stored"),
        ({"owner": "Doe^Jane"}, "unknown field"),
        ({"versions": []}, "cannot be read"),
    ],
)
def test_a_case_that_this_program_would_not_have_written_is_refused(target, exported, tmp_path, change, match):
    files = contents(exported)
    name = case_file(files)
    resum(files, name, json.dumps(json.loads(files[name]) | change).encode())
    refuse(target, pack(tmp_path / "bad.rslib", files), match)


def test_a_case_cannot_point_outside_its_folder(target, exported, tmp_path):
    files = contents(exported)
    name = case_file(files)
    record = json.loads(files[name])
    record["versions"][0]["image"]["path"] = "../../../secret.nrrd"
    resum(files, name, json.dumps(record).encode())
    refuse(target, pack(tmp_path / "bad.rslib", files), "cannot be read")


def test_two_names_for_one_value_within_the_archive_are_refused(target, exported, tmp_path):
    files = contents(exported)
    name = case_file(files)
    resum(files, name, files[name].replace(b'"Anterior"', b'"Kidney"'))
    before = files_below(target.path)
    with pytest.raises(InputError, match="cases `a` and `.*`: the value 1|cases `b` and"):
        import_archive(target, pack(tmp_path / "bad.rslib", files))
    assert files_below(target.path) == before


def test_a_volume_that_takes_its_voxels_from_another_file_is_refused(target, exported, tmp_path):
    (tmp_path / "secret.raw").write_bytes(bytes(12 * 10 * 6 * 2))
    for field in (b"data file", b"Data File", b"datafile"):

        def detach(data: bytes, field: bytes = field) -> bytes:
            header = data.partition(b"\n\n")[0].replace(b"encoding: gzip", b"encoding: raw")
            return header + b"\n" + field + b": " + str(tmp_path / "secret.raw").encode() + b"\n\n"

        files = contents(exported)
        revolume(files, "image.nrrd", detach)
        refuse(target, pack(tmp_path / "bad.rslib", files), "another file")


@pytest.mark.parametrize("ending", ["image.nrrd", "segmentation.seg.nrrd"])
@pytest.mark.parametrize(
    "change",
    [
        lambda data: b"MZ" + data,
        lambda data: data[: len(data) // 2],
        lambda data: data.partition(b"\n\n")[0] + b"\n\n" + gzip.compress(b"short"),
        lambda data: data.replace(b"sizes: 12 10 6", b"sizes: 99999 99999 99999"),
        lambda data: data.replace(b"sizes: 12 10 6", b"sizes: 12 10 7"),
    ],
    ids=["no-nrrd", "cut", "short", "endless", "other-size"],
)
def test_a_volume_that_cannot_be_read_is_refused_though_its_checksum_is_right(
    target, exported, tmp_path, ending, change
):
    files = contents(exported)
    assert b"sizes: 12 10 6" in files[case_file(files).replace("case.json", f"v1/{ending}")]
    revolume(files, ending, change)
    refuse(target, pack(tmp_path / "bad.rslib", files), "no NRRD file|cannot be used")


@pytest.mark.parametrize("data", [b"", b"PK", b"not a zip file at all" * 10, bytes(100)])
def test_what_is_no_archive_is_said(target, tmp_path, data):
    (tmp_path / "bad.rslib").write_bytes(data)
    refuse(target, tmp_path / "bad.rslib", "cut short, damaged, or no exported library")


def test_a_missing_archive_or_a_folder_is_said(target, tmp_path):
    refuse(target, tmp_path / "none.rslib", "no such file")
    refuse(target, tmp_path, "no such file")


def test_a_directory_of_endless_length_is_not_read(target, exported, tmp_path):
    data = bytearray(exported.read_bytes())
    struct.pack_into("<L", data, len(data) - 10, 0xFFFFFFF0)
    (tmp_path / "bad.rslib").write_bytes(data)
    refuse(target, tmp_path / "bad.rslib", "list of files")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), cut=st.booleans())
def test_any_damage_is_refused_in_words_or_does_no_harm(target, exported, tmp_path, seed, cut):
    """Flipped bytes, most of them in what describes the files, and files that end early."""
    random = np.random.default_rng(seed)
    data = bytearray(exported.read_bytes())
    central = data.index(b"PK\x01\x02")
    for _ in range(int(random.integers(1, 4))):
        start = 0 if random.random() < 0.3 else central
        data[int(random.integers(start, len(data)))] ^= 1 << int(random.integers(8))
    if cut:
        del data[int(random.integers(len(data))) :]
    bad = tmp_path / "bad.rslib"
    bad.write_bytes(data)
    trial = tmp_path / "trial"
    shutil.rmtree(trial, ignore_errors=True)
    shutil.copytree(target.path, trial)
    opened = SupportLibrary.open(trial)
    before = files_below(trial)
    try:
        import_archive(opened, bad)
    except InputError:
        assert files_below(trial) == before
    else:  # the damage was in what nobody reads, such as a time
        assert opened.verify() == [] and [case.name for case in opened.cases()] == ["a", "b", "mine"]


def with_expert(exported: Path, folder: Path, weights: bytes, named: str | None = None) -> Path:
    """The archive with an expert, whose description names weights by their hash or otherwise."""
    sha256 = hashlib.sha256(weights).hexdigest()
    description = json.dumps({"weights": named or sha256, "members": [[]]}).encode()
    files = contents(exported)
    files["learned/expert.json"] = description
    line = f"{hashlib.sha256(description).hexdigest()}  expert.json\n"
    files["learned/expert.json.sha256"] = line.encode()
    files[f"learned/{sha256}.safetensors"] = weights
    return pack(folder / "expert.rslib", files)


def test_an_experts_weights_must_be_those_that_are_described(exported, tmp_path) -> None:
    whole = SupportLibrary.create(tmp_path / "whole")
    import_archive(whole, with_expert(exported, tmp_path, b"weights"))
    assert whole.learned.weights(hashlib.sha256(b"weights").hexdigest()) == b"weights"
    for number, named in enumerate(["../../outside", "0" * 64]):
        other = SupportLibrary.create(tmp_path / f"other-{number}")
        with pytest.raises(InputError):
            import_archive(other, with_expert(exported, tmp_path, b"weights", named))
        assert not other.cases() and not other.learned.folder.exists()
