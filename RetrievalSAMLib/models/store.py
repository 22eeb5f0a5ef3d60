"""The folder of weights on this machine: what is installed, checking, importing from a folder, removing.

Nothing gets its final name here before its checksum has been compared. Downloading is in `download`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import filelock
import platformdirs

from RetrievalSAMLib.errors import ModelError
from RetrievalSAMLib.models import catalogue
from RetrievalSAMLib.models.catalogue import BUNDLED, CatalogueEntry

Progress = Callable[[int, int], None]
"""Called with (bytes done, bytes in all), first before anything is done. What it raises ends the work."""

FOLDER_VARIABLE = "RETRIEVALSAM_MODELS"

_CHUNK_BYTES = 1 << 20
_SPARE_BYTES = 64 << 20
_LOCK_SECONDS = 60.0


@dataclass(frozen=True)
class WeightsStatus:
    """What is known about one file of weights on this machine.

    Attributes:
        entry: Which weights.
        path: Where they are or would be.
        installed: Whether there is a file of this name.
        bytes: Its size; 0 where there is none.
        intact: Whether size and checksum are the catalogue's. None where the checksum was not computed; a
            file of another size is known not to be intact without it.
    """

    entry: CatalogueEntry
    path: Path
    installed: bool
    bytes: int
    intact: bool | None


def models_folder() -> Path:
    """The folder that holds the weights: `$RETRIEVALSAM_MODELS`, else one in the user's data folder."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    return Path(platformdirs.user_data_dir("RetrievalSAM", appauthor=False)) / "models"


def path_of(entry: CatalogueEntry) -> Path:
    """Where the file of an entry is, or would be."""
    return (catalogue.BUNDLED_FOLDER if entry.is_bundled else models_folder()) / entry.file_name


def part_of(entry: CatalogueEntry) -> Path:
    """Where a download that is not complete is kept."""
    return models_folder() / f"{entry.file_name}.part"


def part_note_of(entry: CatalogueEntry) -> Path:
    """Where it is noted which version of the published file an incomplete download belongs to."""
    return models_folder() / f"{entry.file_name}.part.json"


def require(entry: CatalogueEntry) -> Path:
    """The file of an entry, for loading; its checksum is compared by whoever reads it.

    Raises:
        ModelError: It is not installed; the message says how to get it.
    """
    path = path_of(entry)
    if path.is_file():
        return path
    if entry.is_bundled:
        fact = "the bundled weights are not in this installation"
        raise ModelError(entry.file_name, fact, catalogue.REINSTALL)
    raise ModelError(
        entry.name,
        "its weights are not installed",
        f"Run 'retrievalsam models download {entry.name}'. {how_to_import(entry)}",
    )


def how_to_import(entry: CatalogueEntry) -> str:
    """What to do on a machine that cannot download, as whole sentences."""
    return (
        f"Without a network: fetch {entry.url} on another machine, put the file {entry.file_name} into a "
        "folder and run 'retrievalsam models import FOLDER'."
    )


def status(names: Iterable[str] | None = None, *, check: bool = False) -> list[WeightsStatus]:
    """Lists weights.

    Args:
        names: Catalogue names; by default the whole catalogue and, where they are there, the bundled ones.
        check: Compute the checksums of what is installed (about a second for each 500 MB).

    Returns:
        One item a file, in the order of the names.

    Raises:
        ModelError: A name is unknown.
    """
    return [_status_of(entry, check) for entry in _entries(names)]


def verify(names: Iterable[str] | None = None) -> list[WeightsStatus]:
    """Computes the checksums of what is installed.

    Args:
        names: Catalogue names; by default all that are installed.

    Returns:
        One item a file; `intact` is never None for a file that is there. Nothing is changed.

    Raises:
        ModelError: A name is unknown.
    """
    found = status(names, check=True)
    return found if names is not None else [item for item in found if item.installed]


def remove(name: str) -> int:
    """Deletes weights and what is left of an incomplete download of them.

    Args:
        name: A catalogue name.

    Returns:
        The number of bytes that became free; 0 where nothing was there.

    Raises:
        ModelError: The name is unknown or bundled, or the file cannot be deleted.
    """
    entry = catalogue.get_published(name)
    if not models_folder().is_dir():
        return 0
    freed = 0
    with locked(entry):
        for path in (path_of(entry), part_of(entry), part_note_of(entry), _staged_path(entry)):
            try:
                size = path.stat().st_size
                path.unlink()
            except FileNotFoundError:
                continue
            except OSError as error:
                remedy = "Close the program that uses it, or check the rights of the folder."
                raise ModelError(str(path), f"it cannot be deleted ({_reason(error)})", remedy) from error
            freed += size
    return freed


def import_from(
    folder: Path, names: Iterable[str] | None = None, *, progress: Progress | None = None
) -> list[CatalogueEntry]:
    """Copies weights from a folder, for machines that cannot download them.

    A file counts as a candidate by its official name, or by its exact size whatever it is called, in the
    folder itself or in a folder directly below. It is copied under a temporary name and renamed once its
    checksum is the catalogue's.

    Args:
        folder: The folder, or one file.
        names: Catalogue names to import; by default all that are found.
        progress: Told of the bytes of one file after the other.

    Returns:
        What is installed now from this folder, whether it was installed before or not.

    Raises:
        ModelError: The folder cannot be read, nothing (or, with `names`, not all of it) was found, a file
            under an official name has another checksum, or the copy fails. Intact files are imported all the
            same.
    """
    wanted = names if names is not None else list(catalogue.CATALOGUE)
    entries = [catalogue.get_published(name) for name in wanted]
    files = _candidate_files(Path(folder))
    imported: list[CatalogueEntry] = []
    wrong: list[str] = []
    for entry in entries:
        refused: list[str] = []
        for path in _candidates(entry, files):
            digest = _import_file(path, entry, progress)
            if digest == entry.sha256:
                imported.append(entry)
                refused.clear()
                break
            if path.name == entry.file_name:
                refused.append(f"{path} has {path.stat().st_size} bytes and sha256 {digest}")
        wrong += refused
    missing = [entry for entry in entries if entry not in imported]
    if wrong or not imported or (names is not None and missing):
        raise _import_error(Path(folder), wrong, missing, imported)
    return imported


def _entries(names: Iterable[str] | None) -> list[CatalogueEntry]:
    if names is None:
        return [*catalogue.bundled_entries(), *catalogue.CATALOGUE.values()]
    entries: list[CatalogueEntry] = []
    for name in names:
        entries += catalogue.bundled_entries() if name == BUNDLED else [catalogue.get_published(name)]
    return entries


def _status_of(entry: CatalogueEntry, check: bool) -> WeightsStatus:
    path = path_of(entry)
    if not path.is_file():
        return WeightsStatus(entry, path, installed=False, bytes=0, intact=None)
    size = path.stat().st_size
    intact: bool | None = None
    if size != entry.bytes:
        intact = False
    elif check:
        intact = sha256_of(path) == entry.sha256
    return WeightsStatus(entry, path, installed=True, bytes=size, intact=intact)


def sha256_of(path: Path) -> str:
    """Digest of a file as lower-case hex.

    Raises:
        ModelError: The file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    except OSError as error:
        remedy = "Check the rights of the file."
        raise ModelError(str(path), f"it cannot be read ({_reason(error)})", remedy) from error
    return digest.hexdigest()


# Shared with `download` -----------------------------------------------------------------------------------


def make_folder() -> Path:
    """Makes the folder of weights where there is none yet.

    Raises:
        ModelError: It cannot be made.
    """
    folder = models_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        remedy = f"Set {FOLDER_VARIABLE} to a folder that you may write to."
        raise ModelError(str(folder), f"the folder cannot be made ({_reason(error)})", remedy) from error
    return folder


@contextmanager
def locked(entry: CatalogueEntry) -> Iterator[None]:
    """Keeps other processes and threads off the files of an entry.

    Raises:
        ModelError: Somebody else has been at work on it for a minute, or the folder cannot be written to.
    """
    path = models_folder() / f"{entry.file_name}.lock"
    lock = filelock.FileLock(path, timeout=_LOCK_SECONDS)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        fact = "another process is downloading or importing these weights"
        raise ModelError(entry.name, fact, "Wait until it is done, then try again.") from error
    except OSError as error:
        remedy = f"Check its rights, or set {FOLDER_VARIABLE} to a folder that you may write to."
        fact = f"the folder cannot be written to ({_reason(error)})"
        raise ModelError(str(path.parent), fact, remedy) from error
    try:
        yield
    finally:
        lock.release()


def check_disk_space(entry: CatalogueEntry, needed_bytes: int) -> None:
    """Refuses work that the disk has no room for.

    Raises:
        ModelError: Fewer bytes are free than needed, with a little to spare.
    """
    folder = models_folder()
    free = shutil.disk_usage(folder).free
    if free < needed_bytes + _SPARE_BYTES:
        raise ModelError(
            entry.name,
            f"{megabytes(needed_bytes + _SPARE_BYTES)} are needed on the disk of {folder}, {megabytes(free)} are free",
            f"Make room, or set {FOLDER_VARIABLE} to a folder on another disk.",
        )


def megabytes(count: int) -> str:
    """A number of bytes for people."""
    return f"{count / 1e6:.1f} MB"


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__


# Import ---------------------------------------------------------------------------------------------------


def _candidate_files(folder: Path) -> list[Path]:
    """The files of a folder and of the folders directly below, in a stable order; or the one file itself."""
    try:
        if folder.is_file():
            return [folder]
        children = sorted(folder.iterdir())
        below = [path for child in children if child.is_dir() for path in _children(child)]
        return [path for path in children + below if path.is_file()]
    except OSError as error:
        fact = f"the folder cannot be read ({_reason(error)})"
        raise ModelError(str(folder), fact, "Give the folder that holds the files of weights.") from error


def _children(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:  # a folder that is not meant for us, as a recycle bin on a memory stick
        return []


def _candidates(entry: CatalogueEntry, files: list[Path]) -> list[Path]:
    named = [path for path in files if path.name == entry.file_name]
    sized = [path for path in files if path not in named and path.stat().st_size == entry.bytes]
    return named + sized


def _staged_path(entry: CatalogueEntry) -> Path:
    return models_folder() / f"{entry.file_name}.importing"


def _import_file(path: Path, entry: CatalogueEntry, progress: Progress | None) -> str:
    """Installs one file where its checksum is the entry's; gives the checksum in any case."""
    make_folder()
    with locked(entry):
        target = path_of(entry)
        if target.is_file() and os.path.samefile(path, target):
            return sha256_of(path)
        check_disk_space(entry, path.stat().st_size)
        staged = _staged_path(entry)
        try:
            digest = _copy(path, staged, progress)
            if digest == entry.sha256:
                os.replace(staged, target)
        except OSError as error:
            fact = f"it cannot be copied to {target.parent} ({_reason(error)})"
            raise ModelError(str(path), fact, "Check the disk and the rights of both folders.") from error
        finally:
            staged.unlink(missing_ok=True)
        return digest


def _copy(source: Path, target: Path, progress: Progress | None) -> str:
    """Copies a file down to the disk and digests the very bytes that it writes."""
    digest = hashlib.sha256()
    total = source.stat().st_size
    done = 0
    with open(source, "rb") as reader, open(target, "wb") as writer:
        if progress:
            progress(done, total)
        while chunk := reader.read(_CHUNK_BYTES):
            digest.update(chunk)
            writer.write(chunk)
            done += len(chunk)
            if progress:
                progress(done, total)
        writer.flush()
        os.fsync(writer.fileno())
    return digest.hexdigest()


def _import_error(
    folder: Path, wrong: list[str], missing: list[CatalogueEntry], imported: list[CatalogueEntry]
) -> ModelError:
    expected = "; ".join(f"{item.file_name} ({item.bytes} bytes, sha256 {item.sha256})" for item in missing)
    fact = f"not the published weights: {'; '.join(wrong)}" if wrong else "the weights are not in this folder"
    done = f" Imported: {', '.join(entry.name for entry in imported)}." if imported else ""
    return ModelError(str(folder), fact, f"Expected: {expected}.{done}")
