"""An exported library (`.rslib`) as a file from a stranger: read so that nothing in it is believed unchecked.

A `.rslib` is a zip file with the files of a support library under their paths below the library's folder, and
nothing else. Everything that its directory claims is checked before a byte is unpacked, and what is unpacked is
checked against the sums in `case.json`.
"""

from __future__ import annotations

import hashlib
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from RetrievalSAMLib.errors import DamagedLibraryError, InputError
from RetrievalSAMLib.library.files import CHECKSUM_SUFFIX, MAX_JSON_BYTES, checksum_file, checksum_line
from RetrievalSAMLib.library.format import (
    CASE_FILE,
    LIBRARY_FILE,
    CaseRecord,
    ImageFile,
    LibraryRecord,
    SegmentationFile,
    decode_case,
    decode_library,
)
from RetrievalSAMLib.library.learned_files import (
    EXPERT_FILE,
    LEARNED_FOLDER,
    MAX_WEIGHTS_BYTES,
    WEIGHTS_NAME,
    WEIGHTS_SUFFIX,
    named_in,
)
from RetrievalSAMLib.library.names import check_segment_name, checked_modality, checked_name
from RetrievalSAMLib.library.tuned_files import TUNED_FOLDER, TUNED_NAME, images_in
from RetrievalSAMLib.progress import Progress
from RetrievalSAMLib.volumes.formats.nrrd_header import read_nrrd_header

MAX_ENTRIES = 200_000
MAX_FILE_BYTES = 32 * 1024**3
MAX_TOTAL_BYTES = 1024**4
# Volumes are compressed before they are stored, and JSON packs by ten or twenty: more is a bomb.
MAX_RATIO = 200
_NO_RATIO_BELOW = 1024 * 1024
_CHUNK_BYTES = 1 << 20
_CASE = r"cases/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
EXPERT = f"{LEARNED_FOLDER}/{EXPERT_FILE}"
_KNOWN_NAME = re.compile(
    rf"{LEARNED_FOLDER}/(?:expert\.json(?:\.sha256)?|{WEIGHTS_NAME.pattern})|{TUNED_FOLDER}/{TUNED_NAME.pattern}(?:\.sha256)?"
    rf"|library\.json(?:\.sha256)?|{_CASE}/case\.json(?:\.sha256)?"
    rf"|{_CASE}/v[1-9][0-9]{{0,5}}/(?:image\.nrrd|segmentation\.seg\.nrrd)"
)
# What the zip module raises for damaged files; a damaged offset, for one, is an invalid argument to the system.
_UNREADABLE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, NotImplementedError, ValueError)
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
# End of the zip's directory, and what precedes it in files over 4 GB.
_END, _END_BYTES = b"PK\x05\x06", 22
_LOCATOR, _LOCATOR_BYTES, _END64_BYTES = b"PK\x06\x07", 20, 56
_BYTES_PER_ENTRY = 512


class ArchiveReader:
    """An open archive whose claims have been checked; use `open_archive`.

    Attributes:
        library: What its `library.json` holds.
        cases: What its cases' `case.json` hold, in the order of their ids.
    """

    def __init__(self, path: Path, opened: zipfile.ZipFile) -> None:
        self._path = path
        self._zip = opened
        self._entries = _checked_entries(path, opened)
        self.library: LibraryRecord = self._library()
        self.cases: tuple[CaseRecord, ...] = tuple(self._cases())

    @property
    def unpacked_bytes(self) -> int:
        """What all files have together."""
        return sum(entry.file_size for entry in self._entries.values())

    def extract(self, case: CaseRecord, folder: Path, progress: Progress, done: int, total: int) -> int:
        """Unpack the volumes of a case below a folder and check them against their sums.

        Args:
            case: One of `cases`.
            folder: An empty folder.
            progress: Called with ("unpacking", files done, total) while a file is unpacked.
            done: How many files were unpacked before.
            total: How many there are to unpack.

        Returns:
            How many files have been unpacked now.

        Raises:
            DamagedLibraryError: A file is not what its checksum says.
            InputError: A volume keeps its voxels in another file.
        """
        for file in files_of(case).values():
            name = f"cases/{case.id}/{file.path}"
            target = folder / file.path
            target.parent.mkdir(exist_ok=True)
            digest = hashlib.sha256()
            with target.open("xb") as out:
                for chunk in self._chunks(name):
                    progress("unpacking", done, total)
                    digest.update(chunk)
                    out.write(chunk)
            if digest.hexdigest() != file.sha256:
                raise damaged_archive(self._path, f"`{name}` in it is not what its checksum says")
            _check_attached(self._path, name, target)
            done += 1
        return done

    def _chunks(self, name: str) -> Iterator[bytes]:
        """The contents of an entry: never more than the directory claims, and all of it."""
        try:
            with self._zip.open(self._entries[name]) as stream:
                while chunk := stream.read(_CHUNK_BYTES):
                    yield chunk
        except _UNREADABLE as error:
            raise damaged_archive(self._path, f"`{name}` in it cannot be unpacked ({error})") from error

    def expert(self) -> tuple[bytes, bytes] | None:
        """Description and weights of the library's expert, checked against their checksums; None where there is none.

        Raises:
            DamagedLibraryError: They are not what was written.
            InputError: There are other weights than those that are described.
        """
        held = sorted(name for name in self._entries if name.startswith(f"{LEARNED_FOLDER}/"))
        if not held:
            return None
        with self._told_of_the_archive():
            description = self._json(EXPERT)
            named = named_in(description, f"`{EXPERT}` in it")
        weights = f"{LEARNED_FOLDER}/{named.weights}{WEIGHTS_SUFFIX}"
        if held != sorted([EXPERT, checksum_file(Path(EXPERT)).as_posix(), weights]):
            raise refused_archive(self._path, "it holds other weights than those of its expert")
        if self._entries[weights].file_size > MAX_WEIGHTS_BYTES:
            raise refused_archive(self._path, f"`{weights}` in it has {self._entries[weights].file_size} bytes")
        content = b"".join(self._chunks(weights))
        if hashlib.sha256(content).hexdigest() != named.weights:
            raise damaged_archive(self._path, f"`{weights}` in it is not what its name says")
        return description, content

    def tuned(self) -> dict[str, bytes]:
        """By name of its file, each description of what was tuned, checked against its checksum.

        Raises:
            DamagedLibraryError: One is not what was written.
            InputError: There is a checksum of something that is not there.
        """
        held = {name for name in self._entries if name.startswith(f"{TUNED_FOLDER}/")}
        names = sorted(name for name in held if not name.endswith(CHECKSUM_SUFFIX))
        if held != {file for name in names for file in (name, checksum_file(Path(name)).as_posix())}:
            raise refused_archive(self._path, "of what was tuned it holds checksums and files that do not go together")
        found = {}
        for name in names:
            with self._told_of_the_archive():
                content = self._json(name)
                images_in(content, f"`{name}` in it")
            found[Path(name).name] = content
        return found

    def _library(self) -> LibraryRecord:
        with self._told_of_the_archive():
            return decode_library(self._json(LIBRARY_FILE), f"`{LIBRARY_FILE}` in it")

    def _cases(self) -> Iterator[CaseRecord]:
        by_id: dict[str, set[str]] = {}
        for name in self._entries:
            if name.startswith("cases/"):
                _, case_id, path = name.split("/", 2)
                by_id.setdefault(case_id, set()).add(path)
        for case_id in sorted(by_id):
            yield self._case(case_id, by_id[case_id])

    def _case(self, case_id: str, paths: set[str]) -> CaseRecord:
        file = f"cases/{case_id}/{CASE_FILE}"
        with self._told_of_the_archive():
            record = decode_case(self._json(file), f"`{file}` in it")
        if record.id != case_id:
            raise refused_archive(self._path, f"`{file}` in it belongs to the case {record.id}")
        _check_names(self._path, record)
        files = files_of(record)
        for version in record.versions:
            for used in (version.image, version.segmentation):
                if used != files[used.path]:
                    raise refused_archive(self._path, f"`{file}` in it gives `{used.path}` two checksums")
        expected = {CASE_FILE, checksum_file(Path(CASE_FILE)).name, *files}
        if missing := sorted(expected - paths):
            raise damaged_archive(self._path, f"`cases/{case_id}/{missing[0]}` is missing in it")
        if surplus := sorted(paths - expected):
            raise refused_archive(
                self._path, f"it holds `cases/{case_id}/{surplus[0]}`, which no version of the case names"
            )
        for path, used in files.items():
            size = self._entries[f"cases/{case_id}/{path}"].file_size
            if size != used.bytes:
                raise damaged_archive(self._path, f"`cases/{case_id}/{path}` in it has {size} bytes, not {used.bytes}")
        return record

    def _json(self, name: str) -> bytes:
        """A JSON file of the archive, checked against the checksum file beside it."""
        sums = checksum_file(Path(name)).as_posix()
        for needed in (name, sums):
            if needed not in self._entries:
                raise damaged_archive(self._path, f"`{needed}` is missing in it")
            if self._entries[needed].file_size > MAX_JSON_BYTES:
                raise refused_archive(self._path, f"`{needed}` in it has more than {MAX_JSON_BYTES >> 20} MB")
        data = b"".join(self._chunks(name))
        line = checksum_line(Path(name).name, hashlib.sha256(data).hexdigest())
        if b"".join(self._chunks(sums)) != line:
            raise damaged_archive(self._path, f"`{name}` in it is not what its checksum says")
        return data

    @contextmanager
    def _told_of_the_archive(self) -> Iterator[None]:
        """Let an error about a file in the archive name the archive, and say what to do about that."""
        try:
            yield
        except DamagedLibraryError as error:
            if error.thing == str(self._path):
                raise
            raise damaged_archive(self._path, f"{error.thing}: {error.fact}") from error
        except InputError as error:
            raise InputError(str(self._path), error.fact, error.remedy) from error


@contextmanager
def open_archive(file: Path) -> Iterator[ArchiveReader]:
    """Open an exported library and check all that can be checked without unpacking its volumes.

    Raises:
        InputError: There is no such file, it is no exported library, it is of a newer format version, or it holds
            something that an exported library does not.
        DamagedLibraryError: It is cut short, or a file in it is not what its checksum says.
    """
    path = Path(file)
    if not path.is_file():
        raise InputError(str(file), "there is no such file", "Check the spelling and the folder.")
    try:
        _check_directory(path)
        opened = zipfile.ZipFile(path)
    except OSError as error:
        raise InputError(
            str(file), f"it cannot be opened ({error.strerror or error})", "Check that you may read it."
        ) from error
    except _UNREADABLE as error:
        raise damaged_archive(path, f"it is cut short, damaged, or no exported library ({error})") from error
    with opened:
        yield ArchiveReader(path, opened)


def damaged_archive(path: Path, fact: str) -> DamagedLibraryError:
    """The error for an archive that was whole once."""
    return DamagedLibraryError(str(path), fact, "Copy the file again, or export the library again. Nothing was added.")


def refused_archive(path: Path, fact: str) -> InputError:
    """The error for an archive that `retrievalsam library export` did not write."""
    return InputError(str(path), fact, "It was not written by RetrievalSAM, or was changed since. Nothing was added.")


def files_of(case: CaseRecord) -> dict[str, ImageFile | SegmentationFile]:
    """The volumes of all versions, by path, in the order in which they are stored."""
    found: dict[str, ImageFile | SegmentationFile] = {}
    for version in case.versions:
        for file in (version.image, version.segmentation):
            found.setdefault(file.path, file)
    return found


def _check_directory(path: Path) -> None:
    """Refuse a directory of endless length before the zip module takes all of it into memory."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        stream.seek(max(0, size - _END_BYTES - _LOCATOR_BYTES - _END64_BYTES))
        tail = stream.read()
    end = tail[-_END_BYTES:]
    if len(end) < _END_BYTES or end[:4] != _END or end[20:22] != b"\0\0":
        raise zipfile.BadZipFile("its last bytes are not those of a zip file without a comment")
    (length,) = struct.unpack_from("<L", end, 12)
    before = tail[-_END_BYTES - _LOCATOR_BYTES : -_END_BYTES]
    if before[:4] == _LOCATOR:
        (length,) = struct.unpack_from("<Q", tail, 40)
    if length > min(size, MAX_ENTRIES * _BYTES_PER_ENTRY):
        raise refused_archive(path, f"its list of files has {length} bytes")


def _checked_entries(path: Path, opened: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The entries by name, after checking everything that the archive's directory says of them."""
    entries = opened.infolist()
    if len(entries) > MAX_ENTRIES:
        raise refused_archive(path, f"it holds {len(entries)} files")
    by_name: dict[str, zipfile.ZipInfo] = {}
    for entry in entries:
        # `filename` is cut at a NUL and has the system's separators replaced.
        name = entry.orig_filename
        shown = name[:80].encode("ascii", "replace").decode()
        if entry.filename != name or not _KNOWN_NAME.fullmatch(name):
            raise refused_archive(path, f"it holds `{shown}`, which is no file of a support library")
        if name in by_name:
            raise refused_archive(path, f"it holds `{shown}` twice")
        if not _is_plain(entry):
            raise refused_archive(path, f"`{shown}` in it is a link or a device, not a file")
        if entry.flag_bits & _ENCRYPTED or entry.compress_type not in _METHODS:
            raise refused_archive(path, f"`{shown}` in it is encrypted, or packed in an unusual way")
        if entry.file_size > MAX_FILE_BYTES:
            raise refused_archive(path, f"`{shown}` in it has {entry.file_size} bytes")
        if entry.file_size > max(_NO_RATIO_BELOW, MAX_RATIO * entry.compress_size):
            raise refused_archive(
                path, f"`{shown}` in it claims {entry.file_size} bytes, packed into {entry.compress_size}"
            )
        by_name[name] = entry
    total = sum(entry.file_size for entry in entries)
    if total > MAX_TOTAL_BYTES:
        raise refused_archive(path, f"it claims {total} bytes of contents")
    # Entries that share their packed bytes are another kind of bomb.
    if sum(entry.compress_size for entry in entries) > path.stat().st_size:
        raise refused_archive(path, "its files overlap each other")
    return by_name


def _is_plain(entry: zipfile.ZipInfo) -> bool:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    return kind in (0, stat.S_IFREG) and not entry.is_dir()


def _check_names(path: Path, case: CaseRecord) -> None:
    """Refuse names that this program would not have stored."""
    try:
        stored = checked_name(case.name, "case name")
        modality = checked_modality(case.modality)
        for version in case.versions:
            for segment in version.segments:
                check_segment_name(segment.name)
    except InputError as error:
        raise refused_archive(path, f"a case in it cannot be stored ({error.thing}: {error.fact})") from error
    if (stored, modality) != (case.name, case.modality):
        raise refused_archive(path, f"the name or modality of the case {case.id} in it is not in its usual form")


def _check_attached(archive: Path, name: str, path: Path) -> None:
    """Refuse a NRRD file that takes its voxels from another file: it could show the user's own as the case's."""
    header = read_nrrd_header(path, str(archive))
    if header is None:
        raise refused_archive(archive, f"`{name}` in it is no NRRD file")
    if header.data_files:
        raise refused_archive(archive, f"`{name}` in it keeps its voxels in another file")
