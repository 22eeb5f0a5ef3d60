"""Putting a damaged library in order: what is derived is made anew, the rest is moved aside, nothing is deleted.

A damaged case goes to `quarantine/<uuid>` as it is, with a note beside it that says what is wrong with which file. The
case that stays behind, where one does, has only what its checksums vouch for.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import msgspec

from RetrievalSAMLib.errors import DamagedLibraryError, InputError, NewerLibraryError
from RetrievalSAMLib.library.case import Case
from RetrievalSAMLib.library.files import (
    checksum_file,
    checksum_is_the_damaged_one,
    checksum_line,
    move_folder,
    new_staging,
    read_with_checksum,
    sha256_of,
    sync_folder,
    sync_tree,
    write_file,
    write_with_checksum,
)
from RetrievalSAMLib.library.find import case_folders, readable
from RetrievalSAMLib.library.folders import Folders
from RetrievalSAMLib.library.format import (
    CASE_FILE,
    IMAGE_FILE,
    LIBRARY_FILE,
    SEGMENTATION_FILE,
    LibraryRecord,
    decode_library,
    encode,
    now,
)
from RetrievalSAMLib.library.learned_files import LEARNED_FOLDER
from RetrievalSAMLib.library.segments import merge_segments
from RetrievalSAMLib.library.store import DEFAULT_NAME, LOCK_TIMEOUT_SECONDS, SupportLibrary
from RetrievalSAMLib.library.upkeep.damage import Damage, case_damage

_NOTE = """On {day} this was taken out of the support library, because in it

{facts}

Nothing in it was changed or deleted. To bring it back, put the damaged files back from a backup and move the
folder to `{part}` of the library, under the name {name}. Files that are not named above are whole: they can be
added again with `retrievalsam library add --image ... --segmentation ...`.
"""


@dataclass(frozen=True)
class Repair:
    """What was done.

    Attributes:
        file: The file or folder, below the library's, with forward slashes.
        done: What became of it, as a clause.
    """

    file: str
    done: str


def damage_of(path: Path) -> list[Damage]:
    """Every file of a library that is not what was written; also of one that cannot be opened. Changes nothing.

    Raises:
        InputError: There is no library, or it is of a newer format version.
    """
    return _opened(path).verify()


def repair(path: Path, lock_timeout_seconds: float = LOCK_TIMEOUT_SECONDS) -> list[Repair]:
    """Put a library in order, so that `damage_of` finds nothing.

    Args:
        path: The library's folder.
        lock_timeout_seconds: How long to wait while another program writes.

    Returns:
        What was done; nothing where nothing is damaged.

    Raises:
        InputError: There is no library, it is of a newer format version, another program kept writing, or the disk
            cannot be written.
    """
    library = _opened(path)
    folders = Folders(library.path)
    with folders.writing(lock_timeout_seconds):
        done = [*_library_file(folders)]
        for part in (folders.cases, folders.trash):
            for folder in case_folders(part):
                done += _case(folders, folder)
        if library.learned.damage():
            _make(folders.quarantine)
            move_folder(library.learned.folder, _free(folders.quarantine, LEARNED_FOLDER))
            done.append(Repair(LEARNED_FOLDER, "it was moved to the quarantine; the library can learn again"))
        for path, _ in library.tuned.damage():
            _make(folders.quarantine)
            for moved in (path, checksum_file(path)):
                if moved.exists():
                    move_folder(moved, _free(folders.quarantine, moved.name))
            told = "it was moved to the quarantine; the library can be tuned again"
            done.append(Repair(path.relative_to(folders.path).as_posix(), told))
        if any(damage.derived for damage in library.verify()):
            library.forget_catalogue()
            done.append(Repair(folders.cache.name, "the list of cases in it is made anew"))
    return done


def _opened(path: Path) -> SupportLibrary:
    """A library, also where its `library.json` is damaged: then under another name."""
    try:
        return SupportLibrary.open(path)
    except DamagedLibraryError:
        if not Folders(Path(path)).cases.is_dir():
            raise
        return SupportLibrary(Path(path), LibraryRecord(name=DEFAULT_NAME, created=now()))


def _library_file(folders: Folders) -> Iterator[Repair]:
    file = folders.path / LIBRARY_FILE
    yield from _checksum(folders, file)
    data = b""
    try:
        data = file.read_bytes()
        decode_library(read_with_checksum(file), str(file))
    except (DamagedLibraryError, FileNotFoundError):
        record = _still_legible(data, file)
        if data:
            _make(folders.quarantine)
            write_file(_free(folders.quarantine, LIBRARY_FILE), data, folders.staging)
        write_with_checksum(file, encode(record), folders.staging)
        yield Repair(LIBRARY_FILE, f"it was made anew with the name `{record.name}`; what it held is in the quarantine")


def _still_legible(data: bytes, file: Path) -> LibraryRecord:
    try:
        return decode_library(data, str(file))
    except NewerLibraryError:
        raise
    except InputError:
        return LibraryRecord(name=DEFAULT_NAME, created=now())


def _checksum(folders: Folders, file: Path) -> Iterator[Repair]:
    """Write a checksum anew where it is the only thing that is damaged."""
    sums = checksum_file(file)
    if file.is_file() and sums.is_file() and checksum_is_the_damaged_one(file):
        write_file(sums, checksum_line(file.name, sha256_of(file)), folders.staging)
        yield Repair(sums.relative_to(folders.path).as_posix(), "only the checksum was wrong; it was made anew")


def _case(folders: Folders, folder: Path) -> Iterator[Repair]:
    yield from _checksum(folders, folder / CASE_FILE)
    if wrong := list(case_damage(folder)):
        staged = _last_whole_version(folders, folder, {path for path, _ in wrong})
        yield _moved_aside(folders, folder, [f"{path.relative_to(folder).as_posix()}: {fact}" for path, fact in wrong])
        if staged is not None:
            new = folder.with_name(staged.name)
            move_folder(staged, new)
            yield Repair(new.relative_to(folders.path).as_posix(), "its last whole version, as a case of its own")
        return
    named = {version.name for version in Case.read(folder).versions}
    for entry in sorted(folder.glob("v*")):
        if entry.is_dir() and entry.name not in named:
            yield _moved_aside(folders, entry, ["an interrupted program left this version, which no case names"])


def _last_whole_version(folders: Folders, folder: Path, wrong: set[Path]) -> Path | None:
    """The last version of a damaged case whose files are whole, staged as a case; None where there is none.

    Also None where the other cases contradict it: a later version may have renamed a segment.
    """
    case = next((case for case in readable(folder.parent) if case.folder == folder), None)
    if case is None:
        return None
    whole = [v for v in case.versions if not {folder / v.image.path, folder / v.segmentation.path} & wrong]
    if not whole:
        return None
    version = msgspec.structs.replace(
        whole[-1],
        name="v1",
        image=msgspec.structs.replace(whole[-1].image, path=f"v1/{IMAGE_FILE}"),
        segmentation=msgspec.structs.replace(whole[-1].segmentation, path=f"v1/{SEGMENTATION_FILE}"),
    )
    others = [(other.name, other.segments) for other in readable(folder.parent) if other.folder != folder]
    try:
        merge_segments([*others, (case.name, version.segments)])
    except InputError:
        return None
    record = msgspec.structs.replace(
        case.record,
        id=str(uuid.uuid4()),
        segments=version.segments,
        provenance=version.provenance,
        versions=(version,),
    )
    staged = new_staging(folders.staging) / record.id
    (staged / "v1").mkdir(parents=True)
    shutil.copyfile(folder / whole[-1].image.path, staged / version.image.path)
    shutil.copyfile(folder / whole[-1].segmentation.path, staged / version.segmentation.path)
    write_with_checksum(staged / CASE_FILE, encode(record), folders.staging)
    sync_tree(staged)
    return staged


def _moved_aside(folders: Folders, folder: Path, facts: Sequence[str]) -> Repair:
    within = folder.relative_to(folders.path)
    target = _free(folders.quarantine, "-".join(within.parts[1:]))
    note = _NOTE.format(
        day=f"{now():%Y-%m-%d}",
        facts="\n".join(f"- {fact}" for fact in facts),
        part=within.parent.as_posix(),
        name=within.name,
    )
    _make(folders.quarantine)
    write_file(target.with_name(f"{target.name}.txt"), note.encode(), folders.staging)
    move_folder(folder, target)
    return Repair(within.as_posix(), f"it was moved to {target.relative_to(folders.path).as_posix()} ({facts[0]})")


def _make(quarantine: Path) -> None:
    if not quarantine.is_dir():
        quarantine.mkdir()
        sync_folder(quarantine.parent)


def _free(quarantine: Path, name: str) -> Path:
    names = (name if number == 1 else f"{name}-{number}" for number in count(1))
    return next(quarantine / free for free in names if not (quarantine / free).exists())
