"""Readers of a support library: its JSON, and exported archives."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.library import SupportLibrary
from RetrievalSAMLib.library.sharing.archive import export_library, import_archive, open_or_create
from RetrievalSAMLib.worker.jobs.library import JOBS
from RetrievalSAMLib.worker.protocol import request_of
from RetrievalSAMLib.worker.task import Task

from .mutations import damaged_bytes, damaged_header, damaged_json, damaged_zip
from .promise import Attempt, Promise, subject


def _made(folder: Path, cases: int = 1) -> SupportLibrary:
    library = SupportLibrary.create(folder / "library", "Balls")
    for number in range(cases):
        library.add(*subject(number), modality="MR")
    return library


def _with_sum(path: Path, data: bytes) -> None:
    """Write a file and its checksum, as whoever means harm does."""
    path.write_bytes(data)
    path.with_name(path.name + ".sha256").write_bytes(_sum(path.name, data))


def _sum(name: str, data: bytes) -> bytes:
    return f"{hashlib.sha256(data).hexdigest()}  {name}\n".encode()


def _read_everything(path: Path) -> bool:
    """Whether its case can be read: one that cannot is left out, and said."""
    library = SupportLibrary.open(path)
    for verb in ("library.describe", "library.verify"):
        request = request_of({"id": "1", "do": verb, "with": {"folder": str(path)}})
        json.dumps(JOBS[verb](Task(request, lambda event: None), None), allow_nan=False)  # type: ignore[arg-type]
    library.segments()
    for case in library.cases():
        case.load()
    return bool(library.cases())


def _of_json(name: str, folder: Path) -> tuple[st.SearchStrategy[bytes], Attempt]:
    library = _made(folder)
    path = library.path / name if name == "library.json" else library.cases()[0].folder / name
    valid = path.read_bytes()

    def attempt(data: bytes) -> bool:
        _with_sum(path, data)
        try:
            readable = _read_everything(library.path)
        except InputError as error:
            assert error.fact and error.remedy
            return False
        finally:
            # Whatever it says, verify answers; and nothing has come into being beside the library.
            if path.name == "case.json":
                assert all(item.file and item.fact for item in library.verify())
            assert sorted(os.listdir(folder)) == ["library"]
        assert readable or library.left_out() and library.verify()
        return readable

    return st.just(valid) | damaged_json(json.loads(valid)), attempt


def _of_archive(folder: Path) -> tuple[st.SearchStrategy[bytes], Attempt]:
    (folder / "source").mkdir()
    source = _made(folder / "source", cases=2)
    inside = folder / "inside"
    inside.mkdir()
    archive = inside / "made.rslib"
    export_library(source, archive)
    valid = archive.read_bytes()
    target = SupportLibrary.create(inside / "target")
    target.add(*subject(7), name="mine")
    kept = folder / "kept"
    shutil.copytree(target.path, kept)

    def attempt(data: bytes) -> bool:
        shutil.rmtree(target.path)
        shutil.copytree(kept, target.path)
        shutil.rmtree(inside / "fresh", ignore_errors=True)
        archive.write_bytes(data)
        before = _files(target.path)
        around = sorted(os.listdir(folder)), sorted(os.listdir(inside))
        valid = False
        try:
            import_archive(target, archive)
            valid = True
        except InputError as error:
            assert error.fact and error.remedy
            assert _files(target.path) == before, "it was refused, and the library has changed"
        assert not (target.path / ".staging").exists()
        assert around == (sorted(os.listdir(folder)), sorted(os.listdir(inside))), "a file outside the library"
        assert target.verify() == [] and target.get("mine")
        for case in target.cases():
            case.load()
        try:
            open_or_create(inside / "fresh", archive)
        except InputError:
            assert not valid
        return valid

    return st.just(valid) | damaged_zip(valid, _damaged_member).map(_summed_again), attempt


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock" and "cache" not in path.relative_to(folder).parts
    }


def _damaged_member(name: str, data: bytes) -> st.SearchStrategy[bytes]:
    if name.endswith(".json") and data.startswith(b"{\n") and data.endswith(b"}\n"):  # not damaged yet
        return damaged_json(json.loads(data))
    if name.endswith(".nrrd") and b"\n\n" in data:
        return damaged_header(data, data.index(b"\n\n") + 2, b":")
    return damaged_bytes(data)


def _summed_again(data: bytes) -> bytes:
    """An archive whose checksums fit what is in it, where it can be opened at all."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as opened:
            entries = opened.infolist()
            members: dict[str, bytes] = {entry.filename: opened.read(entry) for entry in entries}
        if len(entries) != len(members):
            return data
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError, RuntimeError, KeyError):
        return data
    for name in [name for name in members if name.endswith("/case.json")]:
        members[name] = _with_volumes_of(members, name)
    for name in [name for name in members if name.endswith(".json") and f"{name}.sha256" in members]:
        members[f"{name}.sha256"] = _sum(name.rpartition("/")[2], members[name])
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as out:
        for entry in entries:
            kept = zipfile.ZipInfo(entry.filename)
            kept.create_system, kept.external_attr, kept.compress_type = 3, entry.external_attr, entry.compress_type
            out.writestr(kept, members[entry.filename])
    return made.getvalue()


def _with_volumes_of(members: dict[str, bytes], name: str) -> bytes:
    """A case.json that tells sizes and sums of the volumes as they are."""
    try:
        record: Any = json.loads(members[name])
        for version in record["versions"]:
            for field in ("image", "segmentation"):
                data = members[f"{name.rpartition('/')[0]}/{version[field]['path']}"]
                version[field] |= {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        return json.dumps(record).encode()
    except (ValueError, KeyError, TypeError, RecursionError):
        return members[name]


def _of_damaged_sum(folder: Path) -> tuple[st.SearchStrategy[bytes], Attempt]:
    library = _made(folder)
    path = library.cases()[0].folder / "case.json.sha256"
    valid = path.read_bytes()

    def attempt(data: bytes) -> bool:
        path.write_bytes(data)
        found = library.cases()
        if not found:
            assert library.left_out() and library.verify()
            return False
        found[0].load()
        return True

    return st.just(valid) | damaged_bytes(valid), attempt


PROMISES = (
    Promise(
        "case.json",
        "a case.json with odd fields, its checksum right: read, or refused in words",
        lambda folder: _of_json("case.json", folder),
    ),
    Promise(
        "library.json",
        "a library.json with odd fields, its checksum right: read, or refused in words",
        lambda folder: _of_json("library.json", folder),
        weight=0.5,
    ),
    Promise("sums", "a damaged checksum file is found, and nothing else happens", _of_damaged_sum, weight=0.5),
    Promise(
        "archive",
        "a damaged or made-up .rslib: imported whole, or refused with the library as it was; no file outside it",
        _of_archive,
        weight=0.5,
    ),
)
