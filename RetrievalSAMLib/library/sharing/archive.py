"""A support library as one file: export to `.rslib`, and import of all its cases or none.

The file is a zip of the library's own files, stored as they are (volumes are compressed already), in a fixed
order and with a fixed time: one library gives one file, to the byte, on every computer. Cache and trash stay
behind. Nothing in it says where the library lay, whose it is or when it was exported.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import uuid
import zipfile
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

import msgspec

from RetrievalSAMLib.errors import DamagedLibraryError, InputError
from RetrievalSAMLib.library.case import Case
from RetrievalSAMLib.library.files import checksum_file, checksum_line, read_with_checksum, why
from RetrievalSAMLib.library.find import find
from RetrievalSAMLib.library.format import (
    CASE_FILE,
    IMAGE_FILE,
    LIBRARY_FILE,
    SEGMENTATION_FILE,
    CaseRecord,
    ImageFile,
    SegmentationFile,
    damaged,
    decode_case,
)
from RetrievalSAMLib.library.learned_files import EXPERT_FILE, LEARNED_FOLDER, WEIGHTS_SUFFIX
from RetrievalSAMLib.library.names import MAX_NAME_LENGTH, natural_order, same_name_key
from RetrievalSAMLib.library.sharing.archive_file import (
    EXPERT,
    ArchiveReader,
    damaged_archive,
    files_of,
    open_archive,
    refused_archive,
)
from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.library.tuned_files import TUNED_FOLDER, images_in
from RetrievalSAMLib.progress import Progress, silent
from RetrievalSAMLib.volumes.fitting import check_same_grid
from RetrievalSAMLib.volumes.reading import read_volume
from RetrievalSAMLib.volumes.writing import check_output, write_staged

_LOG = logging.getLogger(__name__)

ARCHIVE_FORMATS = (".rslib",)
# The earliest time that a zip file can hold.
_TIME = (1980, 1, 1, 0, 0, 0)
_UNIX, _PLAIN_FILE = 3, 0o100644
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Exported:
    """What was exported: the number of cases, and the bytes of the file."""

    cases: int
    bytes: int


@dataclass(frozen=True)
class Skipped:
    """A case of an archive that was not added: its name in the archive, and why, as a clause."""

    name: str
    reason: str


@dataclass(frozen=True)
class Imported:
    """What an import did.

    Attributes:
        added: Names of the new cases, as they are in the library now.
        skipped: Cases that were there already.
    """

    added: list[str]
    skipped: list[Skipped]


def export_library(
    library: SupportLibrary, file: Path, cases: Iterable[str] | None = None, progress: Progress = silent
) -> Exported:
    """Write cases with all their versions into one file, and what was learned and tuned on them and no others.

    Args:
        library: Where they are.
        file: The `.rslib` to make or replace.
        cases: Names or ids; every case unless given.
        progress: Called with ("exporting", files done, total). What it raises ends the export: `file` is then as
            it was.

    Raises:
        DamagedLibraryError: A file of a case is not what its checksum says.
        InputError: There is no such case, or none at all, or the file cannot be written.
    """
    check_output(file, ARCHIVE_FORMATS)
    if Path(file).resolve().is_relative_to(library.path.resolve()):
        raise InputError(str(file), "it lies in the library itself", "Choose a file outside the library.")
    chosen = _chosen(library, cases)
    if not chosen:
        raise InputError(str(library.path), "the library has no case to export", "Add a case first.")

    def write(staged: Path) -> None:
        with zipfile.ZipFile(staged, "w", zipfile.ZIP_STORED) as archive:
            _write(archive, library, chosen, progress)
            _write_expert(archive, library, chosen)
            _write_tuned(archive, library, chosen)

    write_staged(file, write)
    return Exported(len(chosen), Path(file).stat().st_size)


def import_archive(library: SupportLibrary, file: Path, progress: Progress = silent) -> Imported:
    """Add the cases of an exported library: all that are not there yet, or none.

    What the exported library has learned and tuned comes along where the library has no case yet.
    A case whose content is there already, in any version, is skipped. A case whose name is taken gets a free one
    (`name (2)`), one whose id is taken a new id.

    Args:
        library: Where to add them.
        file: The `.rslib`.
        progress: Called with ("unpacking", files done, total) and ("checking", cases done, total). What it raises
            ends the import: the library is then as it was.

    Raises:
        DamagedLibraryError: The file is cut short, or something in it is not what its checksum says.
        InputError: It is no exported library, of a newer format version, or holds anything else than the files
            of one; a segment contradicts another case; the disk is full or cannot be written.
    """
    with open_archive(file) as archive:
        arrival = _Arrival(Path(file), archive, progress)
        expert, tuned = archive.expert(), archive.tuned()
        was_empty = not library.cases()
        library.adopt(arrival.plan, arrival.lay_out)
        # Beside other cases it is not this library's: its proof was made on these alone.
        if expert is not None and was_empty and library.learned.description() is None:
            library.learned.replace(*expert)
        if was_empty and not library.tuned.paths():
            for name, description in tuned.items():
                library.tuned.replace(name, description)
    return Imported([record.name for record in arrival.planned], arrival.skipped)


def open_or_create(folder: Path, file: Path) -> SupportLibrary:
    """The library in a folder, made there, under the name of the exported one, where the folder is new or empty.

    Raises:
        InputError: As for `SupportLibrary.open` and `create`; where one would be made, also as for
            `import_archive`, and then none is made.
    """
    path = Path(folder)
    if path.is_dir() and any(path.iterdir()) or path.is_file():
        return SupportLibrary.open(folder)
    with open_archive(file) as archive:
        name = archive.library.name
    return SupportLibrary.create(folder, name)


def _chosen(library: SupportLibrary, names_or_ids: Iterable[str] | None) -> list[Case]:
    cases = library.cases()
    if names_or_ids is None:
        for damage in library.left_out():
            raise damaged(str(library.path / damage.file), f"{damage.fact}; name the cases to export without it")
    else:
        wanted = {find(cases, name_or_id, "the library").id for name_or_id in names_or_ids}
        cases = [case for case in cases if case.id in wanted]
    return sorted(cases, key=lambda case: case.id)


def _write(archive: zipfile.ZipFile, library: SupportLibrary, cases: Sequence[Case], progress: Progress) -> None:
    total = 2 + sum(2 + len(files_of(case.record)) for case in cases)
    done = _write_json(archive, library.path / LIBRARY_FILE, LIBRARY_FILE)[1]
    for case in cases:
        progress("exporting", done, total)
        prefix = f"cases/{case.id}"
        data, files = _write_json(archive, case.folder / CASE_FILE, f"{prefix}/{CASE_FILE}")
        done += files
        # The record as it stands in the archive: another program may have added a version since.
        record = decode_case(data, str(case.folder / CASE_FILE))
        for file in files_of(record).values():
            so_far = min(done, total)
            _write_volume(archive, case.folder, prefix, file, partial(progress, "exporting", so_far, total))
            done += 1
    progress("exporting", total, total)


def _write_expert(archive: zipfile.ZipFile, library: SupportLibrary, cases: Sequence[Case]) -> None:
    """Store the expert, unless it has seen a case that stays behind; a damaged one stays behind too."""
    learned = library.learned
    try:
        named = learned.named()
        if named is None or not named.images <= {case.image_hash for case in cases}:
            return
        weights = learned.weights(named.weights)
    except DamagedLibraryError as error:
        _LOG.warning("the library's expert is left out: %s", error.fact)
        return
    _write_json(archive, learned.folder / EXPERT_FILE, EXPERT)
    name = f"{LEARNED_FOLDER}/{named.weights}{WEIGHTS_SUFFIX}"
    archive.writestr(_entry(name, len(weights)), weights)


def _write_tuned(archive: zipfile.ZipFile, library: SupportLibrary, cases: Sequence[Case]) -> None:
    """Store what was tuned, likewise."""
    tuned, images = library.tuned, {case.image_hash for case in cases}
    for path in tuned.paths():
        try:
            content = tuned.description(path)
            if content is not None and images_in(content, str(path)) <= images:
                _write_json(archive, path, f"{TUNED_FOLDER}/{path.name}")
        except DamagedLibraryError as error:
            _LOG.warning("what the library has tuned is left out: %s", error.fact)


def _write_json(archive: zipfile.ZipFile, path: Path, name: str) -> tuple[bytes, int]:
    """Store a JSON file and its checksum; returns its contents and how many files were stored."""
    try:
        data = read_with_checksum(path)
    except OSError as error:
        raise damaged(str(path), why(error)) from error
    archive.writestr(_entry(name, len(data)), data)
    line = checksum_line(path.name, hashlib.sha256(data).hexdigest())
    archive.writestr(_entry(checksum_file(Path(name)).as_posix(), len(line)), line)
    return data, 2


def _write_volume(
    archive: zipfile.ZipFile,
    case_folder: Path,
    prefix: str,
    file: ImageFile | SegmentationFile,
    still_going: Callable[[], None],
) -> None:
    path = case_folder / file.path
    digest = hashlib.sha256()
    try:
        source = path.open("rb")
    except OSError as error:
        raise damaged(str(path), why(error)) from error
    with source, archive.open(_entry(f"{prefix}/{file.path}", file.bytes), "w") as out:
        while chunk := source.read(_CHUNK_BYTES):
            still_going()
            digest.update(chunk)
            out.write(chunk)
    if digest.hexdigest() != file.sha256:
        raise damaged(str(path), f"it is not what its checksum in {CASE_FILE} says")


def _entry(name: str, size: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _TIME)
    entry.create_system = _UNIX
    entry.external_attr = _PLAIN_FILE << 16
    entry.file_size = size
    return entry


class _Arrival:
    """The cases of one archive on their way into a library.

    Attributes:
        planned: How they will be described there.
        skipped: Those that need not come.
    """

    def __init__(self, path: Path, archive: ArchiveReader, progress: Progress) -> None:
        self.planned: list[CaseRecord] = []
        self.skipped: list[Skipped] = []
        self._path, self._archive, self._progress = path, archive, progress
        self._origin: dict[str, CaseRecord] = {}
        self._files = self._unpacked = self._checked = 0

    def plan(self, existing: Sequence[Case], taken_ids: Collection[str]) -> Sequence[CaseRecord]:
        """Choose the cases to add, with ids and names that are free."""
        owner = {version.content_hash: case.name for case in existing for version in case.versions}
        taken_names = {same_name_key(case.name) for case in existing}
        for record in sorted(self._archive.cases, key=lambda record: (natural_order(record.name), record.id)):
            if (name := owner.get(record.versions[-1].content_hash)) is not None:
                self.skipped.append(Skipped(record.name, f"its content is in the library already, as `{name}`"))
                continue
            new = msgspec.structs.replace(
                record,
                id=str(uuid.uuid4()) if record.id in taken_ids else record.id,
                name=_free_name(record.name, taken_names),
            )
            taken_names.add(same_name_key(new.name))
            self._origin[new.id] = record
            self.planned.append(new)
        self._files = sum(len(files_of(record)) for record in self.planned)
        return self.planned

    def lay_out(self, record: CaseRecord, folder: Path) -> None:
        """Unpack a planned case into its folder and see that it can be read."""
        origin = self._origin[record.id]
        self._check_space(origin, folder)
        self._unpacked = self._archive.extract(origin, folder, self._progress, self._unpacked, self._files)
        self._progress("checking", self._checked, len(self.planned))
        _check_readable(self._path, Case(folder, record))
        self._checked += 1
        self._progress("checking", self._checked, len(self.planned))

    def _check_space(self, record: CaseRecord, folder: Path) -> None:
        needed = sum(file.bytes for file in files_of(record).values())
        free = shutil.disk_usage(folder).free
        if needed > free:
            raise InputError(
                str(self._path),
                f"its next case needs {needed / 1e6:,.0f} MB and {free / 1e6:,.0f} MB are free",
                "Free some space on the disk of the library. Nothing was added.",
            )


def _free_name(name: str, taken: Collection[str]) -> str:
    """The name itself, or with the first number that is free: `name (2)`."""
    free = name
    numbers = count(2)
    while same_name_key(free) in taken:
        ending = f" ({next(numbers)})"
        free = name[: MAX_NAME_LENGTH - len(ending)].rstrip() + ending
    return free


def _check_readable(archive: Path, case: Case) -> None:
    """Refuse a case that later could not be used, though its checksums are right."""
    try:
        for version in case.versions:
            loaded, drawn = read_volume(case.folder / version.image.path), case.load_segmentation(version)
            check_same_grid(drawn.geometry, SEGMENTATION_FILE, loaded.geometry, IMAGE_FILE)
    except InputError as error:
        fact = f"the case `{case.name}` in it cannot be used: {error.fact}"
        if isinstance(error, DamagedLibraryError):
            raise damaged_archive(archive, fact) from error
        raise refused_archive(archive, fact) from error
